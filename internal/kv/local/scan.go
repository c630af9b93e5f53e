package local

import (
	"bytes"
	"context"
	"errors"
	"math"

	"github.com/cockroachdb/pebble/v2"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// epochRows is after how many rows a scan looks for a flush and for cancellation, if a batch is longer.
const epochRows = 256

// A scan reads a span of a view, with a transaction's writes laid over it. It holds an iterator of the engine from
// NextBatch to NextBatch, until Pause, Close or a flush (L1); position is all that it needs to go on.
type scan struct {
	store   *store
	acct    *memory.Account
	view    *view // one reference
	writes  *overlay
	spans   *spanList // nil: there is one, span
	span    kv.Span   // around all of them
	options kv.ScanOptions

	// position is the next key, whichever side it comes from, or nothing yet; kept in a buffer of its own.
	position []byte
	begun    bool
	done     bool
	err      error // ends the scan
	closed   bool

	// it is at the first key of the view at or behind position, or nil.
	it      *pebble.Iterator
	live    bool   // it is at a key
	epoch   uint64 // flushes when it was opened
	charged bool

	chunks chunkReader
}

var _ kv.Iterator = (*scan)(nil)

// newScan takes over a reference of v. writes may be nil.
func (s *store) newScan(acct *memory.Account, v *view, writes *overlay, span kv.Span, o kv.ScanOptions) (*scan, error) {
	if err := s.heap.reserveAtWork(acct, iteratorHeapBytes); err != nil {
		return nil, err
	}
	c := &scan{store: s, acct: acct, view: v, writes: writes, options: o, charged: true}
	c.chunks.chunkIterator = chunkIterator{store: s, view: v, acct: acct}
	c.span = bounded(kv.Span{Start: bytes.Clone(span.Start), End: bytes.Clone(span.End)})
	if writes != nil {
		writes.lower, writes.upper, writes.reverse = c.span.Start, c.span.End, o.Reverse
	}
	c.done = bytes.Compare(c.span.Start, c.span.End) >= 0
	return c, nil
}

func (c *scan) NextBatch(ctx context.Context, p *kv.Pairs, maxPairs int) (bool, error) {
	p.N = 0
	p.SetBig(nil)
	switch {
	case c.closed:
		return false, sqlerr.AssertionError("kv/local: a scan is used after Close")
	case c.err != nil || c.done:
		return false, c.err
	}
	if maxPairs = min(maxPairs, len(p.Ends)/2); maxPairs < 1 {
		return false, sqlerr.AssertionError("kv/local: a batch without room for a pair")
	}
	if err := c.fill(ctx, p, maxPairs); err != nil {
		if errors.Is(err, kv.ErrLater) {
			return false, err
		}
		c.err = err
		c.release()
		return false, err
	}
	if c.done {
		c.release()
	}
	return p.N > 0, nil
}

// fill is NextBatch without the ends of the scan. It stops before the first pair without room; position is then that
// pair's key.
func (c *scan) fill(ctx context.Context, p *kv.Pairs, maxPairs int) error {
	if err := c.checkpoint(ctx); err != nil {
		return err
	}
	switch {
	case c.spans != nil:
		return c.fillSpans(ctx, p, maxPairs)
	case c.writes == nil:
		err := c.fillPlain(ctx, p, maxPairs)
		if err == nil || errors.Is(err, kv.ErrLater) {
			c.settle()
		}
		return err
	}
	defer c.writes.close()
	if err := c.writes.seek(c.from()); err != nil {
		return err
	}
	err := c.fillMerged(ctx, p, maxPairs)
	if err == nil || errors.Is(err, kv.ErrLater) {
		c.settle()
	}
	return err
}

// settle notes where to go on.
func (c *scan) settle() {
	c.done = !c.live && (c.writes == nil || !c.writes.valid())
	c.begun = true
	switch {
	case c.done:
	case !c.live:
		c.position = append(c.position[:0], c.writes.key()...)
	case c.writes == nil || !c.writes.valid() || c.before(c.it.Key(), c.writes.key()) < 0:
		c.position = append(c.position[:0], c.it.Key()...)
	default:
		c.position = append(c.position[:0], c.writes.key()...)
	}
}

// from is position, or nil at the start.
func (c *scan) from() []byte {
	if !c.begun {
		return nil
	}
	return c.position
}

// before compares in the direction of the scan.
func (c *scan) before(a, b []byte) int {
	if c.options.Reverse {
		return bytes.Compare(b, a)
	}
	return bytes.Compare(a, b)
}

// fillPlain is the loop of a scan without writes.
func (c *scan) fillPlain(ctx context.Context, p *kv.Pairs, maxPairs int) error {
	for rows := 1; c.live && p.N < maxPairs; rows++ {
		if rows%epochRows == 0 {
			c.settle()
			if err := c.checkpoint(ctx); err != nil || !c.live {
				return err
			}
		}
		if more, err := c.addStored(ctx, p); err != nil || !more {
			return err
		}
		if err := c.step(); err != nil {
			return err
		}
	}
	return nil
}

// fillMerged is the loop of a scan with writes, which hide what is stored.
func (c *scan) fillMerged(ctx context.Context, p *kv.Pairs, maxPairs int) error {
	for rows := 1; p.N < maxPairs && (c.live || c.writes.valid()); rows++ {
		if rows%epochRows == 0 {
			c.settle()
			if err := c.checkpoint(ctx); err != nil {
				return err
			}
		}
		order := -1
		if !c.live {
			order = 1
		} else if c.writes.valid() {
			order = c.before(c.it.Key(), c.writes.key())
		}
		if order < 0 {
			if more, err := c.addStored(ctx, p); err != nil || !more {
				return err
			}
		} else {
			if !c.writes.deleted() {
				if more, err := c.addWritten(p); err != nil || !more {
					return err
				}
			}
			if err := c.writes.next(); err != nil {
				return err
			}
		}
		if order <= 0 {
			if err := c.step(); err != nil {
				return err
			}
		}
	}
	return nil
}

// addStored adds the engine's pair; false: the batch is full.
func (c *scan) addStored(ctx context.Context, p *kv.Pairs) (bool, error) {
	key := c.it.Key()
	var value []byte
	if !p.KeysOnly {
		var err error
		if value, err = c.it.ValueAndErr(); err != nil {
			return false, wrap(err)
		}
		if len(value) > 0 && value[0] >= tagEscaped {
			f, err := formOf(value, len(value))
			if err != nil {
				return false, err
			}
			if f.large {
				return c.addLarge(ctx, p, key, f.length)
			}
			value = value[f.skip:]
		}
	}
	room, more, err := place(p, len(key), len(value))
	if room != nil {
		copy(room[copy(room, key):], value)
	}
	return more, err
}

// slowBytes is how long a value is whose chunks are read without the iterator of whole values, for L1.
const slowBytes = 1 << 20

// addLarge adds a pair whose value lies in chunks.
func (c *scan) addLarge(ctx context.Context, p *kv.Pairs, key []byte, length int64) (bool, error) {
	if length > maxPairBytes-int64(len(key)) {
		return false, badForm()
	}
	room, more, err := place(p, len(key), int(length))
	if room == nil || err != nil {
		return more, err
	}
	value := room[copy(room, key):]
	key = room[:len(key)]
	if length < slowBytes {
		return true, c.chunks.read(ctx, key, length, value)
	}
	c.position, c.begun = append(c.position[:0], key...), true
	if err := c.shut(); err != nil {
		return false, err
	}
	if err := c.chunks.read(ctx, key, length, value); err != nil {
		return false, err
	}
	return true, c.open()
}

// addWritten adds the transaction's pair.
func (c *scan) addWritten(p *kv.Pairs) (bool, error) {
	key := c.writes.key()
	if p.KeysOnly {
		room, more, err := place(p, len(key), 0)
		copy(room, key)
		return more, err
	}
	var reference [referenceBytes]byte
	f, stored, err := c.writes.stored(&reference)
	if err != nil {
		return false, err
	}
	room, more, err := place(p, len(key), int(f.length))
	if room != nil {
		if rest := room[copy(room, key):]; len(rest) > 0 {
			if err := c.writes.readInto(rest, f, stored); err != nil {
				return false, err
			}
		}
	}
	return more, err
}

// maxPairBytes is the longest key and value together: ends of pairs have 32 bits.
const maxPairBytes = math.MaxInt32

// place makes room for a pair: nil and false if the batch is full without it. An empty pair has room, of no bytes.
func place(p *kv.Pairs, key, value int) (room []byte, placed bool, err error) {
	start := 0
	if p.N > 0 {
		start = int(p.Ends[2*p.N-1])
	}
	buffer := p.Bytes()
	if key+value > len(buffer)-start {
		switch {
		case p.N > 0:
			return nil, false, nil
		case p.Large == nil:
			return nil, false, sqlerr.AssertionError("kv/local: no room for a pair of %d bytes", key+value)
		}
		if buffer, err = p.Large(key + value); err != nil {
			return nil, false, err
		}
		if len(buffer) < key+value {
			return nil, false, sqlerr.AssertionError("kv/local: %d bytes for a pair of %d", len(buffer), key+value)
		}
		buffer = buffer[:key+value]
		p.SetBig(buffer)
	}
	p.Ends[2*p.N] = int32(start + key)
	p.Ends[2*p.N+1] = int32(start + key + value)
	p.N++
	return buffer[start : start+key+value], true, nil
}

// checkpoint ends the scan when it is cancelled, and (re)opens the engine's iterator when there is none or a flush has
// happened.
func (c *scan) checkpoint(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if c.it != nil && c.epoch == c.store.events.flushes.Load() {
		return nil
	}
	if err := c.shut(); err != nil {
		return err
	}
	return c.open()
}

// open makes the engine's iterator and seeks position.
func (c *scan) open() error {
	if err := c.store.usable(); err != nil {
		return err
	}
	if !c.charged {
		// The statement is at work: what the ledger refuses is new work, so this goes on without.
		c.charged = c.store.heap.reserveAtWork(c.acct, iteratorHeapBytes) == nil
	}
	// An epoch read too early makes one reopening too many.
	c.epoch = c.store.events.flushes.Load()
	o := pebble.IterOptions{LowerBound: c.span.Start, UpperBound: c.span.End}
	it, err := c.view.snapshot.NewIter(&o)
	if err != nil {
		return wrap(err)
	}
	c.it = it
	c.store.scans.Add(1)
	switch {
	case !c.begun && !c.options.Reverse:
		c.live = it.First()
	case !c.begun:
		c.live = it.Last()
	case !c.options.Reverse:
		c.live = it.SeekGE(c.position)
	default:
		c.live = it.SeekLT(append(c.position, 0)) // inclusive
	}
	return c.stepped()
}

func (c *scan) step() error {
	if c.options.Reverse {
		c.live = c.it.Prev()
	} else {
		c.live = c.it.Next()
	}
	return c.stepped()
}

// stepped tells the end from an error.
func (c *scan) stepped() error {
	if c.live {
		return nil
	}
	return wrap(c.it.Error())
}

// shut closes the engine's iterator.
func (c *scan) shut() error {
	if c.it == nil {
		return nil
	}
	err := c.it.Close()
	c.it, c.live = nil, false
	c.store.scans.Add(-1)
	return wrap(err)
}

// release is shut without its error, which repeats that of the last step, and gives the charge back.
func (c *scan) release() {
	_ = c.shut()
	c.chunks.release()
	if c.charged {
		c.store.heap.release(c.acct, iteratorHeapBytes)
		c.charged = false
	}
}

func (c *scan) Pause() error {
	c.release()
	return nil
}

func (c *scan) Close() error {
	if c.closed {
		return nil
	}
	c.closed = true
	c.release()
	return c.view.unref()
}
