package session

import (
	"context"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/catalog"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/plan/bind"
	"github.com/spillwaydb/spillway/internal/privilege"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

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
