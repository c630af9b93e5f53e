package table

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/memory/memorytest"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// allTypes has every type once.
func allTypes() []types.Type {
	members := types.NewMembers("a", "b", "c")
	out := []types.Type{
		types.NewTinyInt(), types.NewInteger(types.SmallInt, false), types.NewInteger(types.MediumInt, false),
		types.NewInt(), types.NewBigInt(), types.NewInteger(types.TinyInt, true),
		types.NewInteger(types.MediumInt, true), types.NewUInt(), types.NewUBigInt(), types.NewFloat(),
		types.NewDouble(), types.NewDecimal(5, 2), types.NewDecimal(15, 2), types.NewDecimal(30, 10),
		types.NewDecimal(65, 30), types.NewDate(), types.NewDateTime(6), types.NewTimestamp(0), types.NewTime(3),
		types.NewYear(), types.NewChar(10, collation.UTF8MB40900AICI), types.NewVarChar(20, collation.UTF8MB4GeneralCI),
		types.NewVarChar(20, collation.UTF8MB4Bin), types.NewVarChar(20, collation.Latin1SwedishCI),
		types.NewVarBinary(20), types.NewBlob(types.Blob), types.NewEnum(members, collation.Default),
		types.NewSet(members, collation.Default), types.NewBit(1), types.NewBit(33), types.NewJSON(),
	}
	return out
}

// randomDatum gives values at and between the type's bounds; small ones often, so that keys collide.
func randomDatum(r *rand.Rand, t types.Type) types.Datum {
	if t.Nullable && r.IntN(8) == 0 {
		return types.NullDatum(t)
	}
	s := storageOf(t)
	bits := uint(8 * s.width)
	switch s.phys {
	case types.PhysInt64:
		v := int64(r.Uint64())
		switch r.IntN(4) {
		case 0:
			v = math.MaxInt64
		case 1:
			v = math.MinInt64
		case 2:
			v = int64(r.IntN(5)) - 2
		}
		return types.NewIntDatum(t, v>>(64-bits)<<s.shift)
	case types.PhysUint64:
		v := r.Uint64()
		if r.IntN(2) == 0 {
			v = uint64(r.IntN(3)) << (64 - bits)
		}
		return types.NewUintDatum(t, v>>(64-bits))
	case types.PhysFloat64:
		v := []float64{0, -1.5, 1.5, 1e30, -1e30, math.Inf(1), math.Inf(-1), r.NormFloat64()}[r.IntN(8)]
		if s.f32 {
			v = float64(float32(v))
		}
		return types.NewFloatDatum(t, v)
	case types.PhysDecimal:
		var b [32]byte
		for i := range min(s.width, 1+r.IntN(s.width)) {
			b[i] = byte(r.Uint32())
		}
		if s.width > 1 {
			b[s.width-1] = byte(r.IntN(3) - 1)
		}
		return types.NewDecDatum(t, getDec(b[:s.width]))
	}
	n := []int{0, 1, 5, 12, 13, 40}[r.IntN(6)]
	b := make([]byte, n)
	for i := range b {
		b[i] = "\x00\x01aAbB \xff"[r.IntN(8)]
		if t.Collation != collation.Binary && (b[i] == 0xff || b[i] == 0) {
			b[i] = 'z'
		}
	}
	return types.NewStringDatum(t, b)
}

// testTable has a column of each type, named by its number, and the given keys.
func testTable(primary []schema.IndexColumn, indexes ...*schema.Index) *schema.Table {
	t := &schema.Table{ID: 7, DB: "d", Name: "t", NextID: 1000}
	for i, typ := range allTypes() {
		t.Columns = append(t.Columns, schema.Column{ID: schema.ID(i + 1), Name: typ.String(), Type: typ})
	}
	for _, p := range primary {
		t.Columns[p.Column].Type.Nullable = false
	}
	t.Primary = &schema.Index{ID: 500, Name: "PRIMARY", Unique: true, Primary: true, Columns: primary}
	t.Indexes = indexes
	return t
}

