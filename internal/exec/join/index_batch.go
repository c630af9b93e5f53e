package join

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"unsafe"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/vector"
)

// outerRow is a row of a batch of outer rows.
type outerRow struct {
	prefix uint64     // the first bytes of its key, which order as the key does
	key    memory.Ref // in the arena
	row    memory.Ref
	size   uint32 // of the key
	// first: key i of the batch is that of rows [first of row i, first of row i+1).
	first uint32
	// matched: a pair with it satisfies the conditions.
	matched bool
}

// outerStep is how many rows are taken at a time.
const outerStep = 256

// outerBatch is a batch of outer rows: those with a key, by keys once it is sorted, then those that match nothing.
type outerBatch struct {
	x      *Index
	acct   *memory.Account
	kept   *rows.Collection
	arena  vector.Arena // of keys
	bytes  int          // of keys
	held   []outerRow   // room within the minimum
	leased memory.Page  // further room
	list   []outerRow   // the room of this batch
	n      int          // rows with a key, from the front of list
	none   int          // rows without, from the back
	most   int          // rows of this batch, at most
	full   bool
	sorted int // different keys

	key  []byte // in the making
	step struct {
		sel  [outerStep]uint16
		refs [outerStep]memory.Ref
		rows [outerStep]outerRow
	}
}

func (b *outerBatch) open(x *Index, held []outerRow) {
	b.x, b.acct, b.held = x, x.o.Account, held
	b.arena = vector.MakeArena(b.acct, keyArenaBytes)
	b.most = firstOuter
	b.start()
}

// start makes the batch an empty one.
func (b *outerBatch) start() {
	b.kept = rows.NewCollection(b.acct, b.x.layout, b.x.page)
	b.kept.Keep(indexHeld)
	b.n, b.none, b.bytes, b.sorted, b.full = 0, 0, 0, 0, false
	b.list = b.held
	if b.most > len(b.list) {
		b.lease()
	}
	b.most = min(b.most, len(b.list))
}

// lease takes room for a batch of more rows than there is within the minimum.
func (b *outerBatch) lease() {
	p, err := b.acct.Alloc(b.most*int(unsafe.Sizeof(outerRow{})), memory.Leased)
	if err != nil { // surplus is refused: the batch is a smaller one
		return
	}
	b.leased = p
	b.list = memory.Slice[outerRow](b.acct.Base(), p.Ref, b.most)
}

// next lets go of the batch and begins the next, which is larger.
func (b *outerBatch) next() {
	b.drop()
	b.most = min(b.most*growOuter, mostOuter)
	if b.acct.Revoked() {
		b.most = min(b.most, fewestOuter)
	}
	b.start()
}

// drop gives back what the batch has, but for the first page of keys.
func (b *outerBatch) drop() {
	b.kept.Close()
	b.arena.Reset()
	b.acct.Free(b.leased)
	b.leased = memory.Page{}
}

// close gives everything back. Repeatable.
func (b *outerBatch) close() {
	if b.x == nil {
		return
	}
	b.drop()
	b.arena.Free()
}

// leases says if the batch has more than the minimum.
func (b *outerBatch) leases() bool {
	return b.leased != (memory.Page{}) || b.kept.Pinned() > indexHeld || b.bytes > keyArenaBytes
}

// rows is how many rows the batch has.
func (b *outerBatch) rows() int { return b.n + b.none }

// take takes rows of in, from the at-th that counts on, until the batch is full, and returns how many.
func (b *outerBatch) take(in LocalInner, cols []*vector.Vector, base memory.Base, sel []uint16) (int, error) {
	taken := 0
	for taken < len(sel) && !b.full {
		n, err := b.takeStep(in, cols, base, sel[taken:])
		taken += n
		if errors.Is(err, sqlerr.ErrNoSurplus) && b.rows() > 0 {
			b.full = true
			break
		}
		if err != nil {
			return taken, rows.Final(err)
		}
		b.full = b.rows() >= b.most || b.kept.Bytes()+int64(b.bytes) >= outerBytes || b.leases() && b.acct.Revoked()
	}
	return taken, nil
}

