package memory_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/memory/memorytest"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// leaser is a statement that holds leases.
type leaser struct {
	*memory.Account
	leases []memory.Page
}

// leaseAll leases until there is no surplus.
func (l *leaser) leaseAll(t *testing.T) {
	for _, size := range []int{64 << 10, memory.MinPageBytes} {
		for {
			p, err := l.Alloc(size, memory.Leased)
			if err != nil {
				require.ErrorIs(t, err, sqlerr.ErrNoSurplus)
				break
			}
			l.leases = append(l.leases, p)
		}
	}
}

// surrender gives n leases back.
func (l *leaser) surrender(n int) {
	for _, p := range l.leases[:n] {
		l.Free(p)
	}
	l.leases = l.leases[n:]
}

// fullPool is a pool of which statements hold all that statements can: small ones the lane, one of them all leases, and
// the unpinned blocks of another the rest.
func fullPool(t *testing.T) (*memory.Pool, *leaser) {
	p := memorytest.NewPool(t, 16<<20)
	for range 2 {
		open(t, p, memory.StatementOptions{Spill: true}, 512<<10)
	}
	_, blocks := open(t, p, memory.StatementOptions{Spill: true}, 64<<10)
	for range 16 << 20 / (64 << 10) {
		id, _, err := blocks.NewBlock(64<<10, memory.Held)
		require.NoError(t, err)
		blocks.Unpin(id, memory.ReuseUnknown)
		t.Cleanup(func() { blocks.FreeBlock(id) })
	}
	_, a := open(t, p, memory.StatementOptions{Spill: true}, 1<<20)
	l := &leaser{Account: a}
	l.leaseAll(t)
	t.Cleanup(func() { l.surrender(len(l.leases)) })
	require.NoError(t, p.Check())
	return p, l
}

// TestOperationsHaveTheirOwnShare: whatever statements hold, operations of transactions get their pages at once, from
// any number of sessions, and what they leave unpinned is evicted for others.
func TestOperationsHaveTheirOwnShare(t *testing.T) {
	p, _ := fullPool(t)
	user := p.Server().Child("user")
	defer user.Close()
	const sessions, rounds, pages, size = 12, 20, 5, 16 << 10
	var all sync.WaitGroup
	for range sessions {
		all.Go(func() {
			a := user.Child("transaction")
			defer a.Close()
			var blocks []memory.BlockID
			for i := range rounds {
				op := a.Begin(pages * size)
				var pinned []memory.BlockID
				for j := range pages {
					var id memory.BlockID
					var ref memory.Ref
					var err error
					if at := len(blocks) - 1 - j; j > 0 && at >= 0 {
						id = blocks[at]
						ref, err = a.Pin(id, memory.InOperation)
					} else {
						id, ref, err = a.NewBlock(size, memory.InOperation)
						blocks = append(blocks, id)
					}
					if err != nil {
						t.Errorf("operation %d, page %d: %v", i, j, err)
						break
					}
					a.MarkDirty(id)
					memory.Bytes(a.Base(), ref, size)[0] = byte(i)
					pinned = append(pinned, id)
				}
				for _, id := range pinned {
					a.Unpin(id, memory.ReuseUnknown)
				}
				op.End()
			}
			for _, id := range blocks {
				a.FreeBlock(id)
			}
		})
	}
	all.Wait()
	require.NoError(t, p.Check())
	require.Positive(t, p.Stats().Evictions)
}

// TestOperationsTakeTurns: grants never pass the share, and come in order.
func TestOperationsTakeTurns(t *testing.T) {
	p := memorytest.NewPool(t, 16<<20)
	a := p.Server()
	share := int64(1 << 20)
	first := a.Begin(share / 2)
	second := a.Begin(share / 2)
	begun := make(chan int, 2)
	var all sync.WaitGroup
	for i, n := range []int64{2 * share, memory.MinPageBytes} { // more than the share is the share
		before := p.Operations()
		all.Go(func() {
			op := a.Begin(n)
			begun <- i
			op.End()
		})
		eventually(t, "in the queue", func() bool { return p.Operations() > before })
	}
	first.End()
	require.Empty(t, begun, "the second in the queue does not overtake")
	second.End()
	all.Wait()
	require.Equal(t, 0, <-begun)
	require.Equal(t, 1, <-begun)
	memory.Operation{}.End()
}

// TestPagesOfSessionsRevokeLeases: a page that no minimum covers is waited for, and leases are asked back for it.
func TestPagesOfSessionsRevokeLeases(t *testing.T) {
	p, l := fullPool(t)
	a := p.Server().Child("session")
	defer a.Close()
	wait := func(ask func() error) {
		done := make(chan error, 1)
		go func() { done <- ask() }()
		eventually(t, "asked back", l.Revoked)
		require.Empty(t, done)
		l.surrender(len(l.leases) / 2)
		require.NoError(t, <-done)
		require.False(t, l.Revoked())
	}
	var id memory.BlockID
	wait(func() (err error) {
		id, _, err = a.NewBlock(1<<20, memory.Held)
		return err
	})
	for _, evicted := range []bool{false, true} {
		a.Unpin(id, memory.ReuseLate)
		l.leaseAll(t)
		for evicted && a.Stats().Current > 0 {
			require.True(t, p.EvictSome())
		}
		wait(func() error {
			_, err := a.Pin(id, memory.Held)
			return err
		})
	}
	a.FreeBlock(id)
	require.NoError(t, p.Check())
}

