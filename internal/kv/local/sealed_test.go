package local

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/kv/kvtest"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/memory/memorytest"
	"github.com/spillwaydb/spillway/internal/testutil"
)

// sealedRig is a write set beside a model of it.
type sealedRig struct {
	t     testing.TB
	r     *rand.Rand
	w     *writeSet
	retry func(error) bool // whether to do once more what failed
	large int              // one value of so many is large

	now        map[string]string         // with the current statement's writes; "" is a deletion
	before     map[int]map[string]string // as readers of a statement see it
	statement  int
	most       int // trees that were sealed at once
	mergedOnce bool
}

const sealedPrefix = 1

func newSealedRig(t testing.TB, r *rand.Rand, acct *memory.Account, s sealing) *sealedRig {
	return &sealedRig{t: t, r: r, w: newWriteSet(acct, s, sealedPrefix), now: map[string]string{},
		before: map[int]map[string]string{}, large: 30, retry: func(error) bool { return false }}
}

// try does f, again if a fault of the moment made it fail.
func (g *sealedRig) try(f func() error) error {
	err := f()
	if err != nil && g.retry(err) {
		err = f()
	}
	return err
}

// key is of one of three spaces; filters come to know two of them.
func (g *sealedRig) key() string { return fmt.Sprintf("%c%03d", 'a'+g.r.IntN(3), g.r.IntN(300)) }

func (g *sealedRig) begin() error {
	n := g.statement + 1
	if err := g.try(func() error { return g.w.begin(context.Background(), n) }); err != nil {
		return err
	}
	g.statement = n
	g.before[n] = maps.Clone(g.now)
	return nil
}

func (g *sealedRig) rollbackTo(n int) error {
	if err := g.try(func() error { return g.w.rollbackTo(n) }); err != nil {
		return err
	}
	for m := n + 1; m <= g.statement; m++ {
		if seen, ok := g.before[m]; ok { // the first statement after n
			g.now = maps.Clone(seen)
			break
		}
	}
	maps.DeleteFunc(g.before, func(m int, _ map[string]string) bool { return m > n+1 })
	return g.begin()
}

func (g *sealedRig) write() error {
	key, value := g.key(), fmt.Sprint(g.r.Uint32())
	switch {
	case g.r.IntN(30) == 0:
		value = ""
	case g.r.IntN(g.large) == 0:
		value += strings.Repeat("v", g.r.IntN(30_000))
	case g.r.IntN(30) == 0:
		value += strings.Repeat("v", g.r.IntN(3000))
	}
	err := g.try(func() error { return g.w.set([]byte(key), []byte(value), value == "") })
	if err != nil {
		return err
	}
	g.now[key] = value
	g.most = max(g.most, len(g.w.sealed))
	g.mergedOnce = g.mergedOnce || slices.ContainsFunc(g.w.sealed, func(s sealedTree) bool { return s.merged })
	return nil
}

func (g *sealedRig) get(key string, asOf int, latest bool, want map[string]string) error {
	var v []byte
	var l lookup
	err := g.try(func() (err error) {
		v, l, err = g.w.get([]byte(key), []byte("dst"), asOf, latest)
		return err
	})
	if err != nil {
		return err
	}
	value, ok := want[key]
	switch {
	case !ok:
		require.Equal(g.t, absent, l, key)
	case value == "":
		require.Equal(g.t, deleted, l, key)
	default:
		require.Equal(g.t, present, l, key)
		require.Equal(g.t, "dst"+value, string(v), key)
	}
	return nil
}

