package catalog

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// wideTable is a table of 100 columns, most with defaults, and three keys.
func wideTable(tb testing.TB, i int) *schema.Table {
	spec := TableSpec{DB: "d", Name: fmt.Sprintf("wide_table_%d", i), Collation: collation.Default}
	for j := range 100 {
		c := ColumnSpec{Name: fmt.Sprintf("some_column_%d", j), Type: types.NewInt()}
		switch {
		case j == 0:
			c.Type.Nullable, c.PrimaryKey = false, true
		case j%4 == 0:
			c.Type = types.NewVarChar(100, collation.Default)
			c.DefaultKind, c.Default = schema.DefaultValue, types.NewStringDatum(c.Type, []byte("some text"))
		case j%4 == 1:
			c.DefaultKind, c.Default = schema.DefaultValue, types.NewIntDatum(c.Type, int64(j))
		case j%4 == 2:
			c.DefaultKind, c.Default = schema.DefaultValue, types.NewIntDatum(c.Type, 0)
		}
		spec.Columns = append(spec.Columns, c)
	}
	spec.Keys = []KeySpec{key(KeyIndex, "", "some_column_1"), key(KeyUnique, "", "some_column_2", "some_column_3")}
	t, err := newTable(&DDL{}, spec)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkHeapOfTable reports what a table of 100 columns takes of the heap once it is loaded.
func BenchmarkHeapOfTable(b *testing.B) {
	const n = 200
	var stored [][]byte
	for i := range n {
		v, err := encodeTable(wideTable(b, i))
		if err != nil {
			b.Fatal(err)
		}
		stored = append(stored, v)
	}
	for b.Loop() {
		before := liveHeap()
		var all []*schema.Table
		for _, v := range stored {
			t, err := decodeTable(v)
			if err != nil {
				b.Fatal(err)
			}
			all = append(all, t)
		}
		b.ReportMetric(float64(liveHeap()-before)/n, "bytes/table")
		runtime.KeepAlive(all)
	}
}
