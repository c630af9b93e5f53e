package join

import (
	"context"
	"errors"
	"unsafe"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// indexScratch is what is known of a batch of outer rows, and of pairs, within the minimum. It lies in a page.
type indexScratch struct {
	outer [fewestOuter]outerRow
	refs  [rows.ChunkRows]memory.Ref // of the outer rows of pairs, or of rows that are given alone
	pair  [rows.ChunkRows]uint32     // the place of the outer row of each pair
	inner [rows.ChunkRows]uint16     // its row of the inner batch
	value [rows.ChunkRows]int64      // LeftOuterSemi's column
	known [rows.ChunkRows]uint8      // its null bytes: all 0
}

// NewLocal implements exec.Operator.
func (o indexOperator) NewLocal(w *exec.Worker) (exec.LocalOperator, error) {
	l := &indexLocal{x: o.Index}
	if err := l.open(w); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// The states of a worker.
const (
	// indexTake: outer rows are taken; then indexRead when the batch is full, or the input has ended.
	indexTake = iota
	// indexRead: the next inner rows are read; then indexPair, at their end indexTail.
	indexRead
	// indexPair: inner rows are paired with the outer rows of their keys, as many as there is room for; then indexGive,
	// or indexRead if there are no pairs.
	indexPair
	// indexGive: pairs that satisfy the conditions are given; then indexPair.
	indexGive
	// indexTail: outer rows that the join type decides by their matches are given; then indexTake.
	indexTail
)

// indexLocal is one worker's state.
type indexLocal struct {
	x     *Index
	inner LocalInner
	page  memory.Page
	s     *indexScratch
	batch outerBatch
	left  *vector.Batch // outer columns of the output
	right *vector.Batch // inner columns of pairs
	out   *vector.Batch // without vectors of its own
	extra []vector.Vector
	eval  *expr.Evaluator

	state int
	next  int // of the input's rows: the next to be taken

	rows *vector.Batch // inner rows
	of   []int32       // the key of each
	row  int           // of rows: the next one to be paired
	with int           // of the rows of its key: with this one

	n     int // pairs that wait to be given
	given int // those of them that were
	most  int // so many at a time: fewer where surplus for strings is refused
	tail  int // rows of the batch that were looked at for the tail
}

func (l *indexLocal) open(w *exec.Worker) (err error) {
	x, o := l.x, &l.x.o
	acct := o.Account
	if l.inner, err = o.Inner.NewLocal(w); err != nil {
		return err
	}
	if l.page, err = acct.Alloc(int(unsafe.Sizeof(indexScratch{})), memory.Held); err != nil {
		return err
	}
	l.s = (*indexScratch)(acct.Base().At(l.page.Ref))
	clear(l.s.known[:])
	if l.left, err = vector.NewBatch(acct, o.Outer[:o.OuterOut], x.capacity, arenaBytes); err != nil {
		return err
	}
	if l.right, err = vector.NewBatch(acct, x.pairTypes(), x.capacity, arenaBytes); err != nil {
		return err
	}
	if l.out, err = vector.NewBatch(acct, nil, x.capacity, 0); err != nil {
		return err
	}
	if l.eval, err = expr.NewEvaluator(acct, o.Conds, x.capacity, o.Env); err != nil {
		return err
	}
	l.extra = make([]vector.Vector, len(x.extra()))
	l.batch.open(x, l.s.outer[:])
	return nil
}

// Close implements exec.LocalOperator.
func (l *indexLocal) Close() error {
	l.left.Close()
	l.batch.close()
	if l.eval != nil {
		l.eval.Close()
	}
	l.right.Close()
	l.out.Close()
	l.x.o.Account.Free(l.page)
	l.page = memory.Page{}
	if l.inner == nil {
		return nil
	}
	return l.inner.Close()
}

// Execute implements exec.LocalOperator.
func (l *indexLocal) Execute(ctx context.Context, in *vector.Batch) (*vector.Batch, exec.OpResult, error) {
	for {
		if l.state == indexTake {
			if err := l.take(in); err != nil {
				return nil, exec.NeedMore, err
			}
			if !l.batch.full {
				l.next = 0
				return nil, exec.NeedMore, nil
			}
			l.begin()
		}
		more, err := l.join(ctx)
		if err != nil {
			return nil, exec.NeedMore, err
		}
		if more {
			return l.out, exec.HaveMore, nil
		}
	}
}

// Flush implements exec.LocalOperator.
func (l *indexLocal) Flush(ctx context.Context) (*vector.Batch, error) {
	if l.state == indexTake {
		if l.batch.rows() == 0 {
			return nil, nil
		}
		l.begin()
	}
	more, err := l.join(ctx)
	if err != nil || !more {
		return nil, err
	}
	return l.out, nil
}

// take adds the next rows of in to the batch.
func (l *indexLocal) take(in *vector.Batch) error {
	sel := in.Sel
	if sel == nil {
		sel = rows.All(in.Len)
	}
	n, err := l.batch.take(l.inner, in.Cols, in.Base(), sel[l.next:])
	l.next += n
	return err
}

// begin begins to join the batch.
func (l *indexLocal) begin() {
	b, x := &l.batch, l.x
	b.sort()
	x.batches.Add(1)
	x.outer.Add(int64(b.rows()))
	x.keys.Add(int64(b.sorted))
	first := 0
	if x.o.AtMostOne || !x.pairs() && !x.o.Filtered {
		first = 1
	}
	l.inner.Start(b, first)
	l.state, l.most, l.n, l.given, l.tail, l.rows = indexRead, x.capacity, 0, 0, 0, nil
}

// join goes on with the batch until there is output; false: it has ended.
func (l *indexLocal) join(ctx context.Context) (bool, error) {
	for {
		var err error
		switch l.state {
		case indexRead:
			err = l.read(ctx)
		case indexPair:
			err = l.pair()
		case indexGive:
			if err = l.give(); err == nil && l.x.emits() && l.out.Rows() > 0 {
				return true, l.inner.Pause()
			}
		case indexTail:
			var more bool
			if more, err = l.giveTail(); more || err != nil {
				return more, err
			}
			l.left.Reset()
			l.batch.next()
			l.state = indexTake
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// read reads the next inner rows.
func (l *indexLocal) read(ctx context.Context) (err error) {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if l.batch.sorted == 0 {
		l.state = indexTail
		return nil
	}
	l.right.Reset()
	l.rows, l.of, err = l.inner.Next(ctx)
	if err != nil {
		return err
	}
	if l.state = indexPair; l.rows == nil {
		l.state = indexTail
	}
	l.row, l.with = 0, 0
	return nil
}

// pair pairs inner rows with the outer rows of their keys. At the end of the batch of inner rows, keys whose rows all
// have a match are passed over if one match is enough.
func (l *indexLocal) pair() error {
	s, b, emits, pairs := l.s, &l.batch, l.x.emits(), l.x.pairs()
	n := l.rows.Rows()
	for ; l.row < n; l.row, l.with = l.row+1, 0 {
		i := rowOf(l.rows, l.row)
		from, to := b.group(int(l.of[i]))
		for at := from + l.with; at < to; at++ {
			r := &b.list[at]
			switch {
			case !pairs:
				r.matched = true
				continue
			case !emits && r.matched:
				continue
			case l.n == l.x.capacity:
				l.with, l.state = at-from, indexGive
				return nil
			}
			s.pair[l.n], s.inner[l.n], s.refs[l.n] = uint32(at), i, r.row
			l.n++
		}
	}
	if l.n > 0 {
		l.state = indexGive
		return nil
	}
	l.state = indexRead
	if emits || n == 0 {
		return nil
	}
	last := int(l.of[rowOf(l.rows, n-1)])
	from, to := b.group(last)
	for at := from; at < to; at++ {
		if !b.list[at].matched {
			return nil
		}
	}
	return l.inner.Skip(last + 1)
}

// rowOf is the i-th row of b that counts.
func rowOf(b *vector.Batch, i int) uint16 {
	if b.Sel != nil {
		return b.Sel[i]
	}
	return uint16(i)
}

// give makes a batch of the next pairs that satisfy the conditions.
func (l *indexLocal) give() error {
	l.out.Len, l.out.Sel = 0, nil
	if l.given == l.n {
		l.given, l.n, l.state = 0, 0, indexPair
		return nil
	}
	n, err := l.candidates()
	for errors.Is(err, sqlerr.ErrNoSurplus) && n > 1 {
		l.most = (n + 1) / 2
		n, err = l.candidates()
	}
	if err != nil {
		return rows.Final(err)
	}
	done := l.s.pair[l.given : l.given+n]
	l.given += n
	if l.out.Sel == nil {
		for _, at := range done {
			l.batch.list[at].matched = true
		}
	}
	for _, i := range l.out.Sel {
		l.batch.list[done[i]].matched = true
	}
	return nil
}

// candidates puts the next n pairs into out, with those selected that satisfy the conditions.
func (l *indexLocal) candidates() (n int, err error) {
	s := l.s
	l.left.Reset()
	n = min(l.n-l.given, l.most)
	if n, err = l.x.layout.Gather(s.refs[l.given:l.given+n], l.left, 0, nil); err != nil {
		return n, err
	}
	l.out.Len, l.out.Sel = n, nil
	l.out.Cols = append(l.out.Cols[:0], l.left.Cols...)
	for c, v := range l.rows.Cols {
		to := l.right.Own(c)
		to.Take(v, s.inner[l.given:l.given+n])
		l.out.Cols = append(l.out.Cols, to)
	}
	if len(l.x.o.Conds) > 0 {
		err = l.eval.Filter(l.out)
	}
	return n, err
}

// giveTail gives the next rows of the batch that their matches decide; false: there are no more.
func (l *indexLocal) giveTail() (bool, error) {
	x, s, b := l.x, l.s, &l.batch
	kind := x.o.Type
	if kind == physical.InnerJoin {
		return false, nil
	}
	n, from := 0, l.tail
	for ; l.tail < b.rows() && n < l.most; l.tail++ {
		r := b.at(l.tail)
		if kind != physical.LeftOuterSemi && r.matched != (kind == physical.SemiJoin) {
			continue
		}
		s.refs[n], s.pair[n] = r.row, uint32(l.tail)
		if s.value[n] = 0; r.matched {
			s.value[n] = 1
		}
		n++
	}
	if n == 0 {
		return false, nil
	}
	l.left.Reset()
	l.right.Reset()
	k, err := x.layout.Gather(s.refs[:n], l.left, 0, nil)
	switch {
	case errors.Is(err, sqlerr.ErrNoSurplus) && n > 1:
		l.most, l.tail = (n+1)/2, from
		return l.giveTail()
	case err != nil:
		return false, rows.Final(err)
	case k < n:
		l.tail = int(s.pair[k])
	}
	l.out.Len, l.out.Sel = k, nil
	l.out.Cols = append(l.out.Cols[:0], l.left.Cols...)
	for c := range l.extra {
		if kind == physical.LeftOuterSemi {
			l.extra[c] = vector.Vector{Type: types.NewBigInt(), I64: s.value[:k], Null: s.known[:k]}
		} else {
			l.extra[c] = vector.NullRow(l.right.Own(c))
		}
		l.out.Cols = append(l.out.Cols, &l.extra[c])
	}
	return true, nil
}
