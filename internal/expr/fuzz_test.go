package expr

import (
	"testing"

	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// The fuzz targets look for panics and for values that break their type; results are checked by the known ones.

func FuzzLike(f *testing.F) {
	f.Add([]byte("abc"), []byte("a%"), uint16(collation.Default))
	f.Add([]byte("a_c\xff"), []byte(`\_%\`), uint16(collation.UTF8MB4Bin))
	f.Fuzz(func(t *testing.T, s, pattern []byte, c uint16) {
		id := collation.ID(c)
		if !collation.Exists(id) {
			id = collation.Default
		}
		env := newTestEnv()
		text := func(b []byte) Expr { return &Const{D: types.NewStringDatum(types.NewVarChar(len(b), id), b)} }
		e, err := NewCall("like", []Expr{text(s), text(pattern)}, &env.Env)
		if err != nil {
			t.Fatal(err)
		}
		d, err := EvalConst(e, &env.Env)
		if err != nil || d.IsNull() {
			t.Fatalf("%v %v", d, err)
		}
	})
}

func FuzzRegexp(f *testing.F) {
	f.Add("abc", "b+", "$0x")
	f.Add("aaa", "(?<=a)a", `\1`)
	f.Fuzz(func(t *testing.T, s, pattern, with string) {
		env := newTestEnv()
		for name, args := range map[string][]any{
			"regexp_like": {s, pattern}, "regexp_instr": {s, pattern}, "regexp_substr": {s, pattern},
			"regexp_replace": {s, pattern, with},
		} {
			e, err := NewCall(name, list(args...), &env.Env)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = EvalConst(e, &env.Env) // an error is an answer
		}
	})
}

func FuzzCast(f *testing.F) {
	f.Add([]byte("12.5e3"))
	f.Add([]byte("2024-02-30 25:00:00"))
	f.Add([]byte("\xff\x00"))
	f.Fuzz(func(t *testing.T, s []byte) {
		env := newTestEnv()
		for _, from := range []Expr{lit(string(s)), lit(s)} {
			for _, to := range columnTypes {
				if to.ID == types.Enum || to.ID == types.Bit {
					continue
				}
				e, err := NewExplicitCast(from, to, &env.Env)
				if err != nil {
					t.Fatal(err)
				}
				d, err := EvalConst(e, &env.Env)
				if err == nil && !d.IsNull() && d.Kind != to.Phys() {
					t.Fatalf("%q as %s is of kind %s", s, to, d.Kind)
				}
			}
		}
	})
}
