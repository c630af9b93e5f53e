package local

import (
	"bytes"
	"hash/maphash"
	"sync"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// lockSpaces knows what transactions hold in each part of the key space, so that one that locks many keys of a part
// need not have a lock for each: what it locks in ascending order, as loads, copies and scans do, becomes a range that
// grows, and beyond very many locks any key extends it. A range is exclusive and covers the keys between those that
// were asked for, as InnoDB's next-key locks do; it grows only while nobody else has locks in the part. Who wants a key
// of another's range writes that lock down for its holder, as InnoDB makes implicit locks explicit, and queues for it.
//
// Lock order: mu, then the shards of the table.
type lockSpaces struct {
	table  *lockTable
	prefix int // bytes that keys of a part have in common; 0: no ranges
	// after keys of a transaction are locked one by one, so that usual transactions lock what InnoDB locks; from anyway
	// single locks on, or fewer where these take much of the pool, keys in any order extend the range.
	after, anyway int64

	mu sync.Mutex
	// mu protects following.
	spaces map[string]*lockSpace
}

// A lockSpace is a part of the key space that transactions have locks in, or wait for them.
type lockSpace struct {
	name   string
	shares []*lockShare
}

// A lockShare is what a transaction has in a space.
type lockShare struct {
	owner *lockOwner
	space *lockSpace
	locks int64 // of single keys, those that it waits for included
	// The range first..last, inclusive; both empty: none. explicit are locks in it that were written down for others.
	first, last []byte
	explicit    []uint64
}

const (
	rangeAfter  = 1 << 10
	rangeAnyway = 1 << 20
	// rangePoolShare: one lock in so many bytes of the pool. It takes some 60 in the shard and the transaction's list,
	// so single locks of a transaction in a space take up to 1/16 of the pool. Random keys use all of them at once.
	rangePoolShare = 1 << 10
	// rangeKeyBytes bounds what a range takes on the heap.
	rangeKeyBytes = 256
)

func (s *lockShare) covers(key []byte) bool {
	return len(s.last) > 0 && bytes.Compare(s.first, key) <= 0 && bytes.Compare(key, s.last) <= 0
}

// take answers for key if ranges can: done. Else the lock is counted as one of o's, and share is for drop if o does not
// get it after all.
func (p *lockSpaces) take(o *lockOwner, key []byte, lo kv.LockOptions) (got kv.Locked, done bool, share *lockShare,
	err error) {
	if p.prefix == 0 || len(key) < p.prefix {
		return kv.NotLocked, false, nil, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	share = p.share(o, key[:p.prefix])
	if share.covers(key) {
		return kv.LockHeld, true, nil, nil
	}
	alone := true
	for _, other := range share.space.shares {
		if other == share {
			continue
		}
		if other.covers(key) {
			switch {
			case lo.SkipLocked:
				return kv.NotLocked, true, nil, nil
			case lo.Timeout <= 0:
				return kv.NotLocked, true, nil, sqlerr.New(sqlerr.ErrLockNowait)
			}
			if err := p.writeDown(other, key); err != nil {
				return kv.NotLocked, true, nil, err
			}
		}
		alone = alone && other.locks == 0 // who has a range has single locks too
	}
	if alone && lo.Mode == kv.LockExclusive && p.extend(share, key) {
		o.weight.Add(1)
		return kv.LockTaken, true, nil, nil
	}
	share.locks++
	return kv.NotLocked, false, share, nil
}

// extend lets the range grow to key, if it may.
func (p *lockSpaces) extend(s *lockShare, key []byte) bool {
	if s.locks < p.after || len(key) > rangeKeyBytes {
		return false
	}
	switch {
	case len(s.last) == 0:
		s.first, s.last = append(s.first, key...), append(s.last, key...)
	case bytes.Compare(key, s.last) > 0:
		s.last = append(s.last[:0], key...)
	case s.locks >= min(p.anyway, p.table.acct.PoolBytes()/rangePoolShare):
		s.first = append(s.first[:0], key...)
	default:
		return false
	}
	return true
}

// drop is for a lock that was not granted, or that its owner had before.
func (p *lockSpaces) drop(share *lockShare) {
	if share == nil {
		return
	}
	p.mu.Lock()
	share.locks--
	p.mu.Unlock()
}

// share finds what o has in a space, or makes it.
func (p *lockSpaces) share(o *lockOwner, name []byte) *lockShare {
	if s := o.lastShare; s != nil && s.space.name == string(name) {
		return s
	}
	for _, s := range o.shares {
		if s.space.name == string(name) {
			o.lastShare = s
			return s
		}
	}
	space := p.spaces[string(name)]
	if space == nil {
		space = &lockSpace{name: string(name)}
		p.spaces[space.name] = space
	}
	s := &lockShare{owner: o, space: space}
	space.shares = append(space.shares, s)
	o.shares = append(o.shares, s)
	o.lastShare = s
	return s
}

// writeDown makes a key of s's range a lock like others, for somebody to queue for it.
func (p *lockSpaces) writeDown(s *lockShare, key []byte) error {
	l := p.table
	hash := maphash.Bytes(l.seed, key)
	defer l.operation().End()
	shard := l.shard(hash)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	e, err := shard.read(l, hash)
	if err != nil || e.holds(s.owner.id) {
		return err
	}
	s.explicit = append(s.explicit, hash)
	e.mode, e.holders = kv.LockExclusive, append(e.holders, s.owner.id)
	return shard.write(hash, e)
}

// exit ends what o has in all spaces and returns the locks that were written down for others.
func (p *lockSpaces) exit(o *lockOwner) (explicit []uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range o.shares {
		explicit = append(explicit, s.explicit...)
		list := s.space.shares
		for i := range list {
			if list[i] == s {
				list[i] = list[len(list)-1]
				list[len(list)-1] = nil
				s.space.shares = list[:len(list)-1]
				break
			}
		}
		if len(s.space.shares) == 0 {
			delete(p.spaces, s.space.name)
		}
	}
	o.shares, o.lastShare = nil, nil
	return explicit
}
