package bind

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

var joinMethods = map[string]logical.JoinMethod{
	"hash_join": logical.HintHashJoin, "merge_join": logical.HintMergeJoin, "inl_join": logical.HintIndexJoin,
	"inl_hash_join": logical.HintIndexJoin,
}

// joinHints finds the tables that hints of a query block name. A hint without tables is about all of the block.
func (b *binder) joinHints(list []*ast.TableOptimizerHint, s *scope) {
	for _, h := range list {
		out := &logical.JoinHint{Method: joinMethods[h.HintName.L], Name: joinHintText(h)}
		for _, t := range s.tables() {
			if len(h.Tables) == 0 {
				out.Tables = append(out.Tables, s.idsOf(t))
			}
		}
		missing := ""
		for _, name := range h.Tables {
			found := false
			for _, t := range s.tables() {
				if !isName(t[1], name.TableName.O) || name.DBName.O != "" && t[0] != name.DBName.O {
					continue
				}
				found = true
				out.Tables = append(out.Tables, s.idsOf(t))
			}
			if !found {
				missing += ", " + name.TableName.O
			}
		}
		if missing != "" {
			text := "There are no matching table names for (%s) in optimizer hint /*+ %s */. " +
				"Maybe you can use the table alias name"
			b.warn(sqlerr.Newf(sqlerr.ErrInternal, text, missing[2:], out.Name).Warning())
		}
		if len(out.Tables) > 0 {
			b.result.JoinHints = append(b.result.JoinHints, out)
		}
	}
}

// joinHintText is a hint as it was written.
func joinHintText(h *ast.TableOptimizerHint) string {
	text := h.HintName.O + "("
	for i, t := range h.Tables {
		if i > 0 {
			text += ", "
		}
		text += t.TableName.O
	}
	return text + ")"
}

// idsOf are the columns of a table by its database and name.
func (s *scope) idsOf(table [2]string) []int {
	var out []int
	for i := range s.cols {
		if s.cols[i].db == table[0] && s.cols[i].table == table[1] {
			out = append(out, s.cols[i].col.ID)
		}
	}
	return out
}