func column(t *schema.Table, id types.ID, nth int) int {
	for i := range t.Columns {
		if t.Columns[i].Type.ID == id {
			if nth == 0 {
				return i
			}
			nth--
		}
	}
	return -1
}

// sample are tables with different kinds of keys.
func sample() []*schema.Table {
	t := testTable([]schema.IndexColumn{{Column: 0}})
	bin, text := column(t, types.VarBinary, 0), column(t, types.VarChar, 0)
	dec, dbl := column(t, types.Decimal, 1), column(t, types.Double, 0)
	return []*schema.Table{
		testTable([]schema.IndexColumn{{Column: 3}}),
		testTable([]schema.IndexColumn{{Column: bin}, {Column: 4, Desc: true}},
			&schema.Index{ID: 600, Name: "x", Columns: []schema.IndexColumn{{Column: text}, {Column: 1}}},
			&schema.Index{ID: 601, Name: "u", Unique: true, Columns: []schema.IndexColumn{{Column: dec}, {Column: bin,
				Desc: true}}}),
		testTable([]schema.IndexColumn{{Column: text}, {Column: dec, Desc: true}},
			&schema.Index{ID: 600, Name: "x", Columns: []schema.IndexColumn{{Column: dbl, Desc: true}, {Column: bin}}},
			&schema.Index{ID: 601, Name: "p", Columns: []schema.IndexColumn{{Column: column(t, types.Blob, 0),
				Prefix: 3}}},
			&schema.Index{ID: 602, Name: "u", Unique: true, Columns: []schema.IndexColumn{{Column: 9},
				{Column: text + 1}}}),
	}
}

func randomRow(r *rand.Rand, t *schema.Table) []types.Datum {
	row := make([]types.Datum, len(t.Columns))
	for i := range t.Columns {
		row[i] = randomDatum(r, t.Columns[i].Type)
	}
	return row
}

func encodeRow(t *testing.T, c *Codec, row []types.Datum) (key, value []byte) {
	size, ends, err := c.row.size(row)
	require.NoError(t, err)
	value = bytes.Repeat([]byte{0xAA}, size)
	c.row.put(value, row, ends)
	return c.AppendKey(nil, row), value
}

func requireSame(t *testing.T, want, got types.Datum, what string) {
	t.Helper()
	require.Equal(t, want.Kind, got.Kind, what)
	require.True(t, want.I == got.I && want.U == got.U && want.F == got.F && want.D == got.D &&
		bytes.Equal(want.S, got.S), "%s: %v %v", what, want, got)
}

func TestRowRoundTrip(t *testing.T) {
	r := testutil.Rand(t)
	for _, desc := range sample() {
		c := NewCodec(desc)
		for range 300 {
			row := randomRow(r, desc)
			key, value := encodeRow(t, c, row)
			got := make([]types.Datum, len(row))
			_, err := c.DecodeRow(key, value, got, nil)
			require.NoError(t, err)
			for i := range row {
				requireSame(t, row[i], got[i], desc.Columns[i].Name)
			}
		}
	}
}

