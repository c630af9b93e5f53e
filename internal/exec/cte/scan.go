package cte

import (
	"context"
	"sync"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// scan is a source of a table's rows; its workers take one block after the other. Each time it is run it starts again.
type scan struct {
	t       *Table
	columns []int
	types   []types.Type

	mu sync.Mutex // protects following
	// The next block.
	part, block int
}

var _ exec.Source = (*scan)(nil)

// Source reads these columns of the table.
func (t *Table) Source(columns []int) exec.Source {
	s := &scan{t: t, columns: append([]int{}, columns...)}
	for _, c := range columns {
		s.types = append(s.types, t.o.Types[c])
	}
	return s
}

// MaxWorkers implements exec.Source; a run starts here.
func (s *scan) MaxWorkers() int {
	s.part, s.block = 0, 0
	n := 0
	for _, c := range s.t.kept.List() {
		n += c.Blocks()
	}
	return max(1, n)
}

// Close implements exec.Source.
func (s *scan) Close() error { return nil }

// take is the next block that no worker has; a nil collection at the end.
func (s *scan) take() (*rows.Collection, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.t.kept.List()
	for ; s.part < len(list); s.part, s.block = s.part+1, 0 {
		if c := list[s.part]; s.block < c.Blocks() {
			s.block++
			return c, s.block - 1
		}
	}
	return nil, 0
}

// NewLocal implements exec.Source.
func (s *scan) NewLocal(*exec.Worker) (exec.LocalSource, error) {
	acct, n := s.t.o.Account, s.t.o.BatchRows
	b, err := vector.NewBatch(acct, s.types, n, 0)
	if err != nil {
		return nil, err
	}
	p, err := acct.Alloc(8*n, memory.Held)
	if err != nil {
		b.Close()
		return nil, err
	}
	return &localScan{s: s, batch: b, places: p, refs: memory.Slice[memory.Ref](acct.Base(), p.Ref, n)}, nil
}

// localScan reads one block at a time, which is pinned.
type localScan struct {
	s      *scan
	batch  *vector.Batch
	places memory.Page
	refs   []memory.Ref

	part  *rows.Collection // nil: no block is pinned
	block rows.Block
	row   memory.Ref // the next one
	left  int        // rows of the block from there on
}

// Next implements exec.LocalSource.
func (l *localScan) Next(context.Context) (*vector.Batch, error) {
	l.batch.Reset()
	for l.left == 0 {
		l.unpin()
		part, number := l.s.take()
		if part == nil {
			return nil, nil
		}
		b, err := part.PinBlock(number, memory.Held)
		if err != nil {
			return nil, err
		}
		l.part, l.block, l.row, l.left = part, b, b.First, b.N
	}
	n := min(l.left, l.batch.Cap())
	width := memory.Ref(l.s.t.layout.Width())
	for i := range l.refs[:n] {
		l.refs[i] = l.row + memory.Ref(i)*width
	}
	n, err := l.s.t.layout.Gather(l.refs[:n], l.batch, 0, l.s.columns)
	if err != nil {
		return nil, err
	}
	l.batch.Len = n
	l.row += memory.Ref(n) * width
	l.left -= n
	return l.batch, nil
}

func (l *localScan) unpin() {
	if l.part != nil {
		l.part.UnpinBlock(l.block, memory.ReuseSoon)
		l.part = nil
	}
}

// Pause implements exec.LocalSource.
func (l *localScan) Pause() error { return nil }

// Close implements exec.LocalSource.
func (l *localScan) Close() error {
	l.batch.Close()
	l.unpin()
	l.s.t.o.Account.Free(l.places)
	l.places = memory.Page{}
	return nil
}
