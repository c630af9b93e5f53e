package local

import (
	"bytes"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/pagetree"
)

// An overlay walks the entries of a write set that one reader may see, in one direction within bounds. It is used for
// one batch at a time, with an operation and the write set's locks held from seek to close: between batches it holds
// nothing.
//
// It merges the maps that it walks, two of them unless the statement's writes were sealed.
type overlay struct {
	writes  *writeSet
	asOf    int
	latest  bool
	reverse bool
	whole   bool // all of the maps will be walked, forwards
	lower   []byte
	upper   []byte // empty: none

	op     memory.Operation
	layers []layer  // oldest first
	order  []*layer // those at an entry, as a heap: the first one's key is next; of equal keys the newest counts
	apart  []byte   // see entry

	// Room for layers and order of most.
	two      [2]layer
	twoOrder [2]*layer
}

// A layer is a cursor of one of the maps, with what a reader sees there.
type layer struct {
	cursor pagetree.Cursor
	age    int    // place in layers
	asOf   int    // statement whose reader sees the map
	key    []byte // the cursor's, at a visible entry; nil: at none
	lookup lookup
	older  []byte // entry from the undo records; nil: the cursor's
	header int    // length of the entry's header
	buffer [maxHeaderBytes]byte
}

// lock begins an operation and takes the write set's locks, for one batch.
func (o *overlay) lock() {
	w := o.writes
	for {
		trees := 0
		if o.latest {
			trees = int(w.seals.Load())
		}
		o.op = w.mergeOperation(trees)
		w.mu.RLock()
		if !o.latest {
			return
		}
		w.deltaMu.RLock()
		if len(w.sealed) <= trees {
			return
		}
		// More were sealed while the operation waited for its turn.
		w.deltaMu.RUnlock()
		w.mu.RUnlock()
		o.op.End()
	}
}

// close gives everything back.
func (o *overlay) close() {
	o.leave()
	if o.latest {
		o.writes.deltaMu.RUnlock()
	}
	o.writes.mu.RUnlock()
	o.op.End()
}

// leave closes the cursors.
func (o *overlay) leave() {
	for i := range o.layers {
		o.layers[i].cursor.Close()
	}
	o.layers, o.order = o.layers[:0], o.order[:0]
}

// seek locks and goes to the first entry at or behind from, in the direction of the walk; nil: the bound. The caller
// closes, whatever it returns.
func (o *overlay) seek(from []byte) error {
	o.lock()
	w := o.writes
	if o.latest {
		sealed, err := w.sealedWith(o.lower, o.upper)
		if err != nil {
			return err
		}
		o.arrange(1 + len(sealed) + 1)
		o.add(w.base, o.asOf)
		for _, t := range sealed {
			o.add(t, w.statement+1)
		}
		o.add(w.delta, w.statement+1)
	} else {
		o.arrange(1)
		o.add(w.base, o.asOf)
	}
	return o.seekLayers(from)
}

// arrange makes room for n layers.
func (o *overlay) arrange(n int) {
	if n <= len(o.two) {
		o.layers, o.order = o.two[:0], o.twoOrder[:0]
	} else if cap(o.layers) < n {
		o.layers, o.order = make([]layer, 0, n), make([]*layer, 0, n)
	}
	o.layers, o.order = o.layers[:0], o.order[:0]
}

// add adds a map, newer than those before, of which readers of asOf see entries.
func (o *overlay) add(t *pagetree.Tree, asOf int) {
	if t.Len() > 0 {
		o.layers = append(o.layers, layer{cursor: t.Cursor(), age: len(o.layers), asOf: asOf})
		if o.whole {
			o.layers[len(o.layers)-1].cursor.ReadAhead()
		}
	}
}

func (o *overlay) seekLayers(from []byte) error {
	for i := range o.layers {
		l := &o.layers[i]
		if err := o.seekLayer(l, from); err != nil {
			return err
		}
		if l.key != nil {
			o.order = append(o.order, l)
		}
	}
	for i := len(o.order)/2 - 1; i >= 0; i-- {
		o.sink(i)
	}
	return nil
}

