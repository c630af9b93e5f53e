package bind

import (
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	ptypes "github.com/pingcap/tidb/pkg/parser/types"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// cast is CAST(e AS type), CONVERT(e, type) and BINARY e.
func (x *exprBinder) cast(n *ast.FuncCastExpr) (expr.Expr, error) {
	e, err := x.bind(n.Expr)
	if err != nil {
		return nil, err
	}
	t, err := x.b.castType(n)
	if err != nil {
		return nil, err
	}
	return expr.NewExplicitCast(e, t, x.b.ctx.Env)
}

func (b *binder) castType(n *ast.FuncCastExpr) (types.Type, error) {
	ft := n.Tp
	if ft.IsArray() {
		return types.Type{}, notSupported("CAST ... AS ... ARRAY")
	}
	length, scale := ft.GetFlen(), ft.GetDecimal()
	if scale == ptypes.UnspecifiedLength {
		scale = 0
	}
	switch ft.GetType() {
	case mysql.TypeLonglong:
		return types.NewInteger(types.BigInt, ft.GetFlag()&mysql.UnsignedFlag != 0), nil
	case mysql.TypeNewDecimal:
		if length == ptypes.UnspecifiedLength {
			length = 10
		}
		switch {
		case length > types.MaxPrecision:
			return types.Type{}, sqlerr.New(sqlerr.ErrTooBigPrecision, length, "cast", types.MaxPrecision)
		case scale > types.MaxScale:
			return types.Type{}, sqlerr.New(sqlerr.ErrTooBigScale, scale, "cast", types.MaxScale)
		case scale > length:
			return types.Type{}, sqlerr.New(sqlerr.ErrMBiggerThanD, "")
		}
		return types.NewDecimal(length, scale), nil
	case mysql.TypeDouble:
		return types.NewDouble(), nil
	case mysql.TypeFloat:
		return types.NewFloat(), nil
	case mysql.TypeDate:
		return types.NewDate(), nil
	case mysql.TypeDatetime, mysql.TypeDuration, mysql.TypeTimestamp:
		if scale > types.MaxFsp {
			return types.Type{}, sqlerr.New(sqlerr.ErrTooBigPrecision, scale, "cast", types.MaxFsp)
		}
		if ft.GetType() == mysql.TypeDuration {
			return types.NewTime(scale), nil
		}
		return types.NewDateTime(scale), nil
	case mysql.TypeYear:
		return types.NewYear(), nil
	case mysql.TypeJSON:
		return types.NewJSON(), nil
	case mysql.TypeString, mysql.TypeVarString, mysql.TypeVarchar:
		return b.castString(n)
	}
	return types.Type{}, notSupported("CAST to this type")
}

// castString is CHAR(n) or BINARY(n); without a length it is as long as the value.
func (b *binder) castString(n *ast.FuncCastExpr) (types.Type, error) {
	ft := n.Tp
	length := ft.GetFlen()
	if ft.GetCharset() == "binary" {
		if length == ptypes.UnspecifiedLength {
			return types.NewBlob(types.LongBlob), nil
		}
		return types.NewBinary(length), nil
	}
	c := b.collation()
	if n.ExplicitCharSet {
		id, ok := defaultCollation(ft.GetCharset())
		if !ok {
			return types.Type{}, sqlerr.New(sqlerr.ErrUnknownCharacterSet, ft.GetCharset())
		}
		c = id
	}
	if c == collation.Binary {
		c = collation.Default
	}
	if length == ptypes.UnspecifiedLength {
		return types.NewText(types.LongText, c), nil
	}
	return types.NewVarChar(length, c), nil
}
