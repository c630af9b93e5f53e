package local

import (
	"context"
	"encoding/binary"
	"math"
	"sync"
	"sync/atomic"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/pagetree"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// A writeSet holds what a transaction has written, in three ordered maps:
//
//	delta  key → entry           the current statement's writes, which its own reads do not see; what it has written
//	                             before may lie in sealed ones (sealed.go)
//	base   key → entry           those of earlier statements, newest version of each key
//	undo   number → what base had for the key before
//
// An entry is the value with a header: the number of its statement, whether it is a deletion, and the number of the
// undo record with the version before it. Undo records are written when a delta is merged into base, in order, so that
// rolling back to a statement walks them from the end, and a reader of an earlier statement follows them from an entry
// that is too new for it, as InnoDB follows roll pointers. The writes of the first statement that wrote anything need
// none: before them there is nothing. That makes the usual transaction, of one statement, as cheap as a single map.
//
// The alternatives: versions side by side in one map would make each Set of a statement wait for the scans that feed
// it, and rolling back would read the whole map; a log of whole old values per statement cannot serve older readers.
type writeSet struct {
	// mu: readers of base and undo hold it for a batch; BeginStatement and RollbackTo change them.
	mu    sync.RWMutex
	base  *pagetree.Tree
	undo  *pagetree.Tree
	first int    // statement of base's first entries, which have no undo records
	last  uint64 // number of the last undo record; 0: none

	// deltaMu: readers of Latest hold it for a batch; Set and Delete change delta and sealed.
	deltaMu   sync.RWMutex
	delta     *pagetree.Tree
	sealed    []sealedTree // oldest first
	statement int          // current

	seals atomic.Int64 // length of sealed

	// The writer's alone.
	ctx     context.Context // of the current statement
	sealing sealing
	left    int64  // writes until the next look at the delta
	reloads int64  // of the delta, at the last one
	scratch []byte // header of the entry or record being written

	prefix  int // bytes of a space's prefix
	askedMu sync.Mutex
	asked   atomic.Pointer[[]keySpace] // replaced with askedMu locked

	acct    *memory.Account
	longest atomic.Int64 // key, in bytes

	// large has the values that are only referred to above; see large.go for the forms of values.
	large *largeSet
}

// newWriteSet returns an empty write set. prefix is Options.SpaceBytes.
func newWriteSet(acct *memory.Account, s sealing, prefix int) *writeSet {
	return &writeSet{
		acct:    acct,
		base:    pagetree.New(acct, treeOptions),
		undo:    pagetree.New(acct, treeOptions),
		delta:   pagetree.New(acct, treeOptions),
		ctx:     context.Background(),
		sealing: s,
		left:    s.every,
		prefix:  prefix,
	}
}

// operation begins an operation on the maps, ahead of their mutexes.
func (w *writeSet) operation() memory.Operation { return w.mergeOperation(0) }

// mergeOperation is one that has cursors in so many sealed trees besides.
func (w *writeSet) mergeOperation(trees int) memory.Operation {
	return beginMerge(w.acct, int(w.longest.Load()), trees)
}

// header is the first part of an entry.
type header struct {
	statement int
	deleted   bool
	undo      uint64 // 0: the key had no version before
}

const maxHeaderBytes = 2 * binary.MaxVarintLen64

func (h header) append(b []byte) []byte {
	word := uint64(h.statement) << 1
	if h.deleted {
		word |= 1
	}
	return binary.AppendUvarint(binary.AppendUvarint(b, word), h.undo)
}

// parseHeader returns the header and its length.
func parseHeader(b []byte) (header, int, error) {
	word, n := binary.Uvarint(b)
	if n <= 0 {
		return header{}, 0, errEntry()
	}
	undo, m := binary.Uvarint(b[n:])
	if m <= 0 {
		return header{}, 0, errEntry()
	}
	return header{statement: int(word >> 1), deleted: word&1 != 0, undo: undo}, n + m, nil
}

func errEntry() error { return sqlerr.AssertionError("kv/local: bad entry in a write set") }

// latestStatement is above all statements.
const latestStatement = math.MaxInt32

// visible says if a reader of statement asOf can see anything of the transaction's: not in its first writing statement,
// nor before.
func (w *writeSet) visible(asOf int) bool {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.base.Len() > 0 && w.first < asOf
}

// set writes to the current statement's delta.
func (w *writeSet) set(key, value []byte, deleted bool) error {
	if n := int64(len(key)); n > w.longest.Load() { // by one goroutine at a time
		w.longest.Store(n)
	}
	if err := w.makeRoom(); err != nil {
		return err
	}
	defer w.operation().End()
	w.deltaMu.Lock()
	defer w.deltaMu.Unlock()
	w.scratch = header{statement: w.statement, deleted: deleted}.append(w.scratch[:0])
	return w.delta.SetParts(key, w.scratch, value)
}

// bytes is what was written, in bytes of keys and values.
func (w *writeSet) bytes() int64 {
	n := w.base.DataBytes() + w.delta.DataBytes()
	for i := range w.sealed {
		n += w.sealed[i].tree.DataBytes()
	}
	return n
}

// rows is how many keys were written, at most.
func (w *writeSet) rows() int64 {
	n := w.base.Len() + w.delta.Len()
	for i := range w.sealed {
		n += w.sealed[i].tree.Len()
	}
	return n
}

// begin merges the last statement's writes and makes n the current statement, whose context ends long work on its
// writes. After an error it can be repeated.
func (w *writeSet) begin(ctx context.Context, n int) error {
	w.ctx = ctx
	if w.delta.Len() > 0 || len(w.sealed) > 0 {
		if err := w.merge(); err != nil {
			return err
		}
	}
	defer w.operation().End()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deltaMu.Lock()
	defer w.deltaMu.Unlock()
	w.statement = n
	return nil
}

func (w *writeSet) merge() error {
	var base *pagetree.Tree // nil: what there is
	var err error
	switch {
	case w.base.Len() > 0 || w.last > 0:
		err = w.mergeIntoBase()
	case len(w.sealed) > 0:
		base, err = w.mergeTrees(append(treesOf(w.sealed), w.delta))
	default:
		base = w.delta
	}
	if err != nil {
		return err
	}
	defer w.operation().End()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deltaMu.Lock()
	defer w.deltaMu.Unlock()
	switch base {
	case nil:
	case w.delta:
		w.base, w.delta, w.first = w.delta, w.base, w.statement
	default:
		w.base.Clear()
		w.base, w.first = base, w.statement
	}
	w.delta.Clear()
	w.dropSealed()
	return nil
}

// mergeIntoBase merges the statement's writes into a base that has some. Until all are there, readers see none: those
// of earlier statements follow the undo records.
func (w *writeSet) mergeIntoBase() error {
	trees := append(treesOf(w.sealed), w.delta)
	o := &overlay{writes: w, whole: true}
	put := func(key, entry []byte) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.mergeOne(key, entry)
	}
	from, err := w.mergeSome(o, trees, nil, put)
	for err == nil && from != nil {
		from, err = w.mergeSome(o, trees, from, put)
	}
	return err
}

