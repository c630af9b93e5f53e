package main

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// scenario is something to measure on a server of its own.
type scenario struct {
	name    string
	quota   int64
	workers int
	// prepare makes tables; may be nil. It is not measured.
	prepare func(ctx context.Context, b *bed) error
	// run says how many units (rows, statements) it did.
	run  func(ctx context.Context, b *bed) (units int64, err error)
	unit string
}

// bed is what a scenario has.
type bed struct {
	s  *server
	db *sql.DB
}

// sizes are how much there is of everything.
type sizes struct {
	quotas    []int64
	workers   []int
	groups    int   // rows of the table whose third power is grouped
	sorted    int   // rows of the table whose third power is sorted
	ledgers   []int // rows of ledgers
	table     int   // rows of the table that is scanned, dumped, and looked up in
	points    int   // point queries
	inserts   int   // INSERT statements of one row
	batches   int   // INSERT statements of batchRows rows
	sortQuota int64
}

const batchRows = 1000

var (
	fullSizes = sizes{
		quotas: []int64{16 * mib, 64 * mib, 1024 * mib}, workers: []int{1, 2}, groups: 256, sorted: 300,
		sortQuota: 32 * mib, ledgers: []int{1_000_000, 5_000_000, 20_000_000}, table: 5_000_000, points: 50_000,
		inserts: 20_000, batches: 1000,
	}
	quickSizes = sizes{
		quotas: []int64{16 * mib, 64 * mib}, workers: []int{2}, groups: 128, sorted: 150, sortQuota: 16 * mib,
		ledgers: []int{500_000}, table: 500_000, points: 5000, inserts: 2000, batches: 100,
	}
	tinySizes = sizes{
		quotas: []int64{16 * mib}, workers: []int{2}, groups: 16, sorted: 16, sortQuota: 16 * mib,
		ledgers: []int{2000}, table: 2000, points: 50, inserts: 20, batches: 2,
	}
)

// errSkipped is why a scenario cannot run here.
var errSkipped = errors.New("skipped")

func scenarios(z sizes) []scenario {
	var l []scenario
	for _, quota := range z.quotas {
		for _, workers := range z.workers {
			l = append(l, scenario{
				name: fmt.Sprintf("demo/%dMiB/%d", quota/mib, workers), quota: quota, workers: workers, unit: "groups",
				prepare: func(ctx context.Context, b *bed) error { return b.numbers(ctx, z.groups) },
				run:     groupAll,
			})
		}
	}
	l = append(l, scenario{
		name: fmt.Sprintf("sort/%dMiB/2", z.sortQuota/mib), quota: z.sortQuota, workers: 2, unit: "rows",
		prepare: func(ctx context.Context, b *bed) error { return b.numbers(ctx, z.sorted) },
		run: func(ctx context.Context, b *bed) (int64, error) {
			return b.drain(ctx, "SELECT * FROM t t1 JOIN t t2 JOIN t t3 ORDER BY t1.a")
		},
	})
	for _, n := range z.ledgers {
		l = append(l, scenario{
			name: fmt.Sprintf("ledger/64MiB/%d", n), quota: 64 * mib, workers: 2, unit: "rows",
			prepare: func(ctx context.Context, b *bed) error { return b.ledger(ctx, n) },
			run: func(ctx context.Context, b *bed) (int64, error) {
				_, err := b.drain(ctx, "SELECT SUM(balance) total FROM (SELECT account_id, MAX(causality_id) "+
					"max_causality_id FROM ledger GROUP BY account_id) last JOIN ledger ON last.account_id = "+
					"ledger.account_id AND last.max_causality_id = ledger.causality_id")
				return int64(n), err
			},
		})
	}
	table := func(ctx context.Context, b *bed) error { return b.ledger(ctx, z.table) }
	return append(
		l,
		scenario{
			name: "scan/filter", quota: 64 * mib, workers: 2, unit: "rows", prepare: table,
			run: func(ctx context.Context, b *bed) (int64, error) {
				_, err := b.drain(ctx, "SELECT COUNT(*), SUM(balance) FROM ledger WHERE account_id % 3 = 1")
				return int64(z.table), err
			},
		},
		scenario{
			name: "scan/send", quota: 64 * mib, workers: 2, unit: "rows", prepare: table,
			run: func(ctx context.Context, b *bed) (int64, error) { return b.drain(ctx, "SELECT * FROM ledger") },
		},
		scenario{
			name: "point/select", quota: 64 * mib, workers: 2, unit: "statements", prepare: table,
			run: func(ctx context.Context, b *bed) (int64, error) {
				return b.each(ctx, z.points, func(i int) string {
					return fmt.Sprintf("SELECT balance FROM ledger WHERE id = %d", 1+(i*7919)%z.table)
				})
			},
		},
		scenario{
			name: "insert/one", quota: 64 * mib, workers: 2, unit: "statements", prepare: makeLedger,
			run: func(ctx context.Context, b *bed) (int64, error) {
				return b.each(ctx, z.inserts, func(i int) string { return insert(i, 1) })
			},
		},
		scenario{
			name: "insert/" + strconv.Itoa(batchRows), quota: 64 * mib, workers: 2, unit: "rows", prepare: makeLedger,
			run: func(ctx context.Context, b *bed) (int64, error) {
				n, err := b.each(ctx, z.batches, func(i int) string { return insert(i*batchRows, batchRows) })
				return n * batchRows, err
			},
		},
		scenario{
			name: "dump", quota: 64 * mib, workers: 2, unit: "rows", prepare: table,
			run: func(ctx context.Context, b *bed) (int64, error) { return int64(z.table), b.dump(ctx) },
		},
	)
}

