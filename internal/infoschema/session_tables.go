package infoschema

import (
	"runtime/debug"
	"strconv"
	"time"

	"github.com/spillwaydb/spillway/internal/cgroup"
	"github.com/spillwaydb/spillway/internal/sysvar"
)

const ps = "performance_schema"

// sessionTables are those about sessions, variables and figures.
// lint:long tables
var sessionTables = []definition{
	{is, "PROCESSLIST", "ID u, USER s, HOST s, DB s, COMMAND s, TIME i, STATE s, INFO l, MEM i, DISK i", processList},
	{ps, "session_variables", "VARIABLE_NAME s, VARIABLE_VALUE l", sessionVariables},
	{ps, "global_variables", "VARIABLE_NAME s, VARIABLE_VALUE l", globalVariables},
	{ps, "session_status", "VARIABLE_NAME s, VARIABLE_VALUE l", status},
	{ps, "global_status", "VARIABLE_NAME s, VARIABLE_VALUE l", status},
	{is, "MEMORY_USAGE", "MEMORY_TOTAL i, MEMORY_LIMIT i, MEMORY_CURRENT i, MEMORY_MAX_USED i, CURRENT_OPS s, " +
		"SESSION_KILL_LAST t, SESSION_KILL_TOTAL i, GC_LAST t, GC_TOTAL i, DISK_USAGE i, QUERY_FORCE_DISK i", memoryUsage},
	{is, "MEMORY_USAGE_OPS_HISTORY", "TIME t, OPS s, MEMORY_LIMIT i, MEMORY_CURRENT i, PROCESSID u, MEM u, DISK u, " +
		"CLIENT s, DB s, USER s, SQL_DIGEST s, SQL_TEXT l", memoryHistory},
	{is, "METADATA_LOCKS", "TABLE_SCHEMA s, TABLE_NAME s, LOCK_TYPE s, LOCK_STATUS s, PROCESSLIST_ID u", metadataLocks},
}

func processList(r *request) error {
	now := r.sessions.Now()
	for _, s := range r.sessions.Sessions() {
		p := s.Process()
		if !r.session.SeesProcess(p.User) {
			continue
		}
		var db, state, info any
		if p.DB != "" {
			db = p.DB
		}
		if p.State != "" || p.Command == "Sleep" {
			state = p.State
		}
		if p.Info != "" {
			info = p.Info
		}
		err := r.row(p.ID, p.User, p.Host, db, p.Command, int64(now.Sub(p.Since).Seconds()), state, info,
			p.Memory.Current, p.Memory.DiskBytes)
		if err != nil {
			return err
		}
	}
	return nil
}

func sessionVariables(r *request) error {
	for _, v := range sysvar.All() {
		value, err := r.session.Variables().Get(v.Name)
		if err == nil {
			err = r.row(v.Name, value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func globalVariables(r *request) error {
	for _, v := range sysvar.All() {
		if v.Scope&sysvar.ScopeGlobal == 0 && v.Scope&sysvar.ScopeSession != 0 {
			continue
		}
		value, err := r.session.Variables().Globals().Get(v.Name)
		if err == nil {
			err = r.row(v.Name, value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// status lists measured figures, under MySQL's names where they mean the same.
func status(r *request) error {
	pool, store := r.sessions.Pool.Stats(), r.sessions.Store.Stats()
	page := int64(16 << 10)
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"Innodb_buffer_pool_bytes_data", store.CacheBytes},
		{"Innodb_buffer_pool_pages_data", store.CacheBytes / page},
		{"Innodb_buffer_pool_pages_total", store.CacheCapacity / page},
		{"Innodb_buffer_pool_read_requests", store.CacheHits + store.CacheMisses},
		{"Innodb_buffer_pool_reads", store.CacheMisses},
		{"Innodb_page_size", page},
		{"Innodb_row_lock_current_waits", store.Waiters},
		{"Max_used_connections", int64(len(r.sessions.Sessions()))},
		{"Queries", int64(r.sessions.Queries())},
		{"Questions", int64(r.sessions.Queries())},
		{"Spillway_evictions", pool.Evictions},
		{"Spillway_heap_ledger_bytes", pool.HeapReserved},
		{"Spillway_memory_drift_bytes", pool.Drift},
		{"Spillway_pool_committed_bytes", pool.Committed},
		{"Spillway_pool_evictable_bytes", pool.Evictable},
		{"Spillway_pool_leased_bytes", pool.Leases},
		{"Spillway_pool_limit_bytes", pool.Limit},
		{"Spillway_pool_minimum_bytes", pool.Minimums},
		{"Spillway_reloads", pool.Reloads},
		{"Spillway_zombie_memtable_bytes", store.ZombieMemtableBytes},
		{"Threads_connected", int64(len(r.sessions.Sessions()))},
		{"Threads_running", int64(running(r))},
		{"Uptime", int64(r.sessions.Uptime().Seconds())},
	} {
		if err := r.row(f.name, strconv.FormatInt(f.value, 10)); err != nil {
			return err
		}
	}
	info := r.session.Info()
	if err := r.row("Ssl_cipher", info.TLSCipher); err != nil {
		return err
	}
	return r.row("Ssl_version", info.TLSVersion)
}

func running(r *request) int {
	n := 0
	for _, s := range r.sessions.Sessions() {
		if p := s.Process(); p.Command != "Sleep" {
			n++
		}
	}
	return n
}

// memoryUsage is about the process: the collections of its heap are all that there were, not only those that memory
// usage made it run.
func memoryUsage(r *request) error {
	total, err := cgroup.System.UsableMemory()
	if err != nil {
		return err
	}
	process, err := cgroup.ProcessMemory()
	if err != nil {
		return err
	}
	var ops any
	if r.sessions.Pool.Stats().Shrinking {
		ops = "shrinking"
	}
	kills, killed := r.sessions.MemoryKills()
	var last time.Time
	if n := len(kills); n > 0 {
		last = kills[n-1].Time.In(r.session.TimeZone())
	}
	var collections debug.GCStats
	debug.ReadGCStats(&collections)
	var collected time.Time
	if collections.NumGC > 0 {
		collected = collections.LastGC.In(r.session.TimeZone())
	}
	return r.row(total, r.sessions.MemoryLimit(), process.RSS+process.Swap, process.HWM+process.Swap, ops,
		last, killed, collected, collections.NumGC, r.sessions.Pool.Server().Stats().DiskBytes,
		r.sessions.ForcedToDisk())
}

// memoryHistory lists the statements that were ended because the server's memory was at its limit.
func memoryHistory(r *request) error {
	kills, _ := r.sessions.MemoryKills()
	for _, k := range kills {
		if !r.session.SeesProcess(k.User) {
			continue
		}
		var db any
		if k.DB != "" {
			db = k.DB
		}
		err := r.row(k.Time.In(r.session.TimeZone()), "SessionKill", k.LimitBytes, k.ServerBytes, k.ConnID,
			k.MemoryBytes, k.DiskBytes, k.Host, db, k.User, k.Digest, k.Text)
		if err != nil {
			return err
		}
	}
	return nil
}

func metadataLocks(r *request) error {
	for _, l := range r.catalog.Locks().List() {
		state := "PENDING"
		if l.Granted {
			state = "GRANTED"
		}
		if err := r.row(l.Name.DB, l.Name.Table, l.Mode.String(), state, l.ConnID); err != nil {
			return err
		}
	}
	return nil
}
