package join

import (
	"slices"

	"github.com/spillwaydb/spillway/internal/exec/keep"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// rightColumns say what a join with keys keeps of a row of the right input.
type rightColumns struct {
	types  []types.Type // first those of the keys, as they are compared
	source []int        // where they are in the input
	output []int        // which of them are given; nil for joins that make no pairs
	given  []types.Type // of output
}

// rightColumnsOf keeps the keys and, if pairs are made, the first out columns of the input. A column that is a key in
// its own type is kept once.
func rightColumnsOf(keys []HashKey, input []types.Type, out int, pairs bool) rightColumns {
	var r rightColumns
	for _, k := range keys {
		r.types = append(r.types, k.Type)
		r.source = append(r.source, k.Right)
	}
	if !pairs {
		return r
	}
	for c := range out {
		at := slices.Index(r.source, c)
		if at < 0 || r.types[at] != input[c] {
			at = len(r.types)
			r.types = append(r.types, input[c])
			r.source = append(r.source, c)
		}
		r.output = append(r.output, at)
		r.given = append(r.given, input[c])
	}
	return r
}

// rightInput is one worker's view of a batch of the right input.
type rightInput struct {
	keys []vector.Vector  // the key columns, as they are compared
	cols []*vector.Vector // what is kept; first the keys
}

func makeRightInput(keys, columns int) rightInput {
	return rightInput{keys: make([]vector.Vector, keys), cols: make([]*vector.Vector, columns)}
}

// set makes b the batch.
func (r *rightInput) set(b *vector.Batch, keys []HashKey, source []int) {
	for i, c := range source {
		r.cols[i] = b.Cols[c]
	}
	for i := range keys {
		r.keys[i] = *r.cols[i]
		r.keys[i].Type = keys[i].Type
		r.cols[i] = &r.keys[i]
	}
}

// matchable are the rows of sel that can match: not those with a NULL key. It overwrites sel.
func (r *rightInput) matchable(keys []HashKey, sel []uint16) []uint16 {
	for i := range keys {
		if !keys[i].NullSafe {
			sel = r.keys[i].NotNull(sel)
		}
	}
	return sel
}

// chooser keeps the rows that can match.
func (c rightColumns) chooser(keys []HashKey) keep.Chooser {
	in, room := makeRightInput(len(keys), len(c.source)), new([vector.MaxRows]uint16)
	return func(b *vector.Batch) ([]*vector.Vector, []uint16) {
		in.set(b, keys, c.source)
		sel := b.Sel
		if sel == nil {
			sel = rows.All(b.Len)
		}
		return in.cols, in.matchable(keys, room[:copy(room[:], sel)])
	}
}
