package window

import (
	"errors"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Places that are not rows.
const (
	noRow      = -1 // the result is NULL
	defaultRow = -2 // the result is the default of LAG and LEAD
)

// value are the functions whose result is the value of one of the partition's rows: LAG, LEAD, FIRST_VALUE, LAST_VALUE,
// NTH_VALUE; and MIN and MAX of strings, whose places another function finds. Places do not go back from row to row.
type value struct {
	name   string
	n      int64
	frame  *frame
	find   *extreme // nil: segment finds the places itself
	b      *buffer
	places [chunkRows]int64
	from   int64 // number of the chunk's first row

	values, defaults *reader // of values that are no strings
	text, otherwise  *text   // of strings
	lent             *rows.Pins
}

// open makes the readers; other is the column of the default, -1 for none.
func (v *value) open(b *buffer, column, other int) error {
	v.b = b
	var err error
	if b.layout.Types()[column].Phys() == types.PhysString {
		v.text = b.text(column)
		if other >= 0 {
			v.otherwise = b.text(other)
			v.otherwise.loose = true
		}
		return nil
	}
	if v.values, err = b.reader(column); err != nil {
		return err
	}
	// The first value of a partition is read with its first row, and then is at hand.
	v.values.loose = v.name == "first_value" && v.frame.Start.Kind == expr.UnboundedPreceding &&
		v.frame.End.Kind >= expr.CurrentRow
	if other < 0 {
		return nil
	}
	v.defaults, err = b.reader(other)
	if err == nil {
		v.defaults.loose = true
	}
	return err
}

func (v *value) close() {
	v.values.close()
	v.defaults.close()
	if v.find != nil {
		v.find.close()
	}
}

// segment finds the places.
func (v *value) segment(s *segment) error {
	if s.at == 0 {
		v.from = s.from
	}
	if v.find != nil {
		return v.find.segment(s, &v.places)
	}
	missing := int64(noRow)
	if v.defaults != nil || v.otherwise != nil {
		missing = defaultRow
	}
	for k := range s.n {
		row, at := s.from+int64(k), s.at+k
		place := int64(noRow)
		switch v.name {
		case "lag":
			if place = row - v.n; place < s.start {
				place = missing
			}
		case "lead":
			if place = row + v.n; place >= s.end {
				place = missing
			}
		default:
			start, end := v.frame.start[at], v.frame.end[at]
			switch v.name {
			case "first_value":
				place = start
			case "last_value":
				place = end - 1
			case "nth_value":
				place = start + v.n - 1
			}
			if place < start || place >= end {
				place = noRow
			}
		}
		v.places[at] = place
	}
	return nil
}

// finish copies values that are no strings.
func (v *value) finish(n int, out *vector.Vector) error {
	if v.values == nil {
		return nil
	}
	for k := range n {
		r, place := v.values, v.places[k]
		switch place {
		case noRow:
			out.SetNull(k)
			continue
		case defaultRow:
			r, place = v.defaults, v.from+int64(k)
		}
		i, err := r.load(place)
		if err != nil {
			return err
		}
		copyValue(out, k, r.batch.Cols[0], i)
	}
	return nil
}

func copyValue(out *vector.Vector, k int, v *vector.Vector, i int) {
	if out.Null[k] = v.Null[i]; v.Null[i] != 0 {
		return
	}
	switch {
	case out.I64 != nil:
		out.I64[k] = v.I64[i]
	case out.U64 != nil:
		out.U64[k] = v.U64[i]
	case out.F64 != nil:
		out.F64[k] = v.F64[i]
	case out.Dec != nil:
		out.Dec[k] = v.Dec[i]
	}
}

// strings copies the strings of rows lo..hi-1 to out as long as there is room for them; it returns where it stopped,
// and how to begin again at any row from lo on.
func (v *value) strings(lo, hi int, out *vector.Vector, arena *vector.Arena) (stop int, rewind func(), err error) {
	at, other := *v.text.cursor, cursor{}
	if v.otherwise != nil {
		other = *v.otherwise.cursor
	}
	rewind = func() {
		*v.text.cursor = at
		if v.otherwise != nil {
			*v.otherwise.cursor = other
		}
	}
	for stop = lo; stop < hi; stop++ {
		place := v.places[stop]
		if stop > lo && place >= 0 && place == v.places[stop-1] {
			out.Null[stop], out.Str[stop] = out.Null[stop-1], out.Str[stop-1]
			continue
		}
		if err = v.copyText(stop, place, out, arena); err != nil {
			break
		}
	}
	v.text.done()
	if v.otherwise != nil {
		v.otherwise.done()
	}
	if errors.Is(err, sqlerr.ErrNoSurplus) && stop > lo {
		err = nil
	}
	return stop, rewind, err
}

func (v *value) copyText(k int, place int64, out *vector.Vector, arena *vector.Arena) error {
	out.SetNull(k)
	t := v.text
	switch place {
	case noRow:
		return nil
	case defaultRow:
		v.text.done()
		t, place = v.otherwise, v.from+int64(k)
	default:
		if v.otherwise != nil {
			v.otherwise.done()
		}
	}
	b, ok, err := t.get(place)
	if err != nil || !ok {
		return err
	}
	var s vector.Str
	if rows.LongText(b) {
		s, err = t.lend(place, v.lent)
	} else {
		s, err = arena.Put(b)
	}
	if err != nil {
		return err
	}
	out.Null[k], out.Str[k] = 0, s
	return nil
}
