package kvtest

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/kv"
)

func testGetSet(s *suite) {
	txn := s.begin()
	s.set(txn, "a", "1", "b", "", "c", "3")
	require.Positive(s, txn.WriteBytes())
	s.expect(s.snapshot())
	s.commit(txn)
	s.expect(s.snapshot(), "a", "1", "b", "", "c", "3")

	txn = s.begin()
	s.delete(txn, "a", "never")
	s.set(txn, "c", "4")
	s.expect(s.snapshot(), "a", "1", "b", "", "c", "3")
	s.commit(txn)
	s.expect(s.snapshot(), "b", "", "c", "4")

	txn = s.begin()
	s.set(txn, "z", "9")
	require.NoError(s, txn.Rollback())
	require.NoError(s, txn.Rollback(), "again")
	s.expect(s.snapshot(), "b", "", "c", "4")
}

// A statement reads the writes of earlier statements, never its own (K2).
func testStatements(s *suite) {
	s.put("a", "1", "b", "2", "c", "3")
	txn := s.begin()
	r1 := s.reader(txn)
	s.set(txn, "a", "10", "d", "4")
	s.delete(txn, "b")
	s.see(r1, "a", "1", "b", "2", "c", "3")
	require.Equal(s, "-", s.get(r1, "d"))
	require.Equal(s, 2, s.statement(txn))
	s.expect(s.reader(txn), "a", "10", "c", "3", "d", "4")
	s.set(txn, "a", "11", "b", "20")
	s.set(txn, "a", "12")
	s.delete(txn, "d")
	s.expect(s.reader(txn), "a", "10", "c", "3", "d", "4")
	s.statement(txn)
	s.expect(s.reader(txn), "a", "12", "b", "20", "c", "3")
	s.expect(r1, "a", "1", "b", "2", "c", "3")
	s.commit(txn)
	s.expect(s.snapshot(), "a", "12", "b", "20", "c", "3")

	// An insert that feeds on its own table ends.
	txn = s.begin()
	r := s.reader(txn)
	it, err := r.Scan(s.acct, kv.Span{}, kv.ScanOptions{})
	require.NoError(s, err)
	p := &kv.Pairs{Buf: make([]byte, 100), Ends: make([]int32, 2)}
	rows := 0
	for {
		ok, err := it.NextBatch(s.ctx, p, 1)
		require.NoError(s, err)
		if !ok {
			break
		}
		s.set(txn, string(p.Key(0))+"x", "copy")
		rows++
	}
	require.Equal(s, 3, rows)
	require.NoError(s, it.Close())
	require.NoError(s, r.Close())
	s.commit(txn)
	s.expect(s.snapshot(), "a", "12", "ax", "copy", "b", "20", "bx", "copy", "c", "3", "cx", "copy")
}

func testReadViews(s *suite) {
	s.put("a", "1")
	txn := s.begin() // the view is that of the first statement
	s.put("a", "2", "b", "2")
	s.statement(txn)
	s.expect(s.reader(txn), "a", "1")
	s.set(txn, "c", "mine")
	old := s.reader(txn)
	_, err := txn.BeginStatement(s.ctx, true) // READ COMMITTED
	require.NoError(s, err)
	s.expect(s.reader(txn), "a", "2", "b", "2", "c", "mine")
	s.expect(old, "a", "1")
	s.commit(txn)
}

// A reader stays as it is while later statements write, as cursors need it.
func testOldReaders(s *suite) {
	s.put("a", "0", "b", "0", "c", "0", "e", "0")
	txn := s.begin()
	var readers []kv.Reader
	want := [][]string{}
	state := map[string]string{"a": "0", "b": "0", "c": "0", "e": "0"}
	for i := range 8 {
		readers = append(readers, s.reader(txn))
		var pairs []string
		for _, k := range []string{"a", "b", "c", "d", "e"} {
			if v, ok := state[k]; ok {
				pairs = append(pairs, k, v)
			}
		}
		want = append(want, pairs)
		v := fmt.Sprint(i)
		switch i % 4 {
		case 0:
			s.set(txn, "a", v, "d", v)
			state["a"], state["d"] = v, v
		case 1:
			s.delete(txn, "b", "d")
			delete(state, "b")
			delete(state, "d")
		case 2:
			s.set(txn, "b", v, "c", v)
			state["b"], state["c"] = v, v
		}
		s.statement(txn)
	}
	for i, r := range readers {
		s.expect(r, want[i]...)
	}
	require.NoError(s, txn.Rollback())
}

