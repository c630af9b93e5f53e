package session

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/catalog"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/privilege"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/table"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// definition runs a statement that changes the catalog. It commits the open transaction first.
func (s *Session) definition(ctx context.Context, st *parse.Statement, a answer) error {
	if err := s.implicitCommit(ctx); err != nil {
		return err
	}
	env := s.env(ctx)
	var build *memory.Statement // of a build; nil: there is none
	d := catalog.DDL{
		Owner:   s.txn.owner,
		Timeout: s.lockTimeout(),
		Txn:     kv.TxnOptions{Account: s.acct},
		Warn:    env.Warn,
		Conv: types.ConvContext{
			Strict: env.SQLMode.Strict(), Mode: env.SQLMode, Loc: env.Location, Warn: env.Warn,
		},
		Context: func(rows int64) error {
			s.proc.setState(fmt.Sprintf("altering table: %d rows read", rows))
			if build != nil && build.Err() != nil {
				return build.Err()
			}
			return context.Cause(ctx)
		},
		Memory: func(ctx context.Context) (m table.BuildMemory, release func(), err error) {
			build, m, err = s.buildMemory(ctx, st)
			return m, func() {
				build.AddWorkers(-1)
				s.proc.setStatement(nil, "committing alter table to storage engine")
				m.Account.Close()
				build.Close()
			}, err
		},
	}
	if s.locks.tables != nil {
		// The locks of LOCK TABLES are the session's already: it must not wait for itself, and keeps them.
		d.Owner = s.locks.owner
		return s.define(ctx, st, d, env, a)
	}
	s.txn.owner.SetWait(s.waitMetadata)
	defer s.txn.owner.ReleaseAll()
	return s.define(ctx, st, d, env, a)
}

// buildMemory has the memory of an index build or of a table's copy granted, as that of a statement.
func (s *Session) buildMemory(ctx context.Context, st *parse.Statement) (
	*memory.Statement, table.BuildMemory, error,
) {
	quota := s.quota(nil)
	stmt := s.manager.Pool.NewStatement(s.acct, s.statementOptions(quota, st.Text))
	m := table.BuildMemory{PageBytes: rows.PageBytes(min(quota, s.manager.Pool.Stats().Limit/2), 1)}
	need := table.BuildBytes(m.PageBytes)
	s.proc.setStatement(stmt, "waiting for memory")
	err := stmt.Admit(ctx, need)
	if err == nil {
		m.Account, err = stmt.Operator("build", need)
	}
	if err != nil {
		s.proc.setStatement(nil, "")
		stmt.Close()
		return nil, m, err
	}
	s.proc.setState("altering table")
	stmt.AddWorkers(1)
	return stmt, m, nil
}

func (s *Session) define(ctx context.Context, st *parse.Statement, d catalog.DDL, env *expr.Env, a answer) error {
	c := s.manager.Catalog
	switch n := st.Node.(type) {
	case *ast.CreateDatabaseStmt:
		if err := s.need(privilege.Create, n.Name.O, ""); err != nil {
			return err
		}
		coll, err := s.databaseCollation(n.Options, collation.Default)
		if err != nil {
			return err
		}
		s.affected = 1
		return s.done(a, c.CreateDatabase(ctx, d, n.Name.O, coll, n.IfNotExists))
	case *ast.AlterDatabaseStmt:
		name := n.Name.O
		if n.AlterDefaultDatabase {
			name = s.db
		}
		if err := s.need(privilege.Alter, name, ""); err != nil {
			return err
		}
		coll, err := s.databaseCollation(n.Options, collation.Default)
		if err != nil {
			return err
		}
		return s.done(a, c.AlterDatabase(ctx, d, name, coll))
	case *ast.DropDatabaseStmt:
		if err := s.need(privilege.Drop, n.Name.O, ""); err != nil {
			return err
		}
		tables, err := c.DropDatabase(ctx, d, n.Name.O, n.IfExists)
		s.affected = uint64(tables)
		if err == nil && s.db == n.Name.O {
			s.leaveDatabase()
		}
		return s.done(a, err)
	case *ast.CreateTableStmt:
		return s.createTable(ctx, n, d, env, a)
	case *ast.CreateViewStmt:
		return s.createView(ctx, st, n, d, env, a)
	case *ast.DropTableStmt:
		return s.dropTables(ctx, n, d, a)
	case *ast.TruncateTableStmt:
		name, err := s.tableName(n.Table)
		if err == nil {
			err = s.need(privilege.Drop, name.DB, name.Table)
		}
		if err != nil {
			return err
		}
		return s.done(a, c.Truncate(ctx, d, name))
	case *ast.RenameTableStmt:
		return s.renameTables(ctx, n, d, a)
	case *ast.CreateIndexStmt:
		return s.createIndex(ctx, n, d, a)
	case *ast.DropIndexStmt:
		return s.alter(ctx, n.Table, d, a, catalog.DropKey{Name: n.IndexName, IfExists: n.IfExists})
	case *ast.AlterTableStmt:
		return s.alterTable(ctx, n, d, env, a)
	}
	return sqlerr.New(sqlerr.ErrNotSupportedYet, "this statement")
}

