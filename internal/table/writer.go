package table

import (
	"bytes"
	"context"
	"time"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/types"
)

// WriterOptions are what a Writer needs. All but Lock and Location are required.
type WriterOptions struct {
	Codec    *Codec
	Txn      kv.Txn
	Account  *memory.Account // for rows that do not fit a small buffer
	HeldRow  int64           // of the account's minimum is for one such row
	Lock     kv.LockOptions  // timeout of waits; modes are the writer's
	Location *time.Location  // for the texts of errors
}

// Writer writes rows and their index entries, with checks for duplicates. Rows are slices of one Datum a column of the
// table, of the column's type. Not for concurrent use.
//
// Checks lock first and read then: nobody else can put the key between the check and the commit.
type Writer struct {
	o     WriterOptions
	value buffer
	key   []byte // of the new row
	old   []byte
	entry []byte
	aside []byte // the entry of the old row
	val   []byte
	found []byte
	exist []byte
	last  kv.Reader // the latest state, at each call; nil: not opened yet
}

// NewWriter returns a writer for one statement.
func NewWriter(o WriterOptions) *Writer {
	return &Writer{o: o, value: buffer{acct: o.Account, held: o.HeldRow}}
}

// Close gives back the writer's page and reader. Repeatable.
func (w *Writer) Close() error {
	w.value.free()
	if w.last == nil {
		return nil
	}
	r := w.last
	w.last = nil
	return r.Close()
}

// latest is the reader for checks; what it reads is what there is at the time of the call.
func (w *Writer) latest() (kv.Reader, error) {
	if w.last != nil {
		return w.last, nil
	}
	r, err := w.o.Txn.Latest()
	w.last = r
	return r, err
}

// get reads a key into found.
func (w *Writer) get(ctx context.Context, key []byte) (bool, error) {
	r, err := w.latest()
	if err != nil {
		return false, err
	}
	if cap(w.found) > smallRow {
		w.found = nil // a long row that was met once is not worth keeping room for
	}
	found, ok, err := r.Get(ctx, key, w.found[:0])
	w.found = found
	return ok, err
}

// exists says if a row has a key, whatever it is.
func (w *Writer) exists(ctx context.Context, key []byte) (bool, error) {
	r, err := w.latest()
	if err != nil {
		return false, err
	}
	_, ok, err := r.GetInto(ctx, key, func(int) ([]byte, error) { return nil, nil })
	return ok, err
}

