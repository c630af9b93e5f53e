package expr

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// testEnv collects warnings.
type testEnv struct {
	Env
	warnings []sqlerr.Warning
}

func newTestEnv() *testEnv {
	e := &testEnv{}
	e.Env = Env{
		SQLMode: types.ModeDefault, Location: time.UTC, Now: time.Date(2024, 2, 29, 12, 34, 56, 789012000, time.UTC),
		Collation: collation.Default, Database: "test", User: "me@localhost", CurrentUser: "me@%", ConnID: 7,
		Version: "8.0.36", MaxPacket: 1 << 20, GroupConcat: 1024, DivIncrement: 4,
		Warn: func(w sqlerr.Warning) { e.warnings = append(e.warnings, w) },
	}
	return e
}

// lit makes a literal: nil, int, uint64, float64, string, []byte, a decimal as dec("1.5"), a Datum, or an Expr.
func lit(v any) Expr {
	switch v := v.(type) {
	case nil:
		return NewNull()
	case int:
		return NewInt(int64(v))
	case int64:
		return NewInt(v)
	case uint64:
		return &Const{D: types.NewUintDatum(types.NewUBigInt(), v)}
	case float64:
		return &Const{D: types.NewFloatDatum(types.NewDouble(), v)}
	case string:
		return NewString(v, collation.Default)
	case []byte:
		return &Const{D: types.NewStringDatum(types.NewVarBinary(len(v)), v)}
	case types.Datum:
		return &Const{D: v}
	case Expr:
		return v
	}
	return nil
}

func dec(s string) types.Datum {
	scale := 0
	for i := range s {
		if s[i] == '.' {
			scale = len(s) - i - 1
		}
	}
	d, _, err := types.ParseDec([]byte(s), uint8(scale))
	if err != nil {
		return types.Datum{}
	}
	return types.NewDecDatum(types.NewDecimal(max(d.Digits(), scale), scale), d)
}

func date(s string) types.Datum {
	v, _ := types.ParseDate([]byte(s), types.TemporalMode{})
	return types.NewIntDatum(types.NewDate(), v)
}

func datetime(s string) types.Datum {
	fsp := 0
	for i := range s {
		if s[i] == '.' {
			fsp = len(s) - i - 1
		}
	}
	v, _ := types.ParseDateTime([]byte(s), uint8(fsp), types.TemporalMode{})
	return types.NewIntDatum(types.NewDateTime(fsp), v)
}

func timeOf(s string) types.Datum {
	v, _ := types.ParseTime([]byte(s), 6)
	return types.NewIntDatum(types.NewTime(0), v)
}

func list(v ...any) []Expr {
	out := make([]Expr, len(v))
	for i := range v {
		out[i] = lit(v[i])
	}
	return out
}

// call builds a call in a test that may go wrong only there.
func call(t testing.TB, env *testEnv, name string, args ...any) Expr {
	e, err := NewCall(name, list(args...), &env.Env)
	require.NoError(t, err, name)
	return e
}

// text evaluates a call to its text; errors as "error 1690".
func text(t testing.TB, env *testEnv, e Expr, err error) string {
	if err == nil {
		var d types.Datum
		if d, err = EvalConst(e, &env.Env); err == nil {
			if d.IsNull() {
				return "NULL"
			}
			return string(d.AppendText(nil, env.Location))
		}
	}
	return "error " + string(appendInt(nil, int64(sqlerr.CodeOf(err))))
}

// known is a call and the result MySQL gives.
type known struct {
	name string
	args []any
	want string
	warn sqlerr.Code // of the last warning, 0: none
}

func args(v ...any) []any { return v }

func checkKnown(t *testing.T, tests []known) {
	t.Helper()
	for _, test := range tests {
		env := newTestEnv()
		e, err := NewCall(test.name, list(test.args...), &env.Env)
		got := text(t, env, e, err)
		label := test.name
		if e != nil {
			label = e.String()
		}
		if got != test.want {
			t.Errorf("%s = %q, want %q", label, got, test.want)
		}
		code := sqlerr.Code(0)
		if n := len(env.warnings); n > 0 {
			code = sqlerr.Code(env.warnings[n-1].Code)
		}
		if code != test.warn {
			t.Errorf("%s warns %d, want %d: %v", label, code, test.warn, env.warnings)
		}
	}
}