func (o *overlay) seekLayer(l *layer, from []byte) error {
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
	return o.settle(l)
}

// settle goes on to an entry that the reader may see.
func (o *overlay) settle(l *layer) error {
	l.key = nil
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
		if l.lookup, l.older, err = o.writes.versionFor(h, l.asOf); err != nil {
			return err
		}
		if l.lookup != absent {
			if l.older != nil {
				if _, l.header, err = parseHeader(l.older); err != nil {
					return err
				}
			}
			l.key = key
			return nil
		}
		if err := o.step(l); err != nil {
			return err
		}
	}
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

// sink moves order[i] down to its place in the heap.
func (o *overlay) sink(i int) {
	for {
		first := 2*i + 1
		if first >= len(o.order) {
			return
		}
		if second := first + 1; second < len(o.order) && o.before(o.order[second], o.order[first]) {
			first = second
		}
		if !o.before(o.order[first], o.order[i]) {
			return
		}
		o.order[first], o.order[i] = o.order[i], o.order[first]
		i = first
	}
}

// before says if a's entry comes first; of equal keys the newest does.
func (o *overlay) before(a, b *layer) bool {
	c := bytes.Compare(a.key, b.key)
	switch {
	case c == 0:
		return a.age > b.age
	case o.reverse:
		return c > 0
	}
	return c < 0
}

func (o *overlay) valid() bool { return len(o.order) > 0 }

// key lives until next.
func (o *overlay) key() []byte { return o.order[0].key }

// deleted says that the key is gone.
func (o *overlay) deleted() bool { return o.order[0].lookup == deleted }

func (o *overlay) valueLen() int {
	top := o.order[0]
	if top.older != nil {
		return len(top.older) - top.header
	}
	return top.cursor.ValueLen() - top.header
}

// entry returns the entry as it lies in its map, header included; it lives until next. For layers that are seen as they
// are.
func (o *overlay) entry() ([]byte, error) {
	l := o.order[0]
	if b, ok := l.cursor.Inline(); ok {
		return b, nil
	}
	var err error
	o.apart, err = l.cursor.AppendValue(o.apart[:0])
	return o.apart, err
}

// readValue fills dst, whose length is valueLen.
func (o *overlay) readValue(dst []byte) error {
	top := o.order[0]
	if top.older != nil {
		copy(dst, top.older[top.header:])
		return nil
	}
	return top.cursor.ReadValue(dst, top.header)
}

func (o *overlay) next() error {
	for len(o.order) > 1 { // what lies below the entry
		second := 1
		if len(o.order) > 2 && o.before(o.order[2], o.order[1]) {
			second = 2
		}
		if !bytes.Equal(o.order[second].key, o.order[0].key) {
			break
		}
		if err := o.advance(second); err != nil {
			return err
		}
	}
	return o.advance(0)
}

// advance moves the layer at order[i] on to its next entry, as moved says.
func (o *overlay) advance(i int) error {
	l := o.order[i]
	err := o.step(l)
	if err == nil {
		err = o.settle(l)
	}
	if err == nil {
		o.moved(i)
	}
	return err
}

// moved finds the place of order[i], the root or one right below it, after its layer has gone on.
func (o *overlay) moved(i int) {
	if o.order[i].key == nil {
		last := len(o.order) - 1
		o.order[i] = o.order[last]
		o.order = o.order[:last]
	}
	if i < len(o.order) {
		o.sink(i)
	}
}

// skip goes on to the first entry at or behind key; it is not before the present one. Not for walks in reverse.
func (o *overlay) skip(key []byte) error {
	for len(o.order) > 0 && bytes.Compare(o.order[0].key, key) < 0 {
		l := o.order[0]
		err := l.cursor.SeekGE(key)
		if err == nil {
			err = o.settle(l)
		}
		if err != nil {
			return err
		}
		o.moved(0)
	}
	return nil
}

// inline returns the value if it lies in one piece; it lives until next.
func (o *overlay) inline() ([]byte, bool) {
	top := o.order[0]
	if top.older != nil {
		return top.older[top.header:], true
	}
	b, ok := top.cursor.Inline()
	if !ok {
		return nil, false
	}
	return b[top.header:], true
}
