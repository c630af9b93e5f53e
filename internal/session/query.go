package session

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/plan"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// ledger charges what statements build to the session, on the heap and in pages, and gives it back in one piece.
type ledger struct {
	heap *memory.HeapLedger
	acct *memory.Account
	// newWork, if not nil, is how a charge waits for room: until then the statement has not begun.
	newWork func(n int64) error

	n     int64
	pages []memory.Page
	rows  []memory.Page
}

var _ parse.Budget = (*ledger)(nil)

// Reserve implements parse.Budget.
func (l *ledger) Reserve(n int64) error {
	reserve := l.newWork
	if reserve == nil {
		reserve = func(n int64) error { return l.heap.Reserve(l.acct, n) }
	}
	if err := reserve(n); err != nil {
		return err
	}
	l.n += n
	return nil
}

// page is memory off the heap.
func (l *ledger) page(n int) ([]byte, error) { return l.alloc(&l.pages, n) }

// rowPage is memory off the heap until freeRows.
func (l *ledger) rowPage(n int) ([]byte, error) { return l.alloc(&l.rows, n) }

func (l *ledger) freeRows() { l.free(&l.rows) }

func (l *ledger) alloc(to *[]memory.Page, n int) ([]byte, error) {
	if n > memory.MaxPageBytes {
		return nil, &sqlerr.ServerMemoryError{Report: fmt.Sprintf("one list of %d bytes is too large", n)}
	}
	p, err := l.acct.Alloc(max(n, memory.MinPageBytes), memory.Held)
	if err != nil {
		return nil, err
	}
	*to = append(*to, p)
	return memory.Bytes(l.acct.Base(), p.Ref, n), nil
}

func (l *ledger) free(pages *[]memory.Page) {
	for _, p := range *pages {
		l.acct.Free(p)
	}
	*pages = nil
}

// release gives everything back. Repeatable.
func (l *ledger) release() {
	l.free(&l.pages)
	l.free(&l.rows)
	l.heap.Release(l.acct, l.n)
	l.n = 0
}

func (s *Session) newLedger() *ledger { return &ledger{heap: s.manager.Pool.Heap(), acct: s.acct} }

// newWorkLedger is the ledger of a statement that is to begin: it waits for heap that others release.
func (s *Session) newWorkLedger(ctx context.Context) *ledger {
	l := s.newLedger()
	l.newWork = func(n int64) error {
		end := func() {}
		defer func() { end() }()
		return l.heap.ReserveNew(ctx, l.acct, n, func() { end = s.proc.showWait("waiting for memory") })
	}
	return l
}

// Query runs the statements of a text, one after the other; the first error ends it.
func (s *Session) Query(ctx context.Context, sql []byte, out ResultWriter) error {
	budget := s.newWorkLedger(ctx)
	defer budget.release()
	script := parse.NewScript(sql, s.parseOptions(budget))
	for first := true; ; first = false {
		st, err := script.Next()
		if err != nil {
			return s.fail(err)
		}
		if st == nil {
			if first {
				return s.fail(sqlerr.New(sqlerr.ErrEmptyQuery))
			}
			return nil
		}
		if st.Params > 0 {
			// They are for prepared statements.
			return s.fail(sqlerr.New(sqlerr.ErrParse, "You have an error in your SQL syntax; check the manual that "+
				"corresponds to your MySQL server version for the right syntax to use", "?", 1))
		}
		more := script.More()
		if more && !s.info.MultiStmts {
			return s.fail(sqlerr.New(sqlerr.ErrParse, "You have an error in your SQL syntax; check the manual that "+
				"corresponds to your MySQL server version for the right syntax to use", shorten(st.Text, 80), 1))
		}
		if err := s.statement(ctx, st, answer{out: out, more: more}); err != nil {
			return err
		}
		budget.release()
	}
}

func (s *Session) parseOptions(b parse.Budget) parse.Options {
	return parse.Options{SQLMode: uint64(s.sqlMode()), Budget: b}
}

// fail makes err the statement's error: the only line of SHOW WARNINGS.
func (s *Session) fail(err error) error {
	if m := (*sqlerr.ServerMemoryError)(nil); errors.As(err, &m) && m.ConnID == 0 {
		m.ConnID = s.info.ID // what belongs to no statement yet does not know it
	}
	e := sqlerr.From(err)
	s.warn(sqlerr.Warning{Level: sqlerr.LevelError, Code: e.Code, Message: e.Message})
	s.rowCount = -1
	return e
}

// answer is where a statement's answer goes, and whether further ones follow.
type answer struct {
	out  ResultWriter
	more bool
	// prepared is the prepared statement that is executed, and params its parameters; nil: none.
	prepared *prepared
	params   []types.Datum
	// useCursor: the rows go to a cursor of prepared instead of out.
	useCursor bool
}

