package local

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
)

// scenario is a transaction with locks, statements, an undone statement and reads of all kinds. It ends the transaction
// when it fails.
func scenario(ctx context.Context, s kv.Store, acct *memory.Account) (err error) {
	txn, err := s.Begin(ctx, kv.TxnOptions{Account: acct})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, txn.Rollback())
		}
	}()
	for statement := range 4 {
		n, err := txn.BeginStatement(ctx, false)
		if err != nil {
			return err
		}
		for i := range 10 {
			key := fmt.Appendf(nil, "%02d", i*(statement+1)%20)
			if _, err := txn.Lock(ctx, key, kv.LockOptions{Mode: kv.LockExclusive}); err != nil {
				return err
			}
			if err := txn.Set(key, fmt.Append(nil, statement)); err != nil {
				return err
			}
		}
		if statement == 2 {
			if err := txn.RollbackTo(n - 1); err != nil {
				return err
			}
		}
		for _, open := range []func() (kv.Reader, error){txn.Reader, txn.Latest} {
			if err := readAll(ctx, open, acct); err != nil {
				return err
			}
		}
	}
	return txn.Commit(ctx)
}

func readAll(ctx context.Context, open func() (kv.Reader, error), acct *memory.Account) error {
	r, err := open()
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	if _, _, err := r.Get(ctx, []byte("03"), nil); err != nil {
		return err
	}
	it, err := r.Scan(acct, kv.Span{}, kv.ScanOptions{Reverse: true})
	if err != nil {
		return err
	}
	defer func() { _ = it.Close() }()
	p := &kv.Pairs{Buf: make([]byte, 1000), Ends: make([]int32, 20)}
	for {
		ok, err := it.NextBatch(ctx, p, 7)
		if !ok {
			return err
		}
	}
}

// The N-th pin or page is refused, for all N, once and from then on: the transaction fails with that error or not at
// all, nothing of it is stored then, and nothing is left behind.
func TestRefusalSweep(t *testing.T) {
	refused := errors.New("refused")
	for _, forGood := range []bool{false, true} {
		countdown := -1
		hooks := &memory.Hooks{Refuse: func(op memory.Op, _ string, _ int) error {
			if op != memory.OpMinimum && op != memory.OpSurplus || countdown < 0 {
				return nil
			}
			if countdown > 0 {
				countdown--
				return nil
			}
			if !forGood {
				countdown = -1
			}
			return refused
		}}
		pool, err := memory.NewPool(memory.Options{LimitBytes: 64 << 20, Hooks: hooks})
		require.NoError(t, err)
		o := memoryOptions(t, pool)
		s := openFor(t, o)
		acct := pool.Server().Child("session")
		failures := 0
		for n := 0; ; n++ {
			countdown = n
			before := s.Stats()
			err := scenario(t.Context(), s, acct)
			reached := countdown <= 0
			countdown = -1
			if err != nil {
				require.ErrorIs(t, err, refused)
				failures++
			}
			st := s.Stats()
			require.Zero(t, st.Locks+st.Waiters+st.Snapshots+st.Iterators, "operation %d: %+v", n, before)
			require.Zero(t, acct.Stats().Current, "operation %d", n)
			if err == nil && !reached {
				break
			}
		}
		require.Greater(t, failures, 100)
		acct.Close()
		require.NoError(t, s.Close())
		require.NoError(t, pool.Close())
	}
}
