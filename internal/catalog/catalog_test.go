package catalog

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/kv/local"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/memory/memorytest"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/table"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// env is a catalog on a store of its own.
type env struct {
	*Catalog
	t     testing.TB
	store kv.Store
	pool  *memory.Pool
	acct  *memory.Account
	owner *Owner
	notes []string
}

func newEnv(t testing.TB) *env { return newEnvWith(t, 0) }

// newEnvWith limits the heap ledger.
func newEnvWith(t testing.TB, ledger int64) *env {
	e := &env{t: t, pool: memorytest.NewPoolWith(t, memory.Options{LimitBytes: 64 << 20, HeapLedgerBytes: ledger})}
	path := t.TempDir()
	var err error
	e.store, err = local.Open(local.Options{Path: path, Account: e.pool.Server(), Heap: e.pool.Heap()})
	require.NoError(t, err)
	_, e.acct = memorytest.NewOperator(t, e.pool, 1<<20)
	e.open()
	t.Cleanup(func() {
		require.NoError(t, e.Close(context.Background()))
		require.NoError(t, e.store.Close())
	})
	return e
}

func (e *env) open() {
	var err error
	e.Catalog, err = Open(context.Background(), Options{
		Store: e.store, Pool: e.pool, Txn: kv.TxnOptions{Account: e.acct},
		Now: func() time.Time { return time.Unix(1e9, 0) },
	})
	require.NoError(e.t, err)
}

// restart opens the same store again, as after a crash or, clean, after a shutdown.
func (e *env) restart(clean bool) {
	if clean {
		require.NoError(e.t, e.Close(context.Background()))
	}
	e.open()
}

// ddl is the frame of a definition statement; its locks are given back with the next one.
func (e *env) ddl() DDL {
	if e.owner != nil {
		e.owner.ReleaseAll()
	}
	e.owner = e.Locks().NewOwner(1, nil)
	return DDL{Owner: e.owner, Timeout: time.Second, Warn: func(w sqlerr.Warning) {
		e.notes = append(e.notes,
			w.Message)
	}}
}

func (e *env) code(err error) sqlerr.Code { return sqlerr.CodeOf(err) }

func col(name string, t types.Type) ColumnSpec { return ColumnSpec{Name: name, Type: t} }

func key(kind KeyKind, name string, columns ...string) KeySpec {
	k := KeySpec{Kind: kind, Name: name}
	for _, c := range columns {
		k.Parts = append(k.Parts, KeyPart{Column: c})
	}
	return k
}

func (e *env) create(name string, columns []ColumnSpec, keys ...KeySpec) error {
	return e.CreateTable(context.Background(), e.ddl(), TableSpec{DB: "d", Name: name, Columns: columns, Keys: keys})
}

func (e *env) table(name string) *schema.Table {
	t, err := e.Snapshot().Table("d", name)
	require.NoError(e.t, err)
	return t
}

// insert writes rows as they are.
func (e *env) insert(t *schema.Table, rows ...[]types.Datum) {
	ctx := context.Background()
	require.NoError(e.t, e.write(ctx, func(tx kv.Txn) error {
		w := table.NewWriter(table.WriterOptions{Codec: table.NewCodec(t), Txn: tx, Account: e.acct})
		defer w.Close()
		for _, row := range rows {
			dup, err := w.Insert(ctx, row)
			if err != nil {
				return err
			}
			require.Nil(e.t, dup)
		}
		return nil
	}))
}

// rows reads all rows, and checks that each index has an entry for each.
func (e *env) rows(t *schema.Table) (out [][]types.Datum) {
	ctx := context.Background()
	r, err := e.store.Snapshot(ctx)
	require.NoError(e.t, err)
	defer r.Close()
	o := table.BuildOptions{Reader: r, Memory: table.BuildMemory{Account: e.acct}}
	n, err := table.EachRow(ctx, o, table.NewCodec(t), func(_ []byte, row []types.Datum) error {
		kept := append([]types.Datum(nil), row...)
		for i := range kept {
			kept[i].S = append([]byte(nil), kept[i].S...)
		}
		out = append(out, kept)
		return nil
	})
	require.NoError(e.t, err)
	for _, x := range t.Indexes {
		entries := 0
		require.NoError(e.t, e.each(ctx, r, table.IndexSpan(t, x), func(_, _ []byte) error {
			entries++
			return nil
		}))
		require.EqualValues(e.t, n, entries, x.Name)
	}
	return out
}

