package local

import (
	"bytes"

	"github.com/spillwaydb/spillway/internal/pagetree"
)

// An overlay walks the entries of a write set that one reader may see, in one direction within bounds. It is used for
// one batch at a time, with the write set's locks held from seek to close: between batches it holds nothing.
type overlay struct {
	writes  *writeSet
	asOf    int
	latest  bool
	reverse bool
	lower   []byte
	upper   []byte // empty: none

	base, delta layer
	top         *layer // the one whose key is next; nil at the end
}

// A layer is a cursor of one of the maps, with what a reader sees there.
type layer struct {
	cursor pagetree.Cursor
	live   bool // at a visible entry
	lookup lookup
	older  []byte // entry from the undo records; nil: the cursor's
	header int    // length of the entry's header
	buffer [maxHeaderBytes]byte
}

// lock takes the write set's locks, for one batch.
func (o *overlay) lock() {
	o.writes.mu.RLock()
	if o.latest {
		o.writes.deltaMu.RLock()
	}
}

// close gives everything back.
func (o *overlay) close() {
	o.base.cursor.Close()
	o.top = nil
	if o.latest {
		o.delta.cursor.Close()
		o.writes.deltaMu.RUnlock()
	}
	o.writes.mu.RUnlock()
}

// seek locks and goes to the first entry at or behind from, in the direction of the walk; nil: the bound.
func (o *overlay) seek(from []byte) error {
	o.lock()
	o.base.cursor = o.writes.base.Cursor()
	err := o.seekLayer(&o.base, o.asOf, from)
	if err == nil && o.latest {
		o.delta.cursor = o.writes.delta.Cursor()
		err = o.seekLayer(&o.delta, o.writes.statement+1, from)
	}
	if err != nil {
		return err
	}
	o.choose()
	return nil
}

func (o *overlay) seekLayer(l *layer, asOf int, from []byte) error {
	var err error
	switch {
	case !o.reverse && from != nil:
		err = l.cursor.SeekGE(from)
	case !o.reverse:
		err = l.cursor.SeekGE(o.lower)
	case from != nil: // inclusive
		err = l.cursor.SeekLT(append(bytes.Clone(from), 0))
	case len(o.upper) > 0:
		err = l.cursor.SeekLT(o.upper)
	default:
		err = l.cursor.Last()
	}
	if err != nil {
		return err
	}
	return o.settle(l, asOf)
}

// settle goes on to an entry that the reader may see.
func (o *overlay) settle(l *layer, asOf int) error {
	for l.cursor.Valid() {
		key := l.cursor.Key()
		if o.outside(key) {
			break
		}
		h, n, err := l.readHeader()
		if err != nil {
			return err
		}
		l.header = n
		if l.lookup, l.older, err = o.writes.versionFor(h, asOf); err != nil {
			return err
		}
		if l.lookup != absent {
			if l.older != nil {
				if _, l.header, err = parseHeader(l.older); err != nil {
					return err
				}
			}
			l.live = true
			return nil
		}
		if err := o.step(l); err != nil {
			return err
		}
	}
	l.live = false
	l.cursor.Close()
	return nil
}

func (o *overlay) outside(key []byte) bool {
	if o.reverse {
		return bytes.Compare(key, o.lower) < 0
	}
	return len(o.upper) > 0 && bytes.Compare(key, o.upper) >= 0
}

func (l *layer) readHeader() (header, int, error) {
	if b, ok := l.cursor.Inline(); ok {
		return parseHeader(b)
	}
	b := l.buffer[:min(len(l.buffer), l.cursor.ValueLen())]
	if err := l.cursor.ReadValue(b, 0); err != nil {
		return header{}, 0, err
	}
	return parseHeader(b)
}

func (o *overlay) step(l *layer) error {
	if o.reverse {
		return l.cursor.Prev()
	}
	return l.cursor.Next()
}

// choose sets top to the layer whose key comes first; of equal keys the delta's counts.
func (o *overlay) choose() {
	switch {
	case !o.delta.live && !o.base.live:
		o.top = nil
	case !o.delta.live:
		o.top = &o.base
	case !o.base.live:
		o.top = &o.delta
	default:
		c := bytes.Compare(o.delta.cursor.Key(), o.base.cursor.Key())
		if o.reverse {
			c = -c
		}
		if c <= 0 {
			o.top = &o.delta
		} else {
			o.top = &o.base
		}
	}
}

func (o *overlay) valid() bool { return o.top != nil }

// key lives until next.
func (o *overlay) key() []byte { return o.top.cursor.Key() }

// deleted says that the key is gone.
func (o *overlay) deleted() bool { return o.top.lookup == deleted }

func (o *overlay) valueLen() int {
	if o.top.older != nil {
		return len(o.top.older) - o.top.header
	}
	return o.top.cursor.ValueLen() - o.top.header
}

// readValue fills dst, whose length is valueLen.
func (o *overlay) readValue(dst []byte) error {
	if o.top.older != nil {
		copy(dst, o.top.older[o.top.header:])
		return nil
	}
	return o.top.cursor.ReadValue(dst, o.top.header)
}

func (o *overlay) next() error {
	top := o.top
	if top == &o.delta && o.base.live && bytes.Equal(o.delta.cursor.Key(), o.base.cursor.Key()) {
		if err := o.advance(&o.base, o.asOf); err != nil {
			return err
		}
	}
	asOf := o.asOf
	if top == &o.delta {
		asOf = o.writes.statement + 1
	}
	if err := o.advance(top, asOf); err != nil {
		return err
	}
	o.choose()
	return nil
}

func (o *overlay) advance(l *layer, asOf int) error {
	if err := o.step(l); err != nil {
		l.live = false
		return err
	}
	return o.settle(l, asOf)
}

// skip goes on to the first entry at or behind key; it is not before the present one. Not for walks in reverse.
func (o *overlay) skip(key []byte) error {
	if err := o.skipLayer(&o.base, o.asOf, key); err != nil {
		return err
	}
	if o.latest {
		if err := o.skipLayer(&o.delta, o.writes.statement+1, key); err != nil {
			return err
		}
	}
	o.choose()
	return nil
}

func (o *overlay) skipLayer(l *layer, asOf int, key []byte) error {
	if !l.live || bytes.Compare(l.cursor.Key(), key) >= 0 {
		return nil
	}
	if err := l.cursor.SeekGE(key); err != nil {
		l.live = false
		return err
	}
	return o.settle(l, asOf)
}

// inline returns the value if it lies in one piece; it lives until next.
func (o *overlay) inline() ([]byte, bool) {
	if o.top.older != nil {
		return o.top.older[o.top.header:], true
	}
	b, ok := o.top.cursor.Inline()
	if !ok {
		return nil, false
	}
	return b[o.top.header:], true
}
