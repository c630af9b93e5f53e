package rows

import (
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/vector"
)

// step is how many rows are placed at a time, so that scratch space fits the stack.
const step = 256

// places are what is known of the rows of one step before they are written.
type places struct {
	need [step]uint32 // bytes of strings on the page
	long [step]bool   // the row has overflow strings
	low  [step]uint32 // where its strings begin
	all  bool
}

// Append copies rows sel of cols to the end; cols are of the layout's types, sel lists at most len(refs) rows (All for
// none left out). Their places go to refs; they live as long as the pins. It returns how many rows were appended: all
// of them unless there is an error. sqlerr.ErrNoSurplus: the collection keeps its blocks and got no lease for a further
// one, or a string is too long for the minimum.
func (c *Collection) Append(cols []*vector.Vector, sel []uint16, refs []memory.Ref) (int, error) {
	defer c.overflow.unpin()
	done := 0
	for done < len(sel) {
		n, err := c.appendStep(cols, sel[done:min(done+step, len(sel))], refs[done:])
		done += n
		if err != nil {
			return done, err
		}
	}
	c.flushHeader()
	return done, nil
}

// appendStep appends the first rows of sel: those that have room in one block.
func (c *Collection) appendStep(cols []*vector.Vector, sel []uint16, refs []memory.Ref) (int, error) {
	if len(c.layout.strings) == 0 {
		if err := c.room(c.layout.width); err != nil {
			return 0, err
		}
		n := min(len(sel), c.left()/c.layout.width)
		c.number(refs[:n])
		c.layout.scatter(c.acct.Base(), refs[:n], cols, sel[:n])
		c.added(n)
		return n, nil
	}
	var p places
	c.measure(&p, cols, sel)
	if err := c.room(c.layout.width + int(p.need[0])); err != nil {
		return 0, err
	}
	n := c.place(&p, len(sel))
	c.number(refs[:n])
	done, err := c.putStrings(&p, cols, sel[:n], refs)
	if err != nil {
		c.giveRoom(&p, done)
	}
	c.layout.scatter(c.acct.Base(), refs[:done], cols, sel[:done])
	c.added(done)
	return done, err
}

// number gives the next rows of the tail their places.
func (c *Collection) number(refs []memory.Ref) {
	r := c.tail.ref + headerBytes + memory.Ref(int(c.tail.rows)*c.layout.width)
	for i := range refs {
		refs[i] = r
		r += memory.Ref(c.layout.width)
	}
}

func (c *Collection) added(n int) {
	c.tail.rows += uint32(n)
	c.rows += int64(n)
}

// measure computes what each row needs on its page.
func (c *Collection) measure(p *places, cols []*vector.Vector, sel []uint16) {
	for _, i := range c.layout.strings {
		v := cols[i]
		for j, s := range pick(v, sel) {
			n := v.Str[s].Len()
			if n <= vector.InlineBytes || v.Null[s] != 0 {
				continue
			}
			if n > c.long {
				p.long[j] = true
			} else {
				p.need[j] += uint32(n)
			}
		}
	}
	c.bound(p, len(sel))
}

// bound makes rows overflow whose strings are too many for a page.
func (c *Collection) bound(p *places, n int) {
	most := uint32(c.pageBytes - headerBytes - c.layout.width)
	for j := range n {
		if p.need[j] > most {
			p.need[j], p.long[j], p.all = 0, true, true
		}
	}
}

// place takes room in the tail for the first rows and says for how many.
func (c *Collection) place(p *places, n int) int {
	left, low := c.left(), c.tail.low
	for j := range n {
		total := c.layout.width + int(p.need[j])
		if total > left {
			n = j
			break
		}
		left -= total
		low -= p.need[j]
		p.low[j] = low
	}
	c.tail.low = low
	return n
}

// giveRoom takes back the room of placed rows from the n-th on.
func (c *Collection) giveRoom(p *places, n int) {
	if n > 0 {
		c.tail.low = p.low[n-1]
	} else {
		c.tail.low = p.low[0] + p.need[0]
	}
}

// overflows says if a string of n bytes, of row j, lies in an overflow block.
func (c *Collection) overflows(p *places, j int, n int) bool {
	return p.long[j] && (n > c.long || p.all && p.need[j] == 0)
}