// compareKeys orders rows by the columns of an index.
func compareKeys(desc *schema.Table, x *schema.Index, a, b []types.Datum) int {
	for _, p := range x.Columns {
		u, v := a[p.Column], b[p.Column]
		var c int
		switch {
		case u.IsNull() || v.IsNull():
			c = int(b2i(v.IsNull())) - int(b2i(u.IsNull()))
		case u.Kind == types.PhysInt64:
			c = compareOrdered(u.I, v.I)
		case u.Kind == types.PhysUint64:
			c = compareOrdered(u.U, v.U)
		case u.Kind == types.PhysFloat64:
			c = compareOrdered(u.F, v.F)
		case u.Kind == types.PhysDecimal:
			c = u.D.Cmp(v.D)
		default:
			us, vs := u.S, v.S
			if p.Prefix > 0 {
				us, vs = us[:min(len(us), p.Prefix)], vs[:min(len(vs), p.Prefix)]
			}
			c = collation.Collate(desc.Columns[p.Column].Type.Collation, us, vs)
		}
		if p.Desc {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

func b2i(b bool) int8 {
	if b {
		return 1
	}
	return 0
}

func compareOrdered[T int64 | uint64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func sign(c int) int { return compareOrdered(int64(c), 0) }

func TestKeyOrder(t *testing.T) {
	r := testutil.Rand(t)
	// Every type ascending and descending, nullable, and the keys of the sample.
	var tables []*schema.Table
	for i, typ := range allTypes() {
		if typ.ID == types.JSON {
			continue
		}
		prefix := 0
		if typ.IsBlob() {
			prefix = 10
		}
		for _, desc := range []bool{false, true} {
			tables = append(tables, testTable([]schema.IndexColumn{{Column: 4}}, &schema.Index{ID: 600,
				Columns: []schema.IndexColumn{{Column: i, Desc: desc, Prefix: prefix}, {Column: 3}}}))
		}
	}
	for _, desc := range append(tables, sample()...) {
		c := NewCodec(desc)
		for range 400 {
			a, b := randomRow(r, desc), randomRow(r, desc)
			if r.IntN(2) == 0 {
				copy(b, a[:r.IntN(len(a))])
			}
			want := compareKeys(desc, desc.Primary, a, b)
			require.Equal(t, sign(want), sign(bytes.Compare(c.AppendKey(nil, a), c.AppendKey(nil, b))))
			for i := range c.indexes {
				x := &c.indexes[i]
				ka, _ := c.entryKey(nil, x, a)
				kb, _ := c.entryKey(nil, x, b)
				if want := compareKeys(desc, x.index, a, b); want != 0 {
					require.Equal(t, sign(want), sign(bytes.Compare(ka, kb)), "%s %v %v", x.index.Name, ka, kb)
				}
			}
		}
	}
}

// testPairs puts pairs into a page of a pool, as a store does.
type testPairs struct {
	acct *memory.Account
	page memory.Page
	kv.Pairs
}

func newTestPairs(t *testing.T, acct *memory.Account, pairs [][2][]byte) *testPairs {
	size := 1
	for _, p := range pairs {
		size += len(p[0]) + len(p[1])
	}
	page, err := acct.Alloc(size, memory.Held)
	require.NoError(t, err)
	p := &testPairs{acct: acct, page: page}
	p.Buf = memory.Bytes(acct.Base(), page.Ref, page.Size())
	used := 0
	for _, kv := range pairs {
		for _, b := range kv {
			used += copy(p.Buf[used:], b)
			p.Ends = append(p.Ends, int32(used))
		}
		p.N++
	}
	return p
}

func newAccount(t *testing.T) *memory.Account {
	_, acct := memorytest.NewOperator(t, memorytest.NewPool(t, 64<<20), 8<<20)
	return acct
}

func TestDecodeBatch(t *testing.T) {
	r := testutil.Rand(t)
	acct := newAccount(t)
	for _, desc := range sample() {
		c := NewCodec(desc)
		const rows = 100
		var all [][]types.Datum
		var pairs [][2][]byte
		entries := make([][][2][]byte, len(c.indexes))
		for range rows {
			row := randomRow(r, desc)
			all = append(all, row)
			k, v := encodeRow(t, c, row)
			pairs = append(pairs, [2][]byte{k, v})
			for i := range c.indexes {
				k, unique := c.entryKey(nil, &c.indexes[i], row)
				v, err := c.entryValue(nil, &c.indexes[i], row, unique)
				require.NoError(t, err)
				entries[i] = append(entries[i], [2][]byte{k, v})
			}
		}
		for range 20 {
			ordinals := r.Perm(len(desc.Columns))[:1+r.IntN(len(desc.Columns))]
			decodeAndCompare(t, acct, c, desc.Primary, ordinals, pairs, all)
		}
		decodeAndCompare(t, acct, c, desc.Primary, nil, pairs, all)
		for i, x := range desc.Indexes {
			var ordinals []int
			for o := range desc.Columns {
				if desc.Covers(x, []int{o}) {
					ordinals = append(ordinals, o)
				}
			}
			require.NotEmpty(t, ordinals)
			r.Shuffle(len(ordinals), func(i, j int) { ordinals[i], ordinals[j] = ordinals[j], ordinals[i] })
			decodeAndCompare(t, acct, c, x, ordinals, entries[i], all)
			decodeAndCompare(t, acct, c, x, ordinals[:1], entries[i], all)
		}
	}
}

func decodeAndCompare(
	t *testing.T, acct *memory.Account, c *Codec, x *schema.Index, ordinals []int, pairs [][2][]byte,
	all [][]types.Datum,
) {
	d, err := NewDecoder(c, x, ordinals, true)
	require.NoError(t, err)
	p := newTestPairs(t, acct, pairs)
	defer acct.Free(p.page)
	b, err := vector.NewBatch(acct, d.Types(), len(pairs), 0)
	require.NoError(t, err)
	defer b.Close()
	compare := func(sel []uint16) {
		require.Equal(t, len(pairs)-3, b.Len)
		for _, i := range sel {
			row := all[i+3]
			for out, o := range ordinals {
				v := b.Cols[out]
				requireSame(t, row[o], v.Datum(b.Base(), int(i)), c.table.Columns[o].Name)
				require.False(t, v.NoNulls && v.Null[i] != 0)
			}
			require.Equal(t, c.AppendKey(nil, row), b.Cols[len(ordinals)].Datum(b.Base(), int(i)).S)
		}
	}
	require.NoError(t, d.Decode(&p.Pairs, p.page.Ref, 3, len(pairs), b))
	compare(rows.All(b.Len))
	// Some columns are decoded for some rows only.
	for each := range 3 {
		d.Defer(func(out int) bool { return out%3 < each })
		require.NoError(t, d.Decode(&p.Pairs, p.page.Ref, 3, len(pairs), b))
		if each > 0 {
			b.Sel = []uint16{}
			for i := 0; i < b.Len; i += 2 * each {
				b.Sel = append(b.Sel, uint16(i))
			}
		}
		require.NoError(t, d.Complete(&p.Pairs, p.page.Ref, b))
		if b.Sel == nil {
			b.Sel = rows.All(b.Len)
		}
		compare(b.Sel)
	}
}

// A row written before a column was added reads as the column's initial value.
func TestAddedColumn(t *testing.T) {
	acct := newAccount(t)
	old := testTable([]schema.IndexColumn{{Column: 0}})
	row := make([]types.Datum, len(old.Columns))
	row[0] = types.NewIntDatum(old.Columns[0].Type, 5)
	key, value := encodeRow(t, NewCodec(old), row)

	added := *old
	added.Columns = slices.Clone(old.Columns)
	add := func(at int, c schema.Column) {
		added.Columns = slices.Insert(added.Columns, at, c)
	}
	text := types.NewVarChar(50, collation.Default)
	long := []byte("longer than what lies inline")
	add(1, schema.Column{ID: 101, Name: "n1", Type: types.NewInt()})
	added.Columns[1].SetInitial(types.NewIntDatum(types.NewInt(), 42))
	add(4, schema.Column{ID: 102, Name: "n2", Type: text})
	added.Columns[4].SetInitial(types.NewStringDatum(text, long))
	add(len(added.Columns), schema.Column{ID: 103, Name: "n3", Type: types.NewInt()})
	c := NewCodec(&added)
	want := make([]types.Datum, len(added.Columns))
	want[0], want[1], want[4] = row[0], added.Columns[1].Initial(), added.Columns[4].Initial()

	got := make([]types.Datum, len(added.Columns))
	_, err := c.DecodeRow(key, value, got, nil)
	require.NoError(t, err)
	for i := range want {
		requireSame(t, want[i], got[i], added.Columns[i].Name)
	}
	var ordinals []int
	for i := range added.Columns {
		ordinals = append(ordinals, i)
	}
	pairs := make([][2][]byte, 5)
	all := make([][]types.Datum, 5)
	for i := range pairs {
		pairs[i], all[i] = [2][]byte{key, value}, want
	}
	decodeAndCompare(t, acct, c, added.Primary, ordinals, pairs, all)
}

func TestLongRow(t *testing.T) {
	desc := testTable([]schema.IndexColumn{{Column: 0}})
	c := NewCodec(desc)
	row := make([]types.Datum, len(desc.Columns))
	row[0] = types.NewIntDatum(desc.Columns[0].Type, -1)
	blob := column(desc, types.Blob, 0)
	row[blob] = types.NewStringDatum(desc.Columns[blob].Type, bytes.Repeat([]byte("x"), 200_000))
	key, value := encodeRow(t, c, row)
	got := make([]types.Datum, len(row))
	_, err := c.DecodeRow(key, value, got, nil)
	require.NoError(t, err)
	requireSame(t, row[blob], got[blob], "blob")
}

// A value that does not fit its column is a bug of the caller: it is not written.
func TestMisfit(t *testing.T) {
	desc := testTable([]schema.IndexColumn{{Column: 3}})
	row := make([]types.Datum, len(desc.Columns))
	row[0] = types.NewIntDatum(desc.Columns[0].Type, 128)
	defer func() { _ = recover() }() // assertion builds panic
	_, _, err := NewCodec(desc).row.size(row)
	require.True(t, sqlerr.Is(err, sqlerr.ErrUnknown))
}

func TestRangeSpan(t *testing.T) {
	r := testutil.Rand(t)
	for _, desc := range sample() {
		c := NewCodec(desc)
		for _, x := range append([]*schema.Index{desc.Primary}, desc.Indexes...) {
			parts := partsOf(desc, x)
			for range 200 {
				low, high, row := randomRow(r, desc), randomRow(r, desc), randomRow(r, desc)
				n := 1 + r.IntN(len(parts))
				lb, hb := Bound{Inclusive: r.IntN(2) == 0}, Bound{Inclusive: r.IntN(2) == 0}
				prefix := *x
				prefix.Columns = x.Columns[:n]
				for _, p := range prefix.Columns {
					lb.Values = append(lb.Values, low[p.Column])
					hb.Values = append(hb.Values, high[p.Column])
					if p.Prefix > 0 {
						lb.Inclusive, hb.Inclusive = true, true
					}
				}
				cl, ch := compareKeys(desc, &prefix, row, low), compareKeys(desc, &prefix, row, high)
				want := (cl > 0 || cl == 0 && lb.Inclusive) && (ch < 0 || ch == 0 && hb.Inclusive)
				s := RangeSpan(desc, x, lb, hb)
				key := c.AppendKey(nil, row)
				if !x.Primary {
					key, _ = c.entryKey(nil, c.index(x), row)
				}
				got := bytes.Compare(key, s.Start) >= 0 && bytes.Compare(key, s.End) < 0
				require.Equal(t, want, got, "%v %v", lb, hb)
			}
		}
	}
}

func TestNext(t *testing.T) {
	require.Equal(t, kv.Key{1, 3}, next(kv.Key{1, 2}))
	require.Equal(t, kv.Key{2}, next(kv.Key{1, 0xFF}))
	require.Nil(t, next(kv.Key{0xFF, 0xFF}))
}

// What is left out of dates must be what types leaves 0.
func TestShifts(t *testing.T) {
	for _, c := range []struct {
		typ types.Type
		v   int64
	}{
		{types.NewDate(), types.PackDateTime(9999, 12, 31, 0, 0, 0, 0)},
		{types.NewDate(), types.PackDateTime(0, 0, 0, 0, 0, 0, 0)},
		{types.NewDateTime(0), types.PackDateTime(9999, 12, 31, 23, 59, 59, 0)},
		{types.NewDateTime(6), types.PackDateTime(9999, 12, 31, 23, 59, 59, 999999)},
		{types.NewTime(0), types.PackTime(true, 838, 59, 59, 0)},
	} {
		d := types.NewIntDatum(c.typ, c.v)
		s := storageOf(c.typ)
		require.True(t, s.fits(&d), c.typ.String())
		b := make([]byte, s.width)
		s.putFixed(b, &d)
		got := types.Datum{Type: c.typ}
		s.getFixed(b, &got)
		require.Equal(t, d, got)
	}
}
