package cte

import (
	"context"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/vector"
)

// sortedRound keeps the rows of a round, to look them up in the set of seen rows in the order of their keys. A set that
// is larger than memory is then read once a round, not once a row.
type sortedRound struct {
	sorter  *rows.Sorter
	builder *rows.Builder
}

// sortSpec orders by all columns, as the set does.
func (o *Options) sortSpec() rows.SortSpec {
	s := rows.SortSpec{Types: o.Types, Workers: 1, PageBytes: o.PageBytes, HeldPages: 2}
	for i := range o.Types {
		s.Order = append(s.Order, rows.Order{Column: i})
	}
	return s
}

// sortedBytes is what a sorted round holds.
func (o *Options) sortedBytes() int64 {
	return rows.SortBytes(o.sortSpec()) + vector.BatchBytes(o.Types, o.sortedBatch(), 0)
}

func (o *Options) sortedBatch() int { return min(o.BatchRows, rows.BatchRows(o.Types, o.PageBytes)) }

// sorts says if the coming round is worth sorting: the set was written out, and the round before it has more rows than
// the set has nodes.
func (r *Recursion) sorts() bool {
	return r.seen != nil && !r.o.HasLimit && r.seenAccount.Stats().SpilledBytes > 0 &&
		r.work.kept.List()[0].Rows() > r.seen.PageBytes()/seenPageBytes
}

func (r *Recursion) newSortedRound() (*sortedRound, error) {
	s := &sortedRound{sorter: rows.NewSorter(r.o.Account, r.o.sortSpec())}
	var err error
	s.builder, err = s.sorter.NewBuilder()
	return s, err
}

// each calls f with the rows in order.
func (s *sortedRound) each(ctx context.Context, acct *memory.Account, o *Options, f func(*vector.Batch) error) error {
	if err := s.builder.Finish(); err != nil {
		return err
	}
	out, err := vector.NewBatch(acct, o.Types, o.sortedBatch(), 0)
	if err != nil {
		return err
	}
	defer out.Close()
	refs := make([]memory.Ref, out.Cap())
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := s.sorter.Next(refs)
		if err != nil || n == 0 {
			return err
		}
		for next := refs[:n]; len(next) > 0; {
			out.Reset()
			m, err := s.sorter.Layout().GatherSome(next, out, len(out.Cols))
			if err != nil {
				return err
			}
			out.Len, next = m, next[m:]
			if err := f(out); err != nil {
				return err
			}
		}
	}
}

// close gives everything back.
func (s *sortedRound) close() {
	if s == nil {
		return
	}
	if s.builder != nil {
		s.builder.Close()
	}
	s.sorter.Close()
}
