package bind

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// function binds a call. Words that are part of a function's syntax (units, directions) become string constants.
func (x *exprBinder) function(n *ast.FuncCallExpr) (expr.Expr, error) {
	name := n.FnName.L
	switch name {
	case "char", ast.CharFunc:
		return x.charFunction(n.Args)
	case "convert":
		return x.convertUsing(n)
	case ast.DateLiteral, ast.TimeLiteral, ast.TimestampLiteral:
		return x.temporalLiteral(name, n.Args[0])
	case "any_value":
		// In a grouping it takes any row's value; elsewhere it is its argument.
		if x.grouped && !x.inAggregate && len(n.Args) == 1 {
			return x.aggregate(&ast.AggregateFuncExpr{F: name, Args: n.Args})
		}
	case "grouping":
		return x.grouping(n.Args)
	case "trim":
		return x.trim(n.Args)
	case ast.InsertFunc:
		name = "insert"
	}
	if n.Schema.O != "" && !expr.Exists(name) {
		return nil, sqlerr.New(sqlerr.ErrSpDoesNotExist, "FUNCTION", n.Schema.O+"."+n.FnName.O)
	}
	args := make([]expr.Expr, len(n.Args))
	for i, a := range n.Args {
		e, err := x.argument(a)
		if err != nil {
			return nil, err
		}
		args[i] = e
	}
	if n.Schema.O == "" && !expr.Exists(name) {
		db := x.b.ctx.Database
		if db != "" {
			db += "."
		}
		return nil, sqlerr.New(sqlerr.ErrSpDoesNotExist, "FUNCTION", db+n.FnName.O)
	}
	e, err := x.b.call(name, args...)
	if sqlerr.CodeOf(err) == sqlerr.ErrWrongParamCountToNativeFct {
		err = sqlerr.New(sqlerr.ErrWrongParamCountToNativeFct, n.FnName.O) // as it was written
	}
	return e, err
}

func (x *exprBinder) argument(n ast.ExprNode) (expr.Expr, error) {
	switch n := n.(type) {
	case *ast.TimeUnitExpr:
		return expr.NewString(n.Unit.String(), x.b.collation()), nil
	case *ast.TrimDirectionExpr:
		return expr.NewString(n.Direction.String(), x.b.collation()), nil
	case *ast.GetFormatSelectorExpr:
		return expr.NewString(n.Selector.String(), x.b.collation()), nil
	}
	return x.bind(n)
}

// trim is TRIM([direction] [what FROM] text): the grammar gives text, what, direction.
func (x *exprBinder) trim(nodes []ast.ExprNode) (expr.Expr, error) {
	name := "trim"
	if len(nodes) == 3 {
		if d, ok := nodes[2].(*ast.TrimDirectionExpr); ok {
			switch d.Direction {
			case ast.TrimLeading:
				name = "ltrim"
			case ast.TrimTrailing:
				name = "rtrim"
			}
		}
		nodes = nodes[:2]
	}
	return x.apply(name, nodes...)
}

// charFunction is CHAR(65, 66 USING utf8mb4); the grammar puts the charset last, NULL if there is none.
func (x *exprBinder) charFunction(nodes []ast.ExprNode) (expr.Expr, error) {
	last := nodes[len(nodes)-1]
	e, err := x.apply("char", nodes[:len(nodes)-1]...)
	if err != nil {
		return nil, err
	}
	v, ok := last.(*parse.Value)
	if !ok || v.Kind() == parse.KindNull {
		return e, nil
	}
	id, ok := defaultCollation(strings.ToLower(v.Literal()))
	if !ok {
		return nil, sqlerr.New(sqlerr.ErrUnknownCharacterSet, v.Literal())
	}
	return expr.NewExplicitCast(e, types.NewVarChar(types.MaxVarLength, id), x.b.ctx.Env)
}