// takeStep takes some rows; those that match nothing and are not given are passed over.
func (b *outerBatch) takeStep(in LocalInner, cols []*vector.Vector, base memory.Base, sel []uint16) (int, error) {
	s := &b.step
	room := min(outerStep, b.most-b.rows())
	n, at := 0, 0
	var refused error
	for ; at < len(sel) && n < room; at++ {
		r, ok, err := b.keyOf(in, cols, base, sel[at])
		if err != nil {
			refused = err
			break
		}
		if !ok && !b.x.keepsAll() {
			continue
		}
		s.sel[n], s.rows[n] = sel[at], r
		n++
	}
	done, err := b.kept.Append(cols[:b.x.o.OuterOut], s.sel[:n], s.refs[:])
	for i := range done {
		r := s.rows[i]
		r.row = s.refs[i]
		if r.size == 0 {
			b.none++
			b.list[len(b.list)-b.none] = r
			continue
		}
		b.list[b.n] = r
		b.n++
	}
	if err != nil {
		// Rows that were passed over are looked at again.
		at = 0
		if done > 0 {
			at = slices.Index(sel, s.sel[done-1]) + 1
		}
		return at, err
	}
	return at, refused
}

// keyOf makes the key of a row; false: it matches nothing.
func (b *outerBatch) keyOf(
	in LocalInner, cols []*vector.Vector, base memory.Base, row uint16,
) (r outerRow, ok bool, err error) {
	b.key = b.key[:0]
	for i := range b.x.o.Keys {
		k := &b.x.o.Keys[i]
		d := k.Value
		if k.Column >= 0 {
			v := cols[k.Column]
			d = v.Datum(base, v.Index(int(row)))
		}
		if d.IsNull() && !k.NullSafe {
			return r, false, nil
		}
		if b.key, ok = in.AppendKey(b.key, i, d); !ok {
			return r, false, nil
		}
	}
	place, ref, err := b.arena.Alloc(len(b.key))
	if err != nil {
		return r, false, err
	}
	copy(place, b.key)
	b.bytes += len(b.key)
	r.key, r.size, r.prefix = ref, uint32(len(b.key)), prefixOf(b.key)
	return r, true, nil
}

// prefixOf is the first eight bytes as a number.
func prefixOf(key []byte) uint64 {
	if len(key) >= 8 {
		return binary.BigEndian.Uint64(key)
	}
	var p [8]byte
	copy(p[:], key)
	return binary.BigEndian.Uint64(p[:])
}

// bytesOf is the key of a row.
func (b *outerBatch) bytesOf(r *outerRow) []byte {
	return memory.Bytes(b.acct.Base(), r.key, int(r.size))
}

// sort orders the rows by their keys and finds the different ones.
func (b *outerBatch) sort() {
	list := b.list[:b.n]
	slices.SortFunc(list, func(p, q outerRow) int {
		if c := cmp.Compare(p.prefix, q.prefix); c != 0 {
			return c
		}
		return bytes.Compare(b.bytesOf(&p), b.bytesOf(&q))
	})
	b.sorted = 0
	for i := range list {
		r := &list[i]
		if i > 0 && r.prefix == list[i-1].prefix && bytes.Equal(b.bytesOf(r), b.bytesOf(&list[i-1])) {
			continue
		}
		list[b.sorted].first = uint32(i)
		b.sorted++
	}
}

var _ Keys = (*outerBatch)(nil)

// Len implements Keys.
func (b *outerBatch) Len() int { return b.sorted }

// Key implements Keys.
func (b *outerBatch) Key(i int) []byte { return b.bytesOf(&b.list[b.list[i].first]) }

// group are the rows with key i: [from, to).
func (b *outerBatch) group(i int) (from, to int) {
	if i+1 < b.sorted {
		return int(b.list[i].first), int(b.list[i+1].first)
	}
	return int(b.list[i].first), b.n
}

// at is the i-th row of all, those without a key last.
func (b *outerBatch) at(i int) *outerRow {
	if i < b.n {
		return &b.list[i]
	}
	return &b.list[len(b.list)-1-(i-b.n)]
}
