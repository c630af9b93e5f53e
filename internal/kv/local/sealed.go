package local

import (
	"bytes"
	"context"
	"math"
	"slices"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/pagetree"
)

// Sealing. Keys in no order go to any node of the delta. Once that is larger than memory, each write would bring a node
// back from disk and send another one there. So a delta whose nodes come back too often is sealed: nobody writes to it
// any longer, its nodes leave memory once each, and a new delta takes what follows. The end of the statement, or the
// commit, merges the sealed deltas and the last one in order of keys, where the newest entry of a key counts; a
// log-structured merge tree in small.
//
// Whoever asks for a single key, as checks for duplicates do for each row, would have to search all of them. A filter
// tells which ones may have it. It knows the keys of those spaces only, tables or indexes, that are asked about.
//
// There are at most sealing.trees of them, since a merge pins a node of each; more are merged into one before. That is
// done in the time of a write, and ends with the context of the statement.

// sealing says when a delta is sealed.
type sealing struct {
	every   int64 // writes between two looks at the delta
	reloads int64 // nodes that came back in between, more of which are too many
	bytes   int64 // smallest delta that is sealed
	trees   int   // sealed ones at most, 2 at least
}

// usualSealing: 32 nodes of 16 KiB, besides what else operations pin, are half of the smallest share of operations.
// Reading a node costs as much as some 20 writes in memory: at one of 32 the delta is sealed when few nodes of it have
// had to leave.
var usualSealing = sealing{every: 1024, reloads: 32, bytes: 1 << 20, trees: 32}

// A sealedTree was the statement's delta, or is the merge of some that were.
type sealedTree struct {
	tree   *pagetree.Tree
	merged bool
	filter *filter // nil: none
	bit    int     // in filter
	spaces int     // how many of the spaces asked about the filter knows
}

// A keySpace is the keys with a prefix.
type keySpace struct{ prefix []byte }

// maxSpaces bounds the spaces that filters know.
const maxSpaces = 16

// space returns the number of a key's space, which is noted as asked about; a large one if there are too many.
func (w *writeSet) space(key []byte) int {
	prefix := key[:min(len(key), w.prefix)]
	known := w.asked.Load()
	if known != nil {
		for i := range *known {
			if bytes.Equal((*known)[i].prefix, prefix) {
				return i
			}
		}
	}
	w.askedMu.Lock()
	defer w.askedMu.Unlock()
	var all []keySpace
	if known = w.asked.Load(); known != nil {
		all = slices.Clone(*known)
	}
	for i := range all {
		if bytes.Equal(all[i].prefix, prefix) {
			return i
		}
	}
	if len(all) >= maxSpaces {
		return math.MaxInt
	}
	all = append(all, keySpace{bytes.Clone(prefix)})
	w.asked.Store(&all)
	return len(all) - 1
}

// spaces are those asked about so far.
func (w *writeSet) spaces() []keySpace {
	if all := w.asked.Load(); all != nil {
		return *all
	}
	return nil
}

// span is the keys of the space.
func (s keySpace) span() kv.Span {
	end := bytes.Clone(s.prefix)
	for n := len(end); n > 0; n-- {
		if end[n-1]++; end[n-1] != 0 {
			return kv.Span{Start: s.prefix, End: end[:n]}
		}
	}
	return kv.Span{Start: s.prefix}
}

// makeRoom is called ahead of a write, without locks. It seals the delta if it is worn out.
func (w *writeSet) makeRoom() error {
	if w.left--; w.left > 0 {
		return nil
	}
	w.left = w.sealing.every
	before := w.reloads
	w.reloads = w.delta.Reloads()
	switch {
	case w.reloads-before <= w.sealing.reloads, w.delta.PageBytes() < w.sealing.bytes,
		treeOptions.NodeBytes(int(w.longest.Load())) > treeOptions.NodeBytes(0): // merges count on usual nodes
		return nil
	}
	return w.seal()
}

// seal makes the delta one of the sealed trees. After an error it is one, too, but searched for each key.
func (w *writeSet) seal() error {
	if len(w.sealed) >= w.sealing.trees {
		if err := w.mergeSealed(); err != nil {
			return err
		}
	}
	t := w.delta
	w.deltaMu.Lock()
	w.sealed = append(w.sealed, sealedTree{tree: t})
	w.seals.Store(int64(len(w.sealed)))
	w.delta = pagetree.New(w.acct, treeOptions)
	w.reloads = 0
	w.deltaMu.Unlock()
	return w.filterLast()
}

