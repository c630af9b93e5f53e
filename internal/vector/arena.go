package vector

import (
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
)

// ArenaPageBytes is the size of an arena's pages. Longer strings get a page of their own.
const ArenaPageBytes = 64 << 10

// HeldText is how long a string of a type may be so that one of it is within the minimum of whoever copies it.
func HeldText(t types.Type) int {
	if t.Phys() != types.PhysString {
		return 0
	}
	n := t.MaxBytes()
	if n <= 0 || n > ArenaPageBytes {
		n = ArenaPageBytes
	}
	return n
}

// RowArenaBytes is the size of an arena's held page that has room for the strings of one row.
func RowArenaBytes(cols []types.Type) int {
	n := 0
	for _, t := range cols {
		n += HeldText(t)
	}
	return memory.PageSize(max(n, ArenaPageBytes))
}

// Arena holds the string bytes of one batch or evaluator. Its first page is held (part of the owner's minimum), further
// ones are leased: a refusal (sqlerr.ErrNoSurplus) means "fewer rows", down to one, whose refusal is the statement's
// error. Not for concurrent use.
type Arena struct {
	acct  *memory.Account
	pages []memory.Page // the first is the held one, once there is one
	first int           // size of the held page
	kind  memory.Kind   // of the first page: a lease in a batch of leases
	next  memory.Ref
	left  int
}

// MakeArena returns an arena whose first page has firstBytes; nothing is taken yet.
func MakeArena(acct *memory.Account, firstBytes int) Arena {
	return Arena{acct: acct, first: firstBytes}
}

// Alloc returns room for n bytes; it is valid until Reset or Free.
func (a *Arena) Alloc(n int) ([]byte, memory.Ref, error) {
	if n > a.left {
		if err := a.grow(n); err != nil {
			return nil, 0, err
		}
	}
	r := a.next
	a.next += memory.Ref(n)
	a.left -= n
	return memory.Bytes(a.acct.Base(), r, n), r, nil
}

// Trim gives back the last n bytes of the latest Alloc.
func (a *Arena) Trim(n int) {
	a.next -= memory.Ref(n)
	a.left += n
}

// Left is the number of bytes that Alloc gives without a new page.
func (a *Arena) Left() int {
	if len(a.pages) == 0 {
		return a.first
	}
	return a.left
}

func (a *Arena) grow(n int) error {
	kind, size := memory.Leased, max(n, ArenaPageBytes)
	if len(a.pages) == 0 {
		p, err := a.acct.Alloc(a.first, a.kind)
		if err != nil {
			return err
		}
		a.pages = append(a.pages, p)
		a.next, a.left = p.Ref, p.Size()
		if n <= a.left {
			return nil
		}
	}
	p, err := a.acct.Alloc(size, kind)
	if err != nil {
		return err
	}
	a.pages = append(a.pages, p)
	a.next, a.left = p.Ref, p.Size()
	return nil
}

// Put copies v and returns its Str.
func (a *Arena) Put(v []byte) (Str, error) {
	if len(v) <= InlineBytes {
		return MakeInline(v), nil
	}
	dst, ref, err := a.Alloc(len(v))
	if err != nil {
		return Str{}, err
	}
	copy(dst, v)
	return MakeStr(v, ref), nil
}

// Reset forgets all strings; the held page stays, leased ones go.
func (a *Arena) Reset() {
	if len(a.pages) == 0 {
		return
	}
	for _, p := range a.pages[1:] {
		a.acct.Free(p)
	}
	a.pages = a.pages[:1]
	a.next, a.left = a.pages[0].Ref, a.pages[0].Size()
}

// Free gives all pages back. The arena may be used again.
func (a *Arena) Free() {
	for _, p := range a.pages {
		a.acct.Free(p)
	}
	a.pages, a.left = a.pages[:0], 0
}
