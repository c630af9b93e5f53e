package session

import (
	"context"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/plan"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// prepared is a prepared statement. Its tree is kept, and paid for; it is planned anew at each execution, with the
// values of its parameters.
type prepared struct {
	id     uint32
	stmt   *parse.Statement
	budget *ledger
	cursor *cursor // open; nil: none
}

// release gives the statement's tree and cursor back.
func (p *prepared) release() {
	p.closeCursor()
	p.budget.release()
}

func (p *prepared) closeCursor() {
	if p.cursor != nil {
		p.cursor.close()
		p.cursor = nil
	}
}

// preparedBytes is what a prepared statement takes besides its text and its tree, here and in the server's connection:
// 16,382 short ones took 60 MiB of heap, of which text and tree are 9.
const preparedBytes = 2 << 10

// parsePrepared reads the one statement of a text. The text is copied: the tree may refer to it.
func (s *Session) parsePrepared(sql []byte) (*prepared, error) {
	p := &prepared{budget: s.newLedger()}
	if err := p.budget.Reserve(preparedBytes + int64(len(sql))); err != nil {
		return nil, err
	}
	list, err := parse.Parse(append([]byte(nil), sql...), s.parseOptions(p.budget))
	if err == nil && len(list) != 1 {
		err = sqlerr.New(sqlerr.ErrParse, "You have an error in your SQL syntax; only one statement can be prepared",
			shorten(list[1].Text, 80), 1)
	}
	if err != nil {
		p.budget.release()
		return nil, err
	}
	if list[0].Params > 65535 {
		p.budget.release()
		return nil, sqlerr.New(sqlerr.ErrPsManyParam)
	}
	p.stmt = list[0]
	return p, nil
}

// Prepare is COM_STMT_PREPARE.
func (s *Session) Prepare(ctx context.Context, sql []byte) (*PreparedInfo, error) {
	if len(s.prepared) >= int(s.vars.Int("max_prepared_stmt_count")) {
		s.resetDiagnostics()
		return nil, s.fail(sqlerr.New(sqlerr.ErrMaxPreparedStmtCountReached, s.vars.Int("max_prepared_stmt_count")))
	}
	p, err := s.parsePrepared(sql)
	if err != nil || !isDiagnostic(p.stmt) {
		s.resetDiagnostics()
	}
	if err != nil {
		return nil, s.fail(err)
	}
	info := &PreparedInfo{Params: p.stmt.Params}
	if info.Columns, err = s.describe(ctx, p.stmt); err != nil {
		p.release()
		return nil, s.fail(err)
	}
	s.nextStmt++
	p.id = s.nextStmt
	s.prepared[p.id] = p
	info.ID = p.id
	return info, nil
}

// describe plans a statement for its result columns. Metadata locks are not taken.
func (s *Session) describe(ctx context.Context, st *parse.Statement) ([]Column, error) {
	switch st.Node.(type) {
	case *ast.SelectStmt, *ast.SetOprStmt, *ast.InsertStmt, *ast.UpdateStmt, *ast.DeleteStmt:
	default:
		return nil, nil
	}
	budget := s.newLedger()
	defer budget.release()
	use := s.manager.Catalog.Enter()
	defer use.Leave()
	p, err := plan.Build(s.bindContext(s.env(ctx), answer{}, budget), st)
	if err != nil {
		return nil, err
	}
	return resultColumns(p.Columns), nil
}

// StatementParams is the number of parameters; false: unknown statement.
func (s *Session) StatementParams(id uint32) (int, bool) {
	p := s.prepared[id]
	if p == nil {
		return 0, false
	}
	return p.stmt.Params, true
}

// find returns a prepared statement. Error 1243.
func (s *Session) find(id uint32, command string) (*prepared, error) {
	if p := s.prepared[id]; p != nil {
		return p, nil
	}
	return nil, s.fail(sqlerr.New(sqlerr.ErrUnknownStmtHandler, id, command))
}

// Execute is COM_STMT_EXECUTE.
func (s *Session) Execute(
	ctx context.Context, id uint32, params []types.Datum, useCursor bool, out ResultWriter,
) error {
	p, err := s.find(id, "mysqld_stmt_execute")
	if err != nil {
		return err
	}
	p.closeCursor()
	a := answer{out: out, params: params, prepared: p}
	if _, ok := p.stmt.Node.(*ast.SelectStmt); ok && useCursor {
		a.useCursor = true
	}
	return s.statement(ctx, p.stmt, a)
}

// Fetch is COM_STMT_FETCH.
func (s *Session) Fetch(ctx context.Context, id uint32, rows uint32, out ResultWriter) error {
	p, err := s.find(id, "mysqld_stmt_fetch")
	if err != nil {
		return err
	}
	if p.cursor == nil {
		return s.fail(sqlerr.New(sqlerr.ErrStmtHasNoOpenCursor, id))
	}
	ctx, end := s.proc.begin(ctx, shorten(p.stmt.Text, 1024), s.manager.Now())
	defer end()
	s.proc.setStatement(p.cursor.stmt, "executing")
	last, err := p.cursor.fetch(ctx, int(rows), out)
	s.proc.dropStatement()
	if err != nil {
		return s.fail(s.cause(ctx, err))
	}
	status := s.status(answer{}, "")
	status.Flags |= flagCursorExists
	if last {
		status.Flags = status.Flags&^flagCursorExists | flagLastRowSent
		p.closeCursor()
	}
	return out.EOF(status)
}

// CloseStatement is COM_STMT_CLOSE; an unknown id is no error.
func (s *Session) CloseStatement(id uint32) {
	if p := s.prepared[id]; p != nil {
		p.release()
		delete(s.prepared, id)
	}
}

// ResetStatement is COM_STMT_RESET: the cursor is closed.
func (s *Session) ResetStatement(id uint32) error {
	p, err := s.find(id, "mysqld_stmt_reset")
	if err != nil {
		return err
	}
	p.closeCursor()
	return nil
}

// dropPrepared forgets all prepared statements.
func (s *Session) dropPrepared() {
	for id := range s.prepared {
		s.CloseStatement(id)
	}
	for _, p := range s.named {
		p.release()
	}
	clear(s.named)
}

// prepareStmt is PREPARE name FROM text.
func (s *Session) prepareStmt(ctx context.Context, n *ast.PrepareStmt) error {
	text := n.SQLText
	if n.SQLVar != nil {
		text = datumText(s.users.get(strings.ToLower(n.SQLVar.Name)))
	}
	key := strings.ToLower(n.Name)
	if old := s.named[key]; old != nil {
		old.release()
		delete(s.named, key)
	}
	p, err := s.parsePrepared([]byte(text))
	if err != nil {
		return err
	}
	if _, err := s.describe(ctx, p.stmt); err != nil {
		p.release()
		return err
	}
	s.named[key] = p
	return nil
}

// executeStmt is EXECUTE name USING @a, @b.
func (s *Session) executeStmt(ctx context.Context, n *ast.ExecuteStmt, a answer) error {
	p := s.named[strings.ToLower(n.Name)]
	if p == nil {
		return sqlerr.New(sqlerr.ErrUnknownStmtHandler, n.Name, "EXECUTE")
	}
	if len(n.UsingVars) != p.stmt.Params {
		return sqlerr.New(sqlerr.ErrWrongArguments, "EXECUTE")
	}
	a.params = make([]types.Datum, len(n.UsingVars))
	for i, e := range n.UsingVars {
		v, ok := e.(*ast.VariableExpr)
		if !ok {
			return sqlerr.New(sqlerr.ErrWrongArguments, "EXECUTE")
		}
		a.params[i] = s.users.get(strings.ToLower(v.Name))
	}
	return s.dispatch(ctx, p.stmt, a)
}

func (s *Session) deallocate(name string) error {
	key := strings.ToLower(name)
	p := s.named[key]
	if p == nil {
		return sqlerr.New(sqlerr.ErrUnknownStmtHandler, name, "DEALLOCATE PREPARE")
	}
	p.release()
	delete(s.named, key)
	return nil
}
