package local

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// A txn is a transaction: a read view, a write set laid over it, and locks. The engine knows nothing of it before
// Commit. Writers lock their rows first and read the latest state then, so commits check nothing.
type txn struct {
	store   *store
	options kv.TxnOptions

	statement int   // current; 0: none yet
	view      *view // of the current statement; nil before the first
	writes    *writeSet
	owner     *lockOwner // nil: no lock yet
	spans     []deletedSpan
	runs      []finishedRun
	stored    []byte // buffer for a value's stored form
	ended     bool
}

// A deletedSpan goes at commit, ahead of the transaction's other writes, whichever came first.
type deletedSpan struct {
	kv.Span
	statement int
}

// maxSpans bounds what DeleteSpan keeps on the Go heap. A DROP DATABASE takes some spans a table.
const maxSpans = 1 << 16

var _ kv.Txn = (*txn)(nil)

func newTxn(s *store, o kv.TxnOptions) *txn {
	t := &txn{store: s, options: o, writes: newWriteSet(o.Account, s.sealing, s.options.SpaceBytes)}
	t.writes.large = newLargeSet(o.Account, s.options.chunkBytes)
	return t
}

func (t *txn) usable() error {
	if t.ended {
		return errEnded
	}
	return t.store.usable()
}

// begun is asked by whatever needs a statement.
func (t *txn) begun() error {
	if t.statement == 0 && !t.ended {
		return sqlerr.AssertionError("kv/local: a transaction is used before BeginStatement")
	}
	return t.usable()
}

func (t *txn) BeginStatement(ctx context.Context, current bool) (int, error) {
	if err := errors.Join(t.usable(), ctx.Err()); err != nil {
		return 0, err
	}
	if err := t.writes.begin(ctx, t.statement+1); err != nil {
		return 0, err
	}
	t.statement++
	if t.view == nil || current {
		old := t.view
		t.view = t.store.newView()
		if old != nil {
			return t.statement, old.unref()
		}
	}
	return t.statement, nil
}

// RollbackTo: statement numbers go on behind those undone, so that readers of the latter do not see the writes of other
// statements as theirs.
func (t *txn) RollbackTo(n int) error {
	if err := t.usable(); err != nil {
		return err
	}
	if err := t.writes.rollbackTo(n); err != nil {
		return err
	}
	if err := t.writes.large.rollbackTo(n); err != nil {
		return err
	}
	kept := t.spans[:0]
	for _, s := range t.spans {
		if s.statement <= n {
			kept = append(kept, s)
		}
	}
	t.spans = kept
	t.runs = slices.DeleteFunc(t.runs, func(r finishedRun) bool {
		if r.statement > n {
			t.store.remove(r.paths)
		}
		return r.statement > n
	})
	return nil
}

func (t *txn) Reader() (kv.Reader, error) {
	if err := t.begun(); err != nil {
		return nil, err
	}
	return &reader{store: t.store, view: t.view.ref(), writes: t.writes, asOf: t.statement}, nil
}

func (t *txn) Latest() (kv.Reader, error) {
	if err := t.begun(); err != nil {
		return nil, err
	}
	return &reader{store: t.store, writes: t.writes, latest: true}, nil
}

func (t *txn) Current() (kv.Reader, error) {
	if err := t.begun(); err != nil {
		return nil, err
	}
	return &reader{store: t.store, view: t.store.newView(), writes: t.writes, asOf: t.statement}, nil
}

func (t *txn) Commits() uint64 { return t.store.commits.Load() }

func (t *txn) Lock(ctx context.Context, key kv.Key, o kv.LockOptions) (kv.Locked, error) {
	if err := errors.Join(t.usable(), ctx.Err()); err != nil {
		return kv.NotLocked, err
	}
	if t.owner == nil {
		t.owner = t.store.locks.enter(t.store.txns.Add(1), t.options.Account)
	}
	return t.store.locks.lock(ctx, t.owner, key, o, t.options.Wait)
}

func (t *txn) Set(key kv.Key, value kv.Value) error { return t.write(key, value, false) }

func (t *txn) Delete(key kv.Key) error { return t.write(key, nil, true) }