func TestDatabases(t *testing.T) {
	e, ctx := newEnv(t), context.Background()
	require.NoError(t, e.CreateDatabase(ctx, e.ddl(), "d", 0, false))
	require.EqualValues(t, 1007, e.code(e.CreateDatabase(ctx, e.ddl(), "d", 0, false)))
	require.NoError(t, e.CreateDatabase(ctx, e.ddl(), "d", 0, true))
	require.Equal(t, []string{"Can't create database 'd'; database exists"}, e.notes)
	_, err := e.Snapshot().Database("D")
	require.EqualValues(t, 1049, e.code(err))
	require.NoError(t, e.AlterDatabase(ctx, e.ddl(), "d", collation.UTF8MB4Bin))
	e.restart(true)
	d, err := e.Snapshot().Database("d")
	require.NoError(t, err)
	require.Equal(t, collation.UTF8MB4Bin, d.Collation)
	require.Equal(t, "CREATE DATABASE `d` /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */ "+
		"/*!80016 DEFAULT ENCRYPTION='N' */", CreateDatabaseText(d, false))
	require.NoError(t, e.create("t", []ColumnSpec{col("a", types.NewInt())}))
	n, err := e.DropDatabase(ctx, e.ddl(), "d", false)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	_, err = e.DropDatabase(ctx, e.ddl(), "d", false)
	require.EqualValues(t, 1008, e.code(err))
	e.restart(false)
	require.Empty(t, slices.Collect(e.Snapshot().Databases()))
}

func TestCreateTableErrors(t *testing.T) {
	e, ctx := newEnv(t), context.Background()
	require.NoError(t, e.CreateDatabase(ctx, e.ddl(), "d", 0, false))
	text := types.NewVarChar(1000, collation.UTF8MB4GeneralCI)
	auto := ColumnSpec{Name: "id", Type: types.NewInt(), DefaultKind: schema.DefaultAutoIncr}
	a := col("a", types.NewInt())
	for _, c := range []struct {
		code    int
		columns []ColumnSpec
		keys    []KeySpec
	}{
		{1060, []ColumnSpec{a, col("A", types.NewInt())}, nil},
		{1068, []ColumnSpec{a, {Name: "b", Type: types.NewInt(), PrimaryKey: true}}, []KeySpec{key(KeyPrimary, "",
			"a")}},
		{1072, []ColumnSpec{a}, []KeySpec{key(KeyIndex, "", "b")}},
		{1061, []ColumnSpec{a}, []KeySpec{key(KeyIndex, "x", "a"), key(KeyUnique, "X", "a")}},
		{1075, []ColumnSpec{auto}, nil},
		{1075, []ColumnSpec{auto, {Name: "b", Type: types.NewInt(), DefaultKind: schema.DefaultAutoIncr}},
			[]KeySpec{key(KeyPrimary, "", "id")}},
		{1071, []ColumnSpec{col("s", text)}, []KeySpec{key(KeyIndex, "", "s")}},
		{1170, []ColumnSpec{col("s", types.NewBlob(types.Blob))}, []KeySpec{key(KeyIndex, "", "s")}},
		{1089, []ColumnSpec{a}, []KeySpec{{Parts: []KeyPart{{Column: "a", Prefix: 3}}}}},
		{1113, nil, nil},
		{1067, []ColumnSpec{{Name: "a", Type: types.NewInt(), DefaultKind: schema.DefaultValue,
			Default: types.NewStringDatum(text, []byte("x"))}}, nil},
		{1063, []ColumnSpec{{Name: "s", Type: text, DefaultKind: schema.DefaultAutoIncr}}, nil},
		{1280, []ColumnSpec{a}, []KeySpec{key(KeyIndex, "Primary", "a")}},
		{1074, []ColumnSpec{col("s", types.NewVarChar(20000, collation.Default))}, nil},
	} {
		require.EqualValues(t, c.code, e.code(e.create("t", c.columns, c.keys...)))
	}
	require.EqualValues(t, 1049, e.code(e.CreateTable(ctx, e.ddl(), TableSpec{DB: "x", Name: "t",
		Columns: []ColumnSpec{a}})))
	require.NoError(t, e.create("t", []ColumnSpec{a}))
	require.EqualValues(t, 1050, e.code(e.create("t", []ColumnSpec{a})))
	require.EqualValues(t, 1051, e.code(e.DropTables(ctx, e.ddl(), []Name{{"d", "u"}}, false)))
	_, err := e.Snapshot().Table("d", "u")
	require.EqualValues(t, 1146, e.code(err))
	_, err = e.Snapshot().Table("x", "u")
	require.EqualValues(t, 1049, e.code(err))
}

