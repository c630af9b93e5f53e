package expr

import (
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// CommonType is the type of a column that is fed by all of exprs: CASE, COALESCE, UNION. Error: 1267.
func CommonType(exprs []Expr, env *Env) (types.Type, error) {
	_, t, _, err := (&builder{env: env, name: "UNION"}).common(exprs)
	return t, err
}

// common casts args to their common type.
func (b *builder) common(args []Expr) ([]Expr, types.Type, collation.Coercibility, error) {
	t := types.NewNull()
	nullable := false
	for _, a := range args {
		at := a.Type()
		nullable = nullable || at.Nullable || at.ID == types.Null
		t = merge(t, at, a)
	}
	coerc := collation.CoerceNumeric
	if t.IsString() && t.Collation != collation.Binary || t.ID == types.Enum || t.ID == types.Set {
		c, k, err := b.aggregate(args)
		if err != nil {
			return nil, t, 0, err
		}
		t.Collation, coerc = c, k
		if c == collation.Binary {
			t = binaryOf(t)
		}
	}
	t.Nullable = nullable
	out := make([]Expr, len(args))
	for i, a := range args {
		out[i] = NewCast(a, t)
	}
	return out, t, coerc, nil
}

// binaryOf is the binary type of the same size as a type of text.
func binaryOf(t types.Type) types.Type {
	if t.ID >= types.TinyText && t.ID <= types.LongText {
		t.ID += types.TinyBlob - types.TinyText
	}
	if t.ID == types.Char {
		t.ID = types.Binary
	}
	if t.ID == types.VarChar {
		t.ID = types.VarBinary
	}
	t.Collation = collation.Binary
	return t
}

// merge is the type that holds values of both; e is the expression of type y.
func merge(x, y types.Type, e Expr) types.Type {
	switch {
	case y.ID == types.Null:
		return x
	case x.ID == types.Null:
		if _, ok := e.(*Const); ok && y.IsInteger() {
			y.Length = 0
		}
		return y
	case x.ID == types.JSON && y.ID == types.JSON:
		return x
	case x.IsInteger() && y.IsInteger():
		return mergeIntegers(x, y)
	case x.IsNumeric() && y.IsNumeric():
		return mergeNumbers(x, y)
	case x.ID == y.ID && x.IsTemporal():
		x.Scale = max(x.Scale, y.Scale)
		return x
	case x.IsTemporal() && y.IsTemporal():
		return types.NewDateTime(int(max(x.Scale, y.Scale)))
	case (x.ID == types.Enum || x.ID == types.Set) && x.Equal(y.WithNullable(x.Nullable)):
		return x
	}
	return mergeStrings(x, y)
}

func mergeIntegers(x, y types.Type) types.Type {
	if x.Unsigned == y.Unsigned {
		x.ID = max(x.ID, y.ID)
		x.Length, x.ZeroFill = max(x.Length, y.Length), false
		if x.ID != types.TinyInt {
			x.Length = 0
		}
		return x
	}
	s, u := x, y
	if x.Unsigned {
		s, u = y, x
	}
	if s.ID > u.ID {
		s.Length = 0
		return s
	}
	if u.ID == types.BigInt {
		return types.NewDecimal(20, 0)
	}
	return types.NewInteger(u.ID+1, false)
}

func mergeNumbers(x, y types.Type) types.Type {
	switch {
	case x.IsFloat() && y.IsFloat() && x.ID == y.ID:
		if x.Scale != y.Scale {
			x.Scale, x.Precision = types.NotFixed, 0
		}
		return x
	case x.IsFloat() || y.IsFloat():
		return types.NewDouble()
	case x.ID == types.Decimal || y.ID == types.Decimal:
		sx, sy := scaleOf(x), scaleOf(y)
		s := max(sx, sy)
		return types.NewDecimal(max(typePrecision(x)-sx, typePrecision(y)-sy)+s, s)
	case x.ID == y.ID:
		x.Length = max(x.Length, y.Length)
		return x
	}
	if x.Phys() == types.PhysUint64 && y.Phys() == types.PhysUint64 {
		return types.NewUBigInt()
	}
	return types.NewBigInt()
}

func mergeStrings(x, y types.Type) types.Type {
	n := max(textLength(x), textLength(y))
	binary := x.IsBinaryString() || y.IsBinaryString() || x.ID == types.Bit || y.ID == types.Bit
	c := collation.Default
	if x.ID == types.JSON || y.ID == types.JSON {
		return types.NewText(types.LongText, c)
	}
	id := types.VarChar
	if x.IsBlob() || y.IsBlob() {
		bytes := 0
		for _, t := range [...]types.Type{x, y} {
			if t.IsString() {
				bytes = max(bytes, t.MaxBytes())
			} else {
				bytes = max(bytes, n)
			}
		}
		switch {
		case bytes <= types.MaxTinyBlob:
			id = types.TinyText
		case bytes <= types.MaxBlob:
			id = types.Text
		case bytes <= types.MaxMediumBlob:
			id = types.MediumText
		default:
			id = types.LongText
		}
	} else if x.ID == types.Char && y.ID == types.Char {
		id = types.Char
	}
	t := types.NewVarChar(n, c)
	if id != types.VarChar && id != types.Char {
		t = types.NewText(id, c)
	} else {
		t.ID = id
	}
	if binary {
		return binaryOf(t)
	}
	return t
}
