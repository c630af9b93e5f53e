package catalog

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/memory/memorytest"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// wideTable is a table of 100 columns, most with defaults, and three keys.
func wideTable(i int) TableSpec {
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
	return spec
}

// BenchmarkHeapOfTable reports what a table of 100 columns takes of the heap once it is loaded.
func BenchmarkHeapOfTable(b *testing.B) {
	const n = 200
	var stored [][]byte
	for i := range n {
		t, err := newTable(&DDL{}, wideTable(i))
		if err != nil {
			b.Fatal(err)
		}
		v, err := encodeTable(t)
		if err != nil {
			b.Fatal(err)
		}
		stored = append(stored, v)
	}
	for b.Loop() {
		before := testutil.LiveHeap()
		var all []*schema.Table
		for _, v := range stored {
			t, err := decodeTable(v)
			if err != nil {
				b.Fatal(err)
			}
			all = append(all, t)
		}
		b.ReportMetric(float64(testutil.LiveHeap()-before)/n, "bytes/table")
		runtime.KeepAlive(all)
	}
}

// fill makes wide tables until one is refused, and returns how many there are.
func (e *env) fill() int {
	for i := 0; ; i++ {
		if err := e.CreateTable(context.Background(), e.ddl(), wideTable(i)); err != nil {
			require.EqualValues(e.t, 8176, e.code(err), "%v", err)
			return i
		}
	}
}

func (e *env) heapBytes() int64 {
	newest, old := e.HeapBytes()
	require.Equal(e.t, newest+old, e.pool.Stats().HeapReserved)
	return newest
}

// Definitions have half of the ledger. What does not fit is refused before anything is written, and what goes makes
// room.
func TestDefinitionsAreCharged(t *testing.T) {
	const ledger = 256 << 10
	e, ctx := newEnvWith(t, ledger), context.Background()
	require.Zero(t, e.heapBytes())
	require.NoError(t, e.CreateDatabase(ctx, e.ddl(), "d", 0, false))
	empty := e.heapBytes()
	require.Positive(t, empty)

	n := e.fill()
	require.Greater(t, n, 5)
	full := e.heapBytes()
	require.LessOrEqual(t, full, int64(ledger/2))
	require.Greater(t, full, int64(ledger/2-20<<10))
	name := func(i int) Name { return Name{"d", wideTable(i).Name} }
	_, err := e.Snapshot().Table("d", name(n).Table)
	require.EqualValues(t, 1146, e.code(err))

	// What is no larger than before goes on.
	require.NoError(t, e.Truncate(ctx, e.ddl(), name(0)))
	require.NoError(t, e.RenameTables(ctx, e.ddl(), [][2]Name{{name(0), {"d", "x"}}, {{"d", "x"}, name(0)}}))
	require.Equal(t, full, e.heapBytes())
	alter := func(c ...Alteration) error {
		_, err := e.AlterTable(ctx, e.ddl(), name(1), c)
		return err
	}
	require.NoError(t, alter(DropColumn{Name: "some_column_99"}))
	smaller := e.heapBytes()
	require.Less(t, smaller, full)
	for i := 0; ; i++ {
		if err = alter(SetComment{string(make([]byte, 2000*i))}); err != nil {
			break
		}
	}
	require.EqualValues(t, 8176, e.code(err))
	require.EqualValues(t, 8176, e.code(e.CreateView(ctx, e.ddl(), ViewSpec{
		DB: "d", Name: "v", Text: string(make([]byte, 50<<10)),
	})))
	require.NoError(t, alter(SetComment{""}))
	require.Equal(t, smaller, e.heapBytes())

	e.restart(true)
	require.Equal(t, smaller, e.heapBytes())
	require.Len(t, slices.Collect(e.Snapshot().Tables("d")), n)

	require.NoError(t, e.DropTables(ctx, e.ddl(), []Name{name(2), name(3)}, false))
	require.Less(t, e.heapBytes(), smaller)
	require.NoError(t, e.CreateTable(ctx, e.ddl(), wideTable(2)))
	_, err = e.DropDatabase(ctx, e.ddl(), "d", false)
	require.NoError(t, err)
	require.Zero(t, e.heapBytes())
}

// A definition whose commit fails gives back what it reserved.
func TestFailedDefinition(t *testing.T) {
	e, ctx := newEnv(t), context.Background()
	require.NoError(t, e.CreateDatabase(ctx, e.ddl(), "d", 0, false))
	before := e.heapBytes()
	dead, cancel := context.WithCancelCause(ctx)
	cancel(errors.New("gone"))
	require.Error(t, e.CreateTable(dead, e.ddl(), wideTable(1)))
	require.Equal(t, before, e.heapBytes())
	require.NoError(t, e.CreateTable(ctx, e.ddl(), wideTable(1)))
	with := e.heapBytes()
	_, err := e.AlterTable(dead, e.ddl(), Name{"d", wideTable(1).Name}, []Alteration{SetComment{"c"}})
	require.Error(t, err)
	require.Equal(t, with, e.heapBytes())
}

