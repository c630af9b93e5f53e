package table

import (
	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/types"
)

// KeyPrefix encodes values of an index's leading columns: what the keys of all entries with these values begin with.
// Values that are equal, under a column's collation, have one encoding. Immutable.
type KeyPrefix struct {
	head  kv.Key
	parts []part
}

// NewKeyPrefix prepares to encode values of an index's columns, none of which is a prefix column.
func NewKeyPrefix(t *schema.Table, x *schema.Index) *KeyPrefix {
	return &KeyPrefix{head: AppendPrefix(nil, t.ID, x.ID), parts: partsOf(t, x)}
}

// Append appends the value of column i to the values of those before it; false: no entry has it. d is of the column's
// type, or NULL.
func (k *KeyPrefix) Append(dst []byte, i int, d *types.Datum) ([]byte, bool) {
	p := &k.parts[i]
	if d.IsNull() && !p.nullable {
		return dst, false
	}
	return appendPart(dst, p, d), true
}

// Span makes s, whose memory is used again, the span of the entries with these values.
func (k *KeyPrefix) Span(s *kv.Span, values []byte) {
	s.Start = append(append(s.Start[:0], k.head...), values...)
	s.End = append(s.End[:0], s.Start...)
	for i := len(s.End) - 1; i >= 0; i-- { // it ends: the head begins with a letter
		s.End[i]++
		if s.End[i] != 0 {
			s.End = s.End[:i+1]
			return
		}
	}
}
