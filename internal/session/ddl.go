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
	"github.com/spillwaydb/spillway/internal/plan/bind"
	"github.com/spillwaydb/spillway/internal/privilege"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/schema"
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

func (s *Session) createTable(
	ctx context.Context, n *ast.CreateTableStmt, d catalog.DDL, env *expr.Env, a answer,
) error {
	name, err := s.tableName(n.Table)
	if err == nil {
		err = s.need(privilege.Create, name.DB, name.Table)
	}
	if err != nil {
		return err
	}
	c := s.manager.Catalog
	switch {
	case n.TemporaryKeyword != ast.TemporaryNone:
		return sqlerr.New(sqlerr.ErrNotSupportedYet, "CREATE TEMPORARY TABLE")
	case n.Select != nil:
		return sqlerr.New(sqlerr.ErrNotSupportedYet, "CREATE TABLE ... SELECT")
	case n.Partition != nil:
		return sqlerr.New(sqlerr.ErrNotSupportedYet, "partitioned tables")
	case n.ReferTable != nil:
		like, err := s.tableName(n.ReferTable)
		if err == nil {
			err = s.need(privilege.Select, like.DB, like.Table)
		}
		if err != nil {
			return err
		}
		return s.done(a, c.CreateTableLike(ctx, d, name, like, n.IfNotExists))
	}
	db, err := s.snapshot().Database(name.DB)
	if err != nil {
		return err
	}
	spec := catalog.TableSpec{DB: db.Name, Name: name.Table, IfNotExists: n.IfNotExists, Collation: db.Collation}
	if err := s.tableOptions(&spec, n.Options); err != nil {
		return err
	}
	for _, def := range n.Cols {
		col, err := s.columnSpec(ctx, env, def, spec.Collation)
		if err != nil {
			return err
		}
		spec.Columns = append(spec.Columns, col)
	}
	for _, k := range n.Constraints {
		key, ok, err := s.keySpec(k)
		if err != nil {
			return err
		}
		if ok {
			spec.Keys = append(spec.Keys, key)
		}
	}
	return s.done(a, c.CreateTable(ctx, d, spec))
}

