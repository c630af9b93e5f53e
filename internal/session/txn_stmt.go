package session

import (
	"context"
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/privilege"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// beginStmt is BEGIN and START TRANSACTION. A transaction that is open is committed first.
func (s *Session) beginStmt(ctx context.Context, st *parse.Statement, n *ast.BeginStmt) error {
	if err := s.implicitCommit(ctx); err != nil {
		return err
	}
	readOnly := n.ReadOnly || s.vars.Bool("transaction_read_only")
	if err := s.txn.begin(ctx, s, true, readOnly); err != nil {
		return err
	}
	if !strings.Contains(strings.ToUpper(st.Text), "CONSISTENT") {
		return nil
	}
	// WITH CONSISTENT SNAPSHOT, which the tree does not tell: the read view is taken now, not by the first read.
	return s.txn.statement(ctx, s)
}

func (s *Session) rollbackStmt(n *ast.RollbackStmt) error {
	if n.SavepointName == "" {
		return s.txn.rollback(s)
	}
	i := s.txn.savepoint(n.SavepointName)
	if i < 0 {
		return sqlerr.New(sqlerr.ErrSpDoesNotExist, "SAVEPOINT", n.SavepointName)
	}
	s.txn.saved = s.txn.saved[:i+1]
	return s.txn.rollbackTo(s, s.txn.saved[i].stmt)
}

// savepoint is the index of a savepoint; -1: there is none of that name.
func (t *transaction) savepoint(name string) int {
	return slices.IndexFunc(t.saved, func(p savepoint) bool { return p.name == strings.ToLower(name) })
}

// savepointStmt marks the place after the last statement. It begins the transaction where one would begin with the next
// statement; where each statement is its own it has no effect.
func (s *Session) savepointStmt(ctx context.Context, name string) error {
	if s.txn.kv == nil && !s.vars.Bool("autocommit") {
		if err := s.txn.begin(ctx, s, true, s.vars.Bool("transaction_read_only")); err != nil {
			return err
		}
	}
	if !s.txn.open() {
		return nil
	}
	if i := s.txn.savepoint(name); i >= 0 {
		s.txn.saved = slices.Delete(s.txn.saved, i, i+1)
	}
	s.txn.saved = append(s.txn.saved, savepoint{strings.ToLower(name), s.txn.stmt})
	return nil
}

// releaseSavepoint also drops the savepoints after it.
func (s *Session) releaseSavepoint(name string) error {
	i := s.txn.savepoint(name)
	if i < 0 {
		return sqlerr.New(sqlerr.ErrSpDoesNotExist, "SAVEPOINT", name)
	}
	s.txn.saved = s.txn.saved[:i]
	return nil
}

func (s *Session) killStmt(n *ast.KillStmt) error {
	id := n.ConnectionID
	if n.Expr != nil {
		d, err := s.evalScalar(context.Background(), s.env(context.Background()), n.Expr, answer{})
		if err != nil {
			return err
		}
		id = datumUint(d)
	}
	return s.killSession(id, n.Query)
}

// killSession is KILL of a session: one's own account's, unless one may end others. Errors 1094, 1095.
func (s *Session) killSession(id uint64, queryOnly bool) error {
	other := s.manager.session(id)
	if other == nil {
		return sqlerr.New(sqlerr.ErrNoSuchThread, id)
	}
	if other.account() != s.account() &&
		!s.manager.Users.HasAny(s.account(), privilege.ConnectionAdmin, privilege.Super) {
		return sqlerr.New(sqlerr.ErrKillDenied, id)
	}
	other.kill(queryOnly)
	return nil
}
