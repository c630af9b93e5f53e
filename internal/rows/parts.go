package rows

import (
	"encoding/binary"

	"github.com/spillwaydb/spillway/internal/memory"
)

// The rest of a key is compared while its row waits in a sort or a merge, which may have all surplus there is. So a
// rest that overflows is a list of parts, each in a block that is pinned within the minimum: no comparison can be
// refused. A part begins with the reference of the next one, 0 at the last.
const (
	partHeader = 8
	partBytes  = sharedOverflowBytes - partHeader
)

// putParts writes a string of n bytes as parts and returns the reference of the first. part gives the bytes of part k.
func (o *overflow) putParts(n int, part func(k, from, to int) ([]byte, error)) (uint64, error) {
	next := uint64(0)
	for k := (n - 1) / partBytes; k >= 0; k-- { // backwards, as each refers to the next
		from, to := k*partBytes, min((k+1)*partBytes, n)
		if err := o.reserve(partHeader + to - from); err != nil {
			return 0, err
		}
		v, err := part(k, from, to)
		if err != nil {
			return 0, err
		}
		var header [partHeader]byte
		binary.LittleEndian.PutUint64(header[:], next)
		next = o.put(header[:])
		o.put(v)
	}
	return next, nil
}

// partsWriter writes a string of unknown length as parts, front to back.
type partsWriter struct {
	o     *overflow
	first uint64
	last  uint64 // the part that is being written
	room  int    // of it
	total int
}

// write appends to the string. Between calls a block of the writer's is pinned.
func (w *partsWriter) write(v []byte) error {
	for len(v) > 0 {
		if w.room == 0 {
			if err := w.next(); err != nil {
				return err
			}
		}
		n := min(len(v), w.room)
		w.o.put(v[:n])
		v = v[n:]
		w.room -= n
		w.total += n
	}
	return nil
}

// next begins a part: in a block of its own, as it is to be as long as one. The part before it is told where.
func (w *partsWriter) next() error {
	o := w.o
	if err := o.reserve(sharedOverflowBytes); err != nil {
		return err
	}
	at := overflowRef(o.id, o.used)
	if w.first == 0 {
		w.first = at
	} else {
		o.unpin() // one block is pinned at a time
		before := str{ref: w.last}
		ref, err := o.acct.Pin(before.block(), memory.Held)
		if err != nil {
			return err
		}
		o.acct.MarkDirty(before.block())
		header := memory.Bytes(o.acct.Base(), ref+before.offset(), partHeader)
		binary.LittleEndian.PutUint64(header, at)
		o.acct.Unpin(before.block(), memory.ReuseLate)
		if err := o.reserve(sharedOverflowBytes); err != nil {
			return err
		}
	}
	var header [partHeader]byte
	o.put(header[:])
	w.last, w.room = at, partBytes
	return nil
}

// copyParts copies the parts of a string of another collection. One of them is pinned at a time.
func (o *overflow) copyParts(pins *Pins, s *str) (uint64, error) {
	base := o.acct.Base()
	var room [8]uint64
	refs := append(room[:0], s.ref)
	for n := int(s.n); n > partBytes; n -= partBytes {
		at, err := pins.resolve(&str{n: s.n, ref: refs[len(refs)-1]})
		if err != nil {
			return 0, err
		}
		refs = append(refs, binary.LittleEndian.Uint64(memory.Bytes(base, at, partHeader)))
		pins.Release()
	}
	return o.putParts(int(s.n), func(k, from, to int) ([]byte, error) {
		pins.Release()
		at, err := pins.resolve(&str{n: s.n, ref: refs[k]})
		if err != nil {
			return nil, err
		}
		return memory.Bytes(base, at+partHeader, to-from), nil
	})
}

// parts reads the string of a row part by part.
type parts struct {
	base memory.Base
	pins Pins
	part []byte // what is left of the current one
	next str    // n: what is left behind it
}

func makeParts(acct *memory.Account, row memory.Ref, off uintptr) parts {
	p := parts{base: acct.Base(), pins: MakePins(acct)}
	if s := strAt(p.base, row, off); s.overflows() {
		p.next = *s
	} else {
		p.part = s.bytes(p.base, row)
	}
	return p
}

// fill goes to the next part if the current one was read; the part is empty at the end.
func (p *parts) fill() error {
	if len(p.part) > 0 || p.next.n == 0 {
		return nil
	}
	p.pins.Release()
	at, err := p.pins.resolve(&p.next)
	if err != nil {
		return err
	}
	n := min(int(p.next.n), partBytes)
	p.part = memory.Bytes(p.base, at+partHeader, n)
	p.next.ref = binary.LittleEndian.Uint64(memory.Bytes(p.base, at, partHeader))
	p.next.n -= uint32(n)
	return nil
}

func (p *parts) close() { p.pins.Release() }