// tableOptions reads the options that have an effect here; those about other engines' files are taken and ignored, as
// MySQL does with options that an engine does not know. Errors 1286, 1115, 1273.
func (s *Session) tableOptions(spec *catalog.TableSpec, options []*ast.TableOption) error {
	for _, o := range options {
		var ok bool
		switch o.Tp {
		case ast.TableOptionCharset:
			if o.Default {
				continue
			}
			if spec.Collation, ok = collation.DefaultOf(strings.ToLower(o.StrValue)); !ok {
				return sqlerr.New(sqlerr.ErrUnknownCharacterSet, o.StrValue)
			}
		case ast.TableOptionCollate:
			if spec.Collation, ok = collation.ByName(strings.ToLower(o.StrValue)); !ok {
				return sqlerr.New(sqlerr.ErrUnknownCollation, o.StrValue)
			}
		case ast.TableOptionAutoIncrement:
			spec.AutoIncrement = o.UintValue
		case ast.TableOptionComment:
			spec.Comment = o.StrValue
		case ast.TableOptionEngine:
			if err := s.engine(o.StrValue, spec.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Session) columnSpec(
	ctx context.Context, env *expr.Env, def *ast.ColumnDef, table collation.ID,
) (catalog.ColumnSpec, error) {
	name := def.Name.Name.O
	for _, o := range def.Options {
		if o.Tp == ast.ColumnOptionCollate {
			def.Tp.SetCollate(o.StrValue)
		}
	}
	t, err := columnType(name, def.Tp, table)
	if err != nil {
		return catalog.ColumnSpec{}, err
	}
	t.Nullable = true
	c := catalog.ColumnSpec{Name: name, Type: t}
	for _, o := range def.Options {
		if err := s.columnOption(ctx, env, &c, o); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (s *Session) columnOption(ctx context.Context, env *expr.Env, c *catalog.ColumnSpec, o *ast.ColumnOption) error {
	switch o.Tp {
	case ast.ColumnOptionPrimaryKey:
		c.PrimaryKey, c.Type.Nullable = true, false
	case ast.ColumnOptionUniqKey:
		c.Unique = true
	case ast.ColumnOptionNotNull:
		c.Type.Nullable = false
	case ast.ColumnOptionNull, ast.ColumnOptionNoOption, ast.ColumnOptionColumnFormat, ast.ColumnOptionStorage,
		ast.ColumnOptionCollate, ast.ColumnOptionReference:
		// REFERENCES beside a column is parsed and ignored by MySQL, too.
	case ast.ColumnOptionCheck:
		s.unchecked("CHECK")
	case ast.ColumnOptionAutoIncrement:
		c.DefaultKind = schema.DefaultAutoIncr
		c.Type.Nullable = false
	case ast.ColumnOptionComment:
		d, err := s.evalScalar(ctx, env, o.Expr, answer{})
		if err != nil {
			return err
		}
		c.Comment = datumText(d)
	case ast.ColumnOptionOnUpdate:
		c.OnUpdateNow = true
	case ast.ColumnOptionDefaultValue:
		return s.columnDefaultSpec(ctx, env, c.Type, o.Expr, &c.DefaultKind, &c.Default, &c.DefaultText)
	case ast.ColumnOptionGenerated:
		return sqlerr.New(sqlerr.ErrNotSupportedYet, "generated columns")
	default:
		return sqlerr.New(sqlerr.ErrNotSupportedYet, "this column attribute")
	}
	return nil
}

// columnDefaultSpec reads DEFAULT of a column of type t: a value, CURRENT_TIMESTAMP, or an expression. A literal in
// parentheses is a value, unless the type has none as default.
func (s *Session) columnDefaultSpec(
	ctx context.Context, env *expr.Env, t types.Type, e ast.ExprNode, kind *schema.DefaultKind, value *types.Datum,
	text *string,
) error {
	f, expression := e.(*ast.FuncCallExpr)
	if expression && f.FnName.L == parse.DefaultFunction {
		if len(f.Args) != 1 {
			return sqlerr.New(sqlerr.ErrOperandColumns, 1)
		}
		e = f.Args[0]
		if _, ok := e.(*parse.Value); ok {
			expression = t.IsBlob() || t.ID == types.JSON
		}
	}
	if f, ok := e.(*ast.FuncCallExpr); ok && isNow(f.FnName.L) {
		*kind = schema.DefaultNow
		return nil
	}
	if expression {
		written, err := restore(e)
		if err != nil {
			return err
		}
		*kind, *text = schema.DefaultExpression, written
		budget := s.newLedger()
		defer budget.release()
		var column schema.Column
		column.SetDefaultText(*text)
		_, err = bind.DefaultExpression(s.bindContext(env, answer{}, budget), &column)
		return err
	}
	d, err := s.evalScalar(ctx, env, e, answer{})
	if err != nil {
		return err
	}
	*kind, *value = schema.DefaultValue, cloneDatum(d)
	return nil
}

// isNow is for the names of CURRENT_TIMESTAMP.
func isNow(name string) bool {
	switch name {
	case "current_timestamp", "now", "localtime", "localtimestamp":
		return true
	}
	return false
}

// keySpec reads a key; false for constraints that MySQL takes and that have no effect here.
func (s *Session) keySpec(k *ast.Constraint) (catalog.KeySpec, bool, error) {
	key := catalog.KeySpec{Name: k.Name, IfNotExists: k.IfNotExists}
	switch k.Tp {
	case ast.ConstraintPrimaryKey:
		key.Kind = catalog.KeyPrimary
	case ast.ConstraintUniq, ast.ConstraintUniqKey, ast.ConstraintUniqIndex:
		key.Kind = catalog.KeyUnique
	case ast.ConstraintKey, ast.ConstraintIndex:
		key.Kind = catalog.KeyIndex
	case ast.ConstraintForeignKey:
		s.unchecked("FOREIGN KEY")
		return key, false, nil
	case ast.ConstraintCheck:
		s.unchecked("CHECK")
		return key, false, nil
	default:
		return key, false, sqlerr.New(sqlerr.ErrNotSupportedYet, "this kind of index")
	}
	if k.Option != nil {
		key.Comment = k.Option.Comment
	}
	var err error
	key.Parts, err = keyParts(k.Keys)
	return key, true, err
}

func keyParts(in []*ast.IndexPartSpecification) ([]catalog.KeyPart, error) {
	out := make([]catalog.KeyPart, len(in))
	for i, p := range in {
		if p.Expr != nil {
			return nil, sqlerr.New(sqlerr.ErrNotSupportedYet, "functional index parts")
		}
		out[i] = catalog.KeyPart{Column: p.Column.Name.O, Prefix: max(p.Length, 0), Desc: p.Desc}
	}
	return out, nil
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

func (s *Session) createIndex(ctx context.Context, n *ast.CreateIndexStmt, d catalog.DDL, a answer) error {
	key := catalog.KeySpec{Name: n.IndexName, IfNotExists: n.IfNotExists}
	switch n.KeyType {
	case ast.IndexKeyTypeNone:
	case ast.IndexKeyTypeUnique:
		key.Kind = catalog.KeyUnique
	default:
		return sqlerr.New(sqlerr.ErrNotSupportedYet, "this kind of index")
	}
	if n.IndexOption != nil {
		key.Comment = n.IndexOption.Comment
	}
	var err error
	if key.Parts, err = keyParts(n.IndexPartSpecifications); err != nil {
		return err
	}
	return s.alter(ctx, n.Table, d, a, catalog.AddKey{Key: key})
}

// alter applies changes to a table.
func (s *Session) alter(
	ctx context.Context, table *ast.TableName, d catalog.DDL, a answer, changes ...catalog.Alteration,
) error {
	name, err := s.tableName(table)
	if err == nil {
		err = s.need(privilege.Alter, name.DB, name.Table)
	}
	if err != nil {
		return err
	}
	rows, err := s.manager.Catalog.AlterTable(ctx, d, name, changes)
	if err != nil || d.Explain != nil {
		return err
	}
	s.affected, s.rowCount = uint64(rows), rows
	return a.out.OK(s.status(a, sqlerr.New(sqlerr.ErrInsertInfo, rows, 0, s.warningCount).Message))
}

func (s *Session) alterTable(ctx context.Context, n *ast.AlterTableStmt, d catalog.DDL, env *expr.Env, a answer) error {
	name, err := s.tableName(n.Table)
	if err != nil {
		return err
	}
	t, err := s.snapshot().Table(name.DB, name.Table)
	if err != nil {
		return err
	}
	var changes []catalog.Alteration
	for _, sp := range n.Specs {
		more, err := s.alterations(ctx, env, t, sp)
		if err != nil {
			return err
		}
		changes = append(changes, more...)
	}
	return s.alter(ctx, n.Table, d, a, changes...)
}

// alterations turns one clause of ALTER TABLE into the catalog's.
func (s *Session) alterations(
	ctx context.Context, env *expr.Env, t *schema.Table, sp *ast.AlterTableSpec,
) ([]catalog.Alteration, error) {
	one := func(a catalog.Alteration) []catalog.Alteration { return []catalog.Alteration{a} }
	switch sp.Tp {
	case ast.AlterTableAddColumns:
		return s.addColumns(ctx, env, t, sp)
	case ast.AlterTableAddConstraint:
		key, ok, err := s.keySpec(sp.Constraint)
		if err != nil || !ok {
			return nil, err
		}
		return one(catalog.AddKey{Key: key}), nil
	case ast.AlterTableDropColumn:
		return one(catalog.DropColumn{Name: sp.OldColumnName.Name.O, IfExists: sp.IfExists}), nil
	case ast.AlterTableDropPrimaryKey:
		return one(catalog.DropKey{Name: "PRIMARY"}), nil
	case ast.AlterTableDropIndex:
		return one(catalog.DropKey{Name: sp.Name, IfExists: sp.IfExists}), nil
	case ast.AlterTableModifyColumn, ast.AlterTableChangeColumn:
		col, err := s.columnSpec(ctx, env, sp.NewColumns[0], t.Collation)
		if err != nil {
			return nil, err
		}
		m := catalog.ModifyColumn{OldName: col.Name, Column: col}
		if sp.Tp == ast.AlterTableChangeColumn {
			m.OldName = sp.OldColumnName.Name.O
		}
		m.Position, m.Moved = position(sp.Position)
		return one(m), nil
	case ast.AlterTableRenameColumn:
		return one(catalog.RenameColumn{Old: sp.OldColumnName.Name.O, New: sp.NewColumnName.Name.O}), nil
	case ast.AlterTableRenameTable:
		to, err := s.tableName(sp.NewTable)
		if err != nil {
			return nil, err
		}
		return one(catalog.RenameTable{To: to}), nil
	case ast.AlterTableAlterColumn:
		def := sp.NewColumns[0]
		set := catalog.SetDefault{Column: def.Name.Name.O}
		if len(def.Options) > 0 {
			err := s.columnDefaultSpec(ctx, env, types.Type{}, def.Options[0].Expr, &set.DefaultKind, &set.Default,
				&set.DefaultText)
			if err != nil {
				return nil, err
			}
		}
		return one(set), nil
	case ast.AlterTableDropForeignKey:
		s.unchecked("FOREIGN KEY")
		return nil, nil
	case ast.AlterTableDropCheck, ast.AlterTableAlterCheck:
		// DROP CONSTRAINT may also mean a key.
		if name := sp.Constraint.Name; sp.Tp == ast.AlterTableDropCheck && t.IndexByName(name) != nil {
			return one(catalog.DropKey{Name: name}), nil
		}
		s.unchecked("CHECK")
		return nil, nil
	case ast.AlterTableRenameIndex:
		return one(catalog.RenameKey{Old: sp.FromKey.O, New: sp.ToKey.O}), nil
	case ast.AlterTableOption:
		return s.optionChanges(t, sp.Options)
	case ast.AlterTableForce:
		return one(catalog.Rebuild{}), nil
	case ast.AlterTableLock, ast.AlterTableAlgorithm, ast.AlterTableEnableKeys, ast.AlterTableDisableKeys,
		ast.AlterTableWithValidation, ast.AlterTableWithoutValidation:
		// How it is done is chosen here; non-unique keys are always kept up.
		return nil, nil
	}
	return nil, sqlerr.New(sqlerr.ErrNotSupportedYet, "this clause of ALTER TABLE")
}

func (s *Session) addColumns(
	ctx context.Context, env *expr.Env, t *schema.Table, sp *ast.AlterTableSpec,
) ([]catalog.Alteration, error) {
	var out []catalog.Alteration
	for _, def := range sp.NewColumns {
		if sp.IfNotExists && t.ColumnByName(def.Name.Name.O) >= 0 {
			s.warn(sqlerr.NewNote(sqlerr.ErrDupFieldName, def.Name.Name.O))
			continue
		}
		col, err := s.columnSpec(ctx, env, def, t.Collation)
		if err != nil {
			return nil, err
		}
		pos, _ := position(sp.Position)
		out = append(out, catalog.AddColumn{Column: col, Position: pos})
	}
	for _, k := range sp.NewConstraints {
		key, ok, err := s.keySpec(k)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, catalog.AddKey{Key: key})
		}
	}
	return out, nil
}

// position reads FIRST and AFTER; false: neither is given.
func position(p *ast.ColumnPosition) (catalog.Position, bool) {
	if p == nil {
		return catalog.Position{}, false
	}
	switch p.Tp {
	case ast.ColumnPositionFirst:
		return catalog.Position{First: true}, true
	case ast.ColumnPositionAfter:
		return catalog.Position{After: p.RelativeColumn.Name.O}, true
	}
	return catalog.Position{}, false
}

// optionChanges reads the table options of ALTER TABLE.
func (s *Session) optionChanges(t *schema.Table, options []*ast.TableOption) ([]catalog.Alteration, error) {
	var out []catalog.Alteration
	convert := false
	spec := catalog.TableSpec{Name: t.Name}
	if err := s.tableOptions(&spec, options); err != nil {
		return nil, err
	}
	for _, o := range options {
		switch o.Tp {
		case ast.TableOptionCharset:
			convert = convert || o.UintValue == ast.TableOptionCharsetWithConvertTo
		case ast.TableOptionAutoIncrement:
			out = append(out, catalog.SetAutoIncrement{Next: o.UintValue})
		case ast.TableOptionComment:
			out = append(out, catalog.SetComment{Comment: o.StrValue})
		case ast.TableOptionEngine:
			out = append(out, catalog.Rebuild{})
		}
	}
	if spec.Collation != 0 {
		out = append(out, catalog.SetCollation{Collation: spec.Collation, Convert: convert})
	}
	return out, nil
}