func testRollbackTo(s *suite) {
	s.put("a", "0", "b", "0")
	txn := s.begin()
	s.set(txn, "a", "1", "c", "1")
	one := 1
	two := s.statement(txn)
	s.set(txn, "a", "2", "d", "2")
	s.delete(txn, "b")
	s.statement(txn)
	s.set(txn, "a", "3")
	s.delete(txn, "c", "d")
	s.set(txn, "b", "3")
	s.statement(txn)
	s.expect(s.reader(txn), "a", "3", "b", "3")
	s.set(txn, "q", "failed")
	three := 3
	require.NoError(s, txn.RollbackTo(three)) // the failed statement
	s.statement(txn)
	s.expect(s.reader(txn), "a", "3", "b", "3")
	require.NoError(s, txn.RollbackTo(two))
	s.expect(s.latest(txn), "a", "2", "c", "1", "d", "2")
	s.statement(txn)
	s.expect(s.reader(txn), "a", "2", "c", "1", "d", "2")
	s.set(txn, "e", "5")
	s.statement(txn)
	require.NoError(s, txn.RollbackTo(one))
	require.NoError(s, txn.RollbackTo(one))
	s.statement(txn)
	s.expect(s.reader(txn), "a", "1", "b", "0", "c", "1")
	require.NoError(s, txn.RollbackTo(0))
	s.statement(txn)
	s.expect(s.reader(txn), "a", "0", "b", "0")
	s.set(txn, "f", "6")
	s.commit(txn)
	s.expect(s.snapshot(), "a", "0", "b", "0", "f", "6")
}

func testLatest(s *suite) {
	s.put("a", "1", "b", "1")
	txn := s.begin()
	latest := s.latest(txn)
	s.put("a", "2", "c", "2")
	s.see(latest, "a", "2", "b", "1", "c", "2")
	s.set(txn, "c", "mine")
	s.delete(txn, "b")
	s.see(latest, "a", "2", "c", "mine")
	s.statement(txn)
	s.set(txn, "b", "again")
	s.see(latest, "a", "2", "b", "again", "c", "mine")
	s.put("z", "other")
	s.expect(latest, "a", "2", "b", "again", "c", "mine", "z", "other")
	s.expect(s.reader(txn), "a", "1", "c", "mine")
	s.commit(txn)
}

// Current is one state: what is committed when it is taken, with the writes of earlier statements only.
func testCurrent(s *suite) {
	s.put("a", "1", "b", "1")
	txn := s.begin()
	s.expect(s.current(txn), "a", "1", "b", "1")
	s.put("a", "2", "c", "2")
	first := s.current(txn)
	s.set(txn, "d", "mine")
	s.delete(txn, "b")
	s.see(first, "a", "2", "b", "1", "c", "2")
	s.put("a", "3")
	s.see(first, "a", "2", "b", "1", "c", "2")
	s.expect(s.current(txn), "a", "3", "b", "1", "c", "2")
	s.statement(txn)
	s.set(txn, "e", "mine")
	s.see(first, "a", "2", "b", "1", "c", "2")
	s.expect(s.current(txn), "a", "3", "c", "2", "d", "mine")
	s.expect(s.reader(txn), "a", "1", "d", "mine")
	require.NoError(s, first.Close())
	s.commit(txn)
}

func (s *suite) current(txn kv.Txn) kv.Reader {
	s.Helper()
	r, err := txn.Current()
	require.NoError(s, err)
	return r
}

// Commits changes with each commit that writes, before the locks of its transaction can be had; not without.
func testCommits(s *suite) {
	watcher := s.begin()
	n := watcher.Commits()
	for i, end := range []func(txn kv.Txn){
		s.commit,
		func(txn kv.Txn) {
			require.NoError(s, txn.DeleteSpan(kv.Span{Start: []byte("a"), End: []byte("b")}))
			s.commit(txn)
		},
		func(txn kv.Txn) { // a large one
			for k := range 400 {
				s.set(txn, key(k), strings.Repeat("v", 10_000))
			}
			s.commit(txn)
		},
	} {
		txn := s.begin()
		s.lock(txn, "k", exclusive)
		s.set(txn, "k", fmt.Sprint(i))
		require.Equal(s, n, watcher.Commits())
		granted := s.async(watcher, "k", exclusive)
		s.waiters(1)
		end(txn)
		require.NoError(s, <-granted)
		require.NotEqual(s, n, watcher.Commits())
		s.rollback(watcher)
		watcher = s.begin()
		n = watcher.Commits()
	}
	s.rollback(s.begin(), watcher)
	txn := s.begin()
	s.set(txn, "k", "never")
	s.rollback(txn)
	watcher = s.begin()
	require.Equal(s, n, watcher.Commits())
	s.rollback(watcher)
}