// TestPagesOfSessionsAreRefusedInTime: minimums are not asked back.
func TestPagesOfSessionsAreRefusedInTime(t *testing.T) {
	p := memorytest.NewPoolWith(t, memory.Options{LimitBytes: 32 << 20, AdmissionTimeout: 20 * time.Millisecond})
	open(t, p, memory.StatementOptions{Spill: true}, p.MaxMinimum())
	_, err := p.Server().Alloc(8<<20, memory.Held)
	var full *sqlerr.ServerMemoryError
	require.ErrorAs(t, err, &full)
	require.Zero(t, p.Stats().Waiting)
	_, err = p.Server().Alloc(64<<20, memory.Held)
	require.ErrorAs(t, err, &full)
}

// TestPagesOfSessionsDoNotWaitForEachOther: their owners may wait, too.
func TestPagesOfSessionsDoNotWaitForEachOther(t *testing.T) {
	p := memorytest.NewPool(t, 32<<20)
	first, err := p.Server().Alloc(16<<20, memory.Held)
	require.NoError(t, err)
	start := time.Now()
	_, err = p.Server().Alloc(16<<20, memory.Held)
	var full *sqlerr.ServerMemoryError
	require.ErrorAs(t, err, &full)
	require.Less(t, time.Since(start), 5*time.Second)
	p.Server().Free(first)
}

var errFullDisk = errors.New("disk full")

// fullDisk is a store that refuses what one owner writes.
type fullDisk struct {
	memorytest.Store
	mu   sync.Mutex
	full bool
}

func (d *fullDisk) Write(owner uint64, data []byte) (memory.Slot, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full {
		return memory.Slot{}, errFullDisk
	}
	return d.Store.Write(owner, data)
}

func (d *fullDisk) WriteGroup(owner uint64, blocks [][]byte, slots []memory.Slot) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full {
		return errFullDisk
	}
	return d.Store.WriteGroup(owner, blocks, slots)
}

func (d *fullDisk) set(full bool) {
	d.mu.Lock()
	d.full = full
	d.mu.Unlock()
}

// TestServerBlocksSurviveAFullDisk: what belongs to transactions stays in memory if it cannot be written.
func TestServerBlocksSurviveAFullDisk(t *testing.T) {
	disk := &fullDisk{full: true}
	p := memorytest.NewPoolWith(t, memory.Options{LimitBytes: 8 << 20, Evictors: -1, Store: disk})
	a := p.Server().Child("transaction")
	defer a.Close()
	op := a.Begin(4096)
	id, ref, err := a.NewBlock(4096, memory.InOperation)
	require.NoError(t, err)
	memory.Bytes(a.Base(), ref, 4096)[7] = 42
	a.Unpin(id, memory.ReuseUnknown)
	require.True(t, p.EvictSome())
	require.False(t, p.EvictSome(), "not tried again at once")
	ref, err = a.Pin(id, memory.InOperation)
	require.NoError(t, err)
	require.EqualValues(t, 42, memory.Bytes(a.Base(), ref, 4096)[7])
	a.Unpin(id, memory.ReuseUnknown)
	disk.set(false)
	eventually(t, "written", func() bool { return p.EvictSome() && p.Stats().Evictions == 1 })
	ref, err = a.Pin(id, memory.InOperation)
	require.NoError(t, err)
	require.EqualValues(t, 42, memory.Bytes(a.Base(), ref, 4096)[7])
	a.FreeBlock(id)
	op.End()
	require.Zero(t, disk.Len())
	require.NoError(t, p.Check())
}

// hastyClock is the system's clock, but for each look at it, which takes some time.
type hastyClock struct{ looks atomic.Int64 }

func (c *hastyClock) Now() time.Time {
	return time.Unix(0, 0).Add(time.Duration(c.looks.Add(1)) * 20 * time.Millisecond)
}

func (c *hastyClock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	return time.AfterFunc(d, f).Stop
}

// TestServerBlocksFillThePool: an operation that finds no room beside blocks which cannot be written fails with the
// reason, soon; one that comes later tries again.
func TestServerBlocksFillThePool(t *testing.T) {
	disk := &fullDisk{full: true}
	p := memorytest.NewPoolWith(t, memory.Options{
		LimitBytes: 8 << 20, Evictors: -1, Store: disk, Clock: &hastyClock{},
	})
	a := p.Server().Child("transaction")
	defer a.Close()
	const size = 64 << 10
	var ids []memory.BlockID
	fill := func() error {
		defer a.Begin(size).End()
		id, _, err := a.NewBlock(size, memory.InOperation)
		if err != nil {
			return err
		}
		a.Unpin(id, memory.ReuseUnknown)
		ids = append(ids, id)
		return nil
	}
	var err error
	for err == nil {
		err = fill()
	}
	require.ErrorIs(t, err, errFullDisk)
	require.Greater(t, len(ids), 8<<20/size/2)
	require.ErrorIs(t, fill(), errFullDisk)
	disk.set(false)
	require.NoError(t, fill())
	require.NoError(t, p.Check())
	for _, id := range ids {
		a.FreeBlock(id)
	}
}
