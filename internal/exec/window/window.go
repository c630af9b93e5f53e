package window

import (
	"context"
	"errors"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// operator appends the functions' results to rows.
type operator struct{ plan *plan }

var _ exec.Operator = (*operator)(nil)

// New returns the streaming operator; it takes its pages at NewLocal, which is called once.
func New(o Options) exec.Operator { return &operator{newPlan(o)} }

// BatchRows is the most rows of a batch that comes out; Account may be nil.
func BatchRows(o Options) int { return newPlan(o).capacity() }

// Close implements exec.Operator.
func (op *operator) Close() error { return nil }

// NewLocal implements exec.Operator.
func (op *operator) NewLocal(*exec.Worker) (exec.LocalOperator, error) {
	l := &local{plan: op.plan, acct: op.plan.Account, lent: rows.MakePins(op.plan.Account)}
	if err := l.open(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// local is the state of the one worker. Rows are given in chunks, those of one batch: all results but strings are
// computed at once, strings of as many rows as there is room for; the others' come with the next calls.
type local struct {
	plan *plan
	acct *memory.Account
	buf  buffer

	// Of what comes in.
	in        *vector.Batch // being handled
	partition *rows.Changes
	order     *rows.Changes
	marks     [vector.MaxRows]uint8
	markOf    *vector.Batch // the marks of the chunk
	markIn    *vector.Batch // the marks of the batch that comes in
	columns   []*vector.Vector
	refs      [vector.MaxRows]memory.Ref
	lastPeers int64 // the first row of the last peers
	ended     bool

	// Of what goes out. starts are the first rows of the partitions behind the one in work: no more than came with the
	// last batch.
	starts     []int64
	startsRoom []int64 // what starts is a part of
	start      int64   // of the partition in work
	begun      bool    // its first row was given
	next       int64   // the next row
	rows       *cursor // there
	first      cursor  // at the first row of the partition in work, or before it
	pinned     bool    // its block is pinned, for the strings of the batch
	out        *vector.Batch
	chunk      int // rows of out
	given      int // of them that were given

	lookout        *reader // marks, beyond the chunk
	group          int64   // the first row of the last peers in work
	groupEnd       int64   // the end of the last peers that were looked for
	peers, peersTo [chunkRows]int64

	frames   []*frame
	horizons []*horizon
	funcs    []function
	// rewinds undo the reading of strings.
	rewinds []func()
	lent    rows.Pins // of long strings of the rows that were given last
}

func (l *local) open() error {
	p := l.plan
	l.buf = buffer{acct: l.acct, layout: p.layout, rows: rows.NewCollection(l.acct, p.layout, p.page)}
	l.buf.ctx = l.acct.Context()
	l.partition = rows.NewChanges(l.acct, pickTypes(p.Types, p.Partition))
	l.order = rows.NewChanges(l.acct, pickTypes(p.Types, p.Order))
	l.rows = l.buf.cursor()
	var err error
	if l.out, err = vector.NewBatch(l.acct, p.output(), p.capacity(), p.arena()); err != nil {
		return err
	}
	if l.markOf, err = vector.NewBatch(l.acct, []types.Type{types.NewTinyInt()}, chunkRows, 0); err != nil {
		return err
	}
	if l.markIn, err = vector.NewBatch(l.acct, []types.Type{types.NewTinyInt()}, vector.MaxRows, 0); err != nil {
		return err
	}
	l.markIn.Cols[0].NoNulls = true
	if l.lookout, err = l.buf.reader(p.mark); err != nil {
		return err
	}
	l.lookout.loose = true
	for i := range p.frames {
		f := &frame{Frame: p.frames[i], peersOf: &l.peers, peersTo: &l.peersTo}
		l.frames = append(l.frames, f)
		if err := f.open(&l.buf, p.at); err != nil {
			return err
		}
		if f.ahead() {
			if err := l.openHorizon(f); err != nil {
				return err
			}
		}
	}
	for i := range p.Funcs {
		if err := l.openFunction(&p.Funcs[i]); err != nil {
			return err
		}
	}
	return nil
}

func (l *local) openHorizon(f *frame) error {
	p := l.plan
	h := &horizon{desc: f.Desc, key: f.Key, compare: f.compare}
	l.horizons = append(l.horizons, h)
	var err error
	if h.last, err = vector.NewBatch(l.acct, []types.Type{p.Types[f.Key]}, 1, 0); err != nil {
		return err
	}
	if h.reader, err = l.buf.reader(p.at(f.Key), p.at(f.End.Limit)); err != nil {
		return err
	}
	h.loose = true
	return nil
}

// frameOf is the shared frame of a function.
func (l *local) frameOf(f *Function) *frame {
	for _, o := range l.frames {
		if f.Frame != nil && o.Frame == *f.Frame {
			return o
		}
	}
	return nil
}

func (l *local) openFunction(f *Function) error {
	p := l.plan
	columns := p.atAll(f.Args)
	frame := l.frameOf(f)
	switch {
	case f.isExtreme():
		find := &extreme{max: f.Name == "max", frame: frame}
		v := &value{name: f.Name, find: find}
		l.funcs = append(l.funcs, v)
		if err := find.open(&l.buf, columns[0], p.page); err != nil {
			return err
		}
		return v.open(&l.buf, columns[0], -1)
	case f.Agg != nil && f.sliding():
		s := &sliding{frame: frame}
		l.funcs = append(l.funcs, s)
		return s.open(&l.buf, f.Agg, columns, p.page, f.inexact())
	case f.Agg != nil:
		r := &running{frame: frame, inverse: inverse(f)}
		l.funcs = append(l.funcs, r)
		return r.open(&l.buf, f.Agg, columns)
	case len(columns) == 0:
		l.funcs = append(l.funcs, &ranking{name: f.Name, groups: f.N, peers: &l.peers, peersTo: &l.peersTo})
		return nil
	}
	v := &value{name: f.Name, n: f.N, frame: frame}
	l.funcs = append(l.funcs, v)
	other := -1
	if len(columns) > 1 {
		other = columns[1]
	}
	return v.open(&l.buf, columns[0], other)
}

// Execute keeps the rows of in and gives those that can be given.
func (l *local) Execute(ctx context.Context, in *vector.Batch) (*vector.Batch, exec.OpResult, error) {
	l.buf.ctx = ctx
	if l.in == nil {
		l.in = in
		if err := l.keep(in); err != nil {
			return nil, exec.NeedMore, rows.Final(err)
		}
	}
	out, err := l.give()
	if err != nil || out != nil {
		return out, exec.HaveMore, err
	}
	l.in = nil
	return nil, exec.NeedMore, nil
}

// Flush gives the rows that are left.
func (l *local) Flush(ctx context.Context) (*vector.Batch, error) {
	l.buf.ctx, l.ended = ctx, true
	return l.give()
}

// keep appends the rows of a batch to the buffer, with marks of what they begin.
func (l *local) keep(in *vector.Batch) error {
	p := l.plan
	sel := in.Sel
	if sel == nil {
		sel = rows.All(in.Len)
	}
	marks := l.marks[:len(sel)]
	clear(marks)
	if err := l.mark(l.order, in, p.Order, sel, markPeers); err != nil {
		return err
	}
	if err := l.mark(l.partition, in, p.Partition, sel, markPartition); err != nil {
		return err
	}
	l.starts = append(l.startsRoom[:0], l.starts...)
	l.startsRoom = l.starts
	first := l.buf.count()
	for i, m := range marks {
		if m != 0 {
			l.lastPeers = first + int64(i)
		}
		if m == markPartition {
			l.starts = append(l.starts, first+int64(i))
		}
	}
	for _, h := range l.horizons {
		h.came(in, sel[len(sel)-1])
	}
	return l.append(in, sel, marks)
}

func (l *local) mark(c *rows.Changes, in *vector.Batch, columns []int, sel []uint16, mark uint8) error {
	l.columns = l.columns[:0]
	for _, i := range columns {
		l.columns = append(l.columns, in.Cols[i])
	}
	return c.Mark(in.Base(), l.columns, sel, l.marks[:len(sel)], mark)
}

// append copies rows to the buffer. Marks become a column with the rows' positions in the batch.
func (l *local) append(in *vector.Batch, sel []uint16, marks []uint8) error {
	l.columns = l.columns[:0]
	for _, i := range l.plan.stored {
		l.columns = append(l.columns, in.Cols[i])
	}
	column := l.markIn.Cols[0]
	l.columns = append(l.columns, column)
	for i, s := range sel {
		column.I64[s] = int64(marks[i])
	}
	_, err := l.buf.rows.Append(l.columns, sel, l.refs[:])
	return err
}

// ready is the row before which all can be given.
func (l *local) ready() (int64, error) {
	count := l.buf.count()
	if l.ended {
		return count, nil
	}
	last := l.start
	if n := len(l.starts); n > 0 {
		last = l.starts[n-1]
	}
	p := l.plan
	row := count - p.ahead
	switch {
	case p.whole:
		return last, nil
	case p.peersOnly:
		row = min(row, l.lastPeers)
	}
	for _, h := range l.horizons {
		n, err := h.ready(max(last, l.next), l.lastPeers, count)
		if err != nil {
			return 0, err
		}
		row = min(row, n)
	}
	return max(last, row), nil
}

// give returns the next batch; nil: there is none before more rows come.
func (l *local) give() (*vector.Batch, error) {
	if l.given == l.chunk {
		if err := l.compute(); err != nil || l.chunk == 0 {
			return nil, err
		}
	}
	end, err := l.strings()
	if err != nil {
		return nil, err
	}
	l.out.Sel = nil
	l.out.Len = end
	if l.given > 0 {
		l.out.Sel = rows.All(end)[l.given:]
	}
	l.given = end
	return l.out, nil
}

// compute makes the next chunk: rows of one block, and all results but strings. The chunk is empty if no row is ready.
func (l *local) compute() error {
	l.out.Reset()
	l.lent.Release()
	if l.pinned {
		l.rows.unpin()
		l.pinned = false
	}
	l.chunk, l.given = 0, 0
	l.buf.begin(&l.first)
	ready, err := l.ready()
	if err != nil {
		return err
	}
	if l.next >= ready {
		return l.buf.release(l.rows)
	}
	if err := context.Cause(l.buf.ctx); err != nil {
		return err
	}
	ref, n, err := l.rows.pin(l.next)
	if err != nil {
		return err
	}
	l.pinned = true
	if err := l.buf.release(l.rows); err != nil {
		return err
	}
	n = int(min(int64(n), int64(l.out.Cap()), ready-l.next))
	refs := l.buf.places(ref, n)
	if l.plan.Output > 0 {
		if n, err = l.plan.layout.GatherSome(refs, l.out, l.plan.Output); err != nil {
			return err
		}
	}
	l.markOf.Reset()
	if _, err = l.plan.layout.Gather(refs[:n], l.markOf, 0, []int{l.plan.mark}); err != nil {
		return err
	}
	for at := 0; at < n; {
		s := l.segment(at, n)
		if err := l.evaluate(&s); err != nil {
			return err
		}
		at += s.n
	}
	for i, f := range l.funcs {
		if err := f.finish(n, l.out.Cols[l.plan.Output+i]); err != nil {
			return err
		}
	}
	l.chunk = n
	l.next += int64(n)
	return nil
}

// segment is the part of the chunk from at on that lies in one partition.
func (l *local) segment(at, n int) segment {
	row := l.next + int64(at)
	if len(l.starts) > 0 && row == l.starts[0] {
		l.start, l.begun = row, false
		l.starts = l.starts[1:]
		l.first = *l.rows
	}
	s := segment{from: row, at: at, n: n - at, start: l.start, end: l.buf.count(), fresh: !l.begun}
	if len(l.starts) > 0 {
		s.end = l.starts[0]
	}
	s.n = int(min(int64(s.n), s.end-row))
	l.begun = true
	return s
}

// evaluate computes the functions for the rows of a segment.
func (l *local) evaluate(s *segment) error {
	if err := l.findPeers(s); err != nil {
		return err
	}
	for _, f := range l.frames {
		if err := f.segment(s); err != nil {
			return err
		}
	}
	for _, f := range l.funcs {
		if err := f.segment(s); err != nil {
			return err
		}
	}
	return nil
}

// findPeers computes where the peers of each row begin and, if functions want it, end.
func (l *local) findPeers(s *segment) error {
	marks := l.markOf.Cols[0].I64[s.at : s.at+s.n]
	for k, m := range marks {
		if m != 0 {
			l.group = s.from + int64(k)
		}
		l.peers[s.at+k] = l.group
	}
	if !l.plan.peers {
		return nil
	}
	last := s.from + int64(s.n)
	if last > l.groupEnd {
		end := last
		for ; end < s.end; end++ {
			i, err := l.lookout.load(end)
			if err != nil {
				return err
			}
			if l.lookout.batch.Cols[0].I64[i] != 0 {
				break
			}
		}
		l.groupEnd = end
	}
	end := l.groupEnd
	for k := s.n - 1; k >= 0; k-- {
		l.peersTo[s.at+k] = end
		if marks[k] != 0 {
			end = s.from + int64(k)
		}
	}
	return nil
}

// strings copies the strings of functions for as many rows of the chunk as there is room for; it returns where it
// stopped. The room that is held is enough for one row.
func (l *local) strings() (int, error) {
	for end := l.chunk; ; end = l.given + (end-l.given)/2 {
		stop, err := l.copyStrings(end)
		if errors.Is(err, sqlerr.ErrNoSurplus) && end > l.given+1 {
			continue
		}
		return stop, rows.Final(err)
	}
}

// copyStrings copies the strings of rows up to end. What it did is undone where it stops earlier than at the end of the
// chunk.
func (l *local) copyStrings(end int) (int, error) {
	arena := l.out.Arena()
	arena.Reset()
	l.lent.Release()
	l.rewinds = l.rewinds[:0]
	var err error
	for i, f := range l.funcs {
		v, ok := f.(*value)
		if !ok || v.text == nil {
			continue
		}
		v.lent = &l.lent
		var rewind func()
		end, rewind, err = v.strings(l.given, end, l.out.Cols[l.plan.Output+i], arena)
		l.rewinds = append(l.rewinds, rewind)
		if err != nil {
			break
		}
	}
	if end < l.chunk {
		for _, rewind := range l.rewinds {
			rewind()
		}
	}
	return end, err
}

// Close implements exec.LocalOperator.
func (l *local) Close() error {
	if l.pinned {
		l.rows.unpin()
		l.pinned = false
	}
	l.lent.Release()
	l.out.Close()
	l.markOf.Close()
	l.markIn.Close()
	if l.lookout != nil {
		l.lookout.close()
	}
	for _, f := range l.frames {
		f.close()
	}
	for _, h := range l.horizons {
		h.close()
	}
	for _, f := range l.funcs {
		f.close()
	}
	l.frames, l.horizons, l.funcs = nil, nil, nil
	l.partition.Close()
	l.order.Close()
	l.buf.rows.Close()
	return nil
}

// inverse is what removes rows from an aggregate; nil where its frames only grow.
func inverse(f *Function) expr.Inverse {
	if f.Frame.Start.Kind == expr.UnboundedPreceding {
		return nil
	}
	return expr.InverseOf(f.Agg)
}
