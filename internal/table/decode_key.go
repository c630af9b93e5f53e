package table

import (
	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// keys decodes the wanted parts of the keys.
func (d *Decoder) keys(p *kv.Pairs, page memory.Ref, lo, n int, b *vector.Batch) error {
	for j := range d.keyParts {
		if out := d.keyParts[j].out; out >= 0 {
			b.Cols[out].NoNulls = !d.keyParts[j].nullable
		}
	}
	for i := range n {
		key := p.Key(lo + i)
		// Where the key lies: the pairs' bytes are one slice of the page.
		ref := page + memory.Ref(int(p.Ends[2*(lo+i)])-len(key))
		off := PrefixBytes
		inValue := false
		for j := range d.keyParts {
			w := &d.keyParts[j]
			if w.primary && !inValue {
				inValue = true
				v := p.Value(lo + i)
				primary, rest, ok := splitEntry(v)
				if !ok {
					return corrupt("index value", key)
				}
				if len(primary) > 0 {
					ref = page + memory.Ref(int(p.Ends[2*(lo+i)+1])-len(rest)-len(primary))
					key, off = primary, 0
				}
			}
			if off > len(key) {
				return corrupt("key", key)
			}
			start, end, null, ok := w.skip(key, off)
			if !ok {
				return corrupt("key", key)
			}
			if w.out >= 0 {
				if err := w.store1(b.Cols[w.out], i, key, start, end, null, ref, b.Arena()); err != nil {
					return err
				}
			}
			off = end
		}
	}
	return nil
}

// store1 puts one part of one key to row i of v.
func (w *wantedPart) store1(
	v *vector.Vector, i int, key []byte, start, end int, null bool, ref memory.Ref, arena *vector.Arena,
) error {
	if null {
		v.SetNull(i)
		return nil
	}
	v.Null[i] = 0
	b := key[start:end]
	switch w.store.phys {
	case types.PhysInt64:
		v.I64[i] = keyInt(b, w.desc) << w.store.shift
	case types.PhysUint64:
		v.U64[i] = keyUint(b, w.desc)
	case types.PhysFloat64:
		v.F64[i] = keyFloat(b, w.desc)
	case types.PhysDecimal:
		v.Dec[i] = keyDec(b, w.desc)
	case types.PhysString:
		if plain(b, w.desc) {
			v.Str[i] = vector.MakeStr(b[:len(b)-2], ref+memory.Ref(start))
			return nil
		}
		room, at, err := arena.Alloc(len(b))
		if err != nil {
			return err
		}
		s := appendUnescaped(room[:0], b, w.desc)
		v.Str[i] = vector.MakeStr(s, at)
	}
	return nil
}

// rowKeys fills the last column with the rows' keys.
func (d *Decoder) rowKeys(p *kv.Pairs, page memory.Ref, lo, n int, b *vector.Batch) error {
	v := b.Cols[len(d.types)-1]
	v.NoNulls = true
	for i := range n {
		key := p.Key(lo + i)
		v.Null[i] = 0
		if d.index == nil {
			ref := page + memory.Ref(int(p.Ends[2*(lo+i)])-len(key))
			v.Str[i] = vector.MakeStr(key, ref)
			continue
		}
		primary, err := d.codec.PrimaryOf(d.index.index, key, p.Value(lo+i))
		if err != nil {
			return err
		}
		room, ref, err := b.Arena().Alloc(PrefixBytes + len(primary))
		if err != nil {
			return err
		}
		copy(room[copy(room, d.codec.rowKey):], primary)
		v.Str[i] = vector.MakeStr(room, ref)
	}
	return nil
}
