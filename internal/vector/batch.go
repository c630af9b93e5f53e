package vector

import (
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
)

// Batch is up to Cap rows of columns. It owns the pages of its vectors, its string arena and its pins, all on one
// account, and belongs to one worker at a time.
type Batch struct {
	Len  int      // rows in the vectors
	Sel  []uint16 // rows that count, ascending; nil: all
	Cols []*Vector

	acct  *memory.Account
	kind  memory.Kind // of its pages
	arena Arena
	own   []Vector
	pages []memory.Page
	pins  []pin
	cap   int
	sel   []uint16 // room for a selection, in a page
}

type pin struct {
	id    memory.BlockID
	acct  *memory.Account
	reuse memory.Reuse
}

// BatchBytes is what NewBatch takes from the minimum for these columns: vectors, selection and, if there are strings,
// arenaBytes (0: ArenaPageBytes).
func BatchBytes(cols []types.Type, capacity, arenaBytes int) int64 {
	var n int64
	strings := false
	for _, t := range cols {
		n += int64(memory.PageSize(t.Phys().Width() * capacity))
		strings = strings || t.Phys() == types.PhysString
	}
	n += int64(memory.PageSize((len(cols) + 2) * capacity))
	if strings {
		if arenaBytes == 0 {
			arenaBytes = ArenaPageBytes
		}
		n += int64(memory.PageSize(arenaBytes))
	}
	return n
}

// NewBatch takes the pages of a batch as held pages of acct: vectors for cols with room for capacity rows, and an arena
// whose first page has arenaBytes (0: ArenaPageBytes). On an error nothing is kept.
func NewBatch(acct *memory.Account, cols []types.Type, capacity, arenaBytes int) (*Batch, error) {
	if arenaBytes == 0 {
		arenaBytes = ArenaPageBytes
	}
	return newBatch(acct, cols, capacity, arenaBytes, memory.Held)
}

// NewLeasedBatch is NewBatch of leased pages, the arena's first one included: all that BatchBytes counts.
func NewLeasedBatch(acct *memory.Account, cols []types.Type, capacity, arenaBytes int) (*Batch, error) {
	b, err := newBatch(acct, cols, capacity, arenaBytes, memory.Leased)
	if err == nil {
		if err = b.arena.grow(0); err != nil {
			b.Close()
		}
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}

func newBatch(acct *memory.Account, cols []types.Type, capacity, arenaBytes int, kind memory.Kind) (*Batch, error) {
	b := &Batch{
		acct: acct, kind: kind, cap: capacity, own: make([]Vector, len(cols)), Cols: make([]*Vector, len(cols)),
	}
	b.arena = MakeArena(acct, arenaBytes)
	b.arena.kind = kind
	small, err := b.page((len(cols) + 2) * capacity)
	if err != nil {
		return nil, err
	}
	base := acct.Base()
	b.sel = memory.Slice[uint16](base, small.Ref, capacity)
	for i, t := range cols {
		v := &b.own[i]
		p, err := b.page(t.Phys().Width() * capacity)
		if err != nil {
			b.Close()
			return nil, err
		}
		v.Type = t
		v.Null = memory.Bytes(base, small.Ref+memory.Ref((i+2)*capacity), capacity)
		v.bind(base, p.Ref, capacity)
		b.Cols[i] = v
	}
	return b, nil
}

func (b *Batch) page(size int) (memory.Page, error) {
	p, err := b.acct.Alloc(size, b.kind)
	if err == nil {
		b.pages = append(b.pages, p)
	}
	return p, err
}

// bind lays the value slice of v's type over n values at r.
func (v *Vector) bind(base memory.Base, r memory.Ref, n int) {
	switch v.Type.Phys() {
	case types.PhysInt64:
		v.I64 = memory.Slice[int64](base, r, n)
	case types.PhysUint64:
		v.U64 = memory.Slice[uint64](base, r, n)
	case types.PhysFloat64:
		v.F64 = memory.Slice[float64](base, r, n)
	case types.PhysDecimal:
		v.Dec = memory.Slice[types.Dec](base, r, n)
	case types.PhysString:
		v.Str = memory.Slice[Str](base, r, n)
	}
}

// NewVector takes a held page for a vector of type t with n values and their null bytes. The page is returned
// for the owner to free.
func NewVector(acct *memory.Account, t types.Type, n int) (Vector, memory.Page, error) {
	p, err := acct.Alloc(n*RowBytes(t), memory.Held)
	if err != nil {
		return Vector{}, memory.Page{}, err
	}
	v := Vector{Type: t}
	v.bind(acct.Base(), p.Ref, n)
	v.Null = memory.Bytes(acct.Base(), p.Ref+memory.Ref(n*t.Phys().Width()), n)
	return v, p, nil
}

// Account is where the batch's pages are.
func (b *Batch) Account() *memory.Account { return b.acct }

// Base is the pool's base.
func (b *Batch) Base() memory.Base { return b.acct.Base() }

// Cap is the number of rows there is room for.
func (b *Batch) Cap() int { return b.cap }

// Arena is where string bytes of this batch may be put.
func (b *Batch) Arena() *Arena { return &b.arena }

// Own returns the batch's own vector i, which Cols[i] may have been turned away from.
func (b *Batch) Own(i int) *Vector { return &b.own[i] }

// Rows is the number of rows that count.
func (b *Batch) Rows() int {
	if b.Sel != nil {
		return len(b.Sel)
	}
	return b.Len
}

// SelRoom is room for a selection of this batch, of length Cap. At most one selection lives there.
func (b *Batch) SelRoom() []uint16 { return b.sel }

// AddPin hands a pin on a block to the batch: it is undone at Reset.
func (b *Batch) AddPin(acct *memory.Account, id memory.BlockID, reuse memory.Reuse) {
	b.pins = append(b.pins, pin{id, acct, reuse})
}

// Reset empties the batch: no rows, no selection, own vectors in place, strings gone, pins undone.
func (b *Batch) Reset() {
	b.Len, b.Sel = 0, nil
	for i := range b.own {
		v := &b.own[i]
		v.Const, v.NoNulls = false, false
		b.Cols[i] = v
	}
	b.arena.Reset()
	for _, p := range b.pins {
		p.acct.Unpin(p.id, p.reuse)
	}
	b.pins = b.pins[:0]
}

// Close gives everything back. Repeatable.
func (b *Batch) Close() {
	if b == nil {
		return
	}
	b.Len, b.Sel = 0, nil
	for _, p := range b.pins {
		p.acct.Unpin(p.id, p.reuse)
	}
	b.pins = nil
	b.arena.Free()
	for _, p := range b.pages {
		b.acct.Free(p)
	}
	b.pages, b.own, b.Cols, b.sel = nil, nil, nil, nil
}