// mergeOne moves an entry of the delta to base. The undo record is written first, so that an error between the two
// leaves a record that restores what is there.
func (w *writeSet) mergeOne(key, entry []byte) error {
	h, n, err := parseHeader(entry)
	if err != nil {
		return err
	}
	before, found, err := w.base.Get(key, nil)
	if err != nil {
		return err
	}
	if found {
		old, _, err := parseHeader(before)
		if err != nil {
			return err
		}
		if old.statement == h.statement { // merged by an attempt that failed later
			return nil
		}
	}
	var number [8]byte
	binary.BigEndian.PutUint64(number[:], w.last+1)
	record := appendRecord(nil, h.statement, found, key)
	if err := w.undo.SetParts(number[:], record, before); err != nil {
		return err
	}
	w.last++
	h.undo = w.last
	w.scratch = h.append(w.scratch[:0])
	return w.base.SetParts(key, w.scratch, entry[n:])
}

// An undo record: statement that wrote over the key, whether there was an entry before, key, that entry.
func appendRecord(b []byte, statement int, found bool, key []byte) []byte {
	word := uint64(statement) << 1
	if found {
		word |= 1
	}
	b = binary.AppendUvarint(b, word)
	b = binary.AppendUvarint(b, uint64(len(key)))
	return append(b, key...)
}

type record struct {
	statement int
	found     bool
	key       []byte
	entry     []byte
}

func parseRecord(b []byte) (record, error) {
	word, n := binary.Uvarint(b)
	if n <= 0 {
		return record{}, errEntry()
	}
	size, m := binary.Uvarint(b[n:])
	if m <= 0 || uint64(len(b)-n-m) < size {
		return record{}, errEntry()
	}
	b = b[n+m:]
	return record{statement: int(word >> 1), found: word&1 != 0, key: b[:size], entry: b[size:]}, nil
}

