package rows

import (
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/vector"
)

// AppendRows copies pinned rows of collections with the same layout and page size to the end, reserved bytes included.
// Their new places go to to, if it is not nil. Result and errors are Append's.
func (c *Collection) AppendRows(from, to []memory.Ref) (int, error) {
	defer c.overflow.unpin()
	var room [step]memory.Ref
	done := 0
	for done < len(from) {
		part := from[done:min(done+step, len(from))]
		places := room[:len(part)]
		if to != nil {
			places = to[done:]
		}
		n, err := c.copyStep(part, places)
		done += n
		if err != nil {
			return done, err
		}
	}
	c.flushHeader()
	return done, nil
}

// copyStep copies the first rows of from: those that have room in one block.
func (c *Collection) copyStep(from, to []memory.Ref) (int, error) {
	b, width := c.acct.Base(), c.layout.width
	if len(c.layout.strings) == 0 {
		if err := c.room(width); err != nil {
			return 0, err
		}
		n := min(len(from), c.left()/width)
		c.number(to[:n])
		copyRows(b, to, from[:n], width)
		c.added(n)
		return n, nil
	}
	var p places
	for _, i := range c.layout.strings {
		off := c.layout.columns[i].off
		for j, r := range from {
			s := strAt(b, r, off)
			if s.n <= vector.InlineBytes {
				continue
			}
			if s.overflows() {
				p.long[j] = true
			} else {
				p.need[j] += s.n
			}
		}
	}
	if err := c.room(width + int(p.need[0])); err != nil {
		return 0, err
	}
	n := c.place(&p, len(from))
	c.number(to[:n])
	copyRows(b, to, from[:n], width)
	c.copyStrings(&p, from[:n], to)
	for j, r := range from[:n] {
		if !p.long[j] {
			continue
		}
		if err := c.copyLong(r, to[j]); err != nil {
			c.giveRoom(&p, j)
			c.added(j)
			return j, err
		}
	}
	c.added(n)
	return n, nil
}

// copyRows copies rows without their strings. Usual widths are copied without a call for each row, so that misses of
// several rows overlap.
func copyRows(b memory.Base, to, from []memory.Ref, width int) {
	switch width {
	case 16:
		copyEach[[16]byte](b, to, from)
	case 24:
		copyEach[[24]byte](b, to, from)
	case 32:
		copyEach[[32]byte](b, to, from)
	case 40:
		copyEach[[40]byte](b, to, from)
	case 48:
		copyEach[[48]byte](b, to, from)
	case 56:
		copyEach[[56]byte](b, to, from)
	case 64:
		copyEach[[64]byte](b, to, from)
	default:
		for i, r := range from {
			copy(memory.Bytes(b, to[i], width), memory.Bytes(b, r, width))
		}
	}
}

func copyEach[T any](b memory.Base, to, from []memory.Ref) {
	to = to[:len(from)]
	for i, r := range from {
		*(*T)(b.At(to[i])) = *(*T)(b.At(r))
	}
}

// copyStrings copies the strings that lie on the rows' pages.
func (c *Collection) copyStrings(p *places, from, to []memory.Ref) {
	b := c.acct.Base()
	for _, i := range c.layout.strings {
		off := c.layout.columns[i].off
		for j, r := range from {
			s := strAt(b, to[j], off)
			if s.n <= vector.InlineBytes || s.overflows() {
				continue
			}
			at := c.tail.ref + memory.Ref(p.low[j])
			copy(memory.Bytes(b, at, int(s.n)), memory.Bytes(b, r+memory.Ref(s.ref), int(s.n)))
			s.ref = uint64(at - to[j])
			p.low[j] += s.n
		}
	}
	for j := range from {
		p.low[j] -= p.need[j]
	}
}

// copyLong copies the overflow strings of one row. The string being copied is pinned, no other. Strings that have
// blocks of their own are not copied: both rows refer to the block, so that it needs no lease.
func (c *Collection) copyLong(from, to memory.Ref) error {
	b := c.acct.Base()
	pins := MakePins(c.acct)
	defer pins.Release()
	total := 0
	for _, i := range c.layout.strings {
		off := c.layout.columns[i].off
		s := strAt(b, from, off)
		switch {
		case !s.overflows() || i == c.layout.parted:
		case s.n > sharedOverflowBytes:
			shared, err := c.overflow.share(s)
			if err != nil {
				return err
			}
			if shared {
				continue
			}
			at, err := pins.resolve(s)
			if err != nil {
				return err
			}
			ref, err := c.overflow.putAlone(memory.Bytes(b, at, int(s.n)))
			if err != nil {
				return err
			}
			strAt(b, to, off).ref = ref
			pins.Release()
		default:
			total += int(s.n)
		}
	}
	if err := c.overflow.together(total); err != nil {
		return err
	}
	for _, i := range c.layout.strings {
		off := c.layout.columns[i].off
		s := strAt(b, from, off)
		if !s.overflows() || s.n > sharedOverflowBytes || i == c.layout.parted {
			continue
		}
		at, err := pins.resolve(s)
		if err != nil {
			return err
		}
		if err := c.overflow.reserve(int(s.n)); err != nil {
			return err
		}
		strAt(b, to, off).ref = c.overflow.put(memory.Bytes(b, at, int(s.n)))
	}
	if i := c.layout.parted; i >= 0 {
		pins.Release()
		off := c.layout.columns[i].off
		if s := strAt(b, from, off); s.overflows() {
			ref, err := c.overflow.copyParts(&pins, s)
			if err != nil {
				return err
			}
			strAt(b, to, off).ref = ref
		}
	}
	return nil
}
