package session

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/catalog"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/privilege"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// globalLock is the name under which every data change takes a shared lock, and FLUSH TABLES WITH READ LOCK one that
// keeps them out.
var globalLock = catalog.Name{}

// tableLocks are the locks of LOCK TABLES and FLUSH TABLES WITH READ LOCK. They are the session's, not a transaction's.
type tableLocks struct {
	owner  *catalog.Owner
	tables map[catalog.Name]catalog.LockMode // of LOCK TABLES; nil: not in effect
	global bool                              // FLUSH TABLES WITH READ LOCK
}

func (l *tableLocks) release() {
	l.owner.ReleaseAll()
	l.tables, l.global = nil, false
}

// lockTablesStmt is LOCK TABLES: the open transaction is committed, earlier locks are given back.
func (s *Session) lockTablesStmt(ctx context.Context, n *ast.LockTablesStmt) error {
	if err := s.implicitCommit(ctx); err != nil {
		return err
	}
	s.locks.release()
	tables := make(map[catalog.Name]catalog.LockMode, len(n.TableLocks))
	for _, t := range n.TableLocks {
		name, err := s.tableName(t.Table)
		if err == nil {
			err = s.need(privilege.LockTables, name.DB, name.Table)
		}
		if err == nil {
			_, err = s.snapshot().Table(name.DB, name.Table)
		}
		mode := catalog.SharedNoWrite
		if t.Type == ast.TableLockWrite || t.Type == ast.TableLockWriteLocal {
			mode = catalog.Exclusive
			err = errFirst(err, s.writable())
		}
		if err == nil {
			err = s.locks.owner.Lock(ctx, name, mode, s.lockTimeout())
		}
		if err != nil {
			s.locks.release()
			return err
		}
		tables[name] = max(mode, tables[name])
	}
	s.locks.tables = tables
	return nil
}

// unlockTables gives the locks back; LOCK TABLES' end commits.
func (s *Session) unlockTables(ctx context.Context) error {
	var err error
	if s.locks.tables != nil {
		err = s.implicitCommit(ctx)
	}
	s.locks.release()
	return err
}

// flushReadLock is FLUSH TABLES [t, ...] WITH READ LOCK.
func (s *Session) flushReadLock(ctx context.Context, n *ast.FlushStmt) error {
	if err := s.manager.Users.CheckAny(s.account(), privilege.Reload); err != nil {
		return err
	}
	if err := s.implicitCommit(ctx); err != nil {
		return err
	}
	if len(n.Tables) > 0 {
		lock := &ast.LockTablesStmt{}
		for _, t := range n.Tables {
			lock.TableLocks = append(lock.TableLocks, ast.TableLock{Table: t, Type: ast.TableLockRead})
		}
		return s.lockTablesStmt(ctx, lock)
	}
	if err := s.locks.owner.Lock(ctx, globalLock, catalog.SharedNoWrite, s.lockTimeout()); err != nil {
		return err
	}
	s.locks.global = true
	return nil
}

// held says if LOCK TABLES covers a table, so that no metadata lock is needed. Errors: 1099, 1100.
func (l *tableLocks) held(name catalog.Name, write bool) (bool, error) {
	if l.tables == nil {
		return false, nil
	}
	mode, ok := l.tables[name]
	switch {
	case !ok:
		return false, sqlerr.New(sqlerr.ErrTableNotLocked, name.Table)
	case write && mode != catalog.Exclusive:
		return false, sqlerr.New(sqlerr.ErrTableNotLockedForWrite, name.Table)
	}
	return true, nil
}

// lockPlan takes the metadata locks of a plan and checks that it is current.
func (s *Session) lockPlan(ctx context.Context, p *physical.Plan) error {
	mode := catalog.SharedRead
	s.txn.owner.SetWait(s.waitMetadata)
	if p.Write {
		mode = catalog.SharedWrite
		if s.locks.global {
			return sqlerr.New(sqlerr.ErrCantUpdateWithReadlock)
		}
		if err := s.txn.owner.Lock(ctx, globalLock, mode, s.lockTimeout()); err != nil {
			return err
		}
	}
	for _, t := range p.Tables {
		if t.Virtual {
			continue
		}
		name := catalog.Name{DB: t.DB, Table: t.Name}
		have, err := s.locks.held(name, p.Write)
		if err == nil && !have {
			err = s.txn.owner.Lock(ctx, name, mode, s.lockTimeout())
		}
		if err != nil {
			return err
		}
	}
	now := s.snapshot()
	for _, t := range p.Tables {
		if !now.Current(t) {
			return errStale
		}
		if s.txn.open() && s.txn.view != 0 && t.Since > s.txn.view {
			// The read view is older than the table's data: it would read an index as empty.
			return sqlerr.New(sqlerr.ErrTableDefChanged)
		}
	}
	return nil
}
