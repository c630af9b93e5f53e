package table

import (
	"context"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
)

// Fetcher reads single rows as they are now, for changes to rows that a duplicate key names. Its values lie in the
// fetcher until the next call. Not for concurrent use.
type Fetcher struct {
	codec *Codec
	acct  *memory.Account
	held  int64
	row   []types.Datum
	large memory.Page
	pairs kv.Pairs
	room  []byte
	ends  [2]int32
	buf   []byte
}

// NewFetcher returns a fetcher; rows that do not fit a small buffer take a page of acct: of up to held bytes within its
// minimum, else leased.
func NewFetcher(c *Codec, acct *memory.Account, held int64) *Fetcher {
	f := &Fetcher{codec: c, acct: acct, held: held, row: make([]types.Datum, len(c.table.Columns))}
	f.room = make([]byte, smallRow)
	f.pairs = kv.Pairs{Buf: f.room, Ends: f.ends[:], Large: f.grow}
	return f
}

func (f *Fetcher) grow(n int) ([]byte, error) {
	f.Close()
	p, err := f.acct.Alloc(n, kindOfRow(n, f.held))
	if err != nil {
		return nil, tooLarge(err)
	}
	f.large = p
	return memory.Bytes(f.acct.Base(), p.Ref, n), nil
}

// Fetch reads the row at key; false if there is none.
func (f *Fetcher) Fetch(ctx context.Context, r kv.Reader, key []byte) ([]types.Datum, bool, error) {
	it, err := r.Scan(f.acct, kv.Span{Start: key, End: append(append([]byte(nil), key...), 0)}, kv.ScanOptions{})
	if err != nil {
		return nil, false, err
	}
	defer it.Close()
	ok, err := it.NextBatch(ctx, &f.pairs, 1)
	if err != nil || !ok || f.pairs.N == 0 {
		return nil, false, err
	}
	f.buf, err = f.codec.DecodeRow(f.pairs.Key(0), f.pairs.Value(0), f.row, f.buf[:0])
	return f.row, err == nil, err
}

// Close gives the fetcher's page back. Repeatable.
func (f *Fetcher) Close() {
	if f.large != (memory.Page{}) {
		f.acct.Free(f.large)
		f.large = memory.Page{}
	}
}
