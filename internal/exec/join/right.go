package join

import (
	"slices"

	"github.com/spillwaydb/spillway/internal/types"
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