// scan walks what a reader sees, from a key on, in batches.
func (g *sealedRig) scan(asOf int, latest bool, want map[string]string) error {
	o := &overlay{writes: g.w, asOf: asOf, latest: latest, reverse: g.r.IntN(2) == 0}
	keys := slices.Sorted(maps.Keys(want))
	if g.r.IntN(2) == 0 {
		o.lower, o.upper = []byte(g.key()), []byte(g.key())
		if g.r.IntN(2) == 0 { // one key
			o.upper = append(bytes.Clone(o.lower), 0)
		}
		keys = slices.DeleteFunc(keys, func(k string) bool { return k < string(o.lower) || k >= string(o.upper) })
	}
	if o.reverse {
		slices.Reverse(keys)
	}
	var from []byte
	for batch, more := 1+g.r.IntN(100), true; more; {
		var got int
		err := g.try(func() error {
			got = 0
			err := o.seek(from)
			defer o.close()
			for ; err == nil && o.valid() && got < batch; err = o.next() {
				require.Greater(g.t, len(keys), got, "%s", o.key())
				require.Equal(g.t, keys[got], string(o.key()))
				value := make([]byte, o.valueLen())
				if err := o.readValue(value); err != nil {
					return err
				}
				require.Equal(g.t, want[keys[got]], string(value))
				require.Equal(g.t, want[keys[got]] == "", o.deleted())
				got++
			}
			if more = err == nil && o.valid(); more {
				from = bytes.Clone(o.key())
			}
			return err
		})
		if err != nil {
			return err
		}
		keys = keys[got:]
	}
	require.Empty(g.t, keys)
	return nil
}

// step does anything.
func (g *sealedRig) step() error {
	switch k := g.r.IntN(100); {
	case k < 75:
		return g.write()
	case k < 90: // as checks for duplicates do
		key := g.key()
		if key[0] == 'c' {
			key = "a" + key[1:]
		}
		return g.get(key, 0, true, g.now)
	case k < 94:
		asOf := g.anyReader()
		return g.get(g.key(), asOf, false, g.before[asOf])
	case k < 95:
		asOf := g.anyReader()
		if !g.w.visible(asOf) {
			require.Empty(g.t, g.before[asOf])
			return nil
		}
		return g.scan(asOf, false, g.before[asOf])
	case k < 97:
		return g.scan(latestStatement, true, g.now)
	case k < 99:
		if g.r.IntN(4) > 0 {
			return nil
		}
		return g.begin()
	case g.r.IntN(4) == 0:
		return g.rollbackTo(g.r.IntN(g.statement + 1))
	}
	return nil
}

func (g *sealedRig) anyReader() int {
	readers := slices.Sorted(maps.Keys(g.before))
	return readers[g.r.IntN(len(readers))]
}

// commit reads everything as a commit does.
func (g *sealedRig) commit() error {
	keys := slices.Sorted(maps.Keys(g.now))
	require.GreaterOrEqual(g.t, g.w.rows(), int64(len(keys)))
	err := g.w.each(func(o *overlay) error {
		value := make([]byte, o.valueLen())
		if err := o.readValue(value); err != nil {
			return err
		}
		require.Equal(g.t, keys[0], string(o.key()))
		require.Equal(g.t, g.now[keys[0]], string(value))
		keys = keys[1:]
		return nil
	})
	if err == nil {
		require.Empty(g.t, keys)
	}
	return err
}

// A write set whose delta is sealed all the time behaves as a map, for readers of all statements and through rollbacks.
func TestSealedModel(t *testing.T) {
	runs := 20
	if testing.Short() {
		runs = 4
	}
	r := testutil.Rand(t)
	for run := range runs {
		pool := kvtest.NewPool(t)
		acct := pool.Server().Child("session")
		s := sealing{every: 1 + r.Int64N(20), reloads: -1, trees: 2 + r.IntN(8)}
		g := newSealedRig(t, r, acct, s)
		require.NoError(t, g.begin())
		for range 1500 {
			require.NoError(t, g.step())
		}
		require.NoError(t, g.commit())
		t.Logf("run %d, %+v: %d statements, %d sealed at most", run, s, g.statement, g.most)
		require.Positive(t, g.most)
		require.LessOrEqual(t, g.most, s.trees)
		g.w.clear()
		require.Zero(t, acct.Stats().Current, "%d trees, %d bytes", len(g.w.sealed), acct.Stats().Current)
		acct.Close()
	}
}

// More trees than may be are merged, into one as all that were never merged, or into one of all.
func TestSealedTreesAreMerged(t *testing.T) {
	pool := kvtest.NewPool(t)
	acct := pool.Server().Child("session")
	g := newSealedRig(t, rand.New(rand.NewPCG(1, 2)), acct, sealing{every: 1, reloads: -1, trees: 4})
	require.NoError(t, g.begin())
	merged := map[int]bool{}
	for range 200 {
		require.NoError(t, g.write())
		n := 0
		for _, s := range g.w.sealed {
			if s.merged {
				n++
			}
		}
		merged[n] = true
	}
	require.Len(t, merged, 4, "0 to 3")
	require.NoError(t, g.commit())
	g.w.clear()
	acct.Close()
}

