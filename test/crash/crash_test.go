package crash

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/test/harness"
)

const (
	accounts = 50
	balance  = 1000
	bulkRows = 4000 // of one commit; it is above what one batch takes
	indexed  = 6000 // rows of the table that indexes are built on
)

// work is what clients know about the server's data: what was acknowledged, and what was under way when it died.
type work struct {
	db   *sql.DB
	rand *rand.Rand

	mu        sync.Mutex
	transfers []int64 // acknowledged; protected by mu, as following
	bulk      map[int64]bool
	next      int64
	// index is whether there is one on the table "indexed", table the number of the newest table of definitions;
	// unsure: a change of it was not answered.
	index, indexUnsure bool
	table              int64
	tableUnsure        bool
}

func (w *work) number() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next++
	return w.next
}

// A client works until the server is gone. Everything else that fails is the test's failure.
type client func(ctx context.Context, c *sql.Conn, r *rand.Rand) error

// transfer moves money and writes that down, in one transaction; every other one with a savepoint that is undone.
func (w *work) transfer(ctx context.Context, c *sql.Conn, r *rand.Rand) error {
	n, from, to, amount := w.number(), r.IntN(accounts), r.IntN(accounts), r.IntN(100)
	if from == to {
		return nil
	}
	if from > to { // rows are locked in order, or there are deadlocks
		from, to, amount = to, from, -amount
	}
	statements := []string{
		"begin",
		fmt.Sprintf("update account set balance = balance - %d where id = %d", amount, from),
		fmt.Sprintf("update account set balance = balance + %d where id = %d", amount, to),
		fmt.Sprintf("insert into transfer values (%d, %d, %d, %d)", n, from, to, amount),
	}
	if n%2 == 0 {
		statements = append(statements, "savepoint s",
			fmt.Sprintf("update account set balance = 0 where id = %d", to), "rollback to s")
	}
	for _, q := range append(statements, "commit") {
		if _, err := c.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.transfers = append(w.transfers, n)
	return nil
}

// load makes large commits, and deletes one that was acknowledged now and then.
func (w *work) load(ctx context.Context, c *sql.Conn, _ *rand.Rand) error {
	n := w.number()
	_, err := c.ExecContext(ctx, fmt.Sprintf("insert into bulk select %d, id, repeat('x', 300) from seed", n))
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.bulk[n] = true
	var old int64
	if len(w.bulk) > 3 {
		for k := range w.bulk {
			old = max(old, k)
		}
		w.bulk[old] = false
	}
	w.mu.Unlock()
	if old == 0 {
		return nil
	}
	if _, err := c.ExecContext(ctx, fmt.Sprintf("delete from bulk where n = %d", old)); err != nil {
		return err
	}
	w.mu.Lock()
	delete(w.bulk, old)
	w.mu.Unlock()
	return nil
}

// define builds and drops an index, and makes and drops tables.
func (w *work) define(ctx context.Context, c *sql.Conn, _ *rand.Rand) error {
	w.mu.Lock()
	had := w.index
	w.indexUnsure = true
	w.mu.Unlock()
	q := "create index c on indexed (c, filler(20))"
	if had {
		q = "alter table indexed drop index c"
	}
	if _, err := c.ExecContext(ctx, q); err != nil {
		return err
	}
	w.mu.Lock()
	w.index, w.indexUnsure = !had, false
	n := w.table + 1
	w.tableUnsure = true
	w.mu.Unlock()
	for _, q := range []string{
		fmt.Sprintf("create table d%d (id int auto_increment primary key, a int, unique (a))", n),
		fmt.Sprintf("insert into d%d (a) values (1), (2), (3)", n),
		fmt.Sprintf("alter table d%d drop primary key, modify id bigint, add b varchar(10) not null default 'b'", n),
		fmt.Sprintf("drop table if exists d%d", n-1),
	} {
		if _, err := c.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	w.mu.Lock()
	w.table, w.tableUnsure = n, false
	w.mu.Unlock()
	return nil
}

func (w *work) numbers(t testing.TB, query string) []int64 {
	t.Helper()
	rows, err := w.db.Query(query)
	require.NoError(t, err, query)
	defer rows.Close()
	var out []int64
	for rows.Next() {
		var n int64
		require.NoError(t, rows.Scan(&n))
		out = append(out, n)
	}
	require.NoError(t, rows.Err())
	return out
}

func (w *work) number1(t testing.TB, query string) int64 {
	t.Helper()
	n := w.numbers(t, query)
	require.Len(t, n, 1, query)
	return n[0]
}

// check compares what there is with what clients know, and takes over what was in doubt.
func (w *work) check(t testing.TB) {
	there := w.numbers(t, "select n from transfer")
	missing := slices.DeleteFunc(slices.Clone(w.transfers), func(n int64) bool { return slices.Contains(there, n) })
	require.Empty(t, missing, "transfers that were acknowledged")
	w.transfers = there
	require.EqualValues(t, accounts*balance, w.number1(t, "select sum(balance) from account"))
	require.Empty(t, w.numbers(t, fmt.Sprintf(`select a.id from account a
		left join (select dst id, sum(amount) s from transfer group by dst) i on i.id = a.id
		left join (select src id, sum(amount) s from transfer group by src) o on o.id = a.id
		where a.balance <> %d + coalesce(i.s, 0) - coalesce(o.s, 0)`, balance)), "accounts that do not fit transfers")
	require.EqualValues(t, accounts, w.number1(t, "select count(*) from account force index (b)"))

	found := w.numbers(t, "select distinct n from bulk")
	for n, sure := range w.bulk {
		require.True(t, !sure || slices.Contains(found, n), "load %d is gone", n)
	}
	require.Empty(t, w.numbers(t, fmt.Sprintf("select n from bulk group by n having count(*) <> %d", bulkRows)),
		"loads by half")
	w.bulk = map[int64]bool{}
	for _, n := range found {
		w.bulk[n] = true
	}

	index := w.number1(t, `select count(*) from information_schema.statistics
		where table_name = 'indexed' and index_name = 'c' and seq_in_index = 1`) == 1
	if !w.indexUnsure {
		require.Equal(t, w.index, index)
	}
	w.index, w.indexUnsure = index, false
	all := w.number1(t, "select count(*) * 1000003 + sum(c) from indexed ignore index (other)")
	require.Equal(t, all, w.number1(t, "select count(*) * 1000003 + sum(c) from indexed force index (other)"))
	if index {
		require.Equal(t, all, w.number1(t, "select count(*) * 1000003 + sum(c) from indexed force index (c)"))
	}

	tables := w.numbers(t, `select cast(substr(table_name, 2) as signed) from information_schema.tables
		where table_schema = 'crash' and table_name like 'd%'`)
	if !w.tableUnsure && w.table > 0 {
		require.Equal(t, []int64{w.table}, tables)
	}
	for _, n := range tables {
		rows := w.number1(t, fmt.Sprintf("select count(*) from d%d", n))
		require.Contains(t, []int64{0, 3}, rows)
		require.Equal(t, rows, w.number1(t, fmt.Sprintf("select count(*) from d%d force index (a)", n)))
		w.table = max(w.table, n)
		if w.tableUnsure {
			harness.Exec(t, w.db, fmt.Sprintf("drop table d%d", n))
		}
	}
	if w.tableUnsure {
		w.table, w.tableUnsure = w.table+1, false
		harness.Exec(t, w.db, fmt.Sprintf("create table d%d (id int primary key, a int, unique (a))", w.table))
	}
	w.next = max(w.next, slices.Max(append(w.transfers, 0)), slices.Max(append(found, 0)))
}

// run lets clients work until the server is killed.
func (w *work) run(t testing.TB, s *harness.Server, d time.Duration) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var group sync.WaitGroup
	killed := make(chan struct{})
	for i, f := range []client{w.transfer, w.transfer, w.transfer, w.load, w.define} {
		c, err := w.db.Conn(ctx)
		require.NoError(t, err)
		r := rand.New(rand.NewPCG(w.rand.Uint64(), uint64(i)))
		group.Go(func() {
			defer c.Close()
			for {
				if err := f(ctx, c, r); err != nil {
					select {
					case <-killed:
					case <-time.After(time.Second):
						t.Errorf("client %d: %v", i, err)
					}
					return
				}
			}
		})
	}
	time.Sleep(d)
	close(killed)
	s.Kill(t)
	group.Wait()
}

// TestKill kills the server at any moment of many clients' work.
func TestKill(t *testing.T) {
	rounds, longest := 3, 700
	if testutil.Long() {
		rounds, longest = 40, 4000
	}
	data := filepath.Join(t.TempDir(), "data")
	w := &work{rand: testutil.Rand(t), bulk: map[int64]bool{}}
	// The page cache survives a kill and counts in a cgroup: none. A small limit makes flushes and ingestion frequent.
	o := harness.Options{Data: data, NoGroup: true, Limit: 208 << 20}
	for round := range rounds + 1 {
		s := harness.Start(t, o)
		w.db = s.DB(t, "crash")
		w.db.SetMaxIdleConns(8)
		if round == 0 {
			w.fill(t)
		}
		w.check(t)
		leftovers, err := os.ReadDir(filepath.Join(data, "store", "ingest"))
		require.NoError(t, err)
		require.Empty(t, leftovers, "tables that were not ingested")
		if round == rounds {
			require.NoError(t, w.db.Close())
			break
		}
		w.run(t, s, time.Duration(50+w.rand.IntN(longest))*time.Millisecond)
		require.NoError(t, w.db.Close())
		t.Logf("round %d: %d transfers, %d loads, table %d", round, len(w.transfers), len(w.bulk), w.table)
	}
}

func (w *work) fill(t testing.TB) {
	harness.Exec(t, w.db,
		"create table account (id int primary key, balance int not null, key b (balance))",
		"create table transfer (n bigint primary key, src int, dst int, amount int)",
		"create table seed (id int primary key)",
		"create table bulk (n bigint, id int, filler varchar(400), primary key (n, id))",
		"create table indexed (id int primary key, c int, filler varchar(60), key other (c))",
		"insert into seed values (0)")
	for n := 1; n < indexed; n *= 2 {
		harness.Exec(t, w.db,
			fmt.Sprintf("insert into seed select id + %d from seed where id + %d < %d", n, n, indexed))
	}
	harness.Exec(t, w.db,
		fmt.Sprintf("insert into account select id, %d from seed where id < %d", balance, accounts),
		"insert into indexed select id, id * 7919 % 6007, repeat(char(97 + id % 26), id % 60) from seed",
		fmt.Sprintf("delete from seed where id >= %d", bulkRows))
}