// filterLast makes the last sealed tree known to a filter.
func (w *writeSet) filterLast() error {
	last := &w.sealed[len(w.sealed)-1]
	spaces := w.spaces()
	if len(spaces) == 0 {
		return nil
	}
	keys, err := w.countKeys(last.tree, spaces)
	if err != nil {
		return err
	}
	var f *filter
	if n := len(w.sealed) - 2; n >= 0 {
		f = w.sealed[n].filter
	}
	if f == nil || !f.takes(keys) {
		if f, err = newFilter(w.acct, filterTrees, keys); err != nil {
			return err
		}
	}
	bit := f.used
	f.used++ // whatever happens, nobody else gets the bit
	// Others look at the filter meanwhile.
	if err := w.fillFilter(f, bit, last.tree, spaces, &w.deltaMu); err != nil {
		if bit == 0 {
			f.free()
		}
		return err
	}
	w.deltaMu.Lock()
	last.filter, last.bit, last.spaces = f, bit, len(spaces)
	w.deltaMu.Unlock()
	return nil
}

// noLock is for what nobody else has yet.
type noLock struct{}

func (noLock) Lock()   {}
func (noLock) Unlock() {}

// fillFilter adds the keys of a tree, as far as they are in spaces.
func (w *writeSet) fillFilter(f *filter, bit int, t *pagetree.Tree, spaces []keySpace, mu locker) error {
	for _, s := range spaces {
		err := w.walk(t, s.span(), mu, func(key []byte) error { return f.add(bit, key) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *writeSet) countKeys(t *pagetree.Tree, spaces []keySpace) (int64, error) {
	n := int64(0)
	for _, s := range spaces {
		err := w.walk(t, s.span(), noLock{}, func([]byte) error {
			n++
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	return n, nil
}

type locker interface {
	Lock()
	Unlock()
}

// walk calls f for the keys of a sealed tree in a span, with mu locked, in several operations.
func (w *writeSet) walk(t *pagetree.Tree, s kv.Span, mu locker, f func(key []byte) error) error {
	from := s.Start
	var buffer []byte
	for from != nil {
		next, err := w.walkSome(t, kv.Span{Start: from, End: s.End}, mu, f)
		if err != nil {
			return err
		}
		if from = nil; next != nil {
			buffer = append(buffer[:0], next...)
			from = buffer
		}
	}
	return nil
}

// walkSome is walk for operationRows keys; it returns the next one.
func (w *writeSet) walkSome(t *pagetree.Tree, s kv.Span, mu locker, f func(key []byte) error) ([]byte, error) {
	defer w.operation().End()
	mu.Lock()
	defer mu.Unlock()
	c := t.Cursor()
	defer c.Close()
	err := c.SeekGE(s.Start)
	for rows := 0; err == nil && c.Valid(); err = c.Next() {
		if len(s.End) > 0 && bytes.Compare(c.Key(), s.End) >= 0 {
			return nil, nil
		}
		if rows++; rows > operationRows {
			return bytes.Clone(c.Key()), nil
		}
		if err := f(c.Key()); err != nil {
			return nil, err
		}
	}
	return nil, err
}

// mergeSealed merges the youngest sealed trees that were never merged, unless they are few, else all of them.
func (w *writeSet) mergeSealed() error {
	from := len(w.sealed)
	for from > 0 && !w.sealed[from-1].merged {
		from--
	}
	if len(w.sealed)-from < max(2, w.sealing.trees/4) {
		from = 0
	}
	old := slices.Clone(w.sealed[from:])
	m, err := w.mergeTrees(treesOf(old))
	if err != nil {
		return err
	}
	s := sealedTree{tree: m, merged: true}
	if spaces := w.spaces(); len(spaces) > 0 {
		if err := w.filterMerged(&s, spaces); err != nil {
			w.drop([]sealedTree{s})
			return err
		}
	}
	w.deltaMu.Lock()
	w.sealed = append(w.sealed[:from], s)
	w.seals.Store(int64(len(w.sealed)))
	w.deltaMu.Unlock()
	w.drop(old)
	return nil
}

// filterMerged makes a filter for a tree that nobody else has yet.
func (w *writeSet) filterMerged(s *sealedTree, spaces []keySpace) error {
	keys, err := w.countKeys(s.tree, spaces)
	if err != nil {
		return err
	}
	if s.filter, err = newFilter(w.acct, 1, keys); err != nil {
		return err
	}
	s.filter.used, s.spaces = 1, len(spaces)
	return w.fillFilter(s.filter, 0, s.tree, spaces, noLock{})
}

func treesOf(sealed []sealedTree) []*pagetree.Tree {
	if len(sealed) == 0 {
		return nil
	}
	trees := make([]*pagetree.Tree, 0, len(sealed)+1)
	for i := range sealed {
		trees = append(trees, sealed[i].tree)
	}
	return trees
}

// mergeTrees returns a new map with what is in trees, oldest first, to which nobody writes meanwhile.
func (w *writeSet) mergeTrees(trees []*pagetree.Tree) (*pagetree.Tree, error) {
	m := pagetree.New(w.acct, treeOptions)
	o := &overlay{writes: w, whole: true}
	from, err := w.mergeSome(o, trees, nil, m.Set)
	for err == nil && from != nil {
		from, err = w.mergeSome(o, trees, from, m.Set)
	}
	if err != nil {
		op := w.operation()
		m.Clear()
		op.End()
		return nil, err
	}
	return m, nil
}

// mergeSome calls put for up to operationRows keys of trees from a key on, with their newest entries, and returns the
// next key, nil at the end. put pins as much as an operation on a map does.
func (w *writeSet) mergeSome(o *overlay, trees []*pagetree.Tree, from []byte,
	put func(key, entry []byte) error) ([]byte, error) {
	if err := w.ctx.Err(); err != nil {
		return nil, context.Cause(w.ctx)
	}
	defer w.mergeOperation(len(trees)).End()
	defer o.leave()
	o.arrange(len(trees))
	for _, t := range trees {
		o.add(t, latestStatement)
	}
	err := o.seekLayers(from)
	for rows := 0; err == nil && o.valid(); err = o.next() {
		if rows++; rows > operationRows {
			return append(from[:0], o.key()...), nil
		}
		entry, err := o.entry()
		if err != nil {
			return nil, err
		}
		if err := put(o.key(), entry); err != nil {
			return nil, err
		}
	}
	return nil, err
}

// candidates are the sealed trees that may have a key, newest first.
type candidates struct {
	w     *writeSet
	key   []byte
	space int // the key's
	left  int // trees
	f     *filter
	among uint16 // what f says
}

// candidates begins a search. The caller has an operation, and deltaMu locked until it ends.
func (w *writeSet) candidates(key []byte, space int) candidates {
	return candidates{w: w, key: key, space: space, left: len(w.sealed)}
}

// next returns nil at the end.
func (c *candidates) next() (*pagetree.Tree, error) {
	for c.left > 0 {
		c.left--
		s := &c.w.sealed[c.left]
		if s.filter == nil || c.space >= s.spaces {
			return s.tree, nil
		}
		if s.filter != c.f {
			var err error
			if c.among, err = s.filter.among(c.key); err != nil {
				return nil, err
			}
			c.f = s.filter
		}
		if c.among>>s.bit&1 != 0 {
			return s.tree, nil
		}
	}
	return nil, nil
}

// getSealed is get for the sealed trees. The caller has locked deltaMu.
func (w *writeSet) getSealed(key, dst []byte, space int) ([]byte, lookup, error) {
	c := w.candidates(key, space)
	for {
		t, err := c.next()
		if t == nil || err != nil {
			return dst, absent, err
		}
		if v, l, err := w.getIn(t, key, dst, w.statement+1); l != absent || err != nil {
			return v, l, err
		}
	}
}

// sealedWith returns the sealed trees that a walk within bounds goes through, oldest first. The caller has an
// operation, and deltaMu locked.
func (w *writeSet) sealedWith(lower, upper []byte) ([]*pagetree.Tree, error) {
	n := len(lower)
	if len(w.sealed) == 0 || len(upper) != n+1 || upper[n] != 0 || !bytes.HasPrefix(upper, lower) {
		return treesOf(w.sealed), nil
	}
	// One key: rows are read so.
	var trees []*pagetree.Tree
	c := w.candidates(lower, w.space(lower))
	for {
		t, err := c.next()
		if err != nil {
			return nil, err
		}
		if t == nil {
			slices.Reverse(trees)
			return trees, nil
		}
		trees = append(trees, t)
	}
}

// drop frees trees that are not among the sealed ones any longer, and filters that no other tree has, in an operation.
func (w *writeSet) drop(gone []sealedTree) {
	defer w.operation().End()
	w.dropIn(gone)
}

// dropIn is drop in the caller's operation.
func (w *writeSet) dropIn(gone []sealedTree) {
	var last *filter
	for i := range gone {
		gone[i].tree.Clear()
		f := gone[i].filter
		if f == nil || f == last {
			continue
		}
		last = f
		if !slices.ContainsFunc(w.sealed, func(s sealedTree) bool { return s.filter == f }) {
			f.free()
		}
	}
}

// dropSealed drops all of them. The caller has begun an operation and locked deltaMu.
func (w *writeSet) dropSealed() {
	gone := w.sealed
	w.sealed = nil
	w.seals.Store(0)
	w.dropIn(gone)
}
