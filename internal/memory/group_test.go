package memory_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/memory/memorytest"
)

// groupStore notes the sizes of groups, and calls hooks before it does what it is asked.
type groupStore struct {
	memorytest.Store
	write, read func(blocks [][]byte) error

	mu             sync.Mutex
	writes, reads  []int
	singles, loads int
}

func (g *groupStore) Write(owner uint64, data []byte) (memory.Slot, error) {
	g.mu.Lock()
	g.singles++
	g.mu.Unlock()
	return g.Store.Write(owner, data)
}

func (g *groupStore) WriteGroup(owner uint64, blocks [][]byte, slots []memory.Slot) error {
	g.mu.Lock()
	g.writes = append(g.writes, len(blocks))
	g.mu.Unlock()
	if g.write != nil {
		if err := g.write(blocks); err != nil {
			return err
		}
	}
	for i, data := range blocks {
		var err error
		if slots[i], err = g.Store.Write(owner, data); err != nil {
			return err
		}
	}
	return nil
}

func (g *groupStore) Read(slot memory.Slot, dst []byte) error {
	g.mu.Lock()
	g.loads++
	g.mu.Unlock()
	return g.Store.Read(slot, dst)
}

func (g *groupStore) ReadGroup(slots []memory.Slot, blocks [][]byte) error {
	g.mu.Lock()
	g.reads = append(g.reads, len(blocks))
	g.mu.Unlock()
	if g.read != nil {
		if err := g.read(blocks); err != nil {
			return err
		}
	}
	return g.Store.ReadGroup(slots, blocks)
}

// groupPool has room for groups of 16 blocks of 16 KiB, and nobody else evicts.
func groupPool(t *testing.T, store memory.BlockStore) *memory.Pool {
	return memorytest.NewPoolWith(t, memory.Options{LimitBytes: 32 << 20, Evictors: -1, Store: store})
}

const small = 16 << 10

// series makes n unpinned blocks each of k series in turn, full of their numbers: block i of series j has j<<16 | i.
func series(t *testing.T, a *memory.Account, k, n int) [][]memory.BlockID {
	ids := make([][]memory.BlockID, k)
	names := make([]memory.Series, k)
	for j := range names {
		names[j] = a.NewSeries()
	}
	for i := range n {
		for j := range k {
			id, ref, err := a.NewBlockIn(names[j], small, memory.Held)
			require.NoError(t, err)
			b := memory.Slice[uint32](a.Base(), ref, small/4)
			for w := range b {
				b[w] = uint32(j<<16 | i)
			}
			a.Unpin(id, memory.ReuseLate)
			ids[j] = append(ids[j], id)
		}
	}
	return ids
}

func checkSeries(t *testing.T, a *memory.Account, j, i int, id memory.BlockID, ahead ...memory.BlockID) {
	ref, err := a.Pin(id, memory.Held, ahead...)
	require.NoError(t, err)
	for _, v := range memory.Slice[uint32](a.Base(), ref, small/4) {
		if v != uint32(j<<16|i) {
			t.Fatalf("block %d of series %d holds %#x", i, j, v)
		}
	}
	a.Unpin(id, memory.ReuseUnknown)
}

func freeSeries(a *memory.Account, ids [][]memory.BlockID) {
	for _, l := range ids {
		for _, id := range l {
			a.FreeBlock(id)
		}
	}
}

// Victims of one series are written together, in order, and read back together.
func TestGroups(t *testing.T) {
	var orders [][]uint32
	store := &groupStore{}
	store.write = func(blocks [][]byte) error {
		var order []uint32
		for _, b := range blocks {
			order = append(order, uint32(b[0])|uint32(b[1])<<8|uint32(b[2])<<16)
		}
		orders = append(orders, order)
		return nil
	}
	p := groupPool(t, store)
	_, a := open(t, p, memory.StatementOptions{Spill: true}, 4*small)
	ids := series(t, a, 8, 64)
	for range 16 {
		require.True(t, p.EvictSome())
	}
	require.NoError(t, p.Check())
	require.Len(t, orders, 16)
	seen := 0
	for n, order := range orders {
		require.Len(t, order, 16)
		for i, v := range order {
			require.Equal(t, order[0]>>16, v>>16, "one series in group %d", n)
			require.Equal(t, order[0]+uint32(i), v, "in order")
		}
		seen += len(order)
	}
	require.Equal(t, a.Stats().SpilledBytes, int64(seen*small))
	require.Zero(t, store.singles)
	l := ids[orders[0][0]>>16]
	checkSeries(t, a, int(orders[0][0]>>16), 0, l[0], l[1:9]...)
	require.Equal(t, []int{9}, store.reads)
	for i := range 9 {
		checkSeries(t, a, int(orders[0][0]>>16), i, l[i])
	}
	require.Zero(t, store.loads)
	require.NoError(t, p.Check())
	for j := range ids {
		for i, id := range ids[j] {
			checkSeries(t, a, j, i, id, ids[j][i+1:min(i+17, 64)]...)
		}
	}
	require.NoError(t, p.Check())
	freeSeries(a, ids)
}