func TestArithmetic(t *testing.T) {
	big := int64(1<<63 - 1)
	checkKnown(t, []known{
		{"+", args(1, 2), "3", 0},
		{"+", args(big, 1), "error 1690", 0},
		{"+", args(uint64(1<<64-1), 1), "error 1690", 0},
		{"+", args(uint64(2), -1), "1", 0},
		{"-", args(uint64(1), 2), "error 1690", 0},
		{"-", args(1, 2), "-1", 0},
		{"*", args(big, 2), "error 1690", 0},
		{"*", args(-3, 4), "-12", 0},
		{"+", args("1", 2), "3", 0},
		{"+", args("1x", 2), "3", 1292},
		{"+", args(nil, 2), "NULL", 0},
		{"+", args(dec("1.50"), dec("2.5")), "4.00", 0},
		{"-", args(dec("1.50"), 1), "0.50", 0},
		{"*", args(dec("1.50"), dec("2.5")), "3.750", 0},
		{"/", args(1, 3), "0.3333", 0},
		{"/", args(dec("10.00"), 3), "3.333333", 0},
		{"/", args(1, 0), "NULL", 1365},
		{"/", args(1.0, 4), "0.25", 0},
		{"div", args(7, 2), "3", 0},
		{"div", args(-7, 2), "-3", 0},
		{"div", args(dec("7.5"), dec("2.5")), "3", 0},
		{"div", args(1, 0), "NULL", 1365},
		{"%", args(-7, 3), "-1", 0},
		{"%", args(dec("5.5"), 2), "1.5", 0},
		{"%", args(5.5, 2), "1.5", 0},
		{"mod", args(5, 0), "NULL", 1365},
		{"unary -", args(5), "-5", 0},
		{"unary -", args(uint64(1 << 63)), "-9223372036854775808", 0},
		{"unary -", args(dec("1.5")), "-1.5", 0},
		{"unary -", args("abc"), "0", 1292},
		{"+", args(date("2024-01-05"), 1), "20240106", 0},
		{"+", args(0.1, 0.2), "0.30000000000000004", 0},
		{"*", args(1e308, 10), "error 1690", 0},
		{"nosuch", args(1), "error 1305", 0},
		{"+", args(1), "error 1582", 0},
	})
}

