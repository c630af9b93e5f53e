package window

import (
	"cmp"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// segment is a part of a chunk of rows that are given together: consecutive rows of one partition.
type segment struct {
	from int64 // number of the first row
	at   int   // its place in the chunk
	n    int
	// start and end are those of the partition; end is only as far as rows came if no function looks as far.
	start, end int64
	fresh      bool // it begins with the partition
}

// frame computes where the frames of a chunk's rows begin and end. Functions with the same frame share it.
type frame struct {
	Frame
	start, end [chunkRows]int64 // by place in the chunk; end is at least start

	// Of RANGE frames with limits: the places that the search has come to, and what reads keys there and limits at the
	// current row.
	from, to         int64
	current          *reader // key, limits
	keyFrom, keyTo   *reader // nil: no such limit
	limFrom, limTo   int     // columns of current
	compare          func(x *vector.Vector, i int, y *vector.Vector, k int) int
	peersOf, peersTo *[chunkRows]int64
}

// limited says if a frame has limits to be searched for.
func (f *Frame) limited() bool { return f.Start.Limited || f.End.Limited }

// currentColumns are those that are read at the current row.
func (f *Frame) currentColumns() (columns []int, limFrom, limTo int) {
	columns = []int{f.Key}
	if f.Start.Limited {
		limFrom = len(columns)
		columns = append(columns, f.Start.Limit)
	}
	if f.End.Limited {
		limTo = len(columns)
		columns = append(columns, f.End.Limit)
	}
	return columns, limFrom, limTo
}

// open makes the readers of a frame with limits.
func (f *frame) open(b *buffer, stored func(int) int) error {
	if !f.limited() {
		return nil
	}
	var columns []int
	columns, f.limFrom, f.limTo = f.currentColumns()
	for i, c := range columns {
		columns[i] = stored(c)
	}
	var err error
	if f.current, err = b.reader(columns...); err != nil {
		return err
	}
	f.current.loose = true
	f.compare = comparison(b.layout.Types()[columns[0]])
	if f.Start.Limited {
		if f.keyFrom, err = b.reader(columns[0]); err != nil {
			return err
		}
	}
	if f.End.Limited {
		f.keyTo, err = b.reader(columns[0])
	}
	return err
}

func (f *frame) close() {
	f.current.close()
	f.keyFrom.close()
	f.keyTo.close()
}

// segment computes the frames of a segment's rows.
func (f *frame) segment(s *segment) error {
	if s.fresh {
		f.from, f.to = s.start, s.start
	}
	for k := range s.n {
		row, at := s.from+int64(k), s.at+k
		key, null, err := f.key(row)
		if err != nil {
			return err
		}
		start, err := f.bound(s, &f.Start, row, at, key, null, true)
		if err != nil {
			return err
		}
		end, err := f.bound(s, &f.End, row, at, key, null, false)
		if err != nil {
			return err
		}
		start = min(max(start, s.start), s.end)
		f.start[at], f.end[at] = start, max(min(end, s.end), start)
	}
	return nil
}

// key is where the current row's key and limits are; null: the key is NULL.
func (f *frame) key(row int64) (at int, null bool, err error) {
	if f.current == nil {
		return 0, false, nil
	}
	at, err = f.current.load(row)
	return at, err == nil && f.current.batch.Cols[0].Null[at] != 0, err
}

// bound is one end of a row's frame: its first row, or the row behind its last.
func (f *frame) bound(s *segment, b *Bound, row int64, at, key int, null, start bool) (int64, error) {
	behind := int64(1)
	if start {
		behind = 0
	}
	switch b.Kind {
	case expr.UnboundedPreceding:
		return s.start, nil
	case expr.UnboundedFollowing:
		return s.end, nil
	case expr.CurrentRow:
		if f.Rows {
			return row + behind, nil
		}
		return f.peers(at, start), nil
	}
	switch {
	case f.Rows && b.Kind == expr.Preceding:
		return row - b.Rows + behind, nil
	case f.Rows:
		return row + b.Rows + behind, nil
	case null:
		// NULL is as far from any value as it can be; its frame is its peers.
		return f.peers(at, start), nil
	case start:
		err := f.search(s, &f.from, f.keyFrom, key, f.limFrom, b.Kind, true)
		return f.from, err
	}
	err := f.search(s, &f.to, f.keyTo, key, f.limTo, b.Kind, false)
	return f.to, err
}

func (f *frame) peers(at int, start bool) int64 {
	if start {
		return f.peersOf[at]
	}
	return f.peersTo[at]
}

// search moves a place on to the first row that is not before the limit, or, for an end, the first that is behind it.
// Limits do not go back from row to row; those of a TIMESTAMP might, by an hour, when clocks are set back, and then the
// frame stays where it is.
func (f *frame) search(s *segment, place *int64, keys *reader, at, column int, kind expr.BoundKind, start bool) error {
	limits := f.current.batch.Cols[column]
	for ; *place < s.end; *place++ {
		i, err := keys.load(*place)
		if err != nil {
			return err
		}
		v := keys.batch.Cols[0]
		switch {
		case v.Null[i] != 0:
			if f.Desc { // NULLs come last
				return nil
			}
			continue
		case limits.Null[at] != 0: // beyond all values
			if kind == expr.Preceding {
				return nil
			}
			continue
		}
		c := f.compare(v, i, limits, at)
		if f.Desc {
			c = -c
		}
		if c > 0 || start && c == 0 {
			return nil
		}
	}
	return nil
}

// comparison orders values of a type of fixed width.
func comparison(t types.Type) func(x *vector.Vector, i int, y *vector.Vector, k int) int {
	switch t.Phys() {
	case types.PhysInt64:
		return func(x *vector.Vector, i int, y *vector.Vector, k int) int { return cmp.Compare(x.I64[i], y.I64[k]) }
	case types.PhysUint64:
		return func(x *vector.Vector, i int, y *vector.Vector, k int) int { return cmp.Compare(x.U64[i], y.U64[k]) }
	case types.PhysFloat64:
		return func(x *vector.Vector, i int, y *vector.Vector, k int) int { return cmp.Compare(x.F64[i], y.F64[k]) }
	}
	return func(x *vector.Vector, i int, y *vector.Vector, k int) int { return x.Dec[i].Cmp(y.Dec[k]) }
}
