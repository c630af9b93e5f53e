package physical

import (
	"strconv"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/types"
)

// Points are keys of an index's leading columns that a long IN lists, ascending: the values of Prefix, then a row of
// List. They are made one at a time, as a range each would take hundreds of bytes.
type Points struct {
	Prefix []types.Datum
	List   *expr.List
	Types  []types.Type // of the index's columns behind Prefix that List has values of
}

// Len is the number of points.
func (p *Points) Len() int { return p.List.Len() }

// Columns is the number of leading columns of the index that have values.
func (p *Points) Columns() int { return len(p.Prefix) + len(p.Types) }

// Key appends the values of point i to dst; false if no row can have them. Strings lie in the list.
func (p *Points) Key(i int, dst []types.Datum) ([]types.Datum, bool) {
	dst = append(dst, p.Prefix...)
	for col, t := range p.Types {
		v, ok := p.List.KeyValue(i, col, t)
		if !ok {
			return dst, false
		}
		dst = append(dst, v)
	}
	return dst, true
}

// String is EXPLAIN's form.
func (p *Points) String() string {
	text := strconv.Itoa(p.Len()) + " points"
	if len(p.Prefix) > 0 {
		text += " behind " + boundText(Bound{Values: p.Prefix}, len(p.Prefix), "")
	}
	return text
}
