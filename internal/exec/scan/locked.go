package scan

import (
	"bytes"
	"context"
	"errors"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/plan/physical"
)

// lock locks the row with that key as the scan does.
func (t *Table) lock(ctx context.Context, key []byte) (kv.Locked, error) {
	o := t.o.Lock
	o.Mode = kv.LockExclusive
	if t.o.Node.Lock == physical.LockShare {
		o.Mode = kv.LockShared
	}
	switch t.o.Node.Wait {
	case physical.NoWait:
		o.Timeout = 0
	case physical.SkipLocked:
		o.SkipLocked = true
	}
	return t.o.Txn.Lock(ctx, key, o)
}

// lockedSpans reads the pairs of morsels for locking scans: rows, or the entries of an index. A page is read from the
// state that is committed then, its rows are locked, and if others have committed meanwhile, it is read again, until
// nothing is left to lock. So what is given is the latest committed state, rows that others have added ahead of the
// scan included, and stays it until the transaction ends. The scan does not see what its own statement writes.
type lockedSpans struct {
	t      *Table
	rest   kv.Span // of the morsel, not read yet
	open   bool    // there is one
	reader kv.Reader
	key    []byte
	keep   []bool // of the page's pairs; those that SKIP LOCKED leaves out are not kept
}

func (s *lockedSpans) fill(ctx context.Context, p *pairPage, maxPairs int) (bool, error) {
	for {
		if !s.open {
			if s.rest, s.open = s.t.take(); !s.open {
				return false, nil
			}
		}
		ok, err := s.settle(ctx, p, s.t.wanted(maxPairs))
		switch {
		case err != nil:
			return false, err
		case !ok:
			s.open = false
			continue
		}
		s.advance(p.pairs.Key(p.pairs.N - 1))
		if s.drop(&p.pairs); p.pairs.N > 0 {
			return true, nil
		}
	}
}

// settle reads and locks the next page until it stays as it is; false: the morsel has no more. It ends: each round but
// the last has locked a row, and rows that come into the page's place later leave it smaller, or full as it is.
func (s *lockedSpans) settle(ctx context.Context, p *pairPage, maxPairs int) (bool, error) {
	for {
		commits := s.t.o.Txn.Commits()
		if err := s.read(ctx, p, maxPairs); err != nil || p.pairs.N == 0 {
			return false, err
		}
		again, err := s.lock(ctx, p, commits)
		if err != nil || !again {
			return err == nil, err
		}
	}
}

func (s *lockedSpans) read(ctx context.Context, p *pairPage, maxPairs int) error {
	p.release()
	p.pairs.N = 0
	if err := s.close(); err != nil {
		return err
	}
	var err error
	if s.reader, err = s.t.o.Txn.Current(); err != nil {
		return err
	}
	n := s.t.o.Node
	o := kv.ScanOptions{Reverse: n.Reverse, Once: len(n.Ranges) == 0 && n.Points == nil}
	it, err := s.reader.Scan(s.t.o.Account, s.rest, o)
	if err != nil {
		return err
	}
	_, err = it.NextBatch(ctx, &p.pairs, maxPairs)
	return errors.Join(err, it.Close())
}

// lock locks the rows of the page, which is of the state with that number of commits. again: what it has may be old.
func (s *lockedSpans) lock(ctx context.Context, p *pairPage, commits uint64) (again bool, err error) {
	s.keep = append(s.keep[:0], make([]bool, p.pairs.N)...)
	taken := false
	for i := range s.keep {
		primary, err := primaryOf(s.t.codec, s.t.o.Node.Index, p.pairs.Key(i), p.pairs.Value(i))
		if err != nil {
			return false, err
		}
		s.key = append(append(s.key[:0], s.t.codec.RowPrefix()...), primary...)
		got, err := s.t.lock(ctx, s.key)
		if err != nil {
			return false, err
		}
		s.keep[i] = got != kv.NotLocked
		taken = taken || got == kv.LockTaken || got == kv.LockWaited
		// Whoever had this row has changed others too, as a rule: they are better read again before they are locked.
		if got == kv.LockWaited && s.t.o.Txn.Commits() != commits {
			return true, nil
		}
	}
	return taken && s.t.o.Txn.Commits() != commits, nil
}

// advance moves the rest of the morsel behind the page's last key.
func (s *lockedSpans) advance(last []byte) {
	if s.t.o.Node.Reverse {
		s.rest.End = bytes.Clone(last)
		s.open = bytes.Compare(s.rest.Start, s.rest.End) < 0
		return
	}
	s.rest.Start = append(bytes.Clone(last), 0)
}

// drop takes the pairs out of the page that are not kept.
func (s *lockedSpans) drop(p *kv.Pairs) {
	all := p.Bytes()
	n, start, used := 0, int32(0), int32(0)
	for i, keep := range s.keep {
		keyEnd, end := p.Ends[2*i], p.Ends[2*i+1]
		if keep {
			copy(all[used:], all[start:end])
			p.Ends[2*n], p.Ends[2*n+1] = used+keyEnd-start, used+end-start
			used += end - start
			n++
		}
		start = end
	}
	p.N = n
}

func (s *lockedSpans) pause() error { return nil }

// close closes the page's state; rows of its entries are looked up there until then.
func (s *lockedSpans) close() error {
	if s.reader == nil {
		return nil
	}
	r := s.reader
	s.reader = nil
	return r.Close()
}

// lockedPoints reads rows that are named by their key, one by one, each as it is once it is locked.
type lockedPoints struct {
	t       *Table
	reader  kv.Reader // nil: none yet
	commits uint64    // of reader
}

// lock locks the row and returns where to read it; false: it is skipped.
func (s *lockedPoints) lock(ctx context.Context, key []byte) (kv.Reader, bool, error) {
	got, err := s.t.lock(ctx, key)
	if err != nil || got == kv.NotLocked {
		return nil, false, err
	}
	commits := s.t.o.Txn.Commits()
	if s.reader != nil && s.commits == commits {
		return s.reader, true, nil
	}
	if err := s.close(); err != nil {
		return nil, false, err
	}
	s.commits = commits
	s.reader, err = s.t.o.Txn.Current()
	return s.reader, err == nil, err
}

func (s *lockedPoints) close() error {
	if s.reader == nil {
		return nil
	}
	r := s.reader
	s.reader = nil
	return r.Close()
}