// statement runs one statement: the boundary at which a panic becomes an error.
func (s *Session) statement(ctx context.Context, st *parse.Statement, a answer) (err error) {
	s.manager.queries.Add(1)
	began := s.manager.Now()
	ctx, end := s.proc.begin(ctx, shorten(st.Text, 1024), began)
	defer end()
	use := s.manager.Catalog.Enter()
	defer use.Leave()
	defer func() {
		if r := recover(); r != nil {
			s.manager.Logger.Error("panic in statement", "conn", s.info.ID, "panic", r, "stack", string(debug.Stack()),
				"sql", shorten(st.Text, 256))
			err = s.fail(sqlerr.Newf(sqlerr.ErrUnknown, "internal error: %v", r))
		}
	}()
	if !isDiagnostic(st) {
		s.resetDiagnostics()
	}
	s.affected = 0
	for _, w := range st.Warnings {
		e := sqlerr.From(w)
		s.warn(sqlerr.Warning{Level: sqlerr.LevelWarning, Code: e.Code, Message: e.Message})
	}
	if err := s.dispatch(ctx, st, a); err != nil {
		e := s.fail(s.cause(ctx, err))
		if e, ok := e.(*sqlerr.Error); ok && e.Code == uint16(sqlerr.ErrUnknown) {
			s.manager.Logger.Warn("statement failed", "conn", s.info.ID, "error", e.Message,
				"sql", shorten(st.Text, 256))
		}
		return e
	}
	s.logSlow(st, began)
	return nil
}

// cause prefers why the statement was cancelled to how that showed.
func (s *Session) cause(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	if cause := context.Cause(ctx); cause != nil && cause != context.Canceled {
		return cause
	}
	return sqlerr.New(sqlerr.ErrQueryInterrupted)
}

// logSlow counts and logs statements over long_query_time.
func (s *Session) logSlow(st *parse.Statement, began time.Time) {
	limit := s.vars.Float("long_query_time")
	if d := s.manager.Now().Sub(began); limit > 0 && d.Seconds() > limit {
		s.manager.slow.Add(1)
		s.manager.Logger.Info("slow query", "conn", s.info.ID, "time", d, "sql", shorten(st.Text, 1024))
	}
}

// isDiagnostic is for statements that show what the one before left.
func isDiagnostic(st *parse.Statement) bool {
	if x := st.Extra; x != nil {
		return x.Kind == parse.ExtraShowWarnings
	}
	show, ok := st.Node.(*ast.ShowStmt)
	return ok && (show.Tp == ast.ShowWarnings || show.Tp == ast.ShowErrors)
}

// dispatch runs a statement by its kind.
func (s *Session) dispatch(ctx context.Context, st *parse.Statement, a answer) error {
	if st.Extra != nil {
		return s.extra(ctx, st, a)
	}
	switch n := st.Node.(type) {
	case *ast.SelectStmt, *ast.SetOprStmt, *ast.InsertStmt, *ast.UpdateStmt, *ast.DeleteStmt, *ast.LoadDataStmt:
		return s.planned(ctx, st, a)
	case *ast.DoStmt:
		return s.do(ctx, st, n, a)
	case *ast.ExplainStmt:
		return s.explain(ctx, st, n, a)
	case *ast.ShowStmt:
		return s.show(ctx, st, n, a)
	case *ast.SetStmt:
		return s.set(ctx, st, n, a)
	case *ast.UseStmt:
		if err := s.checkUse(n.DBName); err != nil {
			return err
		}
		return s.done(a, s.InitDB(ctx, n.DBName))
	case *ast.BeginStmt:
		return s.done(a, s.beginStmt(ctx, st, n))
	case *ast.CommitStmt:
		return s.done(a, s.txn.commit(ctx, s))
	case *ast.RollbackStmt:
		return s.done(a, s.rollbackStmt(n))
	case *ast.SavepointStmt:
		return s.done(a, s.savepointStmt(ctx, n.Name))
	case *ast.ReleaseSavepointStmt:
		return s.done(a, s.releaseSavepoint(n.Name))
	case *ast.PrepareStmt:
		return s.done(a, s.prepareStmt(ctx, n))
	case *ast.ExecuteStmt:
		return s.executeStmt(ctx, n, a)
	case *ast.DeallocateStmt:
		return s.done(a, s.deallocate(n.Name))
	case *ast.KillStmt:
		return s.done(a, s.killStmt(n))
	case *ast.CallStmt:
		name, err := s.tableName(&ast.TableName{Schema: n.Procedure.Schema, Name: n.Procedure.FnName})
		if err != nil {
			return err
		}
		return sqlerr.New(sqlerr.ErrSpDoesNotExist, "PROCEDURE", name.DB+"."+name.Table)
	}
	return s.administer(ctx, st, a)
}

// done answers OK if err is nil.
func (s *Session) done(a answer, err error) error {
	if err != nil {
		return err
	}
	s.rowCount = int64(s.affected)
	return a.out.OK(s.status(a, ""))
}

// status is the end of a statement for the client.
func (s *Session) status(a answer, info string) Status {
	return Status{
		AffectedRows: s.affected,
		Warnings:     uint16(min(s.warningCount, 65535)),
		Flags:        s.StatusFlags(),
		Info:         info,
		More:         a.more,
	}
}

// bindContext is what a plan is made from now.
func (s *Session) bindContext(env *expr.Env, a answer, budget *ledger) *plan.Context {
	limit := s.vars.Uint("sql_select_limit")
	if limit == 1<<64-1 {
		limit = 0
	}
	return &plan.Context{
		Catalog:     s.snapshot(),
		Env:         env,
		Database:    s.db,
		Mode:        env.SQLMode,
		Params:      a.params,
		SelectLimit: limit,
		Warn:        env.Warn,
		Reserve:     budget.Reserve,
		Page:        budget.page,

		RowPage:      budget.rowPage,
		FreeRowPages: budget.freeRows,
	}
}
