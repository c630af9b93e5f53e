package session

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/catalog"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/privilege"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

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
