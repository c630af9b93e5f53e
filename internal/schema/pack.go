package schema

import (
	"strings"
	"unsafe"

	"github.com/spillwaydb/spillway/internal/types"
)

// Pack returns a copy of the table that takes as little of the heap as it can, and says in Bytes how much that is:
// slices have no room to grow, all names and texts are one string (and keep no statement's text alive, which they may
// be parts of), what many columns have alike is there once. Equal tables have equal Bytes. t is not changed.
func (t *Table) Pack() *Table {
	p := *t
	k := packer{more: map[moreKey]*more{}, values: map[valueKey]*value{}, members: map[string]*types.Members{}}
	k.measure(t)
	k.texts.Grow(k.textBytes)
	k.bytes = heapBytes(int(unsafe.Sizeof(p))) + heapBytes(k.textBytes)

	p.DB, p.Name, p.Comment, p.ViewText = k.text(t.DB), k.text(t.Name), k.text(t.Comment), k.text(t.ViewText)
	p.Columns = make([]Column, len(t.Columns))
	k.bytes += heapBytes(len(p.Columns) * int(unsafe.Sizeof(Column{})))
	for i := range t.Columns {
		p.Columns[i] = t.Columns[i]
		c := &p.Columns[i]
		c.Name = k.text(c.Name)
		c.Type.Members = k.packMembers(c.Type.Members)
		c.more = k.packMore(c.more)
	}
	k.packIndexes(&p, t)
	p.Bytes = k.bytes
	return &p
}

// packer makes one packed table.
type packer struct {
	texts     strings.Builder
	textBytes int
	bytes     int64

	more    map[moreKey]*more
	values  map[valueKey]*value
	members map[string]*types.Members // by names, each behind its length
}

// The keys are what two things must have alike to be one.
type (
	moreKey struct {
		def, initial  *value // packed
		text, comment string
	}
	valueKey struct {
		kind types.Phys
		bits uint64
		dec  types.Dec
		text string
	}
)

// measure finds the length of all texts.
func (k *packer) measure(t *Table) {
	k.textBytes = len(t.DB) + len(t.Name) + len(t.Comment) + len(t.ViewText)
	for i := range t.Columns {
		c := &t.Columns[i]
		k.textBytes += len(c.Name)
	}
	for _, x := range t.all() {
		k.textBytes += len(x.Name) + len(x.Comment)
	}
}

// all is the primary key, if there is one, and the secondary indexes.
func (t *Table) all() []*Index {
	if t.Primary == nil {
		return t.Indexes
	}
	return append([]*Index{t.Primary}, t.Indexes...)
}

// text copies s into the one string. The builder does not move: it was given all the room before.
func (k *packer) text(s string) string {
	at := k.texts.Len()
	k.texts.WriteString(s)
	return k.texts.String()[at:]
}

func (k *packer) packMore(m *more) *more {
	if m == nil {
		return nil
	}
	key := moreKey{k.packValue(m.def), k.packValue(m.initial), m.text, m.comment}
	if p := k.more[key]; p != nil {
		return p
	}
	p := &more{key.def, key.initial, strings.Clone(m.text), strings.Clone(m.comment)}
	k.bytes += heapBytes(int(unsafe.Sizeof(*p))) + heapBytes(len(m.text)) + heapBytes(len(m.comment))
	k.more[key] = p
	return p
}

func (k *packer) packValue(v *value) *value {
	if v == nil {
		return nil
	}
	key := valueKey{kind: v.kind, bits: v.bits, text: string(v.text)}
	if v.dec != nil {
		key.dec = *v.dec
	}
	if p := k.values[key]; p != nil {
		return p
	}
	p := *v
	k.bytes += heapBytes(int(unsafe.Sizeof(p)))
	if v.dec != nil {
		dec := *v.dec
		p.dec = &dec
		k.bytes += heapBytes(int(unsafe.Sizeof(dec)))
	}
	if v.text != nil {
		p.text = append(make([]byte, 0, len(v.text)), v.text...)
		k.bytes += heapBytes(len(v.text))
	}
	k.values[key] = &p
	return &p
}

func (k *packer) packMembers(m *types.Members) *types.Members {
	if m == nil {
		return nil
	}
	key, p := m.Packed()
	if old := k.members[key]; old != nil {
		return old
	}
	k.members[key] = p
	k.bytes += heapBytes(len(key)) + heapBytes(p.Len()*int(unsafe.Sizeof(""))) + heapBytes(int(unsafe.Sizeof(*p)))
	return p
}

// packIndexes copies the keys, which lie together as do their parts.
func (k *packer) packIndexes(p, t *Table) {
	all := t.all()
	parts := 0
	for _, x := range all {
		parts += len(x.Columns)
	}
	indexes, columns := make([]Index, len(all)), make([]IndexColumn, 0, parts)
	for i, x := range all {
		indexes[i] = *x
		c := &indexes[i]
		c.Name, c.Comment = k.text(x.Name), k.text(x.Comment)
		from := len(columns)
		columns = append(columns, x.Columns...)
		c.Columns = columns[from:len(columns):len(columns)]
	}
	p.Indexes = make([]*Index, 0, len(t.Indexes))
	for i := range indexes {
		if i == 0 && t.Primary != nil {
			p.Primary = &indexes[i]
		} else {
			p.Indexes = append(p.Indexes, &indexes[i])
		}
	}
	k.bytes += heapBytes(len(indexes)*int(unsafe.Sizeof(Index{}))) +
		heapBytes(parts*int(unsafe.Sizeof(IndexColumn{}))) + heapBytes(len(t.Indexes)*int(unsafe.Sizeof(&p)))
}

// heapBytes is what the allocator takes for n bytes at most, but for a few sizes: it has classes, a sixteenth apart on
// the mean where they are large.
func heapBytes(n int) int64 {
	switch {
	case n == 0:
		return 0
	case n <= 256:
		return int64(n+15) &^ 15
	}
	return int64(n + n/8)
}
