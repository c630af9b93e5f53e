package memory

import (
	"sync/atomic"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// HeapLedger counts the Go heap that statements and sessions are about to use: parse trees, plans, prepared statements,
// buffers of libraries. The collector refuses nothing, so this does.
type HeapLedger struct {
	limit int64 // 0: none
	used  atomic.Int64
}

// Reserve charges n bytes of Go heap to a before they are allocated; refusal is sqlerr.QuotaError or
// ServerMemoryError.
func (h *HeapLedger) Reserve(a *Account, n int64) error {
	s := a.stmt
	if used := h.used.Add(n); h.limit > 0 && used > h.limit {
		h.used.Add(-n)
		return &sqlerr.ServerMemoryError{ConnID: s.options.ConnID, Report: s.report()}
	}
	s.mu.Lock()
	over := s.options.CancelAtQuota && s.options.QuotaBytes > 0 && s.heap+n > s.options.QuotaBytes
	if !over {
		s.heap += n
		a.heap += n
	}
	s.mu.Unlock()
	if over {
		h.used.Add(-n)
		return s.quotaError()
	}
	return nil
}

// Release takes back n bytes that were reserved for a. What an account has left when it closes is released then.
func (h *HeapLedger) Release(a *Account, n int64) {
	a.stmt.mu.Lock()
	a.heap -= n
	a.stmt.heap -= n
	a.stmt.mu.Unlock()
	h.used.Add(-n)
}
