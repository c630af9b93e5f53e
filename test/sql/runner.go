package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// errNotPreparable is ER_UNSUPPORTED_PS.
const errNotPreparable = 1295

// failure is a record that did not do what its script says.
type failure struct {
	line int
	text string // several lines: the SQL, what was expected, what came
}

// outcome counts a script's records.
type outcome struct {
	passed   int
	failures []failure
}

// runner runs one script: its own database, a connection for each name that the script uses.
type runner struct {
	db        *sql.DB
	database  string
	variables []string // SET statements for each connection
	prepared  bool     // queries go through prepared statements: the binary protocol

	conns  map[string]*sql.Conn
	conn   *sql.Conn
	labels map[string]string // label to hash of the result
	// rewritten collects results instead of comparing them; nil: compare.
	rewritten map[int][]string
}

// run executes the records in an empty database, which it drops at the end.
func (r *runner) run(ctx context.Context, records []record) (out outcome, err error) {
	r.conns, r.labels = map[string]*sql.Conn{}, map[string]string{}
	if _, err := r.db.ExecContext(ctx, "DROP DATABASE IF EXISTS "+r.database); err != nil {
		return out, err
	}
	if _, err := r.db.ExecContext(ctx, "CREATE DATABASE "+r.database); err != nil {
		return out, err
	}
	defer func() {
		for _, c := range r.conns {
			err = errors.Join(err, c.Close())
		}
		_, derr := r.db.ExecContext(context.WithoutCancel(ctx), "DROP DATABASE "+r.database)
		err = errors.Join(err, derr)
	}()
	if err := r.connect(ctx, ""); err != nil {
		return out, err
	}
	for i := range records {
		rec := &records[i]
		if rec.kind == connection {
			if err := r.connect(ctx, rec.name); err != nil {
				return out, fmt.Errorf("line %d: %w", rec.line, err)
			}
			continue
		}
		problem, err := r.record(ctx, rec)
		switch {
		case lost(err):
			return out, fmt.Errorf("line %d: connection lost after\n%s\n%w", rec.line, rec.sql, err)
		case problem != "":
			out.failures = append(out.failures, failure{rec.line, rec.sql + "\n" + problem})
		default:
			out.passed++
		}
	}
	return out, nil
}

// connect makes the connection of that name the current one.
func (r *runner) connect(ctx context.Context, name string) (err error) {
	if r.conn = r.conns[name]; r.conn != nil {
		return nil
	}
	if r.conn, err = r.db.Conn(ctx); err != nil {
		return err
	}
	r.conns[name] = r.conn
	for _, text := range append([]string{"USE " + r.database}, r.variables...) {
		if _, err := r.conn.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	return nil
}

// lost says if an error is not one that the server reported.
func lost(err error) bool {
	var server *mysql.MySQLError
	return err != nil && !errors.As(err, &server)
}

// record runs one record. problem says what is wrong, "" if nothing is.
func (r *runner) record(ctx context.Context, rec *record) (problem string, err error) {
	if rec.kind == query {
		rows, err := r.query(ctx, rec)
		if err != nil {
			return err.Error(), serverError(err)
		}
		return r.compare(rec, sortResult(rows, rec.sort)), nil
	}
	result, err := r.conn.ExecContext(ctx, rec.sql)
	if rec.kind == statementError {
		return rec.checkError(err), err
	}
	if err != nil {
		return err.Error(), err
	}
	if rec.affected >= 0 {
		n, err := result.RowsAffected()
		if err != nil || n != rec.affected {
			return fmt.Sprintf("want %d affected rows, got %d (%v)", rec.affected, n, err), nil
		}
	}
	return "", nil
}

// errColumns is a result with another number of columns than the script says.
var errColumns = errors.New("wrong number of columns")

// serverError is nil for errors that are the test's own.
func serverError(err error) error {
	if errors.Is(err, errColumns) {
		return nil
	}
	return err
}

func (rec *record) checkError(err error) string {
	var server *mysql.MySQLError
	switch {
	case err == nil:
		return "want an error, got none"
	case rec.code != 0 && errors.As(err, &server) && int(server.Number) != rec.code:
		return fmt.Sprintf("want error %d, got %v", rec.code, err)
	}
	return ""
}

// query returns the rendered rows.
func (r *runner) query(ctx context.Context, rec *record) ([][]string, error) {
	rows, done, err := r.rows(ctx, rec.sql)
	if err != nil {
		return nil, err
	}
	defer done()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	if len(columns) != len(rec.types) {
		return nil, fmt.Errorf("%w: want %d, got %d", errColumns, len(rec.types), len(columns))
	}
	values := make([]any, len(columns))
	targets := make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	var out [][]string
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		row := make([]string, len(columns))
		for i, v := range values {
			row[i] = render(v, rec.types[i])
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// rows starts a query; done ends it. What cannot be prepared goes as text.
func (r *runner) rows(ctx context.Context, text string) (rows *sql.Rows, done func(), err error) {
	if r.prepared {
		stmt, err := r.conn.PrepareContext(ctx, text)
		var server *mysql.MySQLError
		switch {
		case err == nil:
			rows, err := stmt.QueryContext(ctx)
			if err != nil {
				return nil, nil, errors.Join(err, stmt.Close())
			}
			return rows, func() { _, _ = rows.Close(), stmt.Close() }, nil
		case !errors.As(err, &server) || server.Number != errNotPreparable:
			return nil, nil, err
		}
	}
	if rows, err = r.conn.QueryContext(ctx, text); err != nil {
		return nil, nil, err
	}
	return rows, func() { _ = rows.Close() }, nil
}

func (r *runner) compare(rec *record, rows [][]string) string {
	got := rec.resultLines(rows)
	if r.rewritten != nil {
		r.rewritten[rec.line] = got
		return ""
	}
	if rec.label != "" {
		hash := hashOf(rows)
		if first, ok := r.labels[rec.label]; ok && first != hash {
			return fmt.Sprintf("another result than the first with the label %s:\n%s",
				rec.label, strings.Join(got, "\n"))
		}
		r.labels[rec.label] = hash
	}
	if rec.want == nil || slices.Equal(got, rec.want) || rec.sameValues(rows) {
		return ""
	}
	return fmt.Sprintf("want\n%s\ngot\n%s", strings.Join(rec.want, "\n"), strings.Join(got, "\n"))
}

// sameValues says if the script has all values although there are more than the threshold.
func (r *record) sameValues(rows [][]string) bool {
	return !r.rowLines && slices.Equal(slices.Concat(rows...), r.want)
}