// mixed is a transaction in its last statement whose reader sees keys 0 to n-1: every third stored, every third
// written, the rest stored and written over; deletions lie between.
func (s *suite) mixed(n int) (kv.Txn, []pair) {
	stored, txn := s.begin(), kv.Txn(nil)
	want := make([]pair, n)
	for i := range n {
		if i%3 != 1 {
			s.set(stored, key(i), "stored")
		}
		s.set(stored, key(i)+"gone", "stored")
	}
	s.commit(stored)
	txn = s.begin()
	for i := range n {
		want[i] = pair{key(i), "stored"}
		if i%3 != 0 {
			want[i].value = "written" + strings.Repeat("!", i%50)
			s.set(txn, key(i), want[i].value)
		}
		s.delete(txn, key(i)+"gone", key(i)+"never")
	}
	s.statement(txn)
	return txn, want
}

func testIterate(s *suite) {
	txn, want := s.mixed(1500)
	r := s.reader(txn)
	s.seeSpan(r, kv.Span{}, want)
	for _, b := range [][2]int{{0, 1}, {1, 2}, {10, 700}, {699, 700}, {1499, 1500}, {5, 5}, {7, 3}} {
		var part []pair
		if b[0] < b[1] {
			part = want[b[0]:b[1]]
		}
		s.seeSpan(r, kv.Span{Start: []byte(key(b[0])), End: []byte(key(b[1]))}, part)
	}
	s.seeSpan(r, kv.Span{Start: []byte(key(1400))}, want[1400:])
	s.seeSpan(r, kv.Span{End: []byte(key(3))}, want[:3])
	s.seeSpan(r, kv.Span{Start: []byte("l")}, nil)
	require.NoError(s, r.Close())
	require.NoError(s, txn.Rollback())
}

func testSmallBuffers(s *suite) {
	txn, want := s.mixed(300)
	r := s.reader(txn)
	for _, shape := range []scanShape{
		{buffer: 1, pairs: 1}, {buffer: 70, pairs: 7}, {buffer: 100, pairs: 2, pauseEvery: 1},
		{buffer: 1 << 20, pairs: 1000}, {buffer: 1000, pairs: 17, pauseEvery: 3},
	} {
		s.Logf("%+v", shape)
		s.same(want, s.scan(r, kv.Span{}, kv.ScanOptions{Once: true}, shape))
		got := s.scan(r, kv.Span{}, kv.ScanOptions{Reverse: true}, shape)
		slices.Reverse(got)
		s.same(want, got)
	}
	require.NoError(s, r.Close())
	require.NoError(s, txn.Rollback())
}

func testLargeValues(s *suite) {
	big := func(c string, n int) string { return strings.Repeat(c, n) }
	s.put("a", big("a", 300_000), "b", "small", "c", big("c", 70_000))
	txn := s.begin()
	s.set(txn, "b2", big("b", 500_000), "c", "small now")
	s.statement(txn)
	s.set(txn, "b2", big("x", 900_000), "d", big("d", 17_000))
	old := s.reader(txn)
	s.statement(txn)
	s.expect(s.reader(txn), "a", big("a", 300_000), "b", "small", "b2", big("x", 900_000), "c", "small now",
		"d", big("d", 17_000))
	s.expect(old, "a", big("a", 300_000), "b", "small", "b2", big("b", 500_000), "c", "small now")
	s.commit(txn)
	r := s.snapshot()
	s.see(r, "a", big("a", 300_000), "b", "small", "b2", big("x", 900_000), "c", "small now", "d", big("d", 17_000))

	// Without room, or with a refusal, the scan ends with an error.
	it, err := r.Scan(s.acct, kv.Span{}, kv.ScanOptions{})
	require.NoError(s, err)
	refused := fmt.Errorf("refused")
	p := &kv.Pairs{Buf: make([]byte, 100), Ends: make([]int32, 20)}
	p.Large = func(int) ([]byte, error) { return nil, refused }
	_, err = it.NextBatch(s.ctx, p, 10)
	require.ErrorIs(s, err, refused)
	_, err = it.NextBatch(s.ctx, p, 10)
	require.ErrorIs(s, err, refused)
	require.NoError(s, it.Close())
	require.NoError(s, r.Close())
}

