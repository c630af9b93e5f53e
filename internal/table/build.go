package table

import (
	"context"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/types"
)

// buildPageBytes is the page through which the rows of a table go when an index is built or the table copied.
const buildPageBytes = 64 << 10

// buildPairs is the most rows of one step.
const buildPairs = 512

// BuildOptions are how a whole table is read and written. All but Progress and Conv are required.
type BuildOptions struct {
	Reader  kv.Reader       // the rows that there are; nobody writes the table meanwhile
	Txn     kv.Txn          // gets what is built
	Account *memory.Account // pays for the page
	Conv    types.ConvContext
	// Progress is called now and then with the number of rows done; an error ends the build. May be nil.
	Progress func(rows int64) error
}

// EachRow calls f for all rows of a table, in the order of the primary key. Key and row live until f returns.
func EachRow(ctx context.Context, o BuildOptions, c *Codec, f func(key []byte, row []types.Datum) error) (int64,
	error) {
	page, err := o.Account.Alloc(buildPageBytes, memory.Held)
	if err != nil {
		return 0, err
	}
	defer o.Account.Free(page)
	var large memory.Page
	release := func() {
		if large != (memory.Page{}) {
			o.Account.Free(large)
			large = memory.Page{}
		}
	}
	defer release()
	pairs := &kv.Pairs{
		Buf:  memory.Bytes(o.Account.Base(), page.Ref, page.Size()),
		Ends: make([]int32, 2*buildPairs),
		Large: func(n int) ([]byte, error) {
			release()
			p, err := o.Account.Alloc(n, memory.Leased)
			if err != nil {
				return nil, tooLarge(err)
			}
			large = p
			return memory.Bytes(o.Account.Base(), p.Ref, n), nil
		},
	}
	it, err := o.Reader.Scan(o.Account, IndexSpan(c.table, c.table.Primary), kv.ScanOptions{Once: true})
	if err != nil {
		return 0, err
	}
	defer it.Close()
	row := make([]types.Datum, len(c.table.Columns))
	var buf []byte
	var done int64
	for {
		more, err := it.NextBatch(ctx, pairs, buildPairs)
		if err != nil || !more {
			return done, err
		}
		for i := range pairs.N {
			if buf, err = c.DecodeRow(pairs.Key(i), pairs.Value(i), row, buf[:0]); err != nil {
				return done, err
			}
			if err := f(pairs.Key(i), row); err != nil {
				return done, err
			}
		}
		done += int64(pairs.N)
		if o.Progress != nil {
			if err := o.Progress(done); err != nil {
				return done, err
			}
		}
	}
}

// BuildIndex writes the entries of an index of c's table for all rows. Error 1062 for the first duplicate.
func BuildIndex(ctx context.Context, o BuildOptions, c *Codec, x *schema.Index) (int64, error) {
	ix := c.index(x)
	w := NewWriter(WriterOptions{Codec: c, Txn: o.Txn, Account: o.Account, Location: o.Conv.Loc})
	defer w.Close()
	return EachRow(ctx, o, c, func(_ []byte, row []types.Datum) error {
		if x.Unique {
			if err := w.checkEntry(ctx, ix, row); err != nil {
				return err
			}
		}
		return w.putEntry(ix, row)
	})
}

// checkEntry looks for another row's entry with the key of row's.
func (w *Writer) checkEntry(ctx context.Context, x *indexCodec, row []types.Datum) error {
	key, unique := w.o.Codec.entryKey(w.entry[:0], x, row)
	if w.entry = key; !unique {
		return nil
	}
	ok, err := w.get(ctx, key)
	if err != nil || !ok {
		return err
	}
	return w.duplicate(x.index, x.parts, row).Error()
}

// Copy writes all rows of from into the new, empty table of to. convert fills the new row from the old one.
func Copy(
	ctx context.Context, o BuildOptions, from, to *Codec, convert func(old, row []types.Datum) error,
) (int64, error) {
	w := NewWriter(WriterOptions{Codec: to, Txn: o.Txn, Account: o.Account, Location: o.Conv.Loc})
	defer w.Close()
	row := make([]types.Datum, len(to.table.Columns))
	return EachRow(ctx, o, from, func(_ []byte, old []types.Datum) error {
		if err := convert(old, row); err != nil {
			return err
		}
		dup, err := w.Insert(ctx, row)
		if dup != nil {
			return dup.Error()
		}
		return err
	})
}
