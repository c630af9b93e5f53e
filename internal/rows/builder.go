package rows

import (
	"slices"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

// What a builder holds.
const (
	builderPages     = 8 // of rows, unless the sort says otherwise
	smallestElements = memory.MinPageBytes
	heldElements     = 32 << 10
	largestElements  = 32 << 20
	restBytes        = vector.MaxRows * 16 // the references of rests of keys
)

// restArenaBytes is the first page for rests of keys: one of a step is that long at least, and the key of a row with
// strings of up to 64 KiB.
func (s *Sorter) restArenaBytes() int {
	if !s.long {
		return MinPageBytes
	}
	n := 0
	for i := range s.keys.columns {
		c := &s.keys.columns[i]
		n += 1 + kindBytes[c.kind]
		if c.kind != kindString {
			continue
		}
		held := vector.HeldText(s.spec.Types[c.index])
		n += 2 + collation.WeightGuess(c.collation, held) + collation.WeightZeros(c.collation, held)
		if c.collation == collation.Binary {
			n += held // zeros are escaped
		}
	}
	return memory.PageSize(max(n, sharedOverflowBytes))
}

// builderBytes is what one builder holds.
func (s *Sorter) builderBytes() int64 {
	n := int64(s.held+1)*int64(s.pageBytes) + smallestElements + heldElements + s.layout.OverflowBytes(s.pageBytes)
	if !s.keys.exact {
		n += restBytes + int64(s.restArenaBytes())
	}
	return n
}

// Builder makes the runs of one worker: it keeps rows pinned as long as it gets leases, then sorts and writes them.
// Close gives back what was not handed over.
type Builder struct {
	s    *Sorter
	keys *keyEncoder // with scratch space of its own

	rows     *Collection
	segments []*segment // the last one is being filled
	spare    int64      // surplus that it leaves to others

	prefixes [step]prefix
	sel      [step]uint16
	refs     [step]memory.Ref
	input    []*vector.Vector // whose keys were made last
	columns  []*vector.Vector // of the layout
	rest     vector.Vector    // of the keys, at the input's rows
	restPage memory.Page
	arena    vector.Arena
}

// NewBuilder takes nothing yet but the space for long keys.
func (s *Sorter) NewBuilder() (*Builder, error) {
	b := &Builder{s: s, keys: newKeyEncoder(s.spec.Types, s.spec.Order)}
	b.columns = make([]*vector.Vector, len(s.layout.columns))
	if !s.keys.exact {
		p, err := s.acct.Alloc(restBytes, memory.Held)
		if err != nil {
			return nil, err
		}
		b.restPage = p
		b.rest = vector.Vector{Type: restType(), NoNulls: true, Null: make([]uint8, vector.MaxRows)}
		b.rest.Str = memory.Slice[vector.Str](s.acct.Base(), p.Ref, vector.MaxRows)
		b.columns[len(b.columns)-1] = &b.rest
		b.arena = vector.MakeArena(s.acct, s.restArenaBytes())
	}
	b.spare = s.spareBytes()
	s.mu.Lock()
	s.spare = max(s.spare, b.spare)
	s.mu.Unlock()
	b.newRows()
	return b, nil
}

func restType() types.Type { return types.NewVarBinary(types.MaxLongBlob) }

func (b *Builder) newRows() {
	s := b.s
	b.rows = NewCollection(s.acct, s.layout, s.pageBytes)
	b.rows.Keep(s.held)
	b.rows.spare = b.spare
	b.rows.stream = b.stream
}

// Append adds rows sel of cols, which are of the input's types. fill, if not nil, is called for the i-th row of sel
// once it has its place, to write reserved bytes.
func (b *Builder) Append(cols []*vector.Vector, sel []uint16, fill func(i int, row memory.Ref)) error {
	for to, from := range b.s.output {
		b.columns[to] = cols[from]
	}
	for i := 0; i < len(sel); {
		n, err := b.appendStep(cols, sel[i:min(i+step, len(sel))], func(j int, row memory.Ref) {
			if fill != nil {
				fill(i+j, row)
			}
		})
		if err != nil {
			return err
		}
		i += n
	}
	return nil
}

// appendStep adds the first rows of sel and says how many: all whose keys have room, beside the copy of the row.
func (b *Builder) appendStep(cols []*vector.Vector, sel []uint16, fill func(int, memory.Ref)) (int, error) {
	if b.leases() && b.s.acct.Revoked() {
		if err := b.write(); err != nil {
			return 0, err
		}
	}
	for {
		n, err := b.encode(cols, sel)
		if noSurplus(err) && b.rows.Rows() > 0 {
			if err = b.write(); err == nil {
				n, err = b.encode(cols, sel)
			}
		}
		if err != nil {
			return 0, Final(err)
		}
		done, err := b.putAll(sel[:n], fill)
		switch {
		case err == nil:
			return n, b.trimTop()
		case !noSurplus(err) || done == 0 && n == 1:
			return done, Final(err)
		case done > 0:
			return done, nil
		}
		sel = sel[:n/2] // fewer keys
	}
}

// putAll adds rows whose keys are made, and says how many were dealt with: fewer if a string gets no pages, even with
// no other row in memory.
func (b *Builder) putAll(sel []uint16, fill func(int, memory.Ref)) (int, error) {
	kept := b.sel[:copy(b.sel[:], sel)]
	if b.s.cutoff != nil {
		kept = kept[:b.s.cutoff.wanted(b.prefixes[:], kept)]
	}
	reserved := b.s.spec.Reserved > 0
	for done := 0; done < len(kept); {
		m, err := b.put(kept[done:], b.prefixes[done:])
		if reserved {
			for j := range m { // sel is not filtered where rows have reserved bytes
				fill(done+j, b.refs[j])
			}
		}
		done += m
		if noSurplus(err) && b.rows.Rows() > 0 {
			err = b.write()
		}
		if err != nil {
			return slices.Index(sel, kept[min(done, len(kept)-1)]), err
		}
	}
	return len(sel), nil
}

// trimTop makes a run of a limit's rows once there are many more.
func (b *Builder) trimTop() error {
	if b.s.cutoff == nil || uint64(b.rows.Rows()) < max(rowsBeforeTrim, trimFactor*b.s.spec.Limit) {
		return nil
	}
	return b.write()
}

// encode makes the keys of the first rows of sel and says of how many; sqlerr.ErrNoSurplus if not even of one.
func (b *Builder) encode(cols []*vector.Vector, sel []uint16) (int, error) {
	if b.s.keys.exact {
		b.keys.encodeExact(cols, sel, b.prefixes[:])
		return len(sel), nil
	}
	b.arena.Reset()
	b.input = cols
	defer b.keys.trim()
	base := b.s.acct.Base()
	for i, row := range sel {
		p, text, err := b.key(base, cols, row)
		if err != nil {
			if i > 0 && noSurplus(err) {
				return i, nil
			}
			return 0, err
		}
		b.prefixes[i], b.rest.Str[row] = p, text
	}
	return len(sel), nil
}

// key makes the key of one row, whose rest stays in the arena; of a long one only the prefix: its rest is made as it is
// written.
func (b *Builder) key(base memory.Base, cols []*vector.Vector, row uint16) (prefix, vector.Str, error) {
	n := 0
	if b.s.long {
		n = b.keys.guess(base, cols, row)
	}
	if n <= sharedOverflowBytes {
		p, rest := split(b.keys.encode(base, cols, row))
		text, err := b.arena.Put(rest)
		return p, text, err
	}
	p, err := b.keys.prefix(base, cols, row)
	var text vector.Str
	*asStr(&text) = str{n: uint32(n)}
	return p, text, err
}

// stream gives the rest of the key of one of the rows whose keys were made last.
func (b *Builder) stream(row uint16, write func(part []byte) error) error {
	skip := prefixBytes
	return b.keys.stream(b.s.acct.Base(), b.input, row, func(part []byte) error {
		n := min(skip, len(part))
		skip -= n
		return write(part[n:])
	})
}

// Release gives back what was leased for the keys of the last rows.
func (b *Builder) Release() { b.arena.Reset() }

// put adds rows whose keys are made, and says how many there was room for.
func (b *Builder) put(sel []uint16, p []prefix) (int, error) {
	room, err := b.elements()
	if err != nil {
		return 0, err
	}
	n, err := b.rows.Append(b.columns, sel[:min(len(sel), len(room))], b.refs[:])
	base := b.s.acct.Base()
	for i, r := range b.refs[:n] {
		*prefixAt(base, r) = p[i]
		room[i] = element{p[i], r}
	}
	b.segments[len(b.segments)-1].n += n
	return n, err
}

// elements is room for at least one element more.
func (b *Builder) elements() ([]element, error) {
	base := b.s.acct.Base()
	if n := len(b.segments); n > 0 {
		last := b.segments[n-1]
		if all := last.elements(base); last.n < len(all) {
			return all[last.n:], nil
		}
	}
	size, kind := smallestElements, memory.Held
	switch n := len(b.segments); {
	case n == 1:
		size = heldElements
	case n > 1:
		kind = memory.Leased
		most := b.s.acct.Surplus() / 4 // the larger part is for rows
		size = heldElements
		for i := 1; i < n && size < largestElements && int64(size)*growBlocks <= most; i++ {
			size *= growBlocks
		}
	}
	if kind == memory.Leased && !spares(b.s.acct, int64(size), b.spare) {
		return nil, sqlerr.ErrNoSurplus
	}
	page, err := b.s.acct.Alloc(size, kind)
	if noSurplus(err) && size > heldElements {
		page, err = b.s.acct.Alloc(heldElements, kind)
	}
	if err != nil {
		return nil, err
	}
	b.segments = append(b.segments, &segment{page: page})
	return b.segments[len(b.segments)-1].elements(base), nil
}

// leases says if the builder has pages beyond its minimum.
func (b *Builder) leases() bool {
	return len(b.segments) > 2 || b.rows.blocks.len()-b.rows.pinned > b.s.held
}

// sort sorts the segments, as if they were one.
func (b *Builder) sort() error {
	c := b.s.comparer()
	base := b.s.acct.Base()
	var parts [][]element
	for _, s := range b.segments {
		if s.n > 0 {
			parts = append(parts, s.elements(base)[:s.n])
		}
	}
	if len(parts) > 0 {
		c.sortParts(parts)
	}
	return c.err
}

// write makes a run of what there is, and begins anew.
func (b *Builder) write() error {
	if err := b.sort(); err != nil {
		return err
	}
	r, err := b.s.writeRun([][]*segment{b.segments})
	if err != nil {
		return err
	}
	b.drop()
	b.newRows()
	b.s.addRun(r)
	return b.s.thin()
}

// drop frees rows and elements.
func (b *Builder) drop() {
	for _, s := range b.segments {
		b.s.acct.Free(s.page)
	}
	b.segments = nil
	b.rows.Close()
}

// Finish sorts what is left and hands it over, pinned as it is. It is the builder's last call but Close.
func (b *Builder) Finish() error {
	b.closeKeys()
	if b.rows.Rows() == 0 {
		return nil
	}
	if err := b.sort(); err != nil {
		return err
	}
	b.s.addResident(b.rows, b.segments)
	b.rows, b.segments = nil, nil
	return nil
}

func (b *Builder) closeKeys() {
	b.arena.Free()
	b.s.acct.Free(b.restPage)
	b.restPage = memory.Page{}
}

// Close gives everything back. Repeatable.
func (b *Builder) Close() {
	if b == nil {
		return
	}
	b.closeKeys()
	b.drop()
}