// rollbackTo undoes the writes of statements after n. After an error it can be repeated; the transaction's writes are
// in doubt until it succeeds.
func (w *writeSet) rollbackTo(n int) error {
	defer w.operation().End()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deltaMu.Lock()
	defer w.deltaMu.Unlock()
	if w.statement > n {
		w.delta.Clear()
		w.dropSealed()
	}
	if w.first > n {
		w.base.Clear()
		w.undo.Clear()
		w.first, w.last = 0, 0
		return nil
	}
	var buffer []byte
	for w.last > 0 {
		var number [8]byte
		binary.BigEndian.PutUint64(number[:], w.last)
		b, found, err := w.undo.Get(number[:], buffer[:0])
		buffer = b
		if err != nil {
			return err
		}
		if found {
			r, err := parseRecord(b)
			if err != nil {
				return err
			}
			if r.statement <= n {
				return nil
			}
			if r.found {
				err = w.base.Set(r.key, r.entry)
			} else {
				_, err = w.base.Delete(r.key)
			}
			if err != nil {
				return err
			}
			if _, err := w.undo.Delete(number[:]); err != nil {
				return err
			}
		}
		w.last--
	}
	return nil
}

// clear drops everything.
func (w *writeSet) clear() {
	defer w.operation().End()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deltaMu.Lock()
	defer w.deltaMu.Unlock()
	w.base.Clear()
	w.undo.Clear()
	w.delta.Clear()
	w.dropSealed()
	w.first, w.last = 0, 0
}

// A lookup is what a write set says about a key.
type lookup uint8

const (
	absent  lookup = iota // nothing: ask the store
	present               // there is a value
	deleted               // the key is gone
)

// versionFor finds the version of a base entry that a reader of statement asOf may see, starting at an entry with
// header h; older versions are read from the undo records. present: the entry is in the returned bytes, header
// included, unless they are nil, which means the one it started at.
func (w *writeSet) versionFor(h header, asOf int) (lookup, []byte, error) {
	var entry []byte
	for h.statement >= asOf {
		if h.undo == 0 {
			return absent, nil, nil
		}
		var number [8]byte
		binary.BigEndian.PutUint64(number[:], h.undo)
		b, found, err := w.undo.Get(number[:], nil)
		if err != nil {
			return absent, nil, err
		}
		if !found {
			return absent, nil, sqlerr.AssertionError("kv/local: undo record %d is missing", h.undo)
		}
		r, err := parseRecord(b)
		if err != nil || !r.found {
			return absent, nil, err
		}
		entry = r.entry
		if h, _, err = parseHeader(entry); err != nil {
			return absent, nil, err
		}
	}
	if h.deleted {
		return deleted, entry, nil
	}
	return present, entry, nil
}

// get looks key up for a reader of statement asOf, or of the latest state, and appends the value to dst.
func (w *writeSet) get(key, dst []byte, asOf int, latest bool) ([]byte, lookup, error) {
	defer w.operation().End()
	if latest {
		if v, l, err := w.getStatement(key, dst); l != absent || err != nil {
			return v, l, err
		}
		asOf = w.statement
	}
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.getIn(w.base, key, dst, asOf)
}

// getStatement looks key up in what the current statement has written.
func (w *writeSet) getStatement(key, dst []byte) ([]byte, lookup, error) {
	space := w.space(key)
	w.deltaMu.RLock()
	defer w.deltaMu.RUnlock()
	v, l, err := w.getIn(w.delta, key, dst, w.statement+1)
	if l != absent || err != nil || len(w.sealed) == 0 {
		return v, l, err
	}
	return w.getSealed(key, v, space)
}

func (w *writeSet) getIn(t *pagetree.Tree, key, dst []byte, asOf int) ([]byte, lookup, error) {
	if t.Len() == 0 {
		return dst, absent, nil
	}
	start := len(dst)
	all, found, err := t.Get(key, dst)
	if err != nil || !found {
		return dst, absent, err
	}
	h, n, err := parseHeader(all[start:])
	if err != nil {
		return dst, absent, err
	}
	l, older, err := w.versionFor(h, asOf)
	if err != nil || l != present {
		return all[:start], l, err
	}
	value := all[start+n:]
	if older != nil {
		if _, n, err = parseHeader(older); err != nil {
			return dst, absent, err
		}
		value = older[n:]
	}
	return append(all[:start], value...), present, nil
}