func (t *txn) write(key, value []byte, deleted bool) error {
	if err := t.writable(); err != nil {
		return err
	}
	if t.owner != nil {
		t.owner.weight.Add(1)
	}
	if err := checkKey(key); err != nil {
		return err
	}
	var err error
	if len(value) > t.store.options.largeBytes {
		if t.stored, err = t.writes.large.add(t.statement, value, t.stored[:0]); err != nil {
			return err
		}
		value = t.stored
	} else {
		value, t.stored = escape(t.stored, value)
	}
	return t.writes.set(key, value, deleted)
}

func (t *txn) writable() error {
	if t.options.ReadOnly {
		return sqlerr.New(sqlerr.ErrCantExecuteInReadOnlyTransaction)
	}
	return t.begun()
}

func (t *txn) DeleteSpan(s kv.Span) error {
	if err := t.writable(); err != nil {
		return err
	}
	switch {
	case len(s.End) == 0:
		return sqlerr.AssertionError("kv/local: a deleted span needs an end")
	case bytes.Compare(s.Start, s.End) >= 0:
		return nil
	case len(t.spans) >= maxSpans:
		return sqlerr.New(sqlerr.ErrOutOfResources)
	}
	span := kv.Span{Start: bytes.Clone(s.Start), End: bytes.Clone(s.End)}
	t.spans = append(t.spans, deletedSpan{Span: span, statement: t.statement})
	return nil
}

func (t *txn) Ingest(ctx context.Context, src kv.SortedSource) error {
	if err := t.writable(); err != nil {
		return err
	}
	if err := t.store.writable(false, -1); err != nil {
		return err
	}
	runs, err := t.store.writeRun(ctx, t.options.Account, src)
	for _, r := range runs {
		r.statement = t.statement
		t.runs = append(t.runs, r)
	}
	return err
}

func (t *txn) WriteBytes() int64 { return t.writes.bytes() + t.writes.large.bytes() }

// Commit ends the transaction whether or not it succeeds; after an error nothing of it is stored. The one exception, a
// write-ahead log that fails, ends the server (Options.Fatal).
func (t *txn) Commit(ctx context.Context) error {
	if err := t.usable(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return errors.Join(context.Cause(ctx), t.end())
	}
	return errors.Join(t.commit(ctx), t.end())
}

// commit stores what was written.
func (t *txn) commit(ctx context.Context) error {
	rows := t.writes.rows()
	if rows == 0 && len(t.spans) == 0 && len(t.runs) == 0 {
		return nil
	}
	acct := t.options.Account
	spans, err := t.store.chunkSpans(ctx, acct, disjoint(t.spans))
	if err != nil {
		return err
	}
	bytes := t.WriteBytes()
	// A chunk takes its owner's key, escaped, and the first one a header.
	chunks := t.writes.large.count()
	chunkKeys := chunks * int64(ownerBytes(int(t.writes.longest.Load()))+chunkIndexBytes+chunkHeaderBytes)
	n, small := t.store.fitsBatch(rows+chunks, bytes+chunkKeys, spans)
	small = small && len(t.runs) == 0
	var old []kv.Span
	if small && t.store.chunked.Load() {
		if old, err = t.store.overwritten(ctx, acct, t.writes); err != nil {
			return err
		}
		n, small = t.store.fitsBatch(rows+chunks, bytes+chunkKeys, slices.Concat(spans, old))
	}
	if err := t.store.writable(small && len(spans) > 0, bytes); err != nil {
		return err
	}
	if chunks > 0 {
		t.store.chunked.Store(true)
	}
	defer t.store.commits.Add(1)
	if small {
		return t.store.commitBatch(ctx, acct, t.writes, slices.Concat(spans, old), n)
	}
	return t.store.commitTables(ctx, acct, t.writes, spans, t.runs)
}

// Rollback drops the writes and releases the locks.
func (t *txn) Rollback() error {
	if t.ended {
		return nil
	}
	return t.end()
}

// end gives everything back; readers keep their view, but see no writes any longer.
func (t *txn) end() error {
	t.ended = true
	t.writes.clear()
	t.writes.large.clear()
	for _, r := range t.runs {
		t.store.remove(r.paths)
	}
	t.spans, t.runs = nil, nil
	if t.owner != nil {
		t.store.locks.exit(t.owner)
	}
	if t.view == nil {
		return nil
	}
	v := t.view
	t.view = nil
	return v.unref()
}