// putStrings writes the string columns of the rows that were placed, and says of how many.
func (c *Collection) putStrings(p *places, cols []*vector.Vector, sel []uint16, refs []memory.Ref) (int, error) {
	b := c.acct.Base()
	low := p.low
	for _, i := range c.layout.strings {
		v, off := cols[i], c.layout.columns[i].off
		for j, s := range pick(v, sel) {
			to := strAt(b, refs[j], off)
			from := &v.Str[s]
			n := from.Len()
			switch {
			case v.Null[s] != 0:
				*to = str{}
			case n <= vector.InlineBytes:
				*to = *asStr(from)
			case p.long[j] && c.overflows(p, j, n):
				// Written below, all of one row together.
			default:
				at := c.tail.ref + memory.Ref(low[j])
				copy(memory.Bytes(b, at, n), from.Bytes(b))
				low[j] += uint32(n)
				*to = *asStr(from)
				to.ref = uint64(at - refs[j])
			}
		}
	}
	for j, s := range sel {
		if !p.long[j] {
			continue
		}
		err := c.putLong(refs[j], func(i int) (v []byte, ok bool) {
			k := s
			if cols[i].Const {
				k = 0
			}
			n := cols[i].Str[k].Len()
			if cols[i].Null[k] != 0 || n <= vector.InlineBytes || !c.overflows(p, j, n) ||
				i == c.layout.parted && streamed(cols[i], s) {
				return nil, false
			}
			return cols[i].Str[k].Bytes(b), true
		})
		if i := c.layout.parted; err == nil && i >= 0 && streamed(cols[i], s) {
			err = c.putStream(refs[j], s)
		}
		if err != nil {
			return j, err
		}
	}
	return len(sel), nil
}

// streamed says that a string has a length, estimated, but does not lie anywhere: Collection.stream gives it.
func streamed(v *vector.Vector, row uint16) bool {
	s := &v.Str[row]
	return s.Len() > sharedOverflowBytes && s.Ref() == 0
}

// putStream writes the rest of a key that is made as it is written.
func (c *Collection) putStream(place memory.Ref, row uint16) error {
	w := partsWriter{o: &c.overflow}
	if err := c.stream(row, w.write); err != nil {
		return err
	}
	b := c.acct.Base()
	s := str{n: uint32(w.total), ref: w.first}
	if w.total > 0 && w.total <= vector.InlineBytes {
		at := c.overflow.ref + s.offset() + partHeader // of its only part, whose block is still pinned
		short := vector.MakeInline(memory.Bytes(b, at, w.total))
		s = *asStr(&short)
	}
	*strAt(b, place, c.layout.columns[c.layout.parted].off) = s
	return nil
}

// putLong writes the overflow strings of one row; value returns that of column i, if it is one.
func (c *Collection) putLong(row memory.Ref, value func(i int) ([]byte, bool)) error {
	b := c.acct.Base()
	total := 0
	for _, i := range c.layout.strings {
		v, ok := value(i)
		switch {
		case !ok || i == c.layout.parted:
		case len(v) > sharedOverflowBytes:
			ref, err := c.overflow.putAlone(v)
			if err != nil {
				return err
			}
			*strAt(b, row, c.layout.columns[i].off) = makeStr(v, ref)
		default:
			total += len(v)
		}
	}
	if err := c.overflow.together(total); err != nil {
		return err
	}
	for _, i := range c.layout.strings {
		v, ok := value(i)
		switch {
		case !ok:
		case i == c.layout.parted:
			ref, err := c.overflow.putParts(len(v), func(_, from, to int) ([]byte, error) { return v[from:to], nil })
			if err != nil {
				return err
			}
			*strAt(b, row, c.layout.columns[i].off) = makeStr(v, ref)
		case len(v) <= sharedOverflowBytes:
			if err := c.overflow.reserve(len(v)); err != nil {
				return err
			}
			*strAt(b, row, c.layout.columns[i].off) = makeStr(v, c.overflow.put(v))
		}
	}
	return nil
}

// makeStr is the reference of a string longer than vector.InlineBytes.
func makeStr(v []byte, ref uint64) str {
	s := str{n: uint32(len(v)), ref: ref}
	copy(s.pre[:], v)
	return s
}