func TestCreateTableText(t *testing.T) {
	e, ctx := newEnv(t), context.Background()
	require.NoError(t, e.CreateDatabase(ctx, e.ddl(), "d", 0, false))
	str := func(s string) types.Datum {
		return types.NewStringDatum(types.NewVarChar(10, collation.Default), []byte(s))
	}
	require.NoError(t, e.CreateTable(ctx, e.ddl(), TableSpec{DB: "d", Name: "t`x", Comment: "it's", AutoIncrement: 10,
		Columns: []ColumnSpec{
			{Name: "id", Type: types.NewInteger(types.Int, true).WithNullable(false),
				DefaultKind: schema.DefaultAutoIncr},
			col("a", types.NewVarChar(10, collation.Default)),
			{Name: "b", Type: types.NewVarChar(10, collation.UTF8MB4Bin).WithNullable(false),
				DefaultKind: schema.DefaultValue, Default: str("x'y")},
			col("c", types.NewText(types.Text, collation.Latin1SwedishCI)),
			{Name: "d", Type: types.NewTimestamp(3), DefaultKind: schema.DefaultNow, OnUpdateNow: true},
			{Name: "e", Type: types.NewDecimal(10, 2), DefaultKind: schema.DefaultValue, Default: str("1.5"),
				Comment: "c"},
			{Name: "f", Type: types.NewEnum(types.NewMembers("a", "b"), collation.Default),
				DefaultKind: schema.DefaultValue, Default: str("b")},
			{Name: "g", Type: types.NewInt(), DefaultKind: schema.DefaultExpression, DefaultText: "(1 + 1)"},
			{Name: "h", Type: types.NewInt().WithNullable(false), Unique: true},
		},
		Keys: []KeySpec{key(KeyPrimary, "", "id"), key(KeyIndex, "", "a"),
			{Kind: KeyIndex, Parts: []KeyPart{{Column: "a"}, {Column: "c", Prefix: 5, Desc: true}}, Comment: "k"}}}))
	want := "CREATE TABLE `t``x` (\n" +
		"  `id` int unsigned NOT NULL AUTO_INCREMENT,\n" +
		"  `a` varchar(10) DEFAULT NULL,\n" +
		"  `b` varchar(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT 'x''y',\n" +
		"  `c` text CHARACTER SET latin1,\n" +
		"  `d` timestamp(3) NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),\n" +
		"  `e` decimal(10,2) DEFAULT '1.50' COMMENT 'c',\n" +
		"  `f` enum('a','b') DEFAULT 'b',\n" +
		"  `g` int DEFAULT ((1 + 1)),\n" +
		"  `h` int NOT NULL,\n" +
		"  PRIMARY KEY (`id`),\n" +
		"  UNIQUE KEY `h` (`h`),\n" +
		"  KEY `a` (`a`),\n" +
		"  KEY `a_2` (`a`,`c`(5) DESC) COMMENT 'k'\n" +
		") ENGINE=InnoDB AUTO_INCREMENT=10 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci COMMENT='it''s'"
	check := func() {
		d := e.table("t`x")
		next, err := e.AutoIncrementNext(ctx, d)
		require.NoError(t, err)
		require.Equal(t, want, CreateTableText(d, next))
	}
	check()
	e.restart(true)
	check()
}

func intRow(t *schema.Table, values ...int64) []types.Datum {
	row := make([]types.Datum, len(t.Columns))
	for i, v := range values {
		if t.Columns[i].Type.Phys() == types.PhysUint64 {
			row[i] = types.NewUintDatum(t.Columns[i].Type, uint64(v))
		} else {
			row[i] = types.NewIntDatum(t.Columns[i].Type, v)
		}
	}
	return row
}