// A merge ends with the context of the statement, and leaves things as they were.
func TestSealedMergeIsCancelled(t *testing.T) {
	pool := kvtest.NewPool(t)
	acct := pool.Server().Child("session")
	g := newSealedRig(t, testutil.Rand(t), acct, sealing{every: 1, reloads: -1, trees: 4})
	require.NoError(t, g.begin())
	for g.most < 4 {
		require.NoError(t, g.write())
	}
	killed := errors.New("killed")
	ctx, cancel := context.WithCancelCause(context.Background())
	g.w.ctx = ctx
	cancel(killed)
	require.ErrorIs(t, g.write(), killed)
	require.ErrorIs(t, g.w.begin(ctx, 2), killed)
	require.NoError(t, g.commit())
	require.NoError(t, g.begin())
	require.NoError(t, g.commit())
	g.w.clear()
	require.Zero(t, acct.Stats().Current)
	acct.Close()
}

// Every N-th page or read of a block fails once: what failed can be repeated, and nothing is lost. Or it fails
// from then on: then nothing is left behind.
func TestSealedFaults(t *testing.T) {
	stride := 50
	if testing.Short() {
		stride = 1
	}
	fault := errors.New("fault")
	for _, op := range []memory.Op{memory.OpMinimum, memory.OpRead} { // what cannot be written stays in memory
		for _, forGood := range []bool{false, true} {
			failures, faults := 0, 0
			for n := 0; ; n += 1 + n/stride {
				countdown := -1
				hooks := &memory.Hooks{Refuse: func(o memory.Op, _ string, _ int) error {
					if o != op || countdown < 0 {
						return nil
					}
					if countdown > 0 {
						countdown--
						return nil
					}
					if !forGood {
						countdown = -1
					}
					return fault
				}}
				store := &memorytest.Store{}
				// Without evictors, so that the N-th operation is the same one in each run.
				o := memory.Options{LimitBytes: 2 << 20, Evictors: -1, Store: store, Hooks: hooks}
				pool, err := memory.NewPool(o)
				require.NoError(t, err)
				acct := pool.Server().Child("session")
				g := newSealedRig(t, rand.New(rand.NewPCG(3, 4)), acct, sealing{every: 30, reloads: -1, trees: 4})
				g.large = 2
				g.retry = func(err error) bool { return !forGood && errors.Is(err, fault) }
				countdown = n
				err = sealedScenario(g)
				reached := countdown <= 0
				countdown = -1
				if reached {
					faults++
				}
				if err != nil {
					failures++
					require.True(t, forGood, "%v", err)
				}
				g.w.clear()
				acct.Close()
				require.NoError(t, pool.Close())
				require.Zero(t, store.Len())
				if !reached {
					require.NoError(t, err)
					break
				}
			}
			t.Logf("%v, for good %v: %d failures, %v faults", op, forGood, failures, faults)
			require.Positive(t, faults)
			require.Equal(t, forGood, failures > 0)
		}
	}
}

// sealedScenario is more than fits the pool, with merges among sealed trees and into a base, and a rollback.
func sealedScenario(g *sealedRig) error {
	if err := g.begin(); err != nil {
		return err
	}
	for statement := range 3 {
		for i := range 120 {
			if err := g.write(); err != nil {
				return err
			}
			if i%3 == 0 {
				if err := g.get("a"+g.key()[1:], 0, true, g.now); err != nil {
					return err
				}
			}
		}
		if err := g.begin(); err != nil {
			return err
		}
		if statement == 1 {
			if err := g.rollbackTo(g.statement - 2); err != nil {
				return err
			}
		}
	}
	if err := g.scan(latestStatement, true, g.now); err != nil {
		return err
	}
	return g.try(g.commit)
}

