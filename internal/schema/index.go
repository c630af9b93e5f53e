package schema

// Covers says if the columns with these ordinals can be read from the index alone: each is a part of it, as a whole, or
// of the primary key.
func (t *Table) Covers(x *Index, ordinals []int) bool {
	if x.Primary {
		return true
	}
	for _, o := range ordinals {
		if !x.whole(o) && !t.Primary.whole(o) {
			return false
		}
	}
	return true
}

// whole says if the index has all of the column, not only a prefix.
func (x *Index) whole(ordinal int) bool {
	for _, c := range x.Columns {
		if c.Column == ordinal && c.Prefix == 0 {
			return true
		}
	}
	return false
}

// Part returns the position of a column in the index, or -1.
func (x *Index) Part(ordinal int) int {
	for i, c := range x.Columns {
		if c.Column == ordinal {
			return i
		}
	}
	return -1
}

// Nullable says if a key of the index can have a NULL: a unique index takes any number of such keys.
func (t *Table) Nullable(x *Index) bool {
	for _, c := range x.Columns {
		if t.Columns[c.Column].Type.Nullable {
			return true
		}
	}
	return false
}

// Visible returns the ordinals of the columns that the user declared.
func (t *Table) Visible() []int {
	out := make([]int, 0, len(t.Columns))
	for i := range t.Columns {
		if !t.Columns[i].Hidden {
			out = append(out, i)
		}
	}
	return out
}