func TestAlter(t *testing.T) {
	e, ctx := newEnv(t), context.Background()
	require.NoError(t, e.CreateDatabase(ctx, e.ddl(), "d", 0, false))
	require.NoError(t, e.create("t", []ColumnSpec{col("a", types.NewInt().WithNullable(false)), col("b",
		types.NewInt())},
		key(KeyPrimary, "", "a")))
	alter := func(changes ...Alteration) error {
		_, err := e.AlterTable(ctx, e.ddl(), Name{"d", "t"}, changes)
		return err
	}
	d := e.table("t")
	for i := range int64(3000) {
		e.insert(d, intRow(d, i, i%7))
		if i == 20 {
			break
		}
	}
	require.NoError(t, alter(AddKey{key(KeyIndex, "", "b")}))
	require.Len(t, e.rows(e.table("t")), 21)
	err := alter(AddKey{key(KeyUnique, "u", "b")})
	require.EqualValues(t, 1062, e.code(err))
	require.Equal(t, "Duplicate entry '0' for key 't.u'", err.Error())
	require.Equal(t, "b", e.table("t").Indexes[0].Name)

	// Instant: the rows stay where they are.
	id := e.table("t").ID
	require.NoError(t, alter(AddColumn{Column: ColumnSpec{Name: "c", Type: types.NewBigInt().WithNullable(false),
		DefaultKind: schema.DefaultValue, Default: types.NewIntDatum(types.NewBigInt(), 9)},
		Position: Position{First: true}}))
	d = e.table("t")
	require.Equal(t, id, d.ID)
	rows := e.rows(d)
	require.EqualValues(t, 9, rows[3][0].I)
	require.EqualValues(t, 3, rows[3][1].I)
	require.NoError(t, alter(SetDefault{Column: "c", DefaultKind: schema.DefaultNone}, AddKey{key(KeyUnique, "u", "c",
		"a")}))
	require.EqualValues(t, 9, e.rows(e.table("t"))[3][0].I)

	// Copies.
	require.EqualValues(t, 1264, e.code(alter(
		ModifyColumn{OldName: "c", Column: col("c", types.NewTinyInt())},
		AddColumn{Column: col("x", types.NewInt())},
		ModifyColumn{OldName: "a", Column: ColumnSpec{Name: "a", Type: types.NewTinyInt()}},
		ModifyColumn{OldName: "b", Column: ColumnSpec{Name: "b", Type: types.NewDecimal(1, 1)}})))
	require.NoError(t, alter(DropColumn{Name: "c"}, ModifyColumn{OldName: "b", Column: col("bb", types.NewVarChar(5,
		collation.Default))}))
	d = e.table("t")
	require.NotEqual(t, id, d.ID)
	rows = e.rows(d)
	require.Len(t, rows, 21)
	require.Equal(t, "6", string(rows[13][1].S))
	require.NoError(t, alter(DropKey{Name: "PRIMARY"}))
	d = e.table("t")
	require.False(t, d.HasPrimaryKey())
	require.Len(t, e.rows(d), 21)
	k, err := e.Counter(ctx, d, len(d.Columns)-1)
	require.NoError(t, err)
	require.EqualValues(t, 22, k.Next())
	require.NoError(t, alter(AddColumn{Column: ColumnSpec{Name: "id", Type: types.NewInt(),
		DefaultKind: schema.DefaultAutoIncr, PrimaryKey: true}, Position: Position{First: true}}))
	d = e.table("t")
	next, err := e.AutoIncrementNext(ctx, d)
	require.NoError(t, err)
	require.EqualValues(t, 22, next)
	require.EqualValues(t, 21, e.rows(d)[20][0].I)
	require.NoError(t, alter(SetAutoIncrement{Next: 100}, RenameKey{"b", "renamed"}, RenameTable{Name{"d", "v"}}))
	next, err = e.AutoIncrementNext(ctx, e.table("v"))
	require.NoError(t, err)
	require.EqualValues(t, 100, next)
	require.NotNil(t, e.table("v").IndexByName("renamed"))
	e.restart(false)
	require.Len(t, e.rows(e.table("v")), 21)
	require.EqualValues(t, 21, e.Snapshot().RowCount(e.table("v"))+21) // counts are saved by Close only
}

