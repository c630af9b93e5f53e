package join

import (
	"errors"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// resident is right rows that are pinned, with their pointer table. It is read by all workers; release is called once
// nobody does.
type resident struct {
	table rows.Chains
	spans []span
	bytes int64 // of leases, about
}

// span is pinned blocks of a collection: from, ..., to-1.
type span struct {
	c        *rows.Collection
	from, to int
}

func (r *resident) release(acct *memory.Account) {
	r.table.Close(acct)
	for _, s := range r.spans {
		s.c.UnpinBlocks(s.from, s.to, memory.ReuseUnknown)
	}
	r.spans = nil
}

// place is a right row of a list of collections.
type place struct{ collection, block, row int }

// loader makes residents. It holds a batch for keys.
type loader struct {
	h      *Hash
	keys   *vector.Batch
	hasher rows.Hasher
	refs   [rows.ChunkRows]memory.Ref
	hashes [rows.ChunkRows]uint64
}

// newLoader returns a loader whose batch is held, or leased.
func newLoader(h *Hash, batch newBatch) (*loader, error) {
	keys, err := batch(h.o.Account, h.keyTypes(), rows.ChunkRows, arenaBytes)
	if err != nil {
		return nil, err
	}
	return &loader{h: h, keys: keys, hasher: rows.Hasher{Seed: h.o.Seed, Zero: h.o.HashZero}}, nil
}

// newBatch is vector.NewBatch or vector.NewLeasedBatch.
type newBatch func(acct *memory.Account, cols []types.Type, capacity, arenaBytes int) (*vector.Batch, error)

func (l *loader) close() { l.keys.Close() }

// all makes all n rows resident, held pages of them within the minimum. sqlerr.ErrNoSurplus: they do not fit.
func (l *loader) all(build []*rows.Collection, n int64, held int) (*resident, error) {
	acct := l.h.o.Account
	r := &resident{}
	if n == 0 {
		return r, nil
	}
	if n > rows.ChainsMostRows {
		return nil, sqlerr.ErrNoSurplus
	}
	kind := memory.Leased
	if held > 0 && n <= rows.SmallestChainsRows {
		kind = memory.Held
	}
	for _, c := range build {
		r.bytes += c.BlockBytes()
	}
	r.bytes += rows.ChainsBytes(int(n))
	// Reading what turns out not to fit is the dearer mistake.
	if r.bytes > acct.Surplus()+int64(held*l.h.rightPage)+rows.ChainsBytes(rows.SmallestChainsRows) {
		return nil, sqlerr.ErrNoSurplus
	}
	if err := r.table.Open(acct, int(n), kind); err != nil {
		return nil, err
	}
	if _, err := l.fill(r, build, place{}, held, false); err != nil {
		r.release(acct)
		return nil, err
	}
	return r, nil
}

// some makes rows from at on resident, as many as there is room for, at least one, and says where to go on.
func (l *loader) some(build []*rows.Collection, at place, n int64) (*resident, place, error) {
	acct := l.h.o.Account
	r := &resident{}
	want := min(n, rows.ChainsMostRows)
	err := sqlerr.ErrNoSurplus
	for ; want > rows.SmallestChainsRows && errors.Is(err, sqlerr.ErrNoSurplus); want /= tableShrink {
		// The table is not to take the room of the rows.
		if acct.Revoked() || rows.ChainsBytes(int(want)) > acct.Surplus()/2 {
			continue
		}
		err = r.table.Open(acct, int(want), memory.Leased)
	}
	if errors.Is(err, sqlerr.ErrNoSurplus) {
		err = r.table.Open(acct, rows.SmallestChainsRows, memory.Held)
	}
	if err != nil {
		return nil, at, err
	}
	if at, err = l.fill(r, build, at, heldBuild, true); err != nil {
		r.release(acct)
		return nil, at, err
	}
	return r, at, nil
}

// tableShrink is how much smaller a table is tried when there is no room for one.
const tableShrink = 4

// fill pins blocks from at on, the first held of them within the minimum, and adds their rows to the table. partial: it
// may end where a lease is refused or the table is full.
func (l *loader) fill(r *resident, build []*rows.Collection, at place, held int, partial bool) (place, error) {
	acct, width := l.h.o.Account, l.h.right.Width()
	for ; at.collection < len(build); at = (place{collection: at.collection + 1}) {
		c := build[at.collection]
		for at.block < c.Blocks() {
			if r.table.Room() == 0 {
				return at, nil
			}
			kind := memory.Leased
			if held > 0 {
				kind = memory.Held
				held--
			} else if partial && acct.Revoked() {
				return at, nil
			}
			b, err := c.PinBlock(at.block, kind)
			if partial && kind == memory.Leased && errors.Is(err, sqlerr.ErrNoSurplus) {
				return at, nil
			}
			if err != nil {
				return at, err
			}
			r.spans = append(r.spans, span{c, at.block, at.block + 1})
			if k := len(r.spans) - 2; k >= 0 && r.spans[k].c == c && r.spans[k].to == at.block {
				r.spans[k].to++
				r.spans = r.spans[:k+1]
			}
			take := min(b.N-at.row, r.table.Room())
			if err := l.add(r, b.First+memory.Ref(at.row*width), take); err != nil {
				return at, err
			}
			at.row += take
			if at.row < b.N {
				return at, nil
			}
			at.block, at.row = at.block+1, 0
		}
	}
	return at, nil
}

// add puts n rows from first on into the table.
func (l *loader) add(r *resident, first memory.Ref, n int) error {
	defer l.keys.Reset()
	for n > 0 {
		k := min(n, rows.ChunkRows)
		for i := range l.refs[:k] {
			l.refs[i] = first + memory.Ref(i*l.h.right.Width())
		}
		k, err := l.hash(l.h.right, l.refs[:k], l.h.rightKeys)
		if err != nil {
			return err
		}
		r.table.Add(l.refs[:k], l.hashes[:k])
		first += memory.Ref(k * l.h.right.Width())
		n -= k
	}
	return nil
}

// hash hashes the keys, which lie in columns of l, of the first of refs, and says of how many.
func (l *loader) hash(layout *rows.Layout, refs []memory.Ref, columns []int) (int, error) {
	l.keys.Reset()
	n, err := layout.Gather(refs, l.keys, 0, columns)
	if err != nil {
		return 0, err
	}
	l.keys.Len = n
	l.hasher.Hash(l.keys.Base(), l.keys.Cols, rows.All(n), l.hashes[:])
	return n, nil
}

// view says which partitions are resident. Workers enter the current one for each batch of left rows; a partition that
// is dropped is freed when all have left the views that have it.
type view struct {
	parts   [fanOut]*resident // nil: not resident
	users   int
	dropped *resident // in this view for the last time
	next    *view
}

func (h *Hash) enter() *view {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.current.users++
	return h.current
}

func (h *Hash) leave(v *view) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v.users--
	h.reclaim()
}

// reclaim frees what only views without users had.
func (h *Hash) reclaim() {
	for h.oldest != h.current && h.oldest.users == 0 {
		if h.oldest.dropped != nil {
			h.oldest.dropped.release(h.o.Account)
		}
		h.oldest = h.oldest.next
	}
}

// shrink drops the largest resident partition; if there is none, the filter.
func (h *Hash) shrink() {
	h.mu.Lock()
	defer h.mu.Unlock()
	largest := -1
	for i, r := range h.current.parts {
		if r != nil && r.bytes > 0 && (largest < 0 || r.bytes > h.current.parts[largest].bytes) {
			largest = i
		}
	}
	if largest < 0 {
		h.o.Filter.Drop()
		return
	}
	next := &view{parts: h.current.parts}
	next.parts[largest] = nil
	h.current.dropped, h.current.next = h.current.parts[largest], next
	h.current = next
	h.reclaim()
}

// unload frees all residents; no view has users.
func (h *Hash) unload() {
	for h.oldest != h.current {
		h.oldest.users = 0
		h.reclaim()
	}
	for i, r := range h.current.parts {
		if r != nil {
			r.release(h.o.Account)
		}
		h.current.parts[i] = nil
	}
}
