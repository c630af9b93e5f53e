package session

import (
	"context"
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
	to, ok := s.txn.saved[strings.ToLower(n.SavepointName)]
	if !ok {
		return sqlerr.New(sqlerr.ErrSpDoesNotExist, "SAVEPOINT", n.SavepointName)
	}
	for name, at := range s.txn.saved {
		if at > to {
			delete(s.txn.saved, name)
		}
	}
	return s.txn.rollbackTo(s, to)
}

// savepoint marks the place after the last statement. Outside of a transaction it has no effect, as in MySQL.
func (s *Session) savepoint(name string) error {
	if !s.txn.open() {
		return nil
	}
	if s.txn.saved == nil {
		s.txn.saved = make(map[string]int)
	}
	s.txn.saved[strings.ToLower(name)] = s.txn.stmt
	return nil
}

func (s *Session) releaseSavepoint(name string) error {
	key := strings.ToLower(name)
	at, ok := s.txn.saved[key]
	if !ok {
		return sqlerr.New(sqlerr.ErrSpDoesNotExist, "SAVEPOINT", name)
	}
	for other, n := range s.txn.saved {
		if n > at || other == key {
			delete(s.txn.saved, other)
		}
	}
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
