package telemetry

import (
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/spillwaydb/spillway/internal/cgroup"
	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/session"
	"github.com/spillwaydb/spillway/internal/spill"
)

// Sources are what the status port shows. All are required.
type Sources struct {
	Version  string
	Sessions *session.Manager
	Pool     *memory.Pool
	Budget   memory.Budget // as divided at the start
	Limit    func() int64  // tidb_server_memory_limit now, bytes
	Spill    *spill.Store
	Guard    *memory.Guard
	Store    kv.Store
}

// Status is the document at /status.
type Status struct {
	Connections   int     `json:"connections"`
	Version       string  `json:"version"`
	UptimeSeconds float64 `json:"uptime_seconds"`
	Questions     uint64  `json:"questions"`

	Limit   int64            `json:"server_memory_limit"`
	Budget  memory.Budget    `json:"budget"`
	Pool    memory.PoolStats `json:"pool"`
	Catalog CatalogStatus    `json:"catalog"`
	Process cgroup.Memory    `json:"process"`
	Watched memory.Watched   `json:"watched"` // by the guard, every 100 ms
	Spill   spill.Stats      `json:"spill"`
	Storage kv.Stats         `json:"storage"`
}

// CatalogStatus is what definitions of tables take of the heap ledger, in bytes.
type CatalogStatus struct {
	HeapBytes    int64 // the newest versions
	OldHeapBytes int64 // replaced ones that statements under way may still use
}

// Read collects a Status.
func (s *Sources) Read() Status {
	st := Status{
		Connections:   len(s.Sessions.Sessions()),
		Version:       s.Version,
		UptimeSeconds: s.Sessions.Uptime().Seconds(),
		Questions:     s.Sessions.Queries(),
		Limit:         s.Limit(),
		Budget:        s.Budget,
		Pool:          s.Pool.Stats(),
		Spill:         s.Spill.Stats(),
		Storage:       s.Store.Stats(),
		Watched:       s.Guard.Watched(),
	}
	st.Storage.Text = ""
	st.Catalog.HeapBytes, st.Catalog.OldHeapBytes = s.Sessions.Catalog.HeapBytes()
	if m, err := cgroup.ProcessMemory(); err == nil {
		st.Process = m
	}
	return st
}

// NewStatusServer returns the HTTP server of the status port; the caller serves and closes it.
func NewStatusServer(s *Sources) *http.Server {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{s}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.HandleFunc("/status", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		if err := enc.Encode(s.Read()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
}
