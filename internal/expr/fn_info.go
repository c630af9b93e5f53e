package expr

import (
	"context"
	"time"

	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// Information functions, SLEEP and BENCHMARK.

func defineInfo(t table) {
	text := func(name string, n int, f func(env *Env) string) {
		t.simple(name, "x", 0, 0, returnsSystemText(n), function{flags: seesNull, row: func(r *row) error {
			return r.setStr([]byte(f(r.ev.env)))
		}})
		build := t[name].build
		t[name] = definition{0, 0, func(b *builder, args []Expr) (Expr, error) {
			e, err := build(b, args)
			if c, ok := e.(*Call); ok {
				c.coerc = collation.CoerceSysConst
			}
			return e, err
		}}
	}
	text("version", 64, func(env *Env) string { return env.Version })
	text("user", 288, func(env *Env) string { return env.User })
	t.alias("session_user", "user")
	t.alias("system_user", "user")
	text("current_user", 288, func(env *Env) string { return env.CurrentUser })
	text("current_role", 64, func(*Env) string { return "NONE" })
	t.simple("database", "x", 0, 0, returnsSystemText(64), function{flags: seesNull | mayNull, row: func(r *row) error {
		if r.ev.env.Database == "" {
			return r.setNull()
		}
		return r.setStr([]byte(r.ev.env.Database))
	}})
	t.alias("schema", "database")
	t.simple("connection_id", "x", 0, 0, returnsUint, function{row: func(r *row) error {
		return r.setU64(r.ev.env.ConnID)
	}})
	t.simple("last_insert_id", "u", 0, 0, returnsUint, function{row: func(r *row) error {
		return r.setU64(r.ev.env.LastInsertID)
	}})
	none := t["last_insert_id"]
	t.simple("last_insert_id", "u", 1, 1, returnsUint, function{flags: volatile, row: func(r *row) error {
		if f := r.ev.env.SetLastInsertID; f != nil {
			f(r.u64(0))
		}
		return r.setU64(r.u64(0))
	}})
	one := t["last_insert_id"]
	t["last_insert_id"] = definition{0, 1, func(b *builder, args []Expr) (Expr, error) {
		if len(args) == 0 {
			return none.build(b, args)
		}
		return one.build(b, args)
	}}
	t.simple("row_count", "x", 0, 0, returnsInt, function{row: func(r *row) error {
		return r.setI64(r.ev.env.RowCount)
	}})
	t.simple("found_rows", "x", 0, 0, returnsInt, function{row: func(r *row) error {
		return r.setI64(int64(r.ev.env.FoundRows))
	}})
	t.simple("sleep", "f", 1, 1, returnsInt, function{flags: volatile, row: rowSleep})
	t["benchmark"] = definition{2, 2, func(b *builder, args []Expr) (Expr, error) {
		out := []Expr{NewCast(args[0], types.NewBigInt()), args[1]}
		return b.call(benchmark, out, types.NewInt(), 0, 0), nil
	}}
	fixed := func(name string, f func(c collation.ID, k collation.Coercibility) *Const) {
		t[name] = definition{1, 1, func(b *builder, args []Expr) (Expr, error) {
			c, k := collationOf(args[0], b.env)
			if t := args[0].Type(); t.IsNumeric() || t.IsTemporal() {
				c = collation.Binary
			}
			return f(c, k), nil
		}}
	}
	fixed("collation", func(c collation.ID, _ collation.Coercibility) *Const {
		return NewString(collation.Name(c), collation.UTF8MB3GeneralCI)
	})
	fixed("charset", func(c collation.ID, _ collation.Coercibility) *Const {
		return NewString(collation.Charset(c), collation.UTF8MB3GeneralCI)
	})
	fixed("coercibility", func(_ collation.ID, k collation.Coercibility) *Const { return NewInt(int64(k)) })
	t["name_const"] = definition{2, 2, func(_ *builder, args []Expr) (Expr, error) { return args[1], nil }}
	t["any_value"] = definition{1, 1, func(_ *builder, args []Expr) (Expr, error) { return args[0], nil }}
}

func returnsSystemText(n int) resultType {
	return func(*builder, []Expr) types.Type { return types.NewVarChar(n, collation.UTF8MB3GeneralCI) }
}

// maxSleep is longer than any statement may run.
const maxSleep = float64(1 << 31)

func rowSleep(r *row) error {
	s := r.f64(0)
	if s > 0 && r.ev.env.Sleep != nil {
		d := time.Duration(min(s, maxSleep) * float64(time.Second))
		if err := r.ev.env.Sleep(r.ev.context(), d); err != nil {
			return err
		}
	}
	return r.setI64(0)
}

var benchmark = &function{name: "benchmark", flags: volatile | seesNull, lazy: lazyBenchmark}

// lazyBenchmark evaluates its second argument as often as the first one says.
func lazyBenchmark(ev *Evaluator, nd *node, rs rows) error {
	if err := ev.eval(nd.args[0], rs); err != nil {
		return err
	}
	count := nd.args[0].res
	for k := range rs.n {
		i := rs.at(k)
		nd.out.I64[i], nd.out.Null[i] = 0, 0
		if count.IsNull(i) || count.I64[count.Index(i)] < 0 {
			nd.out.Null[i] = 1
			continue
		}
		one := [1]uint16{uint16(i)}
		for n := range count.I64[count.Index(i)] {
			if n%1024 == 0 && ev.context().Err() != nil {
				return context.Cause(ev.context())
			}
			if err := ev.eval(nd.args[1], selected(one[:])); err != nil {
				return err
			}
			if ev.acct != nil {
				ev.arena.Reset()
			} else {
				ev.heap = ev.heap[:0]
			}
		}
	}
	return nil
}
