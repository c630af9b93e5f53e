package apply

import (
	"context"
	"errors"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Apply joins each left row with what the inner plan gives for it.
type Apply struct {
	o       Options
	results *results
}

var _ exec.Operator = (*Apply)(nil)

// New takes nothing of the account yet.
func New(o Options) *Apply {
	a := &Apply{o: o}
	a.results = newResults(&a.o)
	return a
}

// Sink is the end of the inner plan.
func (a *Apply) Sink() exec.Sink { return sink{a.results} }

// Close implements exec.Operator.
func (a *Apply) Close() error {
	a.results.close()
	return nil
}

// NewLocal implements exec.Operator.
func (a *Apply) NewLocal(w *exec.Worker) (exec.LocalOperator, error) {
	if w.ID != 0 {
		return nil, sqlerr.AssertionError("several workers before an apply")
	}
	o := &a.o
	l := &local{a: a, w: w, keys: rows.NewRowKeys(o.keyTypes())}
	var err error
	if l.right, err = vector.NewBatch(o.Account, o.Right, o.capacity(), 0); err != nil {
		return nil, err
	}
	if l.out, err = vector.NewBatch(o.Account, nil, o.capacity(), 0); err != nil {
		return nil, l.failed(err)
	}
	if l.eval, err = expr.NewEvaluator(o.Account, o.Params, o.LeftCapacity, o.Env); err != nil {
		return nil, l.failed(err)
	}
	if err := a.results.open(); err != nil {
		return nil, l.failed(err)
	}
	l.cols = make([]vector.Vector, len(o.Left)+len(o.Right))
	return l, nil
}

// The states of a left batch.
const (
	// stateNew: the next Execute brings a new left batch; then stateRows.
	stateNew = iota
	// stateRows: left rows with at most one inner row are paired, each at its own place in the batch; one with more is
	// followed by stateMany, the end of the batch by stateNew.
	stateRows
	// stateMany: one left row is paired with batches of inner rows; then stateRows.
	stateMany
)

type local struct {
	a     *Apply
	w     *exec.Worker
	keys  *rows.RowKeys
	eval  *expr.Evaluator
	right *vector.Batch
	out   *vector.Batch // without vectors of its own
	cols  []vector.Vector

	state  int
	next   int // place of the left row in work among those of the batch
	found  bool
	result result // of that row, if found
	params []*vector.Vector
	reader *rows.Reader
}

func (l *local) failed(err error) error {
	if cerr := l.Close(); cerr != nil {
		return cerr
	}
	return err
}

// Close implements exec.LocalOperator.
func (l *local) Close() error {
	l.reader.Close()
	l.reader = nil
	l.eval.Close()
	l.out.Close()
	l.right.Close()
	return l.a.Close()
}

// Flush implements exec.LocalOperator.
func (l *local) Flush(context.Context) (*vector.Batch, error) { return nil, nil }

// Execute implements exec.LocalOperator.
func (l *local) Execute(ctx context.Context, in *vector.Batch) (*vector.Batch, exec.OpResult, error) {
	for {
		switch l.state {
		case stateNew:
			l.next, l.found, l.state = 0, false, stateRows
		case stateRows:
			if err := l.rows(ctx, in); err != nil {
				return nil, exec.NeedMore, err
			}
			more := exec.HaveMore
			if l.state == stateNew {
				more = exec.NeedMore
			}
			if l.out.Rows() > 0 || more == exec.NeedMore {
				return l.out, more, nil
			}
		case stateMany:
			ok, err := l.many(in)
			if err != nil {
				return nil, exec.NeedMore, err
			}
			if ok {
				return l.out, exec.HaveMore, nil
			}
		}
	}
}

func rowAt(b *vector.Batch, i int) uint16 {
	if b.Sel != nil {
		return b.Sel[i]
	}
	return uint16(i)
}

// rows pairs left rows until the end of the batch, one with many inner rows, or one for which there is no memory beside
// those before it.
func (l *local) rows(ctx context.Context, in *vector.Batch) error {
	l.right.Reset()
	sel := l.out.SelRoom()[:0]
	l.out.Len, l.out.Sel = in.Len, sel
	var err error
	if l.params, err = l.eval.Eval(in); err != nil {
		return err
	}
	l.state = stateNew
	for n := in.Rows(); l.next < n; l.next++ {
		i := rowAt(in, l.next)
		if !l.found {
			if l.result, err = l.look(ctx, in, i); err != nil {
				return err
			}
			l.found = true
		}
		switch {
		case l.result.count > 1:
			l.state = stateMany
		case l.result.count == 1:
			err = l.one(int(i))
		case l.a.o.OuterJoin:
			for _, v := range l.right.Cols {
				v.SetNull(int(i))
			}
		}
		if errors.Is(err, sqlerr.ErrNoSurplus) && len(sel) > 0 {
			l.state = stateRows // with this row again
			break
		}
		if err != nil {
			return rows.Final(err)
		}
		if l.state == stateMany {
			break
		}
		if l.result.count == 1 || l.a.o.OuterJoin {
			sel = append(sel, i)
		}
		l.found = false
	}
	for c, v := range in.Cols {
		l.cols[c] = *v
	}
	l.give(len(in.Cols), in.Len, sel)
	return nil
}

// give makes the output of the left columns, which are set, and the inner ones.
func (l *local) give(left, n int, sel []uint16) {
	for c, v := range l.right.Cols {
		l.cols[left+c] = *v
	}
	l.out.Cols = l.out.Cols[:0]
	for i := range l.cols {
		l.out.Cols = append(l.out.Cols, &l.cols[i])
	}
	l.out.Len, l.out.Sel = n, sel
}

// look finds or computes the inner rows for left row i.
func (l *local) look(ctx context.Context, in *vector.Batch, i uint16) (result, error) {
	o, r := &l.a.o, l.a.results
	var key []byte
	if r.known != nil {
		var err error
		if key, err = l.keys.Key(in.Base(), l.params, i); err != nil {
			return result{}, err
		}
		if out, ok, err := r.find(key); ok || err != nil {
			return out, err
		}
	}
	if ctx.Err() != nil {
		return result{}, context.Cause(ctx)
	}
	for k, v := range l.params {
		o.Inner.Outer[o.Slots[k]] = v.Datum(in.Base(), v.Index(int(i)))
	}
	if o.Profile != nil {
		o.Profile.Note("runs", 1)
	}
	return r.run(ctx, l.w, key)
}

// one puts the only inner row to row i.
func (l *local) one(i int) error {
	r := l.a.results.rows.ReadFrom(l.result.at, memory.Held, false)
	defer r.Close()
	var ref [1]memory.Ref
	if _, err := r.Rows(ref[:]); err != nil {
		return err
	}
	return l.a.results.layout.CopyRow(l.a.o.Account, ref[0], l.right, i)
}

// many gives the next inner rows of the left row in work; false at their end.
func (l *local) many(in *vector.Batch) (bool, error) {
	l.right.Reset()
	if l.reader == nil {
		l.reader = l.a.results.rows.ReadFrom(l.result.at, memory.Held, false)
	}
	if l.result.count > 0 {
		refs := l.a.results.refs[:min(int64(l.right.Cap()), l.result.count)]
		if _, err := l.reader.Next(l.right, refs); err != nil {
			return false, err
		}
	}
	n := l.right.Len
	if n == 0 {
		l.reader.Close()
		l.reader = nil
		l.next, l.found, l.state = l.next+1, false, stateRows
		return false, nil
	}
	l.result.count -= int64(n)
	i := rowAt(in, l.next)
	for c, v := range in.Cols {
		l.cols[c] = v.Row(int(i))
	}
	l.give(len(in.Cols), n, nil)
	return true, nil
}