// A delta is sealed when its nodes come back from disk again and again, and only then.
func TestThrashingSeals(t *testing.T) {
	pool := memorytest.NewPool(t, 4<<20)
	acct := pool.Server().Child("session")
	defer acct.Close()
	value := bytes.Repeat([]byte("v"), 100)
	for _, c := range []struct {
		name   string
		key    func(i uint64) uint64
		sealed bool
	}{
		{"ascending", func(i uint64) uint64 { return i }, false},
		{"random", func(i uint64) uint64 { return i * 0x9E3779B97F4A7C15 }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWriteSet(acct, usualSealing, 0)
			require.NoError(t, w.begin(t.Context(), 1))
			const rows = 40_000
			key := make([]byte, 8)
			most := 0
			for i := range uint64(rows) {
				binary.BigEndian.PutUint64(key, c.key(i))
				require.NoError(t, w.set(key, value, false))
				most = max(most, len(w.sealed))
			}
			require.Equal(t, c.sealed, most > 0, "%d trees", most)
			require.LessOrEqual(t, most, usualSealing.trees)
			require.Greater(t, w.bytes(), int64(4<<20))
			n := 0
			require.NoError(t, w.each(func(*overlay) error { n++; return nil }))
			require.Equal(t, rows, n)
			w.clear()
		})
	}
}

// Filters know all keys of their trees, and few others.
func TestFilter(t *testing.T) {
	pool := kvtest.NewPool(t)
	acct := pool.Server().Child("session")
	defer acct.Close()
	const keys = 5000
	key := func(tree, i int) []byte { return fmt.Appendf(nil, "%d/%d", tree, i) }
	for _, width := range []int{1, filterTrees} {
		f, err := newFilter(acct, width, keys)
		require.NoError(t, err)
		op := begin(acct, 0)
		for tree := range width {
			require.True(t, f.takes(keys))
			require.False(t, f.takes(2*keys))
			f.used++
			for i := range keys {
				require.NoError(t, f.add(tree, key(tree, i)))
			}
		}
		require.False(t, f.takes(keys))
		others, bits := 0, 0
		for i := range keys {
			for tree := range width {
				among, err := f.among(key(tree, i))
				require.NoError(t, err)
				require.NotZero(t, among>>tree&1)
			}
			among, err := f.among(key(-1, i))
			require.NoError(t, err)
			others++
			for ; among != 0; among &= among - 1 {
				bits++
			}
		}
		t.Logf("width %d: %d pages, %d of %d wrong", width, len(f.pages), bits, others*width)
		require.Less(t, bits, others*width/200)
		op.End()
		f.free()
	}
	require.Zero(t, acct.Stats().Current)
}

func TestKeySpaces(t *testing.T) {
	w := newWriteSet(nil, usualSealing, 2)
	for range 2 {
		for i := range maxSpaces {
			require.Equal(t, i, w.space([]byte{7, byte(i), 9}))
		}
	}
	require.Greater(t, w.space([]byte{8, 0}), maxSpaces)
	require.Equal(t, []byte{7, 1}, w.spaces()[0].span().End)
	require.Equal(t, []byte{8}, keySpace{[]byte{7, 255}}.span().End)
	require.Empty(t, keySpace{[]byte{255, 255}}.span().End)
	require.Empty(t, keySpace{}.span().End)
}

// Writes in random order: in memory, and several times larger than it.
func BenchmarkRandomWrites(b *testing.B) {
	for name, limit := range map[string]int64{"memory": 256 << 20, "beyond": 16 << 20} {
		b.Run(name, func(b *testing.B) {
			pool := memorytest.NewPool(b, limit)
			acct := pool.Server().Child("session")
			defer acct.Close()
			const rows = 500_000
			value := make([]byte, 100)
			var key []byte
			for b.Loop() {
				w := newWriteSet(acct, usualSealing, 0)
				if err := w.begin(b.Context(), 1); err != nil {
					b.Fatal(err)
				}
				for i := range rows {
					key = binary.BigEndian.AppendUint64(key[:0], uint64(i)*0x9E3779B97F4A7C15)
					if _, _, err := w.get(key, nil, 0, true); err != nil {
						b.Fatal(err)
					}
					if err := w.set(key, value, false); err != nil {
						b.Fatal(err)
					}
				}
				if err := w.each(func(*overlay) error { return nil }); err != nil {
					b.Fatal(err)
				}
				w.clear()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
		})
	}
}
