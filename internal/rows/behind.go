package rows

import (
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/vector"
)

// FreeBefore frees the blocks of rows before block i, none of them pinned, and the overflow blocks that only they refer
// to. Blocks keep their numbers.
func (c *Collection) FreeBefore(i int) error {
	if i <= c.blocks.freed {
		return nil
	}
	id, err := c.blocks.at(i, memory.Held)
	if err != nil {
		return err
	}
	ref, err := c.acct.Pin(id, memory.Held)
	if err != nil {
		return err
	}
	first := int(headerAt(c.acct.Base(), ref).overflow)
	c.acct.Unpin(id, memory.ReuseUnknown)
	if err := c.overflow.list.freeTo(min(first, c.overflow.list.len())); err != nil {
		return err
	}
	return c.blocks.freeTo(i)
}

// LongText says that a string lies in a block of its own.
func LongText(v []byte) bool { return len(v) > sharedOverflowBytes }

// Lend is Text for a string with a block of its own, as a reference; it lives until Release.
func (p *Pins) Lend(l *Layout, row memory.Ref, i int) (vector.Str, error) {
	s := *strAt(p.acct.Base(), row, l.columns[i].off)
	ref, err := p.resolve(&s)
	if err != nil {
		return vector.Str{}, err
	}
	s.ref = uint64(ref)
	return *s.asVector(), nil
}

// Text is the string in column i of a pinned row, which is not NULL. If it lies in an overflow block, that is pinned
// until Release. Errors: a lease for a very long string, sqlerr.ErrNoSurplus; reading the block.
func (p *Pins) Text(l *Layout, row memory.Ref, i int) ([]byte, error) {
	b := p.acct.Base()
	s := strAt(b, row, l.columns[i].off)
	if !s.overflows() {
		return s.bytes(b, row), nil
	}
	ref, err := p.resolve(s)
	if err != nil {
		return nil, err
	}
	return memory.Bytes(b, ref, int(s.n)), nil
}
