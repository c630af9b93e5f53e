package table

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// FuzzDecode: whatever the bytes, decoding gives rows or an error.
func FuzzDecode(f *testing.F) {
	r := testutil.Rand(f)
	tables := sample()
	for i, desc := range tables {
		c := NewCodec(desc)
		for range 3 {
			row := randomRow(r, desc)
			size, ends, err := c.row.size(row)
			require.NoError(f, err)
			value := make([]byte, size)
			c.row.put(value, row, ends)
			f.Add(uint8(i), uint8(0), c.AppendKey(nil, row), value)
			for x := range c.indexes {
				k, unique := c.entryKey(nil, &c.indexes[x], row)
				v, err := c.entryValue(nil, &c.indexes[x], row, unique)
				require.NoError(f, err)
				f.Add(uint8(i), uint8(x+1), k, v)
			}
		}
	}
	f.Fuzz(func(t *testing.T, table, index uint8, key, value []byte) {
		desc := tables[int(table)%len(tables)]
		all := append([]*schema.Index{desc.Primary}, desc.Indexes...)
		x := all[int(index)%len(all)]
		c := NewCodec(desc)
		if len(key) < PrefixBytes {
			return // not of this table
		}
		var ordinals []int
		for o := range desc.Columns {
			if desc.Covers(x, []int{o}) {
				ordinals = append(ordinals, o)
			}
		}
		acct := newAccount(t)
		d, err := NewDecoder(c, x, ordinals, true)
		require.NoError(t, err)
		p := newTestPairs(t, acct, [][2][]byte{{key, value}, {key, value}})
		defer acct.Free(p.page)
		b, err := vector.NewBatch(acct, d.Types(), 2, 0)
		require.NoError(t, err)
		defer b.Close()
		if err := d.Decode(&p.Pairs, p.page.Ref, 0, 2, b); err == nil {
			for _, v := range b.Cols {
				_ = append([]byte(nil), v.Datum(b.Base(), 1).S...)
			}
		}
		if x.Primary {
			row := make([]types.Datum, len(desc.Columns))
			_, _ = c.DecodeRow(key, value, row, nil)
		} else {
			_, _ = c.PrimaryOf(x, key, value)
		}
	})
}