func TestCompareAndLogic(t *testing.T) {
	checkKnown(t, []known{
		{"=", args(1, 1), "1", 0},
		{"=", args("a", "A"), "1", 0},
		{"=", args("a", []byte("A")), "0", 0},
		{"=", args("a", "a "), "0", 0},
		{"=", args(1, "1"), "1", 0},
		{"=", args("abc", 0), "1", 1292},
		{"<", args(-1, uint64(1)), "1", 0},
		{">", args(uint64(1<<63), -1), "1", 0},
		{"<=>", args(nil, nil), "1", 0},
		{"<=>", args(1, nil), "0", 0},
		{"<=>", args(1, 1), "1", 0},
		{"=", args(nil, 1), "NULL", 0},
		{"=", args(dec("1.50"), dec("1.5")), "1", 0},
		{"=", args(date("2024-01-05"), "2024-1-5"), "1", 0},
		{"<", args(date("2024-01-05"), "2024-01-05 10:00:00"), "1", 0},
		{"=", args(date("2024-01-05"), "abc"), "error 1525", 0},
		{"=", args(date("2024-01-05"), 20240105), "1", 0},
		{"=", args(timeOf("10:00:00"), "10:00"), "1", 0},
		{"and", args(1, nil), "NULL", 0},
		{"and", args(0, nil), "0", 0},
		{"and", args(1, 1, 2), "1", 0},
		{"or", args(0, nil), "NULL", 0},
		{"or", args(1, nil), "1", 0},
		{"or", args(0, 0), "0", 0},
		{"xor", args(1, 0), "1", 0},
		{"xor", args(1, nil), "NULL", 0},
		{"not", args(0), "1", 0},
		{"not", args(nil), "NULL", 0},
		{"not", args("0.5"), "0", 0},
		{"is null", args(nil), "1", 0},
		{"is not null", args(nil), "0", 0},
		{"is true", args(nil), "0", 0},
		{"is true", args(5), "1", 0},
		{"is false", args(0), "1", 0},
		{"is not true", args(nil), "1", 0},
		{"is not false", args(nil), "1", 0},
		{"between", args(2, 1, 3), "1", 0},
		{"not between", args(2, 1, 3), "0", 0},
		{"in", args(2, 1, 2, 3), "1", 0},
		{"in", args(5, 1, 2, 3), "0", 0},
		{"in", args(5, 1, nil, 3), "NULL", 0},
		{"not in", args(5, 1, 2), "1", 0},
		{"in", args("A", "b", "a"), "1", 0},
		{"in", args(1, "1", dec("2.5")), "1", 0},
		{"in", args(uint64(3), 3, -1), "1", 0},
		{"greatest", args(1, 3, 2), "3", 0},
		{"least", args("b", "a", "C"), "a", 0},
		{"greatest", args(1, dec("2.5")), "2.5", 0},
		{"greatest", args(1, nil), "NULL", 0},
		{"interval", args(23, 1, 15, 17, 30, 44, 200), "3", 0},
		{"interval", args(nil, 1), "-1", 0},
		{"strcmp", args("a", "b"), "-1", 0},
	})
}

func TestControl(t *testing.T) {
	env := newTestEnv()
	zero := call(t, env, "/", 1, 0)
	checkKnown(t, []known{
		{"if", args(1, "a", "b"), "a", 0},
		{"if", args(nil, "a", "b"), "b", 0},
		{"if", args(1, 1, dec("2.5")), "1.0", 0},
		{"if", args(0, zero, 5), "5.0000", 0},
		{"case", args(0, "a", 1, "b", "c"), "b", 0},
		{"case", args(0, "a"), "NULL", 0},
		{"coalesce", args(nil, nil, 3), "3", 0},
		{"coalesce", args(1, zero), "1.0000", 0},
		{"ifnull", args(nil, "x"), "x", 0},
		{"nullif", args(1, 1), "NULL", 0},
		{"nullif", args(1, 2), "1", 0},
	})
}

func cast(t *testing.T, env *testEnv, v any, to types.Type) string {
	e, err := NewExplicitCast(lit(v), to, &env.Env)
	return text(t, env, e, err)
}

func TestCast(t *testing.T) {
	signed, unsigned := types.NewBigInt(), types.NewUBigInt()
	tests := []struct {
		v    any
		to   types.Type
		want string
		warn sqlerr.Code
	}{
		{"12abc", signed, "12", 1292},
		{"3.7", signed, "3", 1292},
		{dec("3.5"), signed, "4", 0},
		{2.5, signed, "2", 0},
		{-1, unsigned, "18446744073709551615", 0},
		{uint64(1<<64 - 1), signed, "-1", 0},
		{"abc", types.NewDouble(), "0", 1292},
		{"1.5e3", types.NewDouble(), "1500", 0},
		{"123.456", types.NewDecimal(5, 2), "123.46", 0},
		{1000, types.NewDecimal(3, 0), "999", 1264},
		{dec("1.25"), types.NewDecimal(5, 1), "1.3", 0},
		{"abcdef", types.NewChar(3, 0), "abc", 1292},
		{"ab", types.NewBinary(4), "ab\x00\x00", 0},
		{12, types.NewVarChar(10, 0), "12", 0},
		{"2024-02-30", types.NewDate(), "NULL", 1292},
		{"2024-02-29", types.NewDate(), "2024-02-29", 0},
		{"2024-02-29 10:11:12.5", types.NewDateTime(0), "2024-02-29 10:11:13", 0},
		{20240229101112, types.NewDateTime(0), "2024-02-29 10:11:12", 0},
		{"10:11:12.5", types.NewTime(1), "10:11:12.5", 0},
		{101112, types.NewTime(0), "10:11:12", 0},
		{datetime("2024-02-29 10:11:12"), types.NewTime(0), "10:11:12", 0},
		{timeOf("10:11:12"), types.NewDateTime(0), "2024-02-29 10:11:12", 0},
		{datetime("2024-02-29 10:11:12"), signed, "20240229101112", 0},
		{datetime("2024-02-29 10:11:12"), types.NewVarChar(30, 0), "2024-02-29 10:11:12", 0},
		{"2024", types.NewYear(), "2024", 0},
		{nil, signed, "NULL", 0},
	}
	for _, test := range tests {
		env := newTestEnv()
		if got := cast(t, env, test.v, test.to); got != test.want {
			t.Errorf("CAST(%s AS %s) = %q, want %q", lit(test.v), test.to, got, test.want)
		}
		code := sqlerr.Code(0)
		if n := len(env.warnings); n > 0 {
			code = sqlerr.Code(env.warnings[n-1].Code)
		}
		if code != test.warn {
			t.Errorf("CAST(%s AS %s) warns %d, want %d: %v", lit(test.v), test.to, code, test.warn, env.warnings)
		}
	}
}