func TestTruncateRenameLike(t *testing.T) {
	e, ctx := newEnv(t), context.Background()
	require.NoError(t, e.CreateDatabase(ctx, e.ddl(), "d", 0, false))
	for _, n := range []string{"t", "u"} {
		require.NoError(t, e.create(n, []ColumnSpec{{Name: n, Type: types.NewInt(), DefaultKind: schema.DefaultAutoIncr,
			PrimaryKey: true}}))
	}
	d := e.table("t")
	e.insert(d, intRow(d, 1), intRow(d, 2))
	k, err := e.Counter(ctx, d, 0)
	require.NoError(t, err)
	_, err = k.Reserve(ctx, 5, 1, 1)
	require.NoError(t, err)
	require.NoError(t, e.RenameTables(ctx, e.ddl(), [][2]Name{
		{{"d", "t"}, {"d", "tmp"}}, {{"d", "u"}, {"d", "t"}}, {{"d", "tmp"}, {"d", "u"}}}))
	require.Equal(t, "t", e.table("u").Columns[0].Name)
	require.NoError(t, e.CreateTableLike(ctx, e.ddl(), Name{"d", "l"}, Name{"d", "u"}, false))
	require.Empty(t, e.rows(e.table("l")))
	require.NoError(t, e.Truncate(ctx, e.ddl(), Name{"d", "u"}))
	require.Empty(t, e.rows(e.table("u")))
	next, err := e.AutoIncrementNext(ctx, e.table("u"))
	require.NoError(t, err)
	require.EqualValues(t, 1, next)
	e.restart(true)
	require.Equal(t, "t", e.table("u").Columns[0].Name)
	require.Equal(t, "u", e.table("t").Columns[0].Name)
	require.NoError(t, e.DropTables(ctx, e.ddl(), []Name{{"d", "t"}, {"d", "u"}, {"d", "l"}, {"d", "gone"}}, true))
	require.Empty(t, slices.Collect(e.Snapshot().Tables("d")))
}

func TestCounter(t *testing.T) {
	e, ctx := newEnv(t), context.Background()
	require.NoError(t, e.CreateDatabase(ctx, e.ddl(), "d", 0, false))
	require.NoError(t, e.create("t", []ColumnSpec{{Name: "id", Type: types.NewBigInt(),
		DefaultKind: schema.DefaultAutoIncr,
		PrimaryKey:  true}}))
	open := func() *Counter {
		k, err := e.Counter(ctx, e.table("t"), 0)
		require.NoError(t, err)
		return k
	}
	k := open()
	reserve := func(n int, inc, off, want uint64) {
		t.Helper()
		v, err := k.Reserve(ctx, n, inc, off)
		require.NoError(t, err)
		require.Equal(t, want, v)
	}
	reserve(1, 1, 1, 1)
	reserve(3, 1, 1, 2)
	reserve(2, 10, 3, 13)
	reserve(1, 1, 1, 24)
	require.NoError(t, k.Push(ctx, 1000))
	require.NoError(t, k.Push(ctx, 7))
	reserve(1, 1, 1, 1001)
	e.restart(true)
	k = open()
	reserve(1, 1, 1, 1002)
	e.restart(false) // a crash: values may be left out, but none comes twice
	k = open()
	v, err := k.Reserve(ctx, 1, 1, 1)
	require.NoError(t, err)
	require.Greater(t, v, uint64(1002))
	require.NoError(t, k.Push(ctx, 1<<64-2))
	_, err = k.Reserve(ctx, 1, 1, 1)
	require.EqualValues(t, 1467, e.code(err))
}

func TestMeta(t *testing.T) {
	e, ctx := newEnv(t), context.Background()
	require.NoError(t, e.MetaApply(ctx, Pair{"v/a", []byte("1")}, Pair{"v/b", []byte("2")}, Pair{"w/a", []byte("3")}))
	require.NoError(t, e.MetaApply(ctx, Pair{"v/a", nil}, Pair{"v/c", []byte("4")}))
	got, err := e.MetaList(ctx, "v/")
	require.NoError(t, err)
	require.Equal(t, []Pair{{"v/b", []byte("2")}, {"v/c", []byte("4")}}, got)
	v, ok, err := e.MetaGet(ctx, "w/a")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "3", string(v))
}

type virtualTable struct{}

func (virtualTable) Schema() *schema.Table {
	return &schema.Table{DB: "INFORMATION_SCHEMA", Name: "TABLES", Columns: []schema.Column{{Name: "A",
		Type: types.NewInt()}}}
}

func (virtualTable) Rows(context.Context, VirtualRequest, func([]types.Datum) error) error {
	return nil
}

func TestVirtual(t *testing.T) {
	e, ctx := newEnv(t), context.Background()
	e.RegisterVirtual(virtualTable{})
	v, err := e.Snapshot().Table("Information_Schema", "tables")
	require.NoError(t, err)
	require.Equal(t, "TABLES", v.Name)
	require.True(t, v.Virtual && e.Snapshot().Current(v))
	require.NotNil(t, e.Virtual(v))
	_, err = e.Snapshot().Table("information_schema", "nope")
	require.EqualValues(t, 1109, e.code(err))
	_, err = e.DropDatabase(ctx, e.ddl(), "information_schema", false)
	require.EqualValues(t, 1044, e.code(err))
}
