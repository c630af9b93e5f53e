package local

import (
	"bytes"
	"context"
	"encoding/binary"

	"github.com/cockroachdb/pebble/v2"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
)

// chunkIterator is an iterator of the engine over chunks, which is opened when it is needed, and again after a flush
// (L1).
type chunkIterator struct {
	store *store
	view  *view // nil: the latest committed state
	acct  *memory.Account

	it      *pebble.Iterator
	epoch   uint64
	charged bool
}

// fresh opens the iterator if there is none or a flush has happened: it is at no key then.
func (c *chunkIterator) fresh(ctx context.Context) (opened bool, err error) {
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if c.it != nil && c.epoch == c.store.events.flushes.Load() {
		return false, nil
	}
	if err := c.shut(); err != nil {
		return false, err
	}
	if err := c.store.usable(); err != nil {
		return false, err
	}
	if !c.charged {
		// The statement is at work: it goes on without.
		c.charged = c.store.heap.reserveAtWork(c.acct, iteratorHeapBytes) == nil
	}
	c.epoch = c.store.events.flushes.Load()
	o := pebble.IterOptions{LowerBound: outerEnd}
	var it *pebble.Iterator
	if c.view != nil {
		it, err = c.view.snapshot.NewIter(&o)
	} else {
		it, err = c.store.db.NewIter(&o)
	}
	if err != nil {
		return false, wrap(err)
	}
	c.it = it
	c.store.scans.Add(1)
	return true, nil
}

func (c *chunkIterator) shut() error {
	if c.it == nil {
		return nil
	}
	err := c.it.Close()
	c.it = nil
	c.store.scans.Add(-1)
	return wrap(err)
}

// release is shut without its error, which repeats that of the last step, and gives the charge back. Repeatable.
func (c *chunkIterator) release() {
	_ = c.shut()
	if c.charged {
		c.store.heap.release(c.acct, iteratorHeapBytes)
		c.charged = false
	}
}

// chunkReader reads large values of a view.
type chunkReader struct {
	chunkIterator
	key []byte // of the next chunk
}

// checkpointChunks is after how many chunks, 1 MiB, a reader looks for a flush and for cancellation.
const checkpointChunks = 64

// read fills dst with the first bytes of the value of owner, which has that length.
func (c *chunkReader) read(ctx context.Context, owner []byte, length int64, dst []byte) error {
	if len(dst) == 0 {
		return nil
	}
	c.key = appendChunk(c.key[:0], owner, 0)
	for index := 0; len(dst) > 0; index++ {
		seek := index == 0
		if index%checkpointChunks == 0 {
			opened, err := c.fresh(ctx)
			if err != nil {
				return err
			}
			seek = seek || opened
		}
		binary.BigEndian.PutUint32(c.key[len(c.key)-chunkIndexBytes:], uint32(index))
		live := false
		if seek {
			live = c.it.SeekGE(c.key)
		} else {
			live = c.it.Next()
		}
		if !live {
			if err := c.it.Error(); err != nil {
				return wrap(err)
			}
			return errChunks()
		}
		chunk, err := c.it.ValueAndErr()
		if err != nil {
			return wrap(err)
		}
		if !bytes.Equal(c.it.Key(), c.key) {
			return errChunks()
		}
		if index == 0 {
			h, err := parseChunkHeader(chunk)
			if err != nil {
				return err
			}
			if h.length != length {
				return errChunks()
			}
			chunk = chunk[chunkHeaderBytes:]
		}
		if length -= int64(len(chunk)); length < 0 || len(chunk) == 0 {
			return errChunks()
		}
		dst = dst[copy(dst, chunk):]
	}
	return nil
}

// owners finds out which keys of a commit, asked in ascending order, have chunks in the latest committed state. Their
// rows are locked, so that state is the one that the commit writes over.
type owners struct {
	chunkIterator
	prefix []byte
	live   bool // the iterator is at a key
}

func (s *store) owners(acct *memory.Account) owners {
	return owners{chunkIterator: chunkIterator{store: s, acct: acct}}
}

// chunks is how many chunks key has.
func (o *owners) chunks(ctx context.Context, key []byte) (int, error) {
	if !o.store.chunked.Load() {
		return 0, nil
	}
	opened, err := o.fresh(ctx)
	if err != nil {
		return 0, err
	}
	o.prefix = appendOwner(o.prefix[:0], key)
	if opened || o.live && bytes.Compare(o.it.Key(), o.prefix) < 0 {
		if o.live = o.it.SeekGE(o.prefix); !o.live && o.it.Error() != nil {
			return 0, wrap(o.it.Error())
		}
	}
	if !o.live || !bytes.HasPrefix(o.it.Key(), o.prefix) {
		return 0, nil
	}
	first, err := o.it.ValueAndErr()
	if err != nil {
		return 0, wrap(err)
	}
	h, err := parseChunkHeader(first)
	return h.chunks, err
}

// chunkSpans adds those of the spans' chunks to spans that a commit deletes, for spans that have any.
func (s *store) chunkSpans(ctx context.Context, acct *memory.Account, spans []kv.Span) ([]kv.Span, error) {
	if len(spans) == 0 || !s.chunked.Load() {
		return spans, nil
	}
	c := chunkIterator{store: s, acct: acct}
	defer c.release()
	for _, span := range spans[:len(spans):len(spans)] {
		if _, err := c.fresh(ctx); err != nil {
			return nil, err
		}
		of := chunkSpan(span)
		if c.it.SeekGE(of.Start) && bytes.Compare(c.it.Key(), of.End) < 0 {
			spans = append(spans, of)
		} else if err := c.it.Error(); err != nil {
			return nil, wrap(err)
		}
	}
	return spans, nil
}

// overwritten returns where the chunks lie that a commit writes over, unless they are too many for a batch anyway.
func (s *store) overwritten(ctx context.Context, acct *memory.Account, w *writeSet) ([]kv.Span, error) {
	o := s.owners(acct)
	defer o.release()
	var spans []kv.Span
	var size int64
	err := w.each(func(v *overlay) error {
		if size > s.options.MemtableBytes/4 {
			return nil
		}
		n, err := o.chunks(ctx, v.key())
		if n > 0 {
			span := ownerSpan(v.key(), 0)
			spans = append(spans, span)
			size += memtableRowBytes + int64(len(span.Start)+len(span.End))
		}
		return err
	})
	return spans, err
}

// findChunks says if the store has chunks.
func (s *store) findChunks() error {
	c := chunkIterator{store: s}
	defer c.release()
	if _, err := c.fresh(context.Background()); err != nil {
		return err
	}
	s.chunked.Store(c.it.First())
	return wrap(c.it.Error())
}