func testKeysOnly(s *suite) {
	txn, want := s.mixed(100)
	r := s.reader(txn)
	for i := range want {
		want[i].value = ""
	}
	s.same(want, s.scan(r, kv.Span{}, kv.ScanOptions{}, scanShape{buffer: 50, pairs: 100, keysOnly: true}))
	require.NoError(s, r.Close())
	require.NoError(s, txn.Rollback())
}

// A paused scan holds nothing of the engine, and goes on in its own state of the store.
func testPause(s *suite) {
	txn, want := s.mixed(500)
	r := s.reader(txn)
	for _, reverse := range []bool{false, true} {
		it, err := r.Scan(s.acct, kv.Span{}, kv.ScanOptions{Reverse: reverse})
		require.NoError(s, err)
		require.NoError(s, it.Pause())
		p := &kv.Pairs{Buf: make([]byte, 1<<16), Ends: make([]int32, 200)}
		var got []pair
		for {
			ok, err := it.NextBatch(s.ctx, p, 37)
			require.NoError(s, err)
			if !ok {
				break
			}
			for i := range p.N {
				got = append(got, pair{string(p.Key(i)), string(p.Value(i))})
			}
			require.NoError(s, it.Pause())
			require.Zero(s, s.store.Stats().Iterators)
			other := s.begin()
			s.set(other, string(p.Key(p.N-1))+"new", "x", string(p.Key(0)), "changed")
			s.commit(other)
		}
		require.NoError(s, it.Close())
		if reverse {
			slices.Reverse(got)
		}
		s.same(want, got)
	}
	require.NoError(s, r.Close())
	require.NoError(s, txn.Rollback())
}

// Workers read a statement's view while the statement writes.
func testParallelReaders(s *suite) {
	txn, want := s.mixed(2000)
	r := s.reader(txn)
	var group sync.WaitGroup
	for w := range 4 {
		group.Go(func() {
			from := w * 500
			it, err := r.Scan(s.acct, kv.Span{Start: []byte(key(from)), End: []byte(key(from + 500))}, kv.ScanOptions{})
			if err != nil {
				s.Errorf("scan: %v", err)
				return
			}
			defer it.Close()
			p := &kv.Pairs{Buf: make([]byte, 1<<12), Ends: make([]int32, 200)}
			n := from
			for {
				ok, err := it.NextBatch(s.ctx, p, 31)
				if err != nil {
					s.Errorf("next: %v", err)
				}
				if !ok || err != nil {
					break
				}
				for i := range p.N {
					if string(p.Key(i)) != want[n].key || string(p.Value(i)) != want[n].value {
						s.Errorf("%q=%q instead of %v", p.Key(i), p.Value(i), want[n])
						return
					}
					n++
				}
			}
			if n != from+500 {
				s.Errorf("%d rows", n-from)
			}
		})
	}
	for i := range 2000 {
		s.set(txn, key(i), "of this statement", key(i)+"more", "x")
	}
	group.Wait()
	require.NoError(s, r.Close())
	require.NoError(s, txn.Rollback())
}

func testCancelled(s *suite) {
	s.put("a", "1")
	txn := s.begin()
	r := s.reader(txn)
	ctx, cancel := contextWithCancel(s)
	cancel()
	_, _, err := r.Get(ctx, []byte("a"), nil)
	require.Error(s, err)
	it, err := r.Scan(s.acct, kv.Span{}, kv.ScanOptions{})
	require.NoError(s, err)
	_, err = it.NextBatch(ctx, &kv.Pairs{Buf: make([]byte, 100), Ends: make([]int32, 2)}, 1)
	require.Error(s, err)
	require.NoError(s, it.Close())
	require.NoError(s, r.Close())
	s.set(txn, "b", "2")
	require.Error(s, txn.Commit(ctx))
	s.expect(s.snapshot(), "a", "1")
	_, err = s.store.Begin(ctx, kv.TxnOptions{Account: s.acct})
	require.Error(s, err)
}

func testEnded(s *suite) {
	txn := s.begin()
	s.commit(txn)
	require.Error(s, txn.Set([]byte("a"), nil))
	require.Error(s, txn.Commit(s.ctx))
	require.NoError(s, txn.Rollback())
	_, err := txn.Reader()
	require.Error(s, err)
	_, err = txn.BeginStatement(s.ctx, false)
	require.Error(s, err)
	readOnly, err := s.store.Begin(s.ctx, kv.TxnOptions{Account: s.acct, ReadOnly: true})
	require.NoError(s, err)
	s.statement(readOnly)
	require.Error(s, readOnly.Set([]byte("a"), nil))
	require.Error(s, readOnly.DeleteSpan(kv.Span{Start: []byte("a"), End: []byte("b")}))
	s.commit(readOnly)
}
