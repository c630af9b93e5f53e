package window

import (
	"slices"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// chunkRows is the most rows that are computed at a time.
const chunkRows = 512

// rowsMost bounds offsets, so that sums with row numbers do not overflow.
const rowsMost = 1 << 62

// Marks of a row in the buffer: what it begins.
const (
	markPeers     = 1 // rows that are equal in the order
	markPartition = 2
)

// plan is what follows from the options. Immutable.
type plan struct {
	Options
	stored []int        // the input's columns that are kept
	layout *rows.Layout // of those, then the mark
	mark   int          // column of the mark
	page   int
	frames []Frame // different ones
	peers  bool    // functions look at the end of a row's peers

	// How far ahead functions look from a row; besides, to the ends of the frames that are ahead.
	whole     bool // to the end of the partition
	peersOnly bool // to the end of its peers
	ahead     int64
}

func newPlan(o Options) *plan {
	p := &plan{Options: o}
	p.Funcs = slices.Clone(o.Funcs)
	for i := range o.Output {
		p.stored = append(p.stored, i)
	}
	keep := func(c int) {
		if !slices.Contains(p.stored, c) {
			p.stored = append(p.stored, c)
		}
	}
	for i := range p.Funcs {
		f := &p.Funcs[i]
		f.N = min(f.N, rowsMost)
		for _, c := range f.Args {
			keep(c)
		}
		p.look(f)
		if f.Frame == nil {
			continue
		}
		frame := *f.Frame
		frame.Start.Rows, frame.End.Rows = min(frame.Start.Rows, rowsMost), min(frame.End.Rows, rowsMost)
		if frame.limited() {
			columns, _, _ := frame.currentColumns()
			for _, c := range columns {
				keep(c)
			}
		}
		if !slices.Contains(p.frames, frame) {
			p.frames = append(p.frames, frame)
		}
		f.Frame = &frame
	}
	columns := append(pickTypes(o.Types, p.stored), types.NewTinyInt().WithNullable(false))
	p.mark = len(p.stored)
	p.layout = rows.NewLayout(columns, 0)
	p.page = p.layout.PageBytes(o.PageBytes)
	return p
}

func pickTypes(t []types.Type, columns []int) []types.Type {
	out := make([]types.Type, len(columns))
	for i, c := range columns {
		out[i] = t[c]
	}
	return out
}

// look notes how far ahead a function looks.
func (p *plan) look(f *Function) {
	switch f.Name {
	case "ntile", "percent_rank":
		p.whole = true
	case "cume_dist":
		p.whole, p.peers = true, true
	case "lead":
		p.ahead = max(p.ahead, f.N)
	}
	if f.Frame == nil {
		return
	}
	end := &f.Frame.End
	switch {
	case end.Kind == expr.UnboundedFollowing:
		p.whole = true
	case f.Frame.Rows && end.Kind == expr.Following:
		p.ahead = max(p.ahead, min(end.Rows, rowsMost))
	case !f.Frame.Rows:
		p.peersOnly = true
	}
	if !f.Frame.Rows {
		p.peers = true
	}
}

// at is the column of the layout that an input's column is.
func (p *plan) at(column int) int { return slices.Index(p.stored, column) }

func (p *plan) atAll(columns []int) []int {
	out := make([]int, len(columns))
	for i, c := range columns {
		out[i] = p.at(c)
	}
	return out
}

// sliding says if an aggregate needs two stacks.
func (f *Function) sliding() bool {
	return f.Frame.Start.Kind != expr.UnboundedPreceding && expr.InverseOf(f.Agg) == nil
}

// inexact says if the order in which rows are added shows in the result's last digits.
func (f *Function) inexact() bool {
	return f.Type.IsFloat() && f.Name != "min" && f.Name != "max"
}

// isExtreme says if f is MIN or MAX of strings.
func (f *Function) isExtreme() bool { return f.Agg == nil && (f.Name == "min" || f.Name == "max") }

// isString says if the function's result is a string: then it is the value of some row.
func (f *Function) isString() bool { return f.Type.Phys() == types.PhysString }

// output is the types of the columns that come out.
func (p *plan) output() []types.Type {
	out := slices.Clone(p.Types[:p.Output])
	for i := range p.Funcs {
		out = append(out, p.Funcs[i].Type)
	}
	return out
}

// capacity is the number of rows of a batch.
func (p *plan) capacity() int { return min(rows.BatchRows(p.output(), p.PageBytes), chunkRows) }

// arena is the size of the arena's held page: a row's strings of functions, of up to 64 KiB each.
func (p *plan) arena() int {
	n := 0
	for i := range p.Funcs {
		if f := &p.Funcs[i]; f.isString() {
			n += textBytes(f.Type)
		}
	}
	return max(memory.PageSize(max(n, 1)), memory.MinPageBytes)
}

// MinBytes is the minimum of the operator; Account may be nil.
func MinBytes(o Options) int64 {
	p := newPlan(o)
	n := vector.BatchBytes(p.output(), p.capacity(), p.arena())
	n += rows.ChangesBytes(pickTypes(o.Types, o.Partition)) + rows.ChangesBytes(pickTypes(o.Types, o.Order))
	// The collection's last block, the block of the batch, and one that is read; the lists of blocks.
	n += 3*int64(p.page) + p.layout.OverflowBytes(p.page) + listBytes
	n += p.readerBytes(p.mark) // of marks
	marks := []types.Type{types.NewTinyInt()}
	n += vector.BatchBytes(marks, chunkRows, 0) + vector.BatchBytes(marks, vector.MaxRows, 0)
	stack := int64(0)
	text := int64(0)
	for i := range p.Funcs {
		f := &p.Funcs[i]
		n += p.functionBytes(f)
		if f.isExtreme() || f.Agg != nil && f.sliding() {
			stack = int64(max(p.page, smallestStack))
		}
		if f.isString() {
			text = p.layout.OverflowBytes(p.page) / 2
		}
	}
	for i := range p.frames {
		f := &p.frames[i]
		if !f.limited() {
			continue
		}
		columns, _, _ := f.currentColumns()
		n += p.readerBytes(p.atAll(columns)...)
		if f.Start.Limited {
			n += p.readerBytes(p.at(f.Key))
		}
		if f.End.Limited {
			n += p.readerBytes(p.at(f.Key))
		}
		if f.ahead() {
			n += p.readerBytes(p.at(f.Key), p.at(f.End.Limit))
			n += vector.BatchBytes([]types.Type{o.Types[f.Key]}, 1, 0)
		}
	}
	return n + stack + text
}

// listBytes are index blocks of the lists of blocks and of overflow blocks, pinned for a moment.
const listBytes = 2 * memory.MinPageBytes

func (p *plan) readerBytes(columns ...int) int64 { return readerBytes(p.layout, columns) }

// functionBytes is what a function holds but for blocks.
func (p *plan) functionBytes(f *Function) int64 {
	columns := p.atAll(f.Args)
	switch {
	case f.isExtreme():
		return extremeBytes(f.Type)
	case f.Agg != nil:
		n := statesBytes(f.Agg)
		if len(columns) > 0 {
			n += 2 * p.readerBytes(columns...)
		}
		if f.sliding() {
			n += slidingBytes(f.Agg)
			if f.inexact() {
				n += p.readerBytes(columns...)
			}
		}
		return n
	case f.isString() || len(columns) == 0:
		return 0
	}
	return int64(len(columns)) * p.readerBytes(columns[0])
}
