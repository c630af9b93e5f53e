package stream

import (
	"context"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Repeat gives each row as often as a BIGINT column says; not at all if that is NULL or not positive. Nothing is
// copied: rows that come a few times are selected again, one that comes often is a batch of constants.
type Repeat struct {
	acct     *memory.Account
	count    int
	capacity int
}

var _ exec.Operator = (*Repeat)(nil)

// NewRepeat returns an operator whose pages are of acct, which it does not own.
func NewRepeat(acct *memory.Account, count, capacity int) *Repeat {
	return &Repeat{acct: acct, count: count, capacity: capacity}
}

// RepeatBytes is the operator's minimum a worker.
func RepeatBytes(capacity int) int64 { return vector.BatchBytes(nil, capacity, 0) }

// often is how many times a row comes to be given as constants.
const often = 16

// NewLocal implements exec.Operator.
func (r *Repeat) NewLocal(*exec.Worker) (exec.LocalOperator, error) {
	b, err := vector.NewBatch(r.acct, nil, r.capacity, 0)
	if err != nil {
		return nil, err
	}
	return &localRepeat{shared: r, out: b}, nil
}

// Close implements exec.Operator.
func (r *Repeat) Close() error { return nil }

type localRepeat struct {
	shared *Repeat
	out    *vector.Batch // without vectors of its own
	cols   []vector.Vector

	pass int64 // times that rows which come a few times were given
	next int   // after these: the place of the next row that comes often
	left int64 // times that it still comes; 0: not begun
}

// Execute implements exec.LocalOperator.
func (l *localRepeat) Execute(_ context.Context, in *vector.Batch) (*vector.Batch, exec.OpResult, error) {
	if l.pass < often {
		sel := l.out.SelRoom()[:0]
		for k := range in.Rows() {
			i := rowAt(in, k)
			if n := l.times(in, i); n > l.pass && n < often {
				sel = append(sel, i)
			}
		}
		if l.pass++; len(sel) == 0 {
			l.pass = often
		}
		l.out.Cols = append(l.out.Cols[:0], in.Cols...)
		l.out.Len, l.out.Sel = in.Len, sel
		return l.out, exec.HaveMore, nil
	}
	for ; l.next < in.Rows(); l.next++ {
		i := rowAt(in, l.next)
		if l.left == 0 {
			if l.left = l.times(in, i); l.left < often {
				l.left = 0
				continue
			}
		}
		n := min(l.left, int64(l.out.Cap()))
		if l.left -= n; l.left == 0 {
			l.next++
		}
		l.constant(in, int(i), int(n))
		return l.out, exec.HaveMore, nil
	}
	l.pass, l.next = 0, 0
	return nil, exec.NeedMore, nil
}

func rowAt(b *vector.Batch, k int) uint16 {
	if b.Sel != nil {
		return b.Sel[k]
	}
	return uint16(k)
}

func (l *localRepeat) times(in *vector.Batch, i uint16) int64 {
	v := in.Cols[l.shared.count]
	at := v.Index(int(i))
	if v.Null[at] != 0 {
		return 0
	}
	return v.I64[at]
}

// constant makes the output n times row i.
func (l *localRepeat) constant(in *vector.Batch, i, n int) {
	l.cols = l.cols[:0]
	for _, v := range in.Cols {
		l.cols = append(l.cols, v.Row(i))
	}
	l.out.Cols = l.out.Cols[:0]
	for c := range l.cols {
		l.out.Cols = append(l.out.Cols, &l.cols[c])
	}
	l.out.Len, l.out.Sel = n, nil
}

// Flush implements exec.LocalOperator.
func (l *localRepeat) Flush(context.Context) (*vector.Batch, error) { return nil, nil }

// Close implements exec.LocalOperator.
func (l *localRepeat) Close() error {
	l.out.Close()
	return nil
}