// need checks a privilege on a table or database.
func (s *Session) need(p privilege.Priv, db, table string) error {
	return s.manager.Users.Check(s.account(), p, db, table)
}

// leaveDatabase is what happens when the current database is dropped.
func (s *Session) leaveDatabase() {
	s.db = ""
	s.proc.mu.Lock()
	defer s.proc.mu.Unlock()
	s.proc.db = ""
}

// tableName completes a name with the current database. Error 1046.
func (s *Session) tableName(n *ast.TableName) (catalog.Name, error) {
	name := catalog.Name{DB: n.Schema.O, Table: n.Name.O}
	if name.DB == "" {
		name.DB = s.db
	}
	if name.DB == "" {
		return name, sqlerr.New(sqlerr.ErrNoDB)
	}
	return name, nil
}

func (s *Session) databaseCollation(options []*ast.DatabaseOption, def collation.ID) (collation.ID, error) {
	for _, o := range options {
		var ok bool
		switch o.Tp {
		case ast.DatabaseOptionCharset:
			if def, ok = collation.DefaultOf(strings.ToLower(o.Value)); !ok {
				return 0, sqlerr.New(sqlerr.ErrUnknownCharacterSet, o.Value)
			}
		case ast.DatabaseOptionCollate:
			if def, ok = collation.ByName(strings.ToLower(o.Value)); !ok {
				return 0, sqlerr.New(sqlerr.ErrUnknownCollation, o.Value)
			}
		}
	}
	return def, nil
}

func (s *Session) dropTables(ctx context.Context, n *ast.DropTableStmt, d catalog.DDL, a answer) error {
	if n.TemporaryKeyword != ast.TemporaryNone {
		if n.IfExists {
			return s.done(a, nil)
		}
		return sqlerr.New(sqlerr.ErrNotSupportedYet, "DROP TEMPORARY TABLE")
	}
	names := make([]catalog.Name, len(n.Tables))
	for i, t := range n.Tables {
		var err error
		if names[i], err = s.tableName(t); err == nil {
			err = s.need(privilege.Drop, names[i].DB, names[i].Table)
		}
		if err != nil {
			return err
		}
	}
	if n.IsView {
		return s.done(a, s.manager.Catalog.DropViews(ctx, d, names, n.IfExists))
	}
	return s.done(a, s.manager.Catalog.DropTables(ctx, d, names, n.IfExists))
}

func (s *Session) renameTables(ctx context.Context, n *ast.RenameTableStmt, d catalog.DDL, a answer) error {
	pairs := make([][2]catalog.Name, len(n.TableToTables))
	for i, p := range n.TableToTables {
		from, err := s.tableName(p.OldTable)
		if err != nil {
			return err
		}
		to, err := s.tableName(p.NewTable)
		if err == nil {
			err = errors.Join(s.need(privilege.Drop, from.DB, from.Table), s.need(privilege.Create, to.DB, to.Table))
		}
		if err != nil {
			return err
		}
		pairs[i] = [2]catalog.Name{from, to}
	}
	return s.done(a, s.manager.Catalog.RenameTables(ctx, d, pairs))
}
