package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"
)

// gauge is a metric read from a Status at each scrape.
type gauge struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(*Status) float64
}

func newGauge(name, help string, read func(*Status) float64) gauge {
	return gauge{prometheus.NewDesc("spillway_"+name, help, nil, nil), prometheus.GaugeValue, read}
}

func newCounter(name, help string, read func(*Status) float64) gauge {
	g := newGauge(name, help, read)
	g.kind = prometheus.CounterValue
	return g
}

var gauges = []gauge{
	newGauge("connections", "Open sessions.", func(s *Status) float64 { return float64(s.Connections) }),
	newCounter("statements_total", "Statements begun.", func(s *Status) float64 { return float64(s.Questions) }),
	newGauge("memory_limit_bytes", "tidb_server_memory_limit.", func(s *Status) float64 { return float64(s.Limit) }),
	newGauge("pool_limit_bytes", "Pages that may be committed.",
		func(s *Status) float64 { return float64(s.Pool.Limit) }),
	newGauge("pool_committed_bytes", "Pages committed.", func(s *Status) float64 { return float64(s.Pool.Committed) }),
	newGauge("pool_evictable_bytes", "Pages of unpinned blocks.",
		func(s *Status) float64 { return float64(s.Pool.Evictable) }),
	newGauge("pool_idle_bytes", "Pages on free lists.", func(s *Status) float64 { return float64(s.Pool.Idle) }),
	newGauge("pool_minimum_bytes", "Granted minimums.", func(s *Status) float64 { return float64(s.Pool.Minimums) }),
	newGauge("pool_leased_bytes", "Leased pages.", func(s *Status) float64 { return float64(s.Pool.Leases) }),
	newGauge("pool_drift_bytes", "Bytes of the process beyond the sum of its parts.",
		func(s *Status) float64 { return float64(s.Pool.Drift) }),
	newGauge("admission_waiting", "Statements queued for memory.",
		func(s *Status) float64 { return float64(s.Pool.Waiting) }),
	newGauge("heap_ledger_bytes", "Go heap reserved.", func(s *Status) float64 { return float64(s.Pool.HeapReserved) }),
	newGauge("catalog_heap_bytes", "Go heap reserved for definitions of tables.",
		func(s *Status) float64 { return float64(s.Catalog.HeapBytes + s.Catalog.OldHeapBytes) }),
	newCounter("evictions_total", "Blocks written to temporary storage.",
		func(s *Status) float64 { return float64(s.Pool.Evictions) }),
	newCounter("reloads_total", "Blocks read back.", func(s *Status) float64 { return float64(s.Pool.Reloads) }),
	newGauge("process_rss_bytes", "VmRSS.", func(s *Status) float64 { return float64(s.Process.RSS) }),
	newGauge("process_hwm_bytes", "VmHWM.", func(s *Status) float64 { return float64(s.Process.HWM) }),
	newGauge("process_file_bytes", "Resident pages of mapped files.",
		func(s *Status) float64 { return float64(s.Watched.Last.FileMappings) }),
	newGauge("process_go_bytes", "Mapped by the Go runtime, less what it gave back.",
		func(s *Status) float64 { return float64(s.Watched.Last.GoTotal) }),
	newGauge("process_go_peak_bytes", "Largest process_go_bytes so far.",
		func(s *Status) float64 { return float64(s.Watched.Peak.GoTotal) }),
	newGauge("process_malloc_used_peak_bytes", "Largest part of process_malloc_bytes in use so far.",
		func(s *Status) float64 { return float64(s.Watched.Peak.MallocUsed) }),
	newGauge("process_malloc_bytes", "Resident C memory, the storage engine's.",
		func(s *Status) float64 { return float64(s.Watched.Last.Malloc) }),
	newGauge("process_malloc_peak_bytes", "Largest process_malloc_bytes so far.",
		func(s *Status) float64 { return float64(s.Watched.Peak.Malloc) }),
	newGauge("process_buffer_bytes", "Buffers of temporary storage.",
		func(s *Status) float64 { return float64(s.Watched.Last.Buffers) }),
	newGauge("pool_committed_peak_bytes", "Largest pool_committed_bytes that was seen.",
		func(s *Status) float64 { return float64(s.Watched.PagesPeak) }),
	newGauge("pool_drift_peak_bytes", "Largest pool_drift_bytes so far.",
		func(s *Status) float64 { return float64(s.Watched.DriftPeak) }),
	newGauge("budget_pool_bytes", "P: the limit's share for pages.",
		func(s *Status) float64 { return float64(s.Budget.Pool) }),
	newGauge("budget_heap_bytes", "H: for the Go heap.", func(s *Status) float64 { return float64(s.Budget.Heap) }),
	newGauge("budget_storage_bytes", "S: for the storage engine's C memory.",
		func(s *Status) float64 { return float64(s.Budget.Storage) }),
	newGauge("budget_fixed_bytes", "F: for what does not grow.",
		func(s *Status) float64 { return float64(s.Budget.Fixed) }),
	newGauge("budget_margin_bytes", "Never granted.", func(s *Status) float64 { return float64(s.Budget.Margin) }),
	newGauge("storage_cache_bytes", "Block cache of the storage engine.",
		func(s *Status) float64 { return float64(s.Storage.CacheBytes) }),
	newGauge("storage_memtable_bytes", "Memtables.",
		func(s *Status) float64 { return float64(s.Storage.MemtableBytes) }),
	newGauge("storage_zombie_memtable_bytes", "Memtables that only iterators keep.",
		func(s *Status) float64 { return float64(s.Storage.ZombieMemtableBytes) }),
	newCounter("storage_trims_total", "Times that free C memory was given back.",
		func(s *Status) float64 { return float64(s.Storage.Trims) }),
	newGauge("storage_disk_bytes", "Files of the storage engine.",
		func(s *Status) float64 { return float64(s.Storage.DiskBytes) }),
}

// collector reads one Status a scrape.
type collector struct{ s *Sources }

// Describe implements prometheus.Collector.
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, g := range gauges {
		ch <- g.desc
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	st := c.s.Read()
	for _, g := range gauges {
		ch <- prometheus.MustNewConstMetric(g.desc, g.kind, g.read(&st))
	}
}
