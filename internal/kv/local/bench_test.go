package local

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/kv/kvtest"
	"github.com/spillwaydb/spillway/internal/memory"
)

const benchRows, benchValue = 500_000, 100

// benchStore is a store on disk; with rows, a table of benchRows.
func benchStore(b *testing.B, rows int, cacheBytes int64) (*store, *memory.Pool) {
	pool := kvtest.NewPool(b)
	s := openFor(b, Options{Path: b.TempDir(), Account: pool.Server(), Heap: pool.Heap(), CacheBytes: cacheBytes})
	b.Cleanup(func() { require.NoError(b, s.Close()) })
	if rows > 0 {
		require.NoError(b, s.Ingest(b.Context(), pool.Server(), &benchSource{rows: rows}))
	}
	return s, pool
}

// benchSource gives rows of a key of 16 bytes and a random value, which compresses to about a half.
type benchSource struct {
	rows, next int
	key        [16]byte
	value      [benchValue]byte
}

func (r *benchSource) Next(context.Context) (kv.Key, kv.Value, bool, error) {
	if r.next == r.rows {
		return nil, nil, false, nil
	}
	binary.BigEndian.PutUint64(r.key[8:], uint64(r.next))
	for i := 0; i < benchValue/2; i += 2 {
		binary.LittleEndian.PutUint16(r.value[i:], uint16(rand.Uint32()))
	}
	r.next++
	return r.key[:], r.value[:], true, nil
}

func benchKey(dst []byte, i int) []byte {
	dst = append(dst[:0], 0, 0, 0, 0, 0, 0, 0, 0)
	return binary.BigEndian.AppendUint64(dst, uint64(i))
}

// scanAll reads everything of r and returns the rows.
func scanAll(b *testing.B, r kv.Reader, acct *memory.Account, o kv.ScanOptions) int {
	it, err := r.Scan(acct, kv.Span{}, o)
	require.NoError(b, err)
	p := &kv.Pairs{Buf: make([]byte, 256<<10), Ends: make([]int32, 4096)}
	rows := 0
	for {
		ok, err := it.NextBatch(b.Context(), p, 2048)
		if err != nil {
			b.Fatal(err)
		}
		if !ok {
			break
		}
		rows += p.N
	}
	require.NoError(b, it.Close())
	return rows
}

func BenchmarkScan(b *testing.B) {
	for name, cacheBytes := range map[string]int64{"cached": 256 << 20, "cold": 4 << 20} {
		b.Run(name, func(b *testing.B) {
			s, pool := benchStore(b, benchRows, cacheBytes)
			r, err := s.Snapshot(b.Context())
			require.NoError(b, err)
			for b.Loop() {
				require.Equal(b, benchRows, scanAll(b, r, pool.Server(), kv.ScanOptions{}))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*benchRows), "ns/row")
			require.NoError(b, r.Close())
		})
	}
}

// A scan with a tenth of its rows written over.
func BenchmarkScanOverlay(b *testing.B) {
	s, pool := benchStore(b, benchRows, 256<<20)
	txn, err := s.Begin(b.Context(), kv.TxnOptions{Account: pool.Server()})
	require.NoError(b, err)
	_, err = txn.BeginStatement(b.Context(), false)
	require.NoError(b, err)
	var key []byte
	for i := 0; i < benchRows; i += 10 {
		key = benchKey(key, i)
		require.NoError(b, txn.Set(key, make([]byte, benchValue)))
	}
	_, err = txn.BeginStatement(b.Context(), false)
	require.NoError(b, err)
	r, err := txn.Reader()
	require.NoError(b, err)
	for b.Loop() {
		require.Equal(b, benchRows, scanAll(b, r, pool.Server(), kv.ScanOptions{}))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*benchRows), "ns/row")
	require.NoError(b, r.Close())
	require.NoError(b, txn.Rollback())
}

func BenchmarkGet(b *testing.B) {
	for name, cacheBytes := range map[string]int64{"cached": 256 << 20, "cold": 4 << 20} {
		b.Run(name, func(b *testing.B) {
			s, _ := benchStore(b, benchRows, cacheBytes)
			r, err := s.Snapshot(b.Context())
			require.NoError(b, err)
			var key, value []byte
			for b.Loop() {
				key = benchKey(key, rand.IntN(benchRows))
				v, ok, err := r.Get(b.Context(), key, value[:0])
				if !ok || err != nil {
					b.Fatal(ok, err)
				}
				value = v
			}
			require.NoError(b, r.Close())
		})
	}
}

// Commits of one row, with a lock.
func BenchmarkCommit(b *testing.B) {
	for name, workers := range map[string]int{"1": 1, "32": 32} {
		b.Run(name, func(b *testing.B) {
			s, pool := benchStore(b, 0, 0)
			var group sync.WaitGroup
			next := make(chan int, 1024)
			for range workers {
				group.Go(func() {
					var key []byte
					for i := range next {
						key = benchKey(key, i)
						txn, err := s.Begin(b.Context(), kv.TxnOptions{Account: pool.Server()})
						if err == nil {
							_, err = txn.BeginStatement(b.Context(), false)
						}
						if err == nil {
							_, err = txn.Lock(b.Context(), key, kv.LockOptions{Mode: kv.LockExclusive})
						}
						if err == nil {
							err = txn.Set(key, make([]byte, benchValue))
						}
						if err == nil {
							err = txn.Commit(b.Context())
						}
						if err != nil {
							b.Error(err)
						}
					}
				})
			}
			i := 0
			for b.Loop() {
				next <- i
				i++
			}
			close(next)
			group.Wait()
		})
	}
}

// A transaction of many rows in one statement, with locks: memory, then ingestion.
func BenchmarkLargeCommit(b *testing.B) {
	s, pool := benchStore(b, 0, 0)
	const rows = 100_000
	var key []byte
	value := make([]byte, benchValue)
	for b.Loop() {
		txn, err := s.Begin(b.Context(), kv.TxnOptions{Account: pool.Server()})
		require.NoError(b, err)
		_, err = txn.BeginStatement(b.Context(), false)
		require.NoError(b, err)
		for i := range rows {
			key = benchKey(key, i)
			if _, err := txn.Lock(b.Context(), key, kv.LockOptions{Mode: kv.LockExclusive}); err != nil {
				b.Fatal(err)
			}
			if err := txn.Set(key, value); err != nil {
				b.Fatal(err)
			}
		}
		require.NoError(b, txn.Commit(b.Context()))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
}

func BenchmarkIngest(b *testing.B) {
	b.SetBytes(benchRows * (16 + benchValue))
	for b.Loop() {
		b.StopTimer()
		s, pool := benchStore(b, 0, 0)
		b.StartTimer()
		require.NoError(b, s.Ingest(b.Context(), pool.Server(), &benchSource{rows: benchRows}))
	}
}

func BenchmarkLock(b *testing.B) {
	pool := kvtest.NewPool(b)
	l := newLockTable(pool.Server().Child("locks"), 1<<40, 0)
	o := l.enter(1, pool.Server())
	var key []byte
	i := 0
	for b.Loop() {
		key = benchKey(key, i)
		if _, err := l.lock(b.Context(), o, key, kv.LockOptions{Mode: kv.LockExclusive}, nil); err != nil {
			b.Fatal(err)
		}
		i++
	}
	l.exit(o)
	l.close()
}
