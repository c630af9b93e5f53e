package memory

import "github.com/spillwaydb/spillway/internal/sqlerr"

type evictors struct{}

func (e *evictors) start(p *Pool, n int) {}
func (e *evictors) stop()                {}
func (e *evictors) wake()                {}
func (e *evictors) noticed()             {}

func (s *Statement) evictable() int64 { return s.listed }
func (s *Statement) evictOne() bool   { return false }
func (s *Statement) evictBlock(id BlockID, d *desc) {
	s.list(id, d)
}
func (s *Statement) drain() {}
func (s *Statement) pinOut(a *Account, id BlockID, d *desc, kind Kind) (Ref, error) {
	return 0, s.lost()
}

func (p *Pool) makeRoom(s *Statement, n int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &sqlerr.ServerMemoryError{ConnID: s.options.ConnID, Report: s.reportLocked()}
}

// Prefetch reads blocks back ahead of need. It never blocks, and does nothing when there is no surplus.
func (a *Account) Prefetch(ids ...BlockID) {}
