package schema

import (
	"fmt"
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// sample is a table with all kinds of things that a column can have.
func sample(columns int) *Table {
	t := &Table{
		ID: 7, NextID: 900, Version: 3, DB: "d", Name: "sample", Comment: "a table", Collation: collation.Default,
	}
	for i := range columns {
		c := Column{ID: ID(i + 1), Name: fmt.Sprintf("column_%d", i), Type: types.NewInt()}
		switch i % 7 {
		case 1:
			c.DefaultKind = DefaultValue
			c.SetDefault(types.NewIntDatum(c.Type, -5))
		case 2:
			c.Type = types.NewDecimal(20, 2)
			c.DefaultKind = DefaultValue
			c.SetDefault(types.NewDecDatum(c.Type, types.Dec{uint64(i)}))
			c.SetInitial(c.Default())
		case 3:
			c.Type = types.NewVarChar(50, collation.Default)
			c.DefaultKind = DefaultValue
			c.SetDefault(types.NewStringDatum(c.Type, []byte("some text")))
			c.SetComment(fmt.Sprintf("comment %d", i))
		case 4:
			c.Type = types.NewDouble()
			c.DefaultKind = DefaultExpression
			c.SetDefaultText("rand()")
			c.SetInitial(types.NewFloatDatum(c.Type, 1.5))
		case 5:
			c.Type = types.NewEnum(types.NewMembers("red", "green", ""), collation.Default)
			c.SetInitial(types.NewUintDatum(c.Type, 2))
		}
		t.Columns = append(t.Columns, c)
	}
	t.Primary = &Index{ID: 800, Name: "PRIMARY", Unique: true, Primary: true, Columns: []IndexColumn{{Column: 0}}}
	t.Indexes = []*Index{
		{ID: 801, Name: "one", Columns: []IndexColumn{{Column: 1}, {Column: 3, Prefix: 10}}, Comment: "key"},
		{ID: 802, Name: "two", Unique: true, Columns: []IndexColumn{{Column: 2, Desc: true}}},
	}
	return t
}

// A packed table says what the one it was made of says, and packing it again changes nothing.
func TestPack(t *testing.T) {
	for _, n := range []int{7, 100} {
		from := sample(n)
		p := from.Pack()
		require.Zero(t, from.Bytes)
		require.Positive(t, p.Bytes)
		require.Equal(t, p, p.Pack())

		for i := range from.Columns {
			a, b := &from.Columns[i], &p.Columns[i]
			require.Equal(t, a.Default(), b.Default())
			require.Equal(t, a.Initial(), b.Initial())
			require.Equal(t, a.DefaultText(), b.DefaultText())
			require.Equal(t, a.Comment(), b.Comment())
			require.True(t, a.Type.Equal(b.Type))
			require.Equal(t, a.Name, b.Name)
		}
		p.Bytes = 0
		require.Equal(t, from.Primary, p.Primary)
		require.Equal(t, from.Indexes, p.Indexes)
		require.Equal(t, from.Name+from.DB+from.Comment, p.Name+p.DB+p.Comment)
	}
}

// What columns share is changed in one of them only.
func TestEditShared(t *testing.T) {
	p := sample(14).Pack()
	require.Same(t, p.Columns[1].more, p.Columns[8].more)
	p.Columns[1].SetComment("mine")
	require.Equal(t, "mine", p.Columns[1].Comment())
	require.Empty(t, p.Columns[8].Comment())
	require.EqualValues(t, -5, p.Columns[1].Default().I)

	p.Columns[1].SetComment("")
	p.Columns[1].SetDefault(types.NullDatum(p.Columns[1].Type))
	require.Nil(t, p.Columns[1].more)
}

// Descriptors are what a server has many of.
func TestSizes(t *testing.T) {
	require.LessOrEqual(t, int(unsafe.Sizeof(Column{})), 56)
	require.LessOrEqual(t, int(unsafe.Sizeof(value{})), 48)
	require.LessOrEqual(t, int(unsafe.Sizeof(more{})), 48)
	require.LessOrEqual(t, int(unsafe.Sizeof(Index{})), 72)
	require.LessOrEqual(t, int(unsafe.Sizeof(Table{})), 192)
	require.LessOrEqual(t, sample(100).Pack().Bytes, int64(12<<10))
}

// Bytes is what the allocator gives, within a seventh.
func TestBytes(t *testing.T) {
	for _, columns := range []int{4, 20, 100, 1000} {
		from := sample(columns)
		all := make([]*Table, 20000/columns)
		before := testutil.LiveHeap()
		var charged int64
		for i := range all {
			all[i] = from.Pack()
			charged += all[i].Bytes
		}
		live := testutil.LiveHeap() - before
		runtime.KeepAlive(from)
		runtime.KeepAlive(all)
		t.Logf("%d columns: %d bytes a table, %d charged", columns, live/int64(len(all)), charged/int64(len(all)))
		require.InEpsilon(t, live, charged, 1.0/7)
	}
}
