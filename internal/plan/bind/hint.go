package bind

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// hints notes the optimizer hints of a query block. Hints about joins wait for the block's tables (joinHints). Hints
// that no rule looks at are ignored in silence, unknown ones with a warning, as in MySQL.
func (b *binder) hints(list []*ast.TableOptimizerHint) {
	for _, h := range list {
		switch h.HintName.L {
		case "memory_quota":
			// The grammar gives bytes.
			if n, ok := h.HintData.(int64); ok && n > 0 {
				b.result.Hints.MemoryQuotaBytes = n
			}
		case "max_execution_time":
			if n, ok := h.HintData.(uint64); ok {
				b.result.Hints.MaxExecutionMS = n
			}
		case "stream_agg":
			b.stream, b.hash = true, false
		case "hash_agg":
			b.hash, b.stream = true, false
		case "hash_join", "merge_join", "inl_join", "inl_hash_join":
			b.joins = append(b.joins, h)
		case "no_hash_join", "no_merge_join", "no_index_join",
			"hash_join_build", "hash_join_probe", "broadcast_join", "shuffle_join", "straight_join", "leading",
			"use_index", "ignore_index", "force_index", "order_index", "no_order_index", "use_index_merge",
			"no_index_merge", "semi_join_rewrite", "no_decorrelate", "qb_name", "set_var", "read_from_storage",
			"use_toja", "limit_to_cop", "agg_to_cop", "resource_group", "merge", "ignore_plan_cache", "nth_plan",
			"time_range", "read_consistent_replica":
		default:
			text := "Optimizer hint %s is not supported and is ignored"
			b.warn(sqlerr.Newf(sqlerr.ErrParse, text, h.HintName.O).Warning())
		}
	}
}
