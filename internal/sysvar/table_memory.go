package sysvar

import (
	"runtime"
	"strconv"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

const (
	// executorConcurrencyMax caps the default: beyond it more workers of one statement gain little and each needs its
	// minimum of pages.
	executorConcurrencyMax = 16
	// serverMemoryMin is the smallest limit under which the server's fixed parts fit.
	serverMemoryMin = 192 * mib
)

func defaultConcurrency() string {
	return strconv.Itoa(min(max(runtime.GOMAXPROCS(0), 1), executorConcurrencyMax))
}

func bytesOrPercent(name string, scope Scope, def string) Var {
	return Var{Name: name, Scope: scope, Kind: KindBytesOrPercent, Default: def}
}

// memoryTable: control of memory and execution under TiDB's names, and Spillway's own knobs for tests.
var memoryTable = []Var{
	integer("tidb_allow_mpp", both, "0", 0, 1),
	flag("tidb_allow_remove_auto_inc", session, false),
	unsigned("tidb_analyze_version", both, "2", 1, 2),
	unsigned("tidb_batch_size", both, "1024", 1, maxInt32).hidden(),
	unsigned("tidb_build_stats_concurrency", both, "4", 1, 256),
	text("tidb_config", session|readOnly, ""),
	text("tidb_constraint_check_in_place", both, "OFF"),
	unsigned("tidb_current_ts", session|readOnly, "0", 0, maxUint64),
	unsigned("tidb_ddl_reorg_worker_cnt", both, "4", 1, 256),
	integer("tidb_distsql_scan_concurrency", hint, "15", 1, 256),
	integer("tidb_dml_batch_size", hint, "0", 0, maxInt32),
	flag("tidb_enable_rate_limit_action", both, false),
	flag("tidb_enable_tmp_storage_on_oom", global, true),
	flag("tidb_enable_parallel_apply", hint, false),
	flag("tidb_enable_prepared_plan_cache", both, true),
	flag("tidb_enable_vectorized_expression", hint, true),
	flag("tidb_enable_window_function", both, true),
	flag("tidb_enable_clustered_index", both, true),
	unsigned("tidb_executor_concurrency", hint, defaultConcurrency(), 1, 256),
	unsigned("tidb_expensive_query_time_threshold", global, "60", 10, maxInt32),
	integer("tidb_hash_join_concurrency", hint, "-1", -1, 256),
	integer("tidb_hashagg_final_concurrency", hint, "-1", -1, 256),
	integer("tidb_hashagg_partial_concurrency", hint, "-1", -1, 256),
	unsigned("tidb_index_join_batch_size", hint, "25000", 1, maxInt32),
	integer("tidb_index_lookup_concurrency", hint, "-1", -1, 256),
	unsigned("tidb_init_chunk_size", hint, "32", 1, 32),
	text("tidb_isolation_read_engines", both, "tikv,tiflash,tidb"),
	unsigned("tidb_last_query_info", session|readOnly, "0", 0, 0).hidden(),
	unsigned("tidb_max_chunk_size", hint, "1024", 32, maxInt32),
	enum("tidb_mem_oom_action", global, "CANCEL", "CANCEL", "LOG"),
	integer("tidb_mem_quota_query", hint, "1073741824", -1, maxInt64),
	integer("tidb_mem_quota_analyze", global, "-1", -1, maxInt64),
	float("tidb_memory_usage_alarm_ratio", global, "0.7", 0, 1),
	unsigned("tidb_memory_usage_alarm_keep_record_num", global, "5", 1, 10000),
	flag("tidb_multi_statement_mode", both, true),
	unsigned("tidb_opt_agg_push_down", both, "0", 0, 1),
	integer("tidb_projection_concurrency", hint, "-1", -1, 256),
	unsigned("tidb_retry_limit", both, "10", 0, maxInt64),
	unsigned("tidb_row_format_version", global, "2", 1, 2),
	bytesOrPercent("tidb_server_memory_limit", global, "80%").checked(validateServerMemory),
	bytesOrPercent("tidb_server_memory_limit_gc_trigger", global, "70%"),
	bytesOrPercent("tidb_server_memory_limit_sess_min_size", global, "134217728"),
	unsigned("tidb_slow_log_threshold", global, "300", 0, maxInt64),
	text("tidb_snapshot", session, ""),
	flag("tidb_skip_utf8_check", both, false),
	enum("tidb_txn_mode", both, "pessimistic", "pessimistic", "optimistic", ""),
	unsigned("tidb_wait_split_region_timeout", session, "300", 1, maxInt32),
	integer("tidb_window_concurrency", hint, "-1", -1, 256),

	// Knobs for tests. spillway_force_spill lets every operator act as if no surplus were to be had;
	// spillway_hash_zero gives all rows the same hash; spillway_batch_rows bounds the rows in a batch, 0 is automatic.
	flag("spillway_force_spill", hint, false),
	flag("spillway_hash_zero", hint, false),
	unsigned("spillway_batch_rows", hint, "0", 0, 2048),
	flag("spillway_disable_rewrites", hint, false),
}

// validateServerMemory bounds the limit. Percents of a machine too small for them are refused where they are applied.
func validateServerMemory(value string) (string, error) {
	bytes, percent, err := ParseBytesOrPercent(value, 0)
	ok := err == nil && bytes == 0 || bytes >= serverMemoryMin
	if percent != 0 {
		ok = percent >= 1 && percent <= 99
	}
	switch {
	case err != nil:
		return "", sqlerr.New(sqlerr.ErrWrongValueForVar, "tidb_server_memory_limit", value)
	case !ok:
		return "", sqlerr.Newf(sqlerr.ErrWrongValueForVar, "Variable 'tidb_server_memory_limit' can't be set to the "+
			"value of '%s': the smallest possible is %d bytes (%d MiB), or 1%% to 99%%", value, int64(serverMemoryMin),
			int64(serverMemoryMin)>>20)
	}
	return value, nil
}
