package rows

import (
	"bytes"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Changes finds the rows of a sequence of batches whose key differs from that of the row before. NULL is equal to NULL.
// It keeps the key of the last row.
type Changes struct {
	acct    *memory.Account
	layout  *Layout
	page    int
	matcher *Matcher
	last    *Collection // of one row; nil: there was none
	place   [1]memory.Ref
}

// ChangesBytes is the minimum of a Changes over keys of these types.
func ChangesBytes(key []types.Type) int64 {
	if len(key) == 0 {
		return 0
	}
	l := NewLayout(key, 0)
	page := l.PageBytes(0)
	return int64(page) + l.OverflowBytes(page)
}

// NewChanges takes nothing of the account yet.
func NewChanges(acct *memory.Account, key []types.Type) *Changes {
	l := NewLayout(key, 0)
	return &Changes{acct: acct, layout: l, page: l.PageBytes(0), matcher: NewMatcher(acct, l)}
}

// Mark sets marks[i] to mark where row sel[i] of key differs from the one before it; the very first row does.
func (c *Changes) Mark(b memory.Base, key []*vector.Vector, sel []uint16, marks []uint8, mark uint8) error {
	if len(sel) == 0 {
		return nil
	}
	if c.last == nil {
		marks[0] = mark
	} else if len(key) > 0 {
		equal, err := c.matcher.Prefix(b, key, sel[:1], c.place[0])
		if err != nil {
			return err
		}
		if equal == 0 {
			marks[0] = mark
		}
	}
	for i, v := range key {
		if !v.Const {
			markChanges(b, v, equalityOf(c.layout.types[i]), sel, marks, mark)
		}
	}
	if len(key) == 0 && c.last != nil {
		return nil
	}
	c.last.Close()
	c.last = NewCollection(c.acct, c.layout, c.page)
	if len(key) == 0 {
		return nil
	}
	_, err := c.last.Append(key, sel[len(sel)-1:], c.place[:])
	return Final(err)
}

// markChanges compares the rows of one column, each with the one before it.
func markChanges(b memory.Base, v *vector.Vector, how equality, sel []uint16, marks []uint8, mark uint8) {
	switch v.Type.Phys() {
	case types.PhysInt64:
		markDifferent(v.I64, v.Null, sel, marks, mark)
	case types.PhysUint64:
		markDifferent(v.U64, v.Null, sel, marks, mark)
	case types.PhysFloat64:
		markDifferent(v.F64, v.Null, sel, marks, mark)
	case types.PhysDecimal:
		markDifferent(v.Dec, v.Null, sel, marks, mark)
	case types.PhysString:
		for i := 1; i < len(sel); i++ {
			j, k := sel[i-1], sel[i]
			if v.Null[j] != v.Null[k] ||
				v.Null[k] == 0 && !equalText(how, v.Type.Collation, v.Str[j].Bytes(b), v.Str[k].Bytes(b)) {
				marks[i] = mark
			}
		}
	}
}

func markDifferent[T comparable](x []T, null []uint8, sel []uint16, marks []uint8, mark uint8) {
	for i := 1; i < len(sel); i++ {
		j, k := sel[i-1], sel[i]
		if null[j] != null[k] || null[k] == 0 && x[j] != x[k] {
			marks[i] = mark
		}
	}
}

func equalText(how equality, c collation.ID, x, y []byte) bool {
	return bytes.Equal(x, y) || how != equalBytes && collation.Collate(c, x, y) == 0
}

// Close gives everything back. Repeatable.
func (c *Changes) Close() {
	c.last.Close()
	c.last = nil
}