// convertUsing is CONVERT(e USING charset).
func (x *exprBinder) convertUsing(n *ast.FuncCallExpr) (expr.Expr, error) {
	e, err := x.bind(n.Args[0])
	if err != nil {
		return nil, err
	}
	v, ok := n.Args[1].(*parse.Value)
	if !ok {
		return nil, notSupported("CONVERT")
	}
	id, ok := defaultCollation(strings.ToLower(v.Literal()))
	if !ok {
		return nil, sqlerr.New(sqlerr.ErrUnknownCharacterSet, v.Literal())
	}
	t := types.NewText(types.LongText, id)
	if id == collation.Binary {
		t = types.NewBlob(types.LongBlob)
	}
	if et := e.Type(); et.IsString() && et.Length > 0 && !et.IsBlob() {
		t = types.NewVarChar(int(et.Length), id)
		if id == collation.Binary {
			t = types.NewVarBinary(et.MaxBytes())
		}
	}
	return expr.NewCast(e, t), nil
}

// temporalLiteral is DATE '2024-01-05' and the like. Error 1525.
func (x *exprBinder) temporalLiteral(name string, n ast.ExprNode) (expr.Expr, error) {
	v, ok := n.(*parse.Value)
	if !ok {
		return nil, notSupported("this literal")
	}
	text := []byte(v.Literal())
	mode := x.b.ctx.Mode.Temporal()
	fsp := 0
	if i := strings.LastIndexByte(v.Literal(), '.'); i >= 0 {
		fsp = min(len(text)-i-1, types.MaxFsp)
	}
	var (
		d    types.Datum
		r    types.ParseResult
		kind string
		i    int64
	)
	switch name {
	case ast.DateLiteral:
		kind = "DATE"
		i, r = types.ParseDate(text, mode)
		d = types.NewIntDatum(types.NewDate().WithNullable(false), i)
	case ast.TimeLiteral:
		kind = "TIME"
		i, r = types.ParseTime(text, uint8(fsp))
		d = types.NewIntDatum(types.NewTime(fsp).WithNullable(false), i)
	default:
		kind = "DATETIME"
		i, r = types.ParseDateTime(text, uint8(fsp), mode)
		d = types.NewIntDatum(types.NewDateTime(fsp).WithNullable(false), i)
	}
	if r != types.ParseOK {
		return nil, sqlerr.New(sqlerr.ErrWrongValue, kind, v.Literal())
	}
	return expr.NewConst(d), nil
}

// variable binds @name, @name := value, @@name.
func (x *exprBinder) variable(n *ast.VariableExpr) (expr.Expr, error) {
	if n.IsSystem {
		scope := ""
		switch {
		case n.IsGlobal:
			scope = "global"
		case n.ExplicitScope:
			scope = "session"
		}
		if x.b.ctx.Env.Variable == nil {
			return nil, sqlerr.New(sqlerr.ErrUnknownSystemVariable, n.Name)
		}
		d, err := x.b.ctx.Env.Variable(scope, n.Name)
		if err != nil {
			return nil, err
		}
		return expr.NewConst(d), nil
	}
	name := expr.NewString(strings.ToLower(n.Name), x.b.collation())
	if e := x.userVars[strings.ToLower(n.Name)]; e != nil && n.Value == nil {
		return e, nil
	}
	if n.Value == nil {
		if x.b.assigns() {
			return x.b.call("@ row", name)
		}
		return x.b.call("@", name)
	}
	v, err := x.bind(n.Value)
	if err != nil {
		return nil, err
	}
	return x.b.call(":=", name, v)
}

// assigns says if the statement sets user variables, so that reading one must be done for each row.
func (b *binder) assigns() bool { return strings.Contains(b.st.Text, ":=") }

// defaultOf is DEFAULT(column).
func (x *exprBinder) defaultOf(n *ast.DefaultExpr) (expr.Expr, error) {
	if n.Name == nil {
		return nil, sqlerr.New(sqlerr.ErrParse, "DEFAULT is not allowed here", "DEFAULT", 1)
	}
	c, err := x.scope.find(n.Name, x.clause)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, sqlerr.New(sqlerr.ErrBadField, nameText(n.Name), x.clause)
	}
	t, err := x.b.ctx.Catalog.Table(c.db, c.col.OrgTable)
	if err != nil {
		return nil, err
	}
	i := t.ColumnByName(c.col.OrgName)
	if i < 0 {
		return nil, sqlerr.New(sqlerr.ErrBadField, nameText(n.Name), x.clause)
	}
	return x.b.defaultValue(t, i)
}
