package local

import (
	"bytes"
	"context"
	"errors"

	"github.com/spillwaydb/spillway/internal/kv"
)

// nearMost is the most steps that are tried before a seek, which costs some ten of them.
const nearMost = 8

// nearAgain is after how many seeks in a row a step is tried again.
const nearAgain = 32

// spanList is where a scan of several spans is. Where scan.position stands, the scan goes on within span now.
type spanList struct {
	list  kv.Spans
	first int // most pairs of a span; 0: all
	at    int // of the list
	now   kv.Span
	given int // pairs of now, if first is not 0
	// near is how many steps are tried on the way to the next span: as the spans before have shown.
	near, seeks int
}

func newSpanList(list kv.Spans, first int) *spanList {
	l := &spanList{list: list, first: first, near: 1}
	if list.Len() > 0 {
		l.load()
	}
	return l
}

// load copies span at: the list is asked for others meanwhile.
func (l *spanList) load() {
	s := l.list.Span(l.at)
	l.now.Start = append(l.now.Start[:0], s.Start...)
	l.now.End = append(l.now.End[:0], s.End...)
	l.given = 0
}

// next goes on to the next span; false: there is none.
func (l *spanList) next() bool {
	if l.at+1 >= l.list.Len() {
		return false
	}
	l.at++
	l.load()
	return true
}

// spent says if no more of the span is wanted.
func (l *spanList) spent() bool { return l.first > 0 && l.given == l.first }

// fillSpans is fill of a scan of several spans.
func (c *scan) fillSpans(ctx context.Context, p *kv.Pairs, maxPairs int) error {
	if c.writes != nil {
		defer c.writes.close()
		if err := c.writes.seek(c.from()); err != nil {
			return err
		}
	}
	for steps := 1; p.N < maxPairs; steps++ {
		if steps%epochRows == 0 {
			if err := c.settleSpans(); err != nil {
				return err
			}
			if err := c.checkpoint(ctx); err != nil {
				return err
			}
		}
		key, order := c.head()
		if key == nil {
			break
		}
		if c.spans.spent() || bytes.Compare(key, c.spans.now.End) >= 0 {
			if !c.spans.next() {
				c.done = true
				return nil
			}
			if err := c.forward(c.spans.now.Start); err != nil {
				return err
			}
			continue
		}
		if more, err := c.addHead(ctx, p, order); err != nil || !more {
			switch {
			case err == nil:
				err = c.settleSpans()
			case errors.Is(err, kv.ErrLater):
				c.settle()
			}
			return err
		}
		if c.spans.spent() { // the next span is sought from here, without a step
			continue
		}
		if err := c.pass(order); err != nil {
			return err
		}
	}
	return c.settleSpans()
}

// settleSpans is settle of a scan of several spans, which leaves a spent one first.
func (c *scan) settleSpans() error {
	if c.spans.spent() {
		if !c.spans.next() {
			c.done = true
			return nil
		}
		if err := c.forward(c.spans.now.Start); err != nil {
			return err
		}
	}
	c.settle()
	return nil
}

// head is the next key, of the store (order < 0), the transaction (> 0) or both; nil: there is none.
func (c *scan) head() (key []byte, order int) {
	writes := c.writes != nil && c.writes.valid()
	switch {
	case !c.live && !writes:
		return nil, 0
	case !writes:
		return c.it.Key(), -1
	case !c.live:
		return c.writes.key(), 1
	}
	if order = bytes.Compare(c.it.Key(), c.writes.key()); order > 0 {
		return c.writes.key(), order
	}
	return c.it.Key(), order
}

// addHead adds the pair at the head, if it is one; false: the batch is full.
func (c *scan) addHead(ctx context.Context, p *kv.Pairs, order int) (more bool, err error) {
	switch {
	case order < 0:
		more, err = c.addStored(ctx, p)
	case c.writes.deleted():
		return true, nil
	default:
		more, err = c.addWritten(p)
	}
	if err != nil || !more {
		return false, err
	}
	if p.Of != nil {
		p.Of[p.N-1] = int32(c.spans.at)
	}
	if c.spans.first > 0 {
		c.spans.given++
	}
	return true, nil
}

// pass goes behind the head.
func (c *scan) pass(order int) error {
	if order >= 0 {
		if err := c.writes.next(); err != nil {
			return err
		}
	}
	if order <= 0 {
		return c.step()
	}
	return nil
}

// forward goes on to the first key at or behind key: by a few steps, if the spans before were near each other, or by a
// seek.
func (c *scan) forward(key []byte) error {
	if c.writes != nil && c.writes.valid() {
		if err := c.writes.skip(key); err != nil {
			return err
		}
	}
	s := c.spans
	steps := 0
	for c.live && bytes.Compare(c.it.Key(), key) < 0 {
		if steps < s.near {
			steps++
			if err := c.step(); err != nil {
				return err
			}
			continue
		}
		if s.seeks++; s.near > 0 {
			s.near--
		} else if s.seeks%nearAgain == 0 {
			s.near = 1
		}
		c.live = c.it.SeekGE(key)
		return c.stepped()
	}
	if steps > 0 {
		s.near = min(max(s.near, 2*steps), nearMost)
	}
	return nil
}