// numbers makes table t of the numbers under n.
func (b *bed) numbers(ctx context.Context, n int) error {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf("(%d)", (i*7)%n)
	}
	return b.exec(ctx, "CREATE TABLE t(a INT)", "INSERT INTO t VALUES "+strings.Join(rows, ","))
}

func makeLedger(ctx context.Context, b *bed) error {
	return b.exec(ctx, "CREATE TABLE ledger(account_id BIGINT NOT NULL, causality_id BIGINT NOT NULL, "+
		"balance DECIMAL(20,2), id BIGINT PRIMARY KEY AUTO_INCREMENT)")
}

// ledger makes a ledger of n rows, ten for each account.
func (b *bed) ledger(ctx context.Context, n int) error {
	if err := makeLedger(ctx, b); err != nil {
		return err
	}
	if err := b.numbers(ctx, 300); err != nil {
		return err
	}
	const step = 500_000
	for from := 0; from < n; from += step {
		to := min(from+step, n)
		err := b.exec(ctx, fmt.Sprintf("INSERT INTO ledger(account_id, causality_id, balance) "+
			"SELECT v * 7919 %% %d, v, v %% 1000 * 1.25 FROM (SELECT x.a * 90000 + y.a * 300 + z.a + %d v "+
			"FROM t x JOIN t y JOIN t z WHERE x.a < %d) s WHERE v < %d",
			max(n/10, 1), from, (to-from+89_999)/90_000, to))
		if err != nil {
			return err
		}
	}
	return nil
}

// insert is a statement of n rows of the ledger.
func insert(from, n int) string {
	var s strings.Builder
	s.WriteString("INSERT INTO ledger(account_id, causality_id, balance) VALUES ")
	for i := from; i < from+n; i++ {
		if i > from {
			s.WriteByte(',')
		}
		fmt.Fprintf(&s, "(%d,%d,%d.25)", i%1000, i, i%977)
	}
	return s.String()
}

func groupAll(ctx context.Context, b *bed) (int64, error) {
	var groups int64
	// The analysis keeps the rows on the server.
	rows, err := b.db.QueryContext(ctx, "EXPLAIN ANALYZE SELECT /*+ HASH_AGG() */ COUNT(*) FROM t t1 JOIN t t2 "+
		"JOIN t t3 GROUP BY t1.a, t2.a, t3.a")
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		return 0, err
	}
	line, to := make([]sql.NullString, len(names)), make([]any, len(names))
	for i := range line {
		to[i] = &line[i]
	}
	for rows.Next() {
		if err := rows.Scan(to...); err != nil {
			return 0, err
		}
		for i, name := range names {
			if n, err := strconv.ParseInt(line[i].String, 10, 64); name == "actRows" && err == nil && groups == 0 {
				groups = n
			}
		}
	}
	return groups, rows.Err()
}

func (b *bed) exec(ctx context.Context, statements ...string) error {
	for _, q := range statements {
		if _, err := b.db.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("%.80s: %w", q, err)
		}
	}
	return nil
}

// drain reads all rows of a query and counts them.
func (b *bed) drain(ctx context.Context, query string) (n int64, err error) {
	rows, err := b.db.QueryContext(ctx, query)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		n++
	}
	return n, rows.Err()
}

// each runs n statements on one connection, one after the other.
func (b *bed) each(ctx context.Context, n int, statement func(i int) string) (int64, error) {
	c, err := b.db.Conn(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = c.Close() }()
	for i := range n {
		q := statement(i)
		if strings.HasPrefix(q, "INSERT") {
			_, err = c.ExecContext(ctx, q)
		} else {
			var text string
			err = c.QueryRowContext(ctx, q).Scan(&text)
		}
		if err != nil {
			return int64(i), fmt.Errorf("%.80s: %w", q, err)
		}
	}
	return int64(n), nil
}

// dump has mariadb-dump write the database to nowhere.
func (b *bed) dump(ctx context.Context) error {
	program, err := exec.LookPath("mariadb-dump")
	if err != nil {
		return fmt.Errorf("%w: no mariadb-dump", errSkipped)
	}
	c := exec.CommandContext(ctx, program, "--no-defaults", "-h", "127.0.0.1", "-P", strconv.Itoa(b.s.port),
		"-u", "root", "--single-transaction", "--quick", "bench", "ledger")
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	var said strings.Builder
	c.Stderr = &said
	if err := c.Start(); err != nil {
		return err
	}
	for in := bufio.NewReaderSize(out, mib); ; {
		if _, err := in.Discard(mib); err != nil {
			break
		}
	}
	if err := c.Wait(); err != nil {
		return fmt.Errorf("%w: %s", err, said.String())
	}
	return nil
}
