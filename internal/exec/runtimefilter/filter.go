package runtimefilter

import (
	"sync"
	"sync/atomic"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Key is a key of the join as it is compared.
type Key struct {
	Type     types.Type
	NullSafe bool // NULL is equal to NULL, else it has no match
}

// Options are what the join says about its keys.
type Options struct {
	Account *memory.Account // leases only
	Keys    []Key
	Seed    uint64 // of the hashes
	Zero    bool   // all hashes are 0
	// Yield gives back a lease that is asked for, of the filter if the join has none that is better given; nil: Drop.
	// The scan calls it when the join gets no rows that it could do so between.
	Yield func()
}

// Filter is shared by the workers of the build side and those of the scan.
type Filter struct {
	o Options

	used             atomic.Bool // by a scan
	checked, dropped atomic.Int64

	mu sync.Mutex
	// mu protects following.
	state  state
	users  int
	bloom  bloom // without words: there is none
	bounds []Bounds
	rows   int64
	barred bool // no Bloom filter is to be had
}

// state of a Filter; each is followed by the next.
type state uint8

const (
	building state = iota
	ready
	off
)

// A filter is dropped if of its first trialRows it did not drop a share of 1/trialShare.
const (
	trialRows  = 16 << 10
	trialShare = 10
)

// New returns a filter that lets all rows pass. The join opens it.
func New() *Filter { return &Filter{} }

// Open says what the filter is about, before the build side is read.
func (f *Filter) Open(o Options) { f.o, f.bounds = o, make([]Bounds, len(o.Keys)) }

// Local is one worker's part of a filter that is being made.
type Local struct {
	f      *Filter
	bloom  bloom
	bounds []Bounds
	rows   int64
	next   int64 // rows at which the Bloom filter is to grow
	barred bool
}

// NewLocal takes nothing yet.
func (f *Filter) NewLocal() *Local { return &Local{f: f, bounds: make([]Bounds, len(f.o.Keys))} }

// Add adds rows sel of the keys, none of which is NULL unless that is equal to NULL, with their hashes.
func (l *Local) Add(keys []*vector.Vector, sel []uint16, hashes []uint64) error {
	for i, v := range keys {
		if Bounded(l.f.o.Keys[i].Type) {
			l.bounds[i].add(v, sel)
		}
	}
	l.rows += int64(len(sel))
	if l.barred {
		return nil
	}
	if err := l.room(len(sel)); err != nil || l.barred {
		return err
	}
	l.bloom.add(hashes[:len(sel)])
	return nil
}

// room makes the Bloom filter fit n rows more, or gives it up.
func (l *Local) room(n int) error {
	acct := l.f.o.Account
	if l.bloom.words == nil {
		if acct.Surplus()/surplusShare < memory.MinPageBytes {
			l.barred = true
			return nil
		}
		if ok, err := l.bloom.resize(acct, memory.MinPageBytes); err != nil || !ok {
			l.barred = true
			return err
		}
		l.next = growRows * int64(len(l.bloom.words))
	}
	for l.bloom.rows+int64(n) > l.next {
		grown, err := l.bloom.grow(acct)
		if err != nil {
			return err
		}
		if l.next *= 2; grown {
			l.next = growRows * int64(len(l.bloom.words))
		}
	}
	if l.bloom.useless() {
		l.Drop()
	}
	return nil
}

// Leases says if there are any.
func (l *Local) Leases() bool { return l.bloom.words != nil }

// Drop gives the leases back: there will be no Bloom filter. Repeatable.
func (l *Local) Drop() {
	l.bloom.close(l.f.o.Account)
	l.barred = true
}

// Combine hands the rows over; the last call but Drop.
func (l *Local) Combine() {
	f := l.f
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.bounds {
		f.bounds[i].join(&l.bounds[i])
	}
	if f.rows += l.rows; l.rows == 0 {
		return
	}
	if f.barred = f.barred || l.barred; f.barred {
		f.bloom.close(f.o.Account)
		l.Drop()
		return
	}
	if len(f.bloom.words) < len(l.bloom.words) {
		f.bloom, l.bloom = l.bloom, f.bloom
	}
	if l.bloom.words != nil {
		f.bloom.join(&l.bloom)
	}
	l.Drop()
}

// Finish makes the filter ready, once all workers have combined.
func (f *Filter) Finish() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bloom.words != nil {
		if err := f.bloom.fold(f.o.Account); err != nil {
			return err
		}
		if f.bloom.useless() {
			f.bloom.close(f.o.Account)
		}
	}
	f.state = ready
	return nil
}

// enter says if the filter is of use for the next batch, which leave ends.
func (f *Filter) enter() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state != ready {
		return false
	}
	f.users++
	return true
}

// leave ends the use for a batch of which rows were checked and so many dropped.
func (f *Filter) leave(checked, dropped int) {
	all, gone := f.checked.Add(int64(checked)), f.dropped.Add(int64(dropped))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.users--
	if f.state == ready && all >= trialRows && gone < all/trialShare {
		f.state = off
	}
	f.reclaim()
}

// reclaim frees what is dropped once nobody uses it.
func (f *Filter) reclaim() {
	if f.state == off && f.users == 0 {
		f.bloom.close(f.o.Account)
	}
}

// Drop ends the filter: all rows pass. It says if that gives, or gave, a lease back. Repeatable.
func (f *Filter) Drop() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bloom.words == nil {
		return false
	}
	f.state = off
	f.reclaim()
	return true
}

// Close gives everything back. Nobody may be at work. Repeatable.
func (f *Filter) Close() {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state = off
	f.bloom.close(f.o.Account)
}

// Bounds are those of a key once the filter is ready; false: nothing is known, or there are none. No rows: no value is
// within, and any is false.
func (f *Filter) Bounds(key int) (b Bounds, any, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state != ready || !Bounded(f.o.Keys[key].Type) && f.rows > 0 {
		return Bounds{}, false, false
	}
	return f.bounds[key], f.rows > 0, true
}

// Dropped is how many rows were dropped.
func (f *Filter) Dropped() int64 { return f.dropped.Load() }