// A definition that was replaced or dropped is charged until the statements that may know it have ended.
func TestOldDefinitionsAreCharged(t *testing.T) {
	e, ctx := newEnv(t), context.Background()
	require.NoError(t, e.CreateDatabase(ctx, e.ddl(), "d", 0, false))
	for i := range 3 {
		require.NoError(t, e.CreateTable(ctx, e.ddl(), wideTable(i)))
	}
	one := tableBytes(e.table(wideTable(0).Name))
	drop := func(i int) {
		require.NoError(t, e.DropTables(ctx, e.ddl(), []Name{{"d", wideTable(i).Name}}, false))
	}
	old := func() int64 {
		e.heapBytes()
		_, old := e.HeapBytes()
		return old
	}
	first := e.Enter()
	drop(0)
	require.Equal(t, one, old())
	second := e.Enter()
	drop(1)
	third := e.Enter()
	require.Equal(t, 2*one, old())
	second.Leave() // what it could see the first can see, too
	require.Equal(t, 2*one, old())
	require.Len(t, e.heap.epochs, 2)
	drop(2)
	require.Equal(t, 3*one, old())
	first.Leave()
	require.Equal(t, one, old())
	e.Enter().Leave()
	require.Equal(t, one, old())
	third.Leave()
	require.Zero(t, old())
	require.Len(t, e.heap.epochs, 1)
}

// Statements enter and leave while the catalog changes: in the end nothing old is charged.
func TestEnterDuringChanges(t *testing.T) {
	e, ctx := newEnv(t), context.Background()
	require.NoError(t, e.CreateDatabase(ctx, e.ddl(), "d", 0, false))
	require.NoError(t, e.CreateTable(ctx, e.ddl(), wideTable(0)))
	before := e.heapBytes()
	stop, done := make(chan struct{}), make(chan struct{})
	for range 4 {
		go func() {
			defer func() { done <- struct{}{} }()
			for {
				select {
				case <-stop:
					return
				default:
					e.Enter().Leave()
					runtime.Gosched()
				}
			}
		}()
	}
	for range 20 {
		require.NoError(t, e.Truncate(ctx, e.ddl(), Name{"d", wideTable(0).Name}))
	}
	close(stop)
	for range 4 {
		<-done
	}
	e.Enter().Leave()
	require.NoError(t, e.Truncate(ctx, e.ddl(), Name{"d", wideTable(0).Name}))
	require.Equal(t, before, e.heapBytes())
	_, old := e.HeapBytes()
	require.Zero(t, old)
}

// A store with more definitions than the heap has room for is not opened, and the error says what it needs.
func TestTooManyDefinitions(t *testing.T) {
	e, ctx := newEnv(t), context.Background()
	require.NoError(t, e.CreateDatabase(ctx, e.ddl(), "d", 0, false))
	for i := range 20 {
		require.NoError(t, e.CreateTable(ctx, e.ddl(), wideTable(i)))
	}
	need := e.heapBytes()
	open := func(ledger int64) (*Catalog, error) {
		return Open(ctx, Options{
			Store: e.store, Txn: kv.TxnOptions{Account: e.acct},
			Pool: memorytest.NewPoolWith(t, memory.Options{LimitBytes: 1 << 20, HeapLedgerBytes: ledger}),
		})
	}
	var large *TooLargeError
	_, err := open(need)
	require.ErrorAs(t, err, &large)
	require.Equal(t, TooLargeError{Bytes: need, Share: need / 2, Ledger: 2 * need}, *large)
	c, err := open(large.Ledger)
	require.NoError(t, err)
	require.NoError(t, c.Close(ctx))
}

// Entries that other packages keep in memory count with definitions.
func TestEntriesAreCharged(t *testing.T) {
	e, ctx := newEnvWith(t, 64<<10), context.Background()
	require.NoError(t, e.ReserveMeta(30<<10))
	require.EqualValues(t, 30<<10, e.heapBytes())
	require.EqualValues(t, 8176, e.code(e.ReserveMeta(3<<10)))
	require.EqualValues(t, 8176, e.code(e.ReserveMeta(70<<10)))
	require.NoError(t, e.CreateDatabase(ctx, e.ddl(), "d", 0, false))
	require.EqualValues(t, 8176, e.code(e.CreateTable(ctx, e.ddl(), wideTable(0))))
	e.ReleaseMeta(30 << 10)
	require.NoError(t, e.CreateTable(ctx, e.ddl(), wideTable(0)))
}