// What happens to blocks while their group is written: a pin keeps one, a free takes effect, the others go.
func TestGroupIsUsedWhileWritten(t *testing.T) {
	store := &groupStore{}
	writing, goOn := make(chan struct{}), make(chan struct{})
	store.write = func([][]byte) error {
		writing <- struct{}{}
		<-goOn
		return nil
	}
	p := groupPool(t, store)
	_, a := open(t, p, memory.StatementOptions{Spill: true}, 4*small)
	ids := series(t, a, 1, 16)
	done := make(chan bool)
	go func() { done <- p.EvictSome() }()
	<-writing
	ref, err := a.Pin(ids[0][3], memory.Held)
	require.NoError(t, err)
	a.FreeBlock(ids[0][5])
	ids[0] = append(ids[0][:5], ids[0][6:]...)
	goOn <- struct{}{}
	require.True(t, <-done)
	require.NoError(t, p.Check())
	require.EqualValues(t, 3, memory.Slice[uint32](a.Base(), ref, 1)[0])
	require.EqualValues(t, small, a.Stats().Current)
	require.EqualValues(t, 15*small, a.Stats().DiskBytes)
	require.EqualValues(t, 14, p.Stats().Evictions)
	a.MarkDirty(ids[0][3])
	require.EqualValues(t, 14*small, a.Stats().DiskBytes)
	a.Unpin(ids[0][3], memory.ReuseUnknown)
	freeSeries(a, ids)
}

// A group that cannot be written is the failure of its statement alone; nothing of it stays.
func TestGroupFails(t *testing.T) {
	broken := errors.New("broken disk")
	store := &groupStore{write: func([][]byte) error { return broken }}
	p := groupPool(t, store)
	s, a := open(t, p, memory.StatementOptions{Spill: true}, 4*small)
	_, b := open(t, p, memory.StatementOptions{Spill: true}, 4*small)
	ids, others := series(t, a, 2, 16), series(t, b, 1, 8)
	require.True(t, p.EvictSome())
	require.ErrorIs(t, s.Err(), broken)
	require.NoError(t, b.Context().Err())
	require.NoError(t, p.Check())
	_, err := a.Pin(ids[0][0], memory.Held)
	require.ErrorIs(t, err, broken)
	require.Zero(t, a.Stats().DiskBytes)
	freeSeries(a, ids)
	freeSeries(b, others)
}

// TestGroupIsRefused refuses the N-th write, for every N: the group it belongs to is not written, and its statement
// fails.
func TestGroupIsRefused(t *testing.T) {
	broken := errors.New("broken disk")
	const blocks = 40
	for n := 1; ; n++ {
		writes := 0
		p := memorytest.NewPoolWith(t, memory.Options{LimitBytes: 32 << 20, Evictors: -1, Hooks: &memory.Hooks{
			Refuse: func(op memory.Op, _ string, _ int) error {
				if op == memory.OpWrite {
					if writes++; writes == n {
						return broken
					}
				}
				return nil
			},
		}})
		s, a := open(t, p, memory.StatementOptions{Spill: true}, 4*small)
		ids := series(t, a, 1, blocks)
		for s.Err() == nil && p.EvictSome() {
		}
		require.NoError(t, p.Check())
		if writes < n {
			require.NoError(t, s.Err())
			require.GreaterOrEqual(t, n, blocks)
			freeSeries(a, ids)
			return
		}
		require.ErrorIs(t, s.Err(), broken, "write %d", n)
		freeSeries(a, ids)
	}
}

// A group that cannot be read is read one by one: only who needs the bad block fails.
func TestGroupIsReadOneByOne(t *testing.T) {
	store := &groupStore{read: func([][]byte) error { return errors.New("bad sector") }}
	p := groupPool(t, store)
	_, a := open(t, p, memory.StatementOptions{Spill: true}, 4*small)
	ids := series(t, a, 1, 16)
	require.True(t, p.EvictSome())
	for i, id := range ids[0] {
		checkSeries(t, a, 0, i, id, ids[0][i+1:]...)
	}
	require.NoError(t, p.Check())
	require.Equal(t, 16, store.loads)
	freeSeries(a, ids)
}

// Reading ahead stays within the quota.
func TestNothingIsReadAheadWithoutRoom(t *testing.T) {
	p := groupPool(t, &groupStore{})
	o := memory.StatementOptions{Spill: true, QuotaBytes: 64 * small, CancelAtQuota: true}
	_, a := open(t, p, o, 60*small)
	ids := series(t, a, 1, 16)
	for p.EvictSome() {
	}
	var held []memory.Page
	for range 60 {
		g, err := a.Alloc(small, memory.Held)
		require.NoError(t, err)
		held = append(held, g)
	}
	a.Free(held[59])
	held = held[:59]
	for i, id := range ids[0] {
		checkSeries(t, a, 0, i, id, ids[0][i+1:]...)
		require.LessOrEqual(t, a.Stats().Current, int64(64*small))
		require.NoError(t, p.Check())
	}
	for _, g := range held {
		a.Free(g)
	}
	freeSeries(a, ids)
}
