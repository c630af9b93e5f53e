package scan

import (
	"bytes"
	"context"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/plan/physical"
)

const (
	// fewestListed is how many morsels are worth a list: a single key is got faster than sought.
	fewestListed = 4
	// mostListed bounds the morsels that a worker takes at once.
	mostListed = 256
)

// listed says if workers take several morsels at a time, in ascending order, to read them in one pass.
func (t *Table) listed() bool {
	n := t.o.Node
	return !n.Reverse && n.Lock == physical.LockNone && t.chunk > 1
}

// chunkOf is how many of the node's points or ranges a worker takes at once.
func (t *Table) chunkOf(morsels int) int {
	if morsels < fewestListed {
		return 1
	}
	return min(max(morsels/(t.workers*morselsPerWorker), fewestListed), mostListed)
}

// takeList appends the next morsels to list, whose spans' memory is not used again.
func (t *Table) takeList(list []kv.Span) []kv.Span {
	for len(list) < t.chunk {
		s, ok := t.take()
		if !ok {
			break
		}
		// The ends of ranges over parts of a column's values may be the same.
		if n := len(list); n > 0 && bytes.Compare(s.Start, list[n-1].End) < 0 {
			s.Start = list[n-1].End
		}
		if bytes.Compare(s.Start, s.End) < 0 {
			list = append(list, s)
		}
	}
	return list
}

// listedSpans reads the pairs of several morsels in one pass. The worker has a token while they are in flight.
type listedSpans struct {
	flight // without an iterator: between lists
	t      *Table
	list   []kv.Span
	first  int // most pairs of each; 0: all
}

var (
	_ filler   = (*listedSpans)(nil)
	_ kv.Spans = (*listedSpans)(nil)
)

// Len implements kv.Spans.
func (s *listedSpans) Len() int { return len(s.list) }

// Span implements kv.Spans.
func (s *listedSpans) Span(i int) kv.Span { return s.list[i] }

func (s *listedSpans) fill(ctx context.Context, p *pairPage, maxPairs int) (bool, error) {
	for {
		if s.it == nil {
			if ok, err := s.open(ctx, s.next); err != nil || !ok {
				return false, err
			}
		}
		ok, err := s.it.NextBatch(ctx, &p.pairs, maxPairs)
		if err != nil || ok {
			return ok, err
		}
		if err := s.close(); err != nil {
			return false, err
		}
	}
}

// next begins the next list; nil: there is none.
func (s *listedSpans) next() (kv.Iterator, error) {
	if s.list = s.t.takeList(s.list[:0]); len(s.list) == 0 {
		return nil, nil
	}
	return s.t.reader.ScanSpans(s.t.o.Account, s, kv.ScanOptions{First: s.first})
}
