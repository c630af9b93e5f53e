package session

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// administer runs the statements that are neither queries nor about the session itself.
func (s *Session) administer(ctx context.Context, st *parse.Statement, a answer) error {
	switch n := st.Node.(type) {
	case *ast.CreateDatabaseStmt, *ast.AlterDatabaseStmt, *ast.DropDatabaseStmt, *ast.CreateTableStmt,
		*ast.DropTableStmt, *ast.TruncateTableStmt, *ast.RenameTableStmt, *ast.CreateIndexStmt, *ast.DropIndexStmt,
		*ast.AlterTableStmt, *ast.CreateViewStmt:
		if s.locks.global {
			return sqlerr.New(sqlerr.ErrCantUpdateWithReadlock)
		}
		if err := s.writable(); err != nil {
			return err
		}
		return s.definition(ctx, st, a)
	case *ast.LockTablesStmt:
		return s.done(a, s.lockTablesStmt(ctx, n))
	case *ast.UnlockTablesStmt:
		return s.done(a, s.unlockTables(ctx))
	case *ast.FlushStmt:
		if n.Tp == ast.FlushTables && n.ReadLock {
			return s.done(a, s.flushReadLock(ctx, n))
		}
		// Nothing is cached that would have to be flushed.
		return s.done(a, nil)
	}
	if changesAccounts(st.Node) {
		if err := s.writable(); err != nil {
			return err
		}
	}
	return s.accounts(ctx, st, a)
}
