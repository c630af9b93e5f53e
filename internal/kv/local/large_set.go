package local

import (
	"encoding/binary"
	"sync"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/pagetree"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// A largeSet holds the large values that a transaction has written, in chunks as they will be stored; the write set has
// references to them. What versions of a row share, or pass on, is a reference, and never the value. Values that
// were written over stay until the transaction ends or is rolled back behind them.
//
//	statement(4) number(8) index(4)      chunk
type largeSet struct {
	acct       *memory.Account
	chunkBytes int
	number     uint64 // of the last value

	// mu: readers hold it for a value; writers for a chunk.
	mu     sync.RWMutex
	chunks *pagetree.Tree
}

const (
	largeKeyBytes  = 4 + 8 + chunkIndexBytes
	referenceBytes = pointerBytes + 4 + 8
)

func newLargeSet(acct *memory.Account, chunkBytes int) *largeSet {
	return &largeSet{acct: acct, chunkBytes: chunkBytes, chunks: pagetree.New(acct, treeOptions)}
}

func (l *largeSet) operation() memory.Operation { return begin(l.acct, largeKeyBytes) }

// A largeKey is a key of the set.
type largeKey [largeKeyBytes]byte

func (k *largeKey) setIndex(i int) { binary.BigEndian.PutUint32(k[12:], uint32(i)) }

// keyOf is the key of the first chunk of the value that a reference is to.
func keyOf(reference []byte) (k largeKey, err error) {
	if len(reference) != referenceBytes {
		return k, badForm()
	}
	copy(k[:], reference[pointerBytes:])
	return k, nil
}

// add stores a value of a statement's and appends a reference to it to dst.
func (l *largeSet) add(statement int, value, dst []byte) ([]byte, error) {
	l.number++
	var k largeKey
	binary.BigEndian.PutUint32(k[:], uint32(statement))
	binary.BigEndian.PutUint64(k[4:], l.number)
	dst = append(appendPointer(dst, int64(len(value))), k[:12]...)
	for i := 0; len(value) > 0; i++ {
		n := min(len(value), l.chunkBytes)
		k.setIndex(i)
		if err := l.addChunk(k, value[:n]); err != nil {
			return nil, err
		}
		value = value[n:]
	}
	return dst, nil
}

func (l *largeSet) addChunk(k largeKey, chunk []byte) error {
	defer l.operation().End()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.chunks.Set(k[:], chunk)
}

// rollbackTo drops the values of statements after n. After an error it can be repeated.
func (l *largeSet) rollbackTo(n int) error {
	for {
		if more, err := l.dropSome(n); err != nil || !more {
			return err
		}
	}
}

func (l *largeSet) dropSome(n int) (more bool, err error) {
	defer l.operation().End()
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.chunks.Cursor()
	for range operationRows {
		if err := c.Last(); err != nil || !c.Valid() {
			return false, err
		}
		var k largeKey
		copy(k[:], c.Key())
		c.Close()
		if int(binary.BigEndian.Uint32(k[:])) <= n {
			return false, nil
		}
		if _, err := l.chunks.Delete(k[:]); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (l *largeSet) clear() {
	defer l.operation().End()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.chunks.Clear()
}

// count is how many chunks there are.
func (l *largeSet) count() int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.chunks.Len()
}

// bytes is the size of the values, keys included.
func (l *largeSet) bytes() int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.chunks.DataBytes()
}

// each calls f for each chunk of a value, with what reads it; the caller has begun an operation with room for one on
// another map.
func (l *largeSet) each(reference []byte, length int64, f func(index, n int, read func(dst []byte) error) error) error {
	k, err := keyOf(reference)
	if err != nil {
		return err
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	c := l.chunks.Cursor()
	defer c.Close()
	err = c.SeekGE(k[:])
	read := func(dst []byte) error { return c.ReadValue(dst, 0) }
	for i := 0; length > 0 && err == nil; i++ {
		if k.setIndex(i); !c.Valid() || string(c.Key()) != string(k[:]) {
			return sqlerr.AssertionError("kv/local: a large value of a write set is not whole")
		}
		n := c.ValueLen()
		if length -= int64(n); length < 0 || n == 0 {
			return badForm()
		}
		if err := f(i, n, read); err != nil {
			return err
		}
		err = c.Next()
	}
	return err
}

// read fills dst with the first bytes of a value; see each about operations.
func (l *largeSet) read(reference []byte, length int64, dst []byte) error {
	if len(dst) == 0 {
		return nil
	}
	return l.each(reference, length, func(_, n int, read func([]byte) error) error {
		m := min(n, len(dst))
		if m == 0 {
			return nil
		}
		err := read(dst[:m])
		dst = dst[m:]
		return err
	})
}

// stored is the form of the entry's value, and what is stored of it if it is a reference.
func (o *overlay) stored(room *[referenceBytes]byte) (form, []byte, error) {
	n := o.valueLen()
	if v, ok := o.inline(); ok {
		f, err := formOf(v[:min(n, referenceBytes)], n)
		return f, v, err
	}
	head := room[:min(n, 1)]
	if err := o.readValue(head); err != nil {
		return form{}, nil, err
	}
	if n > 0 && head[0] == tagLarge { // references are short and inline, but in nodes of short cells
		head = room[:min(n, referenceBytes)]
		if err := o.readValue(head); err != nil {
			return form{}, nil, err
		}
	}
	f, err := formOf(head, n)
	return f, head, err
}

// readPlain fills dst with a plain value from its form's first byte on.
func (o *overlay) readPlain(dst []byte, f form) error {
	if f.skip == 0 {
		return o.readValue(dst)
	}
	top := o.order[0]
	if top.older != nil {
		copy(dst, top.older[top.header+f.skip:])
		return nil
	}
	return top.cursor.ReadValue(dst, top.header+f.skip)
}

// readInto fills dst with the first bytes of the entry's value, whatever its form.
func (o *overlay) readInto(dst []byte, f form, reference []byte) error {
	if f.large {
		return o.writes.large.read(reference, f.length, dst)
	}
	return o.readPlain(dst, f)
}

// getInto looks key up for a reader of statement asOf, or of the latest state; see kv.Reader about room.
func (w *writeSet) getInto(key []byte, room func(int) ([]byte, error), asOf int, latest bool) ([]byte, lookup, error) {
	stored, l, err := w.get(key, nil, asOf, latest)
	if err != nil || l != present {
		return nil, l, err
	}
	f, err := formOf(stored[:min(len(stored), referenceBytes)], len(stored))
	if err != nil {
		return nil, absent, err
	}
	value, err := room(int(f.length))
	if err != nil {
		return nil, absent, err
	}
	value = value[:min(len(value), int(f.length))]
	if !f.large {
		copy(value, stored[f.skip:])
		return value, present, nil
	}
	defer w.large.operation().End()
	return value, present, w.large.read(stored, f.length, value)
}
