package memory

import (
	"context"
	"errors"
	"sync/atomic"
)

var errTimeout = errors.New("not granted in time")

type arbiter struct {
	pool *Pool
	bulk atomic.Int64
}

func (a *arbiter) init(p *Pool) { a.pool = p }
func (a *arbiter) lease(n int64) bool {
	for {
		b := a.bulk.Load()
		if b+n > a.pool.limit.Load() {
			return false
		}
		if a.bulk.CompareAndSwap(b, b+n) {
			return true
		}
	}
}
func (a *arbiter) unlease(n int64) { a.bulk.Add(-n) }
func (a *arbiter) free() int64     { return a.pool.limit.Load() - a.bulk.Load() }
func (a *arbiter) grant()          {}
func (a *arbiter) stats(st *PoolStats) {
	for _, s := range a.pool.all() {
		st.Minimums += s.granted
		st.Leases += s.leased
	}
}
func (a *arbiter) release(s *Statement, n int64) { a.bulk.Add(-n) }
func (a *arbiter) admit(ctx context.Context, s *Statement, n int64) error {
	if !a.lease(n) {
		return errTimeout
	}
	return nil
}
