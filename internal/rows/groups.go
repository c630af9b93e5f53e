package rows

import (
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/vector"
)

// ChunkRows is how many rows Groups takes at a time.
const ChunkRows = 512

// Groups finds the row of each key, or makes it: a pointer table over rows in partitions, which it keeps pinned. It
// works in passes over a chunk, each with independent loads: look up entries, append new rows, compare keys, go on with
// those that differ.
type Groups struct {
	acct    *memory.Account
	layout  *Layout
	keys    int // the first columns of the layout
	matcher matcher

	Table Table
	Parts *Partitions

	// Of the last chunk.

	// Hashes are the hashes of the chunk's rows: filled in by the caller.
	Hashes [ChunkRows]uint64
	// Refs are the places of the groups' rows; 0 where there was no room for one.
	Refs [ChunkRows]memory.Ref
	// Fresh lists the rows of the chunk that made a group; their groups have nothing but the key.
	Fresh []uint16

	slots                      [ChunkRows]uint64
	fresh, active, left, order []uint16
	rows                       []uint16
	places                     [ChunkRows]memory.Ref
	from                       [ChunkRows]memory.Ref
}

// NewGroups returns an empty one without table and partitions. The first keys columns of the layout are the key.
func NewGroups(acct *memory.Account, layout *Layout, keys int) *Groups {
	return &Groups{acct: acct, layout: layout, keys: keys, matcher: makeMatcher(acct, layout, keys)}
}

// Find looks up rows sel, at most ChunkRows and Table.Room, of cols, which are the key. New groups get their keys from
// there. Hashes must be set. sqlerr.ErrNoSurplus: rows with a Ref of 0 have no group; the table is to be reset before
// the next call.
func (g *Groups) Find(cols []*vector.Vector, sel []uint16) error {
	return g.find(cols, sel, func(part *Collection, chunk []uint16) (int, error) {
		return g.put(part, cols, sel, chunk)
	})
}

// FindRows is Find for pinned rows of the same layout, whose keys are in cols too: new groups are copies of them.
func (g *Groups) FindRows(cols []*vector.Vector, from []memory.Ref) error {
	return g.find(cols, All(len(from)), func(part *Collection, chunk []uint16) (int, error) {
		for j, i := range chunk {
			g.from[j] = from[i]
		}
		return part.AppendRows(g.from[:len(chunk)], g.places[:])
	})
}

// AppendAll makes a group of each row without looking for equal ones.
func (g *Groups) AppendAll(cols []*vector.Vector, sel []uint16) error {
	clear(g.Refs[:len(sel)])
	err := g.append(All(len(sel)), func(part *Collection, chunk []uint16) (int, error) {
		return g.put(part, cols, sel, chunk)
	})
	g.Fresh = g.Fresh[:0]
	for i, r := range g.Refs[:len(sel)] {
		if r != 0 {
			g.Fresh = append(g.Fresh, uint16(i))
		}
	}
	return err
}

// put appends rows of the chunk sel of cols to a partition.
func (g *Groups) put(part *Collection, cols []*vector.Vector, sel, chunk []uint16) (int, error) {
	g.rows = g.rows[:0]
	for _, i := range chunk {
		g.rows = append(g.rows, sel[i])
	}
	return part.Append(cols, g.rows, g.places[:])
}

// find ends because each turn settles at least the rows that made groups, or moves on in the table those that differ.
func (g *Groups) find(cols []*vector.Vector, sel []uint16, put func(*Collection, []uint16) (int, error)) error {
	n := len(sel)
	b := g.acct.Base()
	entries, mask := g.Table.entries, g.Table.mask
	clear(g.Refs[:n])
	g.Fresh = g.Fresh[:0]
	for i, h := range g.Hashes[:n] {
		g.slots[i] = h & mask
	}
	active := append(g.active[:0], All(n)...)
	for len(active) > 0 {
		g.fresh, g.left = g.fresh[:0], g.left[:0]
		for _, i := range active {
			h, s := g.Hashes[i], g.slots[i]
			e := entries[s]
			for e != 0 && (e^h)>>saltShift != 0 {
				s = (s + 1) & mask
				e = entries[s]
			}
			g.slots[i] = s
			if e == 0 {
				entries[s] = h>>saltShift<<saltShift | uint64(i)<<1 | pendingMark
				g.fresh = append(g.fresh, i)
			} else {
				g.left = append(g.left, i)
			}
		}
		if len(g.fresh) > 0 {
			err := g.append(g.fresh, put)
			for _, i := range g.fresh {
				if g.Refs[i] != 0 {
					entries[g.slots[i]] = entries[g.slots[i]]>>saltShift<<saltShift | uint64(g.Refs[i])
					g.Fresh = append(g.Fresh, i)
				}
			}
			g.Table.used += len(g.fresh)
			if err != nil {
				return err
			}
		}
		for _, i := range g.left {
			g.Refs[i] = memory.Ref(entries[g.slots[i]] & refMask)
		}
		if _, err := g.matcher.match(b, cols, sel, g.Refs[:], g.left); err != nil {
			return err
		}
		active = active[:0]
		for _, i := range g.matcher.miss {
			g.Refs[i] = 0
			g.slots[i] = (g.slots[i] + 1) & mask
			active = append(active, i)
		}
	}
	g.active = active
	return nil
}

// append appends rows of the chunk to their partitions.
func (g *Groups) append(chunk []uint16, put func(*Collection, []uint16) (int, error)) error {
	p := g.Parts
	if len(p.List) == 1 {
		n, err := put(p.List[0], chunk)
		for j, i := range chunk[:n] {
			g.Refs[i] = g.places[j]
		}
		return err
	}
	ends := p.sort(g.Hashes[:], chunk, &g.order)
	from := 0
	for part, to := range ends[:len(p.List)] {
		if to > from {
			n, err := put(p.List[part], g.order[from:to])
			for j, i := range g.order[from : from+n] {
				g.Refs[i] = g.places[j]
			}
			if err != nil {
				return err
			}
		}
		from = to
	}
	return nil
}
