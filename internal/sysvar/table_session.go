package sysvar

import (
	"strings"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// sessionTable: what a session sets for its statements and transactions.
var sessionTable = []Var{
	flag("autocommit", both, true),
	flag("auto_generate_certs", readOnly, false),
	integer("auto_increment_increment", hint, "1", 1, 65535),
	integer("auto_increment_offset", hint, "1", 1, 65535),
	flag("big_tables", hint, false),
	unsigned("bulk_insert_buffer_size", hint, "8388608", 0, maxUint64),
	enum("completion_type", both, "NO_CHAIN", "NO_CHAIN", "CHAIN", "RELEASE"),
	unsigned("cte_max_recursion_depth", hint, "1000", 0, maxUint32),
	enum("default_storage_engine", both, "InnoDB", engines...),
	enum("default_tmp_storage_engine", hint, "InnoDB", engines...),
	integer("default_week_format", both, "0", 0, 7),
	integer("div_precision_increment", hint, "4", 0, 30),
	flag("end_markers_in_json", hint, false),
	unsigned("eq_range_index_dive_limit", hint, "200", 0, maxUint32),
	unsigned("error_count", session|readOnly, "0", 0, maxUint64),
	enum("explain_format", both, "TRADITIONAL", "TRADITIONAL", "TREE", "JSON", "TRADITIONAL_STRICT"),
	flag("explicit_defaults_for_timestamp", both, true),
	text("external_user", session|readOnly, ""),
	flag("foreign_key_checks", hint, true),
	blocks("group_concat_max_len", hint, "1024", 4, maxUint64, 0),
	unsigned("histogram_generation_max_mem_size", both, "20000000", 1000000, maxUint64),
	text("identity", session, "0").alias("last_insert_id"),
	unsigned("information_schema_stats_expiry", both, "86400", 0, 31536000),
	text("init_connect", global, ""),
	integer("insert_id", session, "0", 0, maxInt64),
	integer("interactive_timeout", both, "28800", 1, 31536000),
	enum("internal_tmp_mem_storage_engine", hint, "TempTable", "MEMORY", "TempTable"),
	blocks("join_buffer_size", hint, "262144", 128, maxUint64, 128),
	flag("keep_files_on_create", both, false),
	integer("last_insert_id", session, "0", 0, maxInt64),
	text("lc_messages", both, "en_US"),
	text("lc_time_names", both, "en_US"),
	integer("lock_wait_timeout", both, "31536000", 1, 31536000),
	float("long_query_time", both, "10.000000", 0, 31536000),
	flag("low_priority_updates", both, false),
	blocks("max_allowed_packet", both, "67108864", kib, gib, kib),
	unsigned("max_error_count", hint, "1024", 0, 65535),
	unsigned("max_execution_time", hint, "0", 0, maxUint32),
	unsigned("max_heap_table_size", hint, "16777216", 16*kib, maxUint64),
	unsigned("max_join_size", hint, "18446744073709551615", 1, maxUint64),
	unsigned("max_length_for_sort_data", hint, "4096", 4, 8*mib),
	unsigned("max_points_in_geometry", hint, "65536", 3, 1<<20),
	unsigned("max_seeks_for_key", hint, "18446744073709551615", 1, maxUint64),
	unsigned("max_sort_length", hint, "1024", 4, 8*mib),
	unsigned("max_sp_recursion_depth", both, "0", 0, 255),
	unsigned("max_user_connections", both, "0", 0, maxUint32),
	unsigned("min_examined_row_limit", both, "0", 0, maxUint64),
	blocks("net_buffer_length", both, "16384", kib, mib, kib),
	integer("net_read_timeout", both, "30", 1, 31536000),
	integer("net_retry_count", both, "10", 1, maxUint64),
	// MySQL's is 60; a client that does not read is cheap here.
	integer("net_write_timeout", both, "600", 1, 31536000),
	flag("new", both, false),
	flag("old_alter_table", both, false),
	integer("optimizer_prune_level", hint, "1", 0, 1),
	unsigned("optimizer_search_depth", hint, "62", 0, 62),
	text("optimizer_switch", hint, optimizerSwitch),
	text("optimizer_trace", both, "enabled=off,one_line=off"),
	text("optimizer_trace_features", both,
		"greedy_optimizer=on,range_optimizer=on,dynamic_range=on,repeated_subselect=on"),
	integer("optimizer_trace_limit", both, "1", 0, maxInt32),
	unsigned("optimizer_trace_max_mem_size", both, "1048576", 0, maxUint32),
	integer("optimizer_trace_offset", both, "-1", -maxInt32, maxInt32),
	unsigned("parser_max_mem_size", both, "18446744073709551615", 10000000, maxUint64),
	flag("print_identified_with_as_hex", both, false),
	flag("profiling", both, false),
	integer("profiling_history_size", both, "15", 0, 100),
	text("proxy_user", session|readOnly, ""),
	unsigned("pseudo_thread_id", session, "0", 0, maxUint32),
	flag("pseudo_replica_mode", session, false),
	flag("pseudo_slave_mode", session, false),
	unsigned("query_alloc_block_size", both, "8192", kib, maxUint32),
	unsigned("query_prealloc_size", both, "8192", 8*kib, maxUint64),
	unsigned("rand_seed1", session, "0", 0, maxUint32),
	unsigned("rand_seed2", session, "0", 0, maxUint32),
	unsigned("range_alloc_block_size", hint, "4096", 4*kib, maxUint32),
	unsigned("range_optimizer_max_mem_size", hint, "8388608", 0, maxUint64),
	enum("rbr_exec_mode", session, "STRICT", "STRICT", "IDEMPOTENT"),
	blocks("read_buffer_size", hint, "131072", 8200, 2147479552, 4*kib),
	unsigned("read_rnd_buffer_size", hint, "262144", 1, 2147483647),
	enum("resultset_metadata", session, "FULL", "NONE", "FULL"),
	unsigned("secondary_engine_cost_threshold", session, "100000", 0, maxUint64),
	unsigned("select_into_buffer_size", both, "131072", 8*kib, 2147479552),
	flag("select_into_disk_sync", both, false),
	unsigned("select_into_disk_sync_delay", both, "0", 0, 31536000),
	enum("session_track_gtids", both, "OFF", "OFF", "OWN_GTID", "ALL_GTIDS"),
	flag("session_track_schema", both, true),
	flag("session_track_state_change", both, false),
	text("session_track_system_variables", both,
		"time_zone,autocommit,character_set_client,character_set_results,character_set_connection"),
	enum("session_track_transaction_info", both, "OFF", "OFF", "STATE", "CHARACTERISTICS"),
	flag("show_create_table_skip_secondary_engine", session, false),
	flag("show_create_table_verbosity", both, false),
	flag("show_gipk_in_create_table_and_information_schema", both, true),
	unsigned("sort_buffer_size", hint, "262144", 32*kib, maxUint64),
	flag("sql_auto_is_null", hint, false),
	flag("sql_big_selects", hint, true),
	flag("sql_buffer_result", hint, false),
	flag("sql_generate_invisible_primary_key", both, false),
	flag("sql_log_bin", session, true),
	flag("sql_log_off", both, false),
	text("sql_mode", hint, types.ModeDefault.String()).checked(validateSQLMode),
	flag("sql_notes", both, true),
	flag("sql_quote_show_create", both, true),
	flag("sql_require_primary_key", hint, false),
	flag("sql_safe_updates", hint, false),
	unsigned("sql_select_limit", hint, "18446744073709551615", 0, maxUint64),
	flag("sql_warnings", both, false),
	text("system_time_zone", readOnly, "UTC"),
	text("time_zone", hint, "SYSTEM").checked(validateTimeZone),
	float("timestamp", session, "0", 0, 32536771199),
	unsigned("tmp_table_size", hint, "16777216", kib, maxUint64),
	unsigned("transaction_alloc_block_size", both, "8192", kib, 128*kib),
	flag("transaction_allow_batching", session, false),
	enum("transaction_isolation", both, "REPEATABLE-READ", isolationLevels...),
	unsigned("transaction_prealloc_size", both, "4096", kib, 128*kib),
	flag("transaction_read_only", both, false),
	flag("unique_checks", hint, true),
	flag("updatable_views_with_limit", hint, true),
	flag("use_secondary_engine", session, true),
	integer("wait_timeout", both, "28800", 1, 31536000),
	unsigned("warning_count", session|readOnly, "0", 0, maxUint64),
	flag("windowing_use_high_precision", hint, true),
	flag("xa_detach_on_prepare", both, true),
}

var engines = []string{"InnoDB", "MyISAM", "MEMORY", "CSV", "ARCHIVE", "BLACKHOLE"}

// isolationLevels by the numbers that SET takes.
var isolationLevels = []string{"READ-UNCOMMITTED", "READ-COMMITTED", "REPEATABLE-READ", "SERIALIZABLE"}

var optimizerSwitch = strings.Join([]string{
	"index_merge=on", "index_merge_union=on", "index_merge_sort_union=on", "index_merge_intersection=on",
	"engine_condition_pushdown=on", "index_condition_pushdown=on", "mrr=on", "mrr_cost_based=on",
	"block_nested_loop=on", "batched_key_access=off", "materialization=on", "semijoin=on", "loosescan=on",
	"firstmatch=on", "duplicateweedout=on", "subquery_materialization_cost_based=on", "use_index_extensions=on",
	"condition_fanout_filter=on", "derived_merge=on", "use_invisible_indexes=off", "skip_scan=on", "hash_join=on",
	"subquery_to_derived=off", "prefer_ordering_index=on", "hypergraph_optimizer=off",
	"derived_condition_pushdown=on", "hash_set_operations=on",
}, ",")

// validateSQLMode takes names or a number.
func validateSQLMode(value string) (string, error) {
	m, err := types.ParseSQLMode(value)
	if err != nil {
		return "", err
	}
	return m.String(), nil
}

func validateTimeZone(value string) (string, error) {
	if strings.EqualFold(value, "SYSTEM") {
		return "SYSTEM", nil
	}
	if _, err := types.ParseTimeZone(value); err != nil {
		return "", sqlerr.New(sqlerr.ErrUnknownTimeZone, value)
	}
	return value, nil
}
