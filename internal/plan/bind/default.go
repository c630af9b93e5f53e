package bind

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// defaultValue is what DEFAULT(column) gives. Error 1364.
func (b *binder) defaultValue(t *schema.Table, ordinal int) (expr.Expr, error) {
	c := &t.Columns[ordinal]
	switch c.DefaultKind {
	case schema.DefaultValue:
		return expr.NewConst(c.Default()), nil
	case schema.DefaultNow:
		return b.call("now", expr.NewInt(int64(c.Type.Scale)))
	case schema.DefaultAutoIncr:
		return expr.NewInt(0), nil
	case schema.DefaultExpression:
		return b.defaultExpression(c)
	}
	if c.Type.Nullable {
		return expr.NewConst(types.NullDatum(c.Type)), nil
	}
	return nil, sqlerr.New(sqlerr.ErrNoDefaultForField, c.Name)
}

// defaultExpression binds DEFAULT (expression).
func (b *binder) defaultExpression(c *schema.Column) (expr.Expr, error) {
	stmts, err := parse.Parse([]byte("SELECT "+c.DefaultText()), parse.Options{})
	if err != nil {
		return nil, err
	}
	sel, ok := stmts[0].Node.(*ast.SelectStmt)
	if !ok || len(sel.Fields.Fields) != 1 || sel.Fields.Fields[0].Expr == nil {
		return nil, sqlerr.New(sqlerr.ErrInvalidDefault, c.Name)
	}
	x := &exprBinder{b: b, scope: &scope{}, clause: "default value expression", noSubquery: true}
	return x.bind(sel.Fields.Fields[0].Expr)
}
