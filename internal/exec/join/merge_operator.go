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

type mergeOperator struct{ *Merge }

var _ exec.Operator = mergeOperator{}

// Close implements exec.Operator: what is shared is closed by Merge.Close.
func (o mergeOperator) Close() error { return nil }

// mergeScratch is what is known of the rows of a left batch, and of pairs. It lies in a page.
type mergeScratch struct {
	match  [vector.MaxRows]uint8
	null   [vector.MaxRows]uint8 // a key is NULL
	value  [vector.MaxRows]int64 // LeftOuterSemi's column
	known  [vector.MaxRows]uint8 // its null bytes: all 0
	sel    [vector.MaxRows]uint16
	pair   [rows.ChunkRows]uint16 // the left row of each pair
	pairTo [rows.ChunkRows]memory.Ref
	refs   [rows.ChunkRows]memory.Ref // of the cursor
}

// NewLocal implements exec.Operator.
func (o mergeOperator) NewLocal(w *exec.Worker) (exec.LocalOperator, error) {
	if w.Workers > 1 {
		return nil, sqlerr.AssertionError("a merge join has %d workers", w.Workers)
	}
	l := &mergeLocal{m: o.Merge, cols: make([]vector.Vector, o.o.LeftOut+max(len(o.given), 1))}
	if err := l.open(o.o.Account); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// The states of a left batch.
const (
	// mergeNew: the next Execute brings a new left batch; then mergeRun.
	mergeNew = iota
	// mergeRun: the next left rows with equal keys, the run, are found; then mergeSeek; at the end of the batch
	// mergeTail.
	mergeRun
	// mergeSeek: right rows with smaller keys are passed; then mergePair, or mergeRun if the run has no group.
	mergeSeek
	// mergePair: the run is paired with the rows of its group that lie in the chunk; then mergeMore if the group may go
	// on behind it, else mergeRun.
	mergePair
	// mergeMore: the next chunk is read; then mergePair if the group goes on, else mergeRun.
	mergeMore
	// mergeTail: left rows that the join type decides by their matches are given; then mergeNew.
	mergeTail
)

// mergeLocal is the worker's state.
type mergeLocal struct {
	m      *Merge
	page   memory.Page
	s      *mergeScratch
	cursor mergeCursor
	left   *vector.Batch // left columns of pairs
	right  *vector.Batch // right columns of pairs
	out    *vector.Batch // without vectors of its own
	cols   []vector.Vector
	eval   *expr.Evaluator

	state int
	sel   []uint16         // the rows of the batch
	keys  []*vector.Vector // of the batch
	own   []vector.Vector  // what keys points to
	from  int              // the run, by positions in sel
	to    int
	group rows.Position // where the group of the latest run begins, or would
	row   int           // of the run: the next one to be paired
	col   int           // of the chunk: with this one
	end   int           // of the group's rows in the chunk

	n      int  // pairs that wait to be given
	given  int  // those of them that were
	giving bool // the others must be, before the state goes on
	most   int  // so many at a time: fewer where surplus for the conditions' strings is refused
}

func (l *mergeLocal) open(acct *memory.Account) (err error) {
	o := &l.m.o
	if l.page, err = acct.Alloc(int(unsafe.Sizeof(mergeScratch{})), memory.Held); err != nil {
		return err
	}
	l.s = (*mergeScratch)(acct.Base().At(l.page.Ref))
	clear(l.s.known[:])
	l.cursor = mergeCursor{m: l.m, refs: l.s.refs[:]}
	if l.cursor.keys, err = vector.NewBatch(acct, l.m.keys, rows.ChunkRows, arenaBytes); err != nil {
		return err
	}
	if l.left, err = vector.NewBatch(acct, o.Left[:o.LeftOut], l.m.capacity, arenaBytes); err != nil {
		return err
	}
	if l.right, err = vector.NewBatch(acct, l.m.given, l.m.capacity, arenaBytes); err != nil {
		return err
	}
	if l.out, err = vector.NewBatch(acct, nil, l.m.capacity, 0); err != nil {
		return err
	}
	l.own, l.keys = make([]vector.Vector, len(o.Keys)), make([]*vector.Vector, len(o.Keys))
	for i := range l.own {
		l.keys[i] = &l.own[i]
	}
	l.eval, err = expr.NewEvaluator(acct, o.Conds, l.m.capacity, o.Env)
	return err
}

// Flush implements exec.LocalOperator.
func (l *mergeLocal) Flush(context.Context) (*vector.Batch, error) { return nil, nil }

// Close implements exec.LocalOperator.
func (l *mergeLocal) Close() error {
	l.close()
	return nil
}

// close gives everything back. Repeatable.
func (l *mergeLocal) close() {
	l.cursor.keys.Close()
	l.cursor.reader.Close()
	l.cursor.reader = nil
	l.left.Close()
	l.right.Close()
	l.out.Close()
	if l.eval != nil {
		l.eval.Close()
	}
	l.m.o.Account.Free(l.page)
	l.page = memory.Page{}
}

// Execute joins a batch of left rows.
func (l *mergeLocal) Execute(ctx context.Context, in *vector.Batch) (*vector.Batch, exec.OpResult, error) {
	for {
		if l.giving {
			if ctx.Err() != nil {
				return nil, exec.NeedMore, context.Cause(ctx)
			}
			if err := l.give(in); err != nil {
				return nil, exec.NeedMore, err
			}
			if l.m.emits() && l.out.Rows() > 0 {
				return l.out, exec.HaveMore, nil
			}
			continue
		}
		var err error
		switch l.state {
		case mergeNew:
			l.begin(in)
		case mergeRun:
			l.run(in)
		case mergeSeek:
			err = l.seek(ctx, in)
		case mergePair:
			l.pair(in)
		case mergeMore:
			err = l.more(ctx, in)
		case mergeTail:
			l.state = mergeNew
			return l.tail(in), exec.NeedMore, nil
		}
		if err != nil {
			return nil, exec.NeedMore, err
		}
	}
}

// begin prepares a batch of left rows. Its first ones may have the keys of the last ones of the batch before.
func (l *mergeLocal) begin(in *vector.Batch) {
	l.state, l.to, l.most = mergeRun, 0, l.m.capacity
	if l.sel = in.Sel; l.sel == nil {
		l.sel = rows.All(in.Len)
	}
	s := l.s
	clear(s.match[:in.Len])
	clear(s.null[:in.Len])
	for i, k := range l.m.o.Keys {
		v := l.keys[i]
		*v = *in.Cols[k.Left]
		v.Type = k.Type
		if k.NullSafe || v.NoNulls {
			continue
		}
		for _, row := range l.sel {
			s.null[row] |= v.Null[v.Index(int(row))]
		}
	}
	l.cursor.rewind(l.group)
}

// run finds the next left rows with equal keys.
func (l *mergeLocal) run(in *vector.Batch) {
	l.from = l.to
	for l.from < len(l.sel) && l.s.null[l.sel[l.from]] != 0 {
		l.from++
	}
	if l.from == len(l.sel) {
		l.state, l.giving = mergeTail, l.n > 0
		return
	}
	l.state = mergeSeek
	for l.to = l.from + 1; l.to < len(l.sel); l.to++ {
		row := l.sel[l.to]
		if l.s.null[row] != 0 ||
			compareKeys(in.Base(), l.m.o.Keys, l.keys, int(row), l.keys, int(l.sel[l.from])) != 0 {
			return
		}
	}
}

// compare compares a right row of the chunk with the run.
func (l *mergeLocal) compare(in *vector.Batch, right int) int {
	return compareKeys(in.Base(), l.m.o.Keys, l.cursor.keys.Cols, right, l.keys, int(l.sel[l.from]))
}

// seek passes right rows that are smaller than the run.
func (l *mergeLocal) seek(ctx context.Context, in *vector.Batch) error {
	c := &l.cursor
	for {
		for ; c.at < c.n; c.at++ {
			sign := l.compare(in, c.at)
			if sign < 0 {
				continue
			}
			l.group, l.state = c.position(), mergeRun
			if sign == 0 {
				l.start()
			}
			return nil
		}
		if l.n > 0 { // pairs of the chunk that is about to go
			l.giving = true
			return nil
		}
		more, err := l.load(ctx)
		if err != nil {
			return err
		}
		if !more {
			l.group, l.state = c.position(), mergeRun
			return nil
		}
	}
}

func (l *mergeLocal) load(ctx context.Context) (bool, error) {
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	return l.cursor.load()
}

// start begins to pair the run with the chunk's rows from the next one on, which is of the group.
func (l *mergeLocal) start() {
	l.state, l.row, l.col, l.end = mergePair, l.from, l.cursor.at, l.cursor.at
}

// pair pairs the run with rows of the chunk, as many as there is room for.
func (l *mergeLocal) pair(in *vector.Batch) {
	c, s := &l.cursor, l.s
	if !l.m.pairs() { // one match is enough
		for _, row := range l.sel[l.from:l.to] {
			s.match[row] = 1
		}
		l.state = mergeRun
		return
	}
	if l.end == c.at {
		for l.end++; l.end < c.n && l.compare(in, l.end) == 0; l.end++ {
		}
	}
	emits := l.m.emits()
	for ; l.row < l.to; l.row, l.col = l.row+1, c.at {
		row := l.sel[l.row]
		if !emits && s.match[row] != 0 {
			continue
		}
		for ; l.col < l.end; l.col++ {
			if l.n == l.m.capacity {
				l.giving = true
				return
			}
			s.pair[l.n], s.pairTo[l.n] = row, c.refs[l.col]
			l.n++
		}
	}
	if c.at = l.end; c.at == c.n {
		l.state = mergeMore
	} else {
		l.state = mergeRun
	}
}

// more goes on with the group in the next chunk.
func (l *mergeLocal) more(ctx context.Context, in *vector.Batch) error {
	if l.n > 0 { // pairs of the chunk that is about to go
		l.giving = true
		return nil
	}
	more, err := l.load(ctx)
	if err != nil {
		return err
	}
	if l.state = mergeRun; more && l.compare(in, 0) == 0 {
		l.start()
	}
	return nil
}

// give makes a batch of the next pairs that satisfy the conditions. It ends when none is left.
func (l *mergeLocal) give(in *vector.Batch) error {
	l.out.Len, l.out.Sel = 0, nil
	l.right.Reset()
	if l.given == l.n {
		l.giving, l.given, l.n = false, 0, 0
		return nil
	}
	n, err := l.candidates(in)
	for errors.Is(err, sqlerr.ErrNoSurplus) && n > 1 {
		l.most = (n + 1) / 2
		n, err = l.candidates(in)
	}
	if err != nil {
		return rows.Final(err)
	}
	done := l.s.pair[l.given : l.given+n]
	l.given += n
	if l.out.Sel == nil {
		for _, row := range done {
			l.s.match[row] = 1
		}
	}
	for _, i := range l.out.Sel {
		l.s.match[done[i]] = 1
	}
	return nil
}

// candidates puts the next n pairs into out, with those selected that satisfy the conditions.
func (l *mergeLocal) candidates(in *vector.Batch) (n int, err error) {
	s, o := l.s, &l.m.o
	l.right.Reset()
	n = min(l.n-l.given, l.most)
	if n, err = l.m.layout.Gather(s.pairTo[l.given:l.given+n], l.right, 0, l.m.output); err != nil {
		return 0, err
	}
	l.out.Cols, l.out.Len, l.out.Sel = l.out.Cols[:0], n, nil
	for c := range o.LeftOut {
		v := l.left.Own(c)
		v.Take(in.Cols[c], s.pair[l.given:l.given+n])
		l.out.Cols = append(l.out.Cols, v)
	}
	l.out.Cols = append(l.out.Cols, l.right.Cols...)
	if len(o.Conds) > 0 {
		err = l.eval.Filter(l.out)
	}
	return n, err
}

// tail gives the rows of the batch that their matches decide; nil: none.
func (l *mergeLocal) tail(in *vector.Batch) *vector.Batch {
	o, s := &l.m.o, l.s
	var wanted uint8
	switch o.Type {
	case physical.InnerJoin:
		return nil
	case physical.SemiJoin:
		wanted = 1
	case physical.LeftJoin, physical.AntiJoin, physical.LeftOuterSemi:
	}
	n := 0
	for _, row := range l.sel {
		if o.Type == physical.LeftOuterSemi {
			s.value[row] = int64(s.match[row])
		} else if s.match[row] != wanted {
			continue
		}
		s.sel[n] = row
		n++
	}
	if n == 0 {
		return nil
	}
	l.out.Cols = l.out.Cols[:0]
	for c := range o.LeftOut {
		l.cols[c] = *in.Cols[c]
		l.out.Cols = append(l.out.Cols, &l.cols[c])
	}
	extra := l.cols[o.LeftOut:]
	switch o.Type {
	case physical.LeftJoin:
		for c := range l.m.given {
			extra[c] = vector.NullRow(l.right.Own(c))
			l.out.Cols = append(l.out.Cols, &extra[c])
		}
	case physical.LeftOuterSemi:
		extra[0] = vector.Vector{Type: types.NewBigInt(), I64: s.value[:in.Len], Null: s.known[:in.Len]}
		l.out.Cols = append(l.out.Cols, &extra[0])
	}
	l.out.Len, l.out.Sel = in.Len, s.sel[:n]
	return l.out
}
