package join

import (
	"context"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/exec/runtimefilter"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/vector"
)

type hashOperator struct{ *Hash }

var _ exec.Operator = hashOperator{}

// Close implements exec.Operator: what is shared is closed by Hash.Close.
func (o hashOperator) Close() error { return nil }

// NewLocal implements exec.Operator.
func (o hashOperator) NewLocal(w *exec.Worker) (exec.LocalOperator, error) {
	p, err := newProber(o.Hash)
	if err != nil {
		return nil, err
	}
	return &hashLocal{h: o.Hash, p: p, w: w, workers: w.Workers}, nil
}

// hashLocal is one worker's probe.
type hashLocal struct {
	h       *Hash
	p       *prober
	w       *exec.Worker
	workers int

	view    *view // of the batch in work; nil: none is
	at      int   // rows of the batch before this one are done
	chunk   int   // rows in work from there on; 0: none
	aside   *rows.Partitions
	filter  *runtimefilter.Probe // of the batch in work; nil: none
	mixed   *rows.Partitions     // one, of left rows set aside that are not spread; nil: none are
	flushed bool
	rounds  *rounds // of the worker that ends the probe last
}

// Execute joins a batch. It sees one view from its first to its last row: a row is either joined with its partition, or
// set aside whole.
func (l *hashLocal) Execute(ctx context.Context, in *vector.Batch) (*vector.Batch, exec.OpResult, error) {
	if l.view == nil {
		l.surrender()
		l.view, l.at = l.h.enter(), 0
		l.filter = l.h.o.Filter.Enter()
		for i, r := range l.view.parts {
			l.p.tables[i] = nil
			if r != nil {
				l.p.tables[i] = &r.table
			}
		}
	}
	for {
		if l.chunk == 0 {
			if l.at >= in.Rows() {
				l.leave()
				return nil, exec.NeedMore, nil
			}
			if err := l.start(in); err != nil {
				return nil, exec.NeedMore, err
			}
		}
		out, more, err := l.p.next(ctx)
		if err != nil {
			return nil, exec.NeedMore, err
		}
		if !more {
			l.at += l.chunk
			l.chunk = 0
		}
		if out != nil {
			return out, exec.HaveMore, nil
		}
	}
}

// leave ends the use of what a batch sees.
func (l *hashLocal) leave() {
	if l.view != nil {
		l.h.leave(l.view)
		l.filter.Leave()
	}
	l.view, l.filter = nil, nil
}

// surrender gives leases back that are asked for.
func (l *hashLocal) surrender() {
	if !l.h.o.Account.Revoked() {
		return
	}
	l.h.shrink()
	if l.aside != nil && !l.aside.Squeezed() {
		l.aside.Squeeze()
	}
}

// start begins the next chunk: rows of partitions that are not resident are set aside, but for those that the filter
// knows to have no match.
func (l *hashLocal) start(in *vector.Batch) error {
	sel := in.Sel
	if sel == nil {
		sel = rows.All(in.Len)
	}
	sel = sel[l.at:min(len(sel), l.at+rows.ChunkRows)]
	l.chunk = len(sel)
	l.p.begin(in, sel, tailDecide)
	s := l.p.s
	n := 0
	for j := range sel {
		if s.null[j] != 0 {
			continue
		}
		k := rows.PartitionOf(s.hash[j], 0, partitionBits)
		if l.p.tables[k] != nil {
			l.p.start(j, k)
			continue
		}
		if l.filter != nil && !l.filter.Has(s.hash[j]) {
			continue
		}
		s.away[j] = 1
		s.sel[n], s.some[n] = sel[j], s.hash[j]
		n++
	}
	if n == 0 {
		return nil
	}
	return l.setAside().Append(in.Cols, s.sel[:n], s.some[:])
}

// setAside is where left rows go whose partition is not resident: as in hashBuild.
func (l *hashLocal) setAside() *rows.Partitions {
	h := l.h
	if !h.mixed && l.aside == nil {
		l.aside = rows.NewPartitions(h.o.Account, h.left, h.leftPage, 0, partitionBits)
		l.aside.Lease(1)
	}
	if l.aside != nil && !l.aside.Squeezed() {
		return l.aside
	}
	if l.mixed == nil {
		l.mixed = rows.NewPartitions(h.o.Account, h.left, h.leftPage, 0, 0)
	}
	return l.mixed
}

// Flush hands over what was set aside. The last worker to do so joins it, others help.
func (l *hashLocal) Flush(ctx context.Context) (*vector.Batch, error) {
	if !l.flushed {
		l.flushed = true
		role := l.h.arrive(l.aside, l.mixed, l.workers)
		l.aside, l.mixed = nil, nil
		if role == leaves {
			return nil, nil
		}
		r, err := newRounds(l.h, l.w, l.p, role == helps)
		l.rounds = r
		if err != nil {
			return nil, err
		}
	}
	if l.rounds == nil {
		return nil, nil
	}
	return l.rounds.next(ctx)
}

// Close implements exec.LocalOperator.
func (l *hashLocal) Close() error {
	l.rounds.close()
	if !l.flushed || l.rounds != nil && !l.rounds.helper {
		l.h.end() // else others would wait
	}
	l.aside.Close()
	l.mixed.Close()
	l.p.close()
	return nil
}