func TestStrictWarningsAreErrors(t *testing.T) {
	env := newTestEnv()
	env.Strict = true
	_, err := EvalConst(call(t, env, "/", 1, 0), &env.Env)
	require.True(t, sqlerr.Is(err, sqlerr.ErrDivisionByZero))
	_, err = EvalConst(call(t, env, "+", "x", 1), &env.Env)
	require.True(t, sqlerr.Is(err, sqlerr.ErrTruncatedWrongValue))
}

func TestTypes(t *testing.T) {
	env := newTestEnv()
	for _, test := range []struct {
		name string
		args []any
		want string
	}{
		{"+", args(dec("1.50"), dec("22.5")), "decimal(5,2)"},
		{"*", args(dec("1.50"), dec("22.5")), "decimal(6,3)"},
		{"/", args(dec("1.50"), dec("22.5")), "decimal(8,6)"},
		{"+", args(1, 2), "bigint"},
		{"+", args(uint64(1), 2), "bigint unsigned"},
		{"+", args("1", 2), "double"},
		{"=", args(1, 2), "bigint"},
	} {
		require.Equal(t, test.want, call(t, env, test.name, test.args...).Type().String(), test.name)
	}
}

func TestErrorText(t *testing.T) {
	env := newTestEnv()
	col := &Column{Index: 0, T: types.NewBigInt(), Name: "d.t.a"}
	e := call(t, env, "+", col, dec("1.5"))
	require.Equal(t, "(`d`.`t`.`a` + 1.5)", errorText(e))
	require.Equal(t, "plus(cast(d.t.a, decimal(20,1)), 1.5)", e.String())
}

func TestTree(t *testing.T) {
	env := newTestEnv()
	a := &Column{Index: 2, T: types.NewBigInt(), Name: "a"}
	b := &Column{Index: 0, T: types.NewBigInt(), Name: "b"}
	e := call(t, env, "+", call(t, env, "*", a, b), call(t, env, "+", 1, 2))
	require.Equal(t, []int{0, 2}, ColumnsUsed(e))
	require.Equal(t, []int{3, 5}, ColumnsUsed(Shift(e, 3)))
	require.True(t, Equal(e, call(t, env, "+", call(t, env, "*", a, b), call(t, env, "+", 1, 2))))
	require.False(t, Equal(e, Shift(e, 1)))
	require.Equal(t, "plus(mul(a, b), 3)", Fold(e, &env.Env).String())
	require.False(t, IsConst(e))
	d, err := EvalRow(e, []types.Datum{
		types.NewIntDatum(types.NewBigInt(), 5), {}, types.NewIntDatum(types.NewBigInt(), 7),
	}, &env.Env)
	require.NoError(t, err)
	require.Equal(t, int64(38), d.I)
}
