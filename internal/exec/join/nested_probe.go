package join

import (
	"context"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

type probe struct{ n *NestedLoop }

func (p probe) Close() error { return nil }

func (p probe) NewLocal(*exec.Worker) (exec.LocalOperator, error) {
	o := &p.n.o
	l := &localProbe{n: p.n, cols: make([]vector.Vector, len(o.Left)+len(o.Right))}
	var err error
	if l.right, err = vector.NewBatch(o.Account, o.Right, o.RightCapacity, 0); err != nil {
		return nil, err
	}
	if l.out, err = vector.NewBatch(o.Account, nil, o.capacity(), 0); err != nil {
		return nil, closed(l, err)
	}
	if l.eval, err = expr.NewEvaluator(o.Account, o.Conds, o.capacity(), o.Env); err != nil {
		return nil, closed(l, err)
	}
	if l.notes, err = o.Account.Alloc(o.notesBytes(), memory.Held); err != nil {
		return nil, closed(l, err)
	}
	base, at := o.Account.Base(), l.notes.Ref
	l.refs = memory.Slice[memory.Ref](base, at, o.RightCapacity)
	at += memory.Ref(8 * o.RightCapacity)
	l.value = memory.Slice[int64](base, at, o.LeftCapacity)
	at += memory.Ref(8 * o.LeftCapacity)
	l.sel = memory.Slice[uint16](base, at, o.LeftCapacity)
	at += memory.Ref(2 * o.LeftCapacity)
	l.match = memory.Bytes(base, at, o.LeftCapacity)
	l.unknown = memory.Bytes(base, at+memory.Ref(o.LeftCapacity), o.LeftCapacity)
	return l, nil
}

func closed(l *localProbe, err error) error {
	if cerr := l.Close(); cerr != nil {
		return cerr
	}
	return err
}

// The states of a left batch.
const (
	// probeNew: the next Execute brings a new left batch; then probeScan.
	probeNew = iota
	// probeScan: right batches are read; in each, every left or every right row is paired with all of the other side.
	// At the end of the right side follows probeTail.
	probeScan
	// probeTail: left rows that the join type decides by their matches are given; then probeNew.
	probeTail
)

// localProbe is one worker's state.
type localProbe struct {
	n     *NestedLoop
	right *vector.Batch // rows of the right side
	out   *vector.Batch // without vectors of its own
	cols  []vector.Vector
	eval  *expr.Evaluator
	notes memory.Page

	refs    []memory.Ref
	sel     []uint16
	match   []uint8 // left row has a match
	unknown []uint8 // left row has a pair for which the predicate is NULL
	value   []int64 // LeftOuterSemi's column

	state  int
	parts  exec.Parts // of the pairs that are judged
	again  bool       // some of them are still to be
	coll   int        // collection that reader reads
	reader *rows.Reader
	fixed  int  // the next constant row: of the left batch if byLeft, else of the right one; -1: a new right batch
	byLeft bool // the left row is the constant one
}

func (l *localProbe) Flush(context.Context) (*vector.Batch, error) { return nil, nil }

func (l *localProbe) Close() error {
	l.reader.Close()
	l.reader = nil
	if l.eval != nil {
		l.eval.Close()
	}
	l.out.Close()
	l.right.Close()
	l.n.o.Account.Free(l.notes)
	l.notes = memory.Page{}
	return nil
}

func (l *localProbe) Execute(ctx context.Context, in *vector.Batch) (*vector.Batch, exec.OpResult, error) {
	for {
		switch l.state {
		case probeNew:
			l.begin(in)
		case probeScan:
			more, err := l.pair(in)
			if err != nil {
				return nil, exec.NeedMore, err
			}
			if !more {
				l.state = probeTail
				continue
			}
			if l.emits() && l.out.Rows() > 0 {
				return l.out, exec.HaveMore, nil
			}
			if ctx.Err() != nil {
				return nil, exec.NeedMore, context.Cause(ctx)
			}
		case probeTail:
			l.state = probeNew
			return l.tail(in), exec.NeedMore, nil
		}
	}
}

// emits says if pairs themselves are output.
func (l *localProbe) emits() bool {
	return l.n.o.Type == physical.InnerJoin || l.n.o.Type == physical.LeftJoin
}

func (l *localProbe) begin(in *vector.Batch) {
	l.state, l.coll, l.fixed = probeScan, 0, -1
	clear(l.match[:in.Len])
	clear(l.unknown[:in.Len])
}

// pair makes the next output batch of pairs that satisfy the predicate, and notes which left rows have one; false at
// the end of the right side. Where surplus for the predicate's strings is refused, it is a part of the pairs.
func (l *localProbe) pair(in *vector.Batch) (bool, error) {
	for l.fixed < 0 {
		more, err := l.nextRight()
		if err != nil || !more {
			return false, err
		}
		// The longer side is the vector, so that batches are full.
		l.byLeft = l.right.Len >= in.Rows()
		l.fixed = 0
	}
	var left uint16
	if l.byLeft {
		left = rowAt(in, l.fixed)
	}
	if !l.again {
		l.pairs(in, left)
	}
	l.bind() // what is above may have turned the columns away
	var err error
	l.again, err = l.parts.Run(l.out, func() error { return l.judge(left) })
	if err != nil || l.again {
		return true, err
	}
	l.fixed++
	if l.byLeft && l.fixed >= in.Rows() || !l.byLeft && l.fixed >= l.right.Len {
		l.fixed = -1
	}
	return true, nil
}

// pairs makes out all pairs of the next constant row, which is left if it is a left one.
func (l *localProbe) pairs(in *vector.Batch, left uint16) {
	if l.byLeft {
		l.constant(0, in, int(left))
		l.vectors(len(l.n.o.Left), l.right)
		l.out.Len, l.out.Sel = l.right.Len, nil
	} else {
		l.vectors(0, in)
		l.constant(len(l.n.o.Left), l.right, l.fixed)
		l.out.Len, l.out.Sel = in.Len, in.Sel
	}
}

func rowAt(b *vector.Batch, i int) uint16 {
	if b.Sel != nil {
		return b.Sel[i]
	}
	return uint16(i)
}

// nextRight reads the next right batch; false at the end, where reading begins anew.
func (l *localProbe) nextRight() (bool, error) {
	for list := l.n.right.List(); l.coll < len(list); {
		if l.reader == nil {
			l.reader = list[l.coll].Read(memory.Held, false)
		}
		more, err := l.reader.Next(l.right, l.refs)
		if err != nil {
			return false, err
		}
		if more {
			return true, nil
		}
		l.reader.Close()
		l.reader = nil
		l.coll++
	}
	return false, nil
}

// constant makes row i of b the output's constant columns from column at on.
func (l *localProbe) constant(at int, b *vector.Batch, i int) {
	for c, v := range b.Cols {
		l.cols[at+c] = v.Row(i)
	}
}

// vectors makes the columns of b the output's from column at on.
func (l *localProbe) vectors(at int, b *vector.Batch) {
	for c, v := range b.Cols {
		l.cols[at+c] = *v
	}
}

func (l *localProbe) bind() {
	l.out.Cols = l.out.Cols[:0]
	for i := range l.cols {
		l.out.Cols = append(l.out.Cols, &l.cols[i])
	}
}

// judge evaluates the predicate over the pairs in out, leaves those that satisfy it, and notes the matches of left
// rows; left is the left row if it is the constant one.
func (l *localProbe) judge(left uint16) error {
	if l.n.o.Type == physical.LeftOuterSemi {
		return l.judgeUnknown(left)
	}
	if len(l.n.o.Conds) > 0 {
		if err := l.eval.Filter(l.out); err != nil {
			return err
		}
	}
	if l.n.o.Type == physical.InnerJoin {
		return nil
	}
	switch {
	case l.out.Rows() == 0:
	case l.byLeft:
		l.match[left] = 1
	case l.out.Sel == nil:
		for i := range l.match[:l.out.Len] {
			l.match[i] = 1
		}
	default:
		for _, i := range l.out.Sel {
			l.match[i] = 1
		}
	}
	return nil
}

// judgeUnknown notes matches where a NULL predicate counts as unknown.
func (l *localProbe) judgeUnknown(left uint16) error {
	vs, err := l.eval.Eval(l.out)
	if err != nil {
		return err
	}
	for k := range l.out.Rows() {
		i := int(rowAt(l.out, k))
		row := left
		if !l.byLeft {
			row = uint16(i)
		}
		// The conjunction is false if one condition is, else NULL if one is.
		match, unknown := uint8(1), uint8(0)
		for _, v := range vs {
			switch j := v.Index(i); {
			case v.Null[j] != 0:
				match, unknown = 0, unknown|1
			case !truth(v, j):
				match, unknown = 0, 2
			}
		}
		l.match[row] |= match
		if unknown == 1 {
			l.unknown[row] = 1
		}
	}
	return nil
}

// truth reads a predicate's value.
func truth(v *vector.Vector, i int) bool {
	switch v.Type.Phys() {
	case types.PhysUint64:
		return v.U64[i] != 0
	case types.PhysFloat64:
		return v.F64[i] != 0
	case types.PhysInt64:
		return v.I64[i] != 0
	}
	return false
}

// tail gives the left rows that the matches decide: of the outer, semi and anti joins. nil: none.
func (l *localProbe) tail(in *vector.Batch) *vector.Batch {
	var wanted uint8
	switch l.n.o.Type {
	case physical.InnerJoin:
		return nil
	case physical.LeftOuterSemi:
		return l.verdicts(in)
	case physical.SemiJoin:
		wanted = 1
	case physical.LeftJoin, physical.AntiJoin:
		wanted = 0
	}
	n := 0
	for k := range in.Rows() {
		if i := rowAt(in, k); l.match[i] == wanted {
			l.sel[n] = i
			n++
		}
	}
	if n == 0 {
		return nil
	}
	l.vectors(0, in)
	l.bind()
	if l.n.o.Type == physical.LeftJoin {
		for c := range l.n.o.Right {
			l.cols[len(l.n.o.Left)+c] = vector.NullRow(l.right.Own(c))
		}
	} else {
		l.out.Cols = l.out.Cols[:len(l.n.o.Left)]
	}
	l.out.Len, l.out.Sel = in.Len, l.sel[:n]
	return l.out
}

// verdicts gives all left rows with the column that says if they have a match.
func (l *localProbe) verdicts(in *vector.Batch) *vector.Batch {
	for i := range in.Len {
		l.value[i] = int64(l.match[i])
		l.unknown[i] &^= l.match[i]
	}
	l.vectors(0, in)
	l.cols = append(l.cols[:len(l.n.o.Left)], vector.Vector{
		Type: types.NewBigInt(), I64: l.value[:in.Len], Null: l.unknown[:in.Len],
	})
	l.bind()
	l.cols = l.cols[:len(l.n.o.Left)+len(l.n.o.Right)]
	l.out.Len, l.out.Sel = in.Len, in.Sel
	return l.out
}