// Insert adds a row, or says which key it would duplicate; then nothing is written.
func (w *Writer) Insert(ctx context.Context, row []types.Datum) (*Duplicate, error) {
	c := w.o.Codec
	w.key = c.AppendKey(w.key[:0], row)
	checked, err := w.lockKeys(ctx, row)
	if err != nil {
		return nil, err
	}
	if checked {
		if dup, err := w.check(ctx, row, nil); dup != nil || err != nil {
			return dup, err
		}
	}
	if err := w.putRow(w.key, row); err != nil {
		return nil, err
	}
	for i := range c.indexes {
		if err := w.putEntry(&c.indexes[i], row); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// lockKeys locks the keys that must be unique; false if there are none.
func (w *Writer) lockKeys(ctx context.Context, row []types.Datum) (bool, error) {
	c := w.o.Codec
	any := false
	if c.table.HasPrimaryKey() {
		any = true
		if _, err := w.lock(ctx, w.key); err != nil {
			return false, err
		}
	}
	for i := range c.indexes {
		if !c.indexes[i].index.Unique {
			continue
		}
		key, unique := c.entryKey(w.entry[:0], &c.indexes[i], row)
		w.entry = key
		if !unique {
			continue
		}
		any = true
		if _, err := w.lock(ctx, key); err != nil {
			return false, err
		}
	}
	return any, nil
}

func (w *Writer) lock(ctx context.Context, key []byte) (kv.Locked, error) {
	o := w.o.Lock
	o.Mode, o.SkipLocked = kv.LockExclusive, false
	return w.o.Txn.Lock(ctx, key, o)
}

// check looks for rows with the unique keys of row. own is the key of a row that does not count.
func (w *Writer) check(ctx context.Context, row []types.Datum, own []byte) (*Duplicate, error) {
	c := w.o.Codec
	if c.table.HasPrimaryKey() && !bytes.Equal(w.key, own) {
		ok, err := w.exists(ctx, w.key)
		if err != nil {
			return nil, err
		}
		if ok {
			w.exist = append(w.exist[:0], w.key...)
			return w.duplicate(c.table.Primary, c.primary, row), nil
		}
	}
	for i := range c.indexes {
		x := &c.indexes[i]
		if !x.index.Unique {
			continue
		}
		key, unique := c.entryKey(w.entry[:0], x, row)
		w.entry = key
		if !unique {
			continue
		}
		there, err := w.holder(ctx, key, own)
		if err != nil {
			return nil, err
		}
		if there {
			return w.duplicate(x.index, x.parts, row), nil
		}
	}
	return nil, nil
}

// holder finds the row that has an entry of a unique index: exist is its key. false if there is none but own. A row
// that another transaction is about to change or delete is waited for.
func (w *Writer) holder(ctx context.Context, entry, own []byte) (bool, error) {
	for {
		ok, err := w.get(ctx, entry)
		if err != nil || !ok {
			return false, err
		}
		primary, _, ok := splitEntry(w.found)
		if !ok || len(primary) == 0 {
			return false, corrupt("value of unique index", entry)
		}
		w.exist = append(append(w.exist[:0], w.o.Codec.rowKey...), primary...)
		if bytes.Equal(w.exist, own) {
			return false, nil
		}
		got, err := w.lock(ctx, w.exist)
		if err != nil || got == kv.LockHeld {
			return err == nil, err
		}
	}
}

func (w *Writer) duplicate(x *schema.Index, parts []part, row []types.Datum) *Duplicate {
	return &Duplicate{Index: x, Key: w.exist, table: w.o.Codec.table, entry: entryText(parts, row, w.o.Location)}
}

func (w *Writer) putRow(key []byte, row []types.Datum) error {
	l := w.o.Codec.row
	size, ends, err := l.size(row)
	if err != nil {
		return err
	}
	b, err := w.value.room(size)
	if err != nil {
		return err
	}
	l.put(b, row, ends)
	err = w.o.Txn.Set(key, b)
	w.value.free()
	return err
}

func (w *Writer) putEntry(x *indexCodec, row []types.Datum) error {
	c := w.o.Codec
	key, unique := c.entryKey(w.entry[:0], x, row)
	w.entry = key
	val, err := c.entryValue(w.val[:0], x, row, unique)
	if err != nil {
		return err
	}
	w.val = val
	return w.o.Txn.Set(key, val)
}

// Update replaces the row old, which lies at key and is locked, by row. A duplicate leaves everything as it was.
func (w *Writer) Update(ctx context.Context, key []byte, old, row []types.Datum) (*Duplicate, error) {
	c := w.o.Codec
	w.old = append(w.old[:0], key...) // key may alias what is overwritten below
	w.key = c.AppendKey(w.key[:0], row)
	moved := !bytes.Equal(w.key, w.old)
	if moved || w.uniqueChanged(old, row) {
		if _, err := w.lockKeys(ctx, row); err != nil {
			return nil, err
		}
		if dup, err := w.check(ctx, row, w.old); dup != nil || err != nil {
			return dup, err
		}
	}
	if moved {
		if err := w.o.Txn.Delete(w.old); err != nil {
			return nil, err
		}
	}
	if err := w.putRow(w.key, row); err != nil {
		return nil, err
	}
	for i := range c.indexes {
		if err := w.moveEntry(&c.indexes[i], old, row, moved); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (w *Writer) uniqueChanged(old, row []types.Datum) bool {
	c := w.o.Codec
	for i := range c.indexes {
		if !c.indexes[i].index.Unique {
			continue
		}
		w.aside, _ = c.entryKey(w.aside[:0], &c.indexes[i], old)
		w.entry, _ = c.entryKey(w.entry[:0], &c.indexes[i], row)
		if !bytes.Equal(w.aside, w.entry) {
			return true
		}
	}
	return false
}

// moveEntry writes the index entry of a changed row, if it has changed.
func (w *Writer) moveEntry(x *indexCodec, old, row []types.Datum, moved bool) error {
	c := w.o.Codec
	w.aside, _ = c.entryKey(w.aside[:0], x, old)
	key, unique := c.entryKey(w.entry[:0], x, row)
	w.entry = key
	if !bytes.Equal(w.aside, key) {
		if err := w.o.Txn.Delete(w.aside); err != nil {
			return err
		}
	} else if !moved && !x.restChanged(old, row) {
		return nil
	}
	val, err := c.entryValue(w.val[:0], x, row, unique)
	if err != nil {
		return err
	}
	w.val = val
	return w.o.Txn.Set(key, val)
}

// restChanged compares what only the value of an entry has: equal weights do not mean equal strings.
func (x *indexCodec) restChanged(old, row []types.Datum) bool {
	for i := range x.rest.cols {
		o := x.rest.cols[i].ordinal
		if old[o].Kind != row[o].Kind || !bytes.Equal(old[o].S, row[o].S) {
			return true
		}
	}
	return false
}

// Delete removes the row old, which lies at key and is locked.
func (w *Writer) Delete(_ context.Context, key []byte, old []types.Datum) error {
	c := w.o.Codec
	if err := w.o.Txn.Delete(key); err != nil {
		return err
	}
	for i := range c.indexes {
		w.aside, _ = c.entryKey(w.aside[:0], &c.indexes[i], old)
		if err := w.o.Txn.Delete(w.aside); err != nil {
			return err
		}
	}
	return nil
}
