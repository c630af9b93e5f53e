package querygen

import "fmt"

// aggregate is a function over the rows of a group, of a kind.
func (g *gen) aggregate(k Kind, o blockOptions) expr {
	t := Type{Kind: k}
	distinct := ifText(g.chance(20), "DISTINCT ", "")
	switch k {
	case Int:
		switch g.IntN(9) {
		case 0, 1:
			return g.make(t, "COUNT(*)")
		case 2:
			return g.make(t, "COUNT("+distinct+"~)", g.of(g.anyKind(), 1))
		case 3:
			a, b := g.of(Int, 1), g.of(g.kind(Str, Dec, Date), 1)
			return g.make(t, "COUNT(DISTINCT ~, ~)", a, b)
		case 4:
			return g.make(t, "CAST("+g.pick("BIT_AND", "BIT_OR", "BIT_XOR")+"(~) AS SIGNED)", g.of(Int, 1))
		case 5:
			return g.make(t, "CAST(SUM("+distinct+"~) AS SIGNED)", g.signed(g.of(Int, 1)))
		case 6:
			return g.make(t, "JSON_LENGTH(JSON_ARRAYAGG(~))", g.of(Int, 1))
		default:
			return g.make(t, g.pick("MIN", "MAX")+"("+distinct+"~)", g.of(Int, 1))
		}
	case Dec:
		arg := g.of(g.kind(Int, Dec), 1)
		return g.make(t, g.pick("SUM", "AVG", "MIN", "MAX")+"("+distinct+"~)", asDecimal(g, arg))
	case Dbl:
		e := g.of(Dbl, 1)
		if e.Inexact {
			return g.make(t, g.pick("MIN", "MAX")+"(~)", e)
		}
		if !o.inner && o.want == nil && g.chance(25) {
			g.approx = true
			return g.make(Type{Kind: Dbl, Inexact: true},
				g.pick("STD", "VARIANCE", "STDDEV_SAMP", "VAR_SAMP")+"(~)", g.of(g.kind(Int, Dbl), 1))
		}
		return g.make(t, g.pick("SUM", "MIN", "MAX")+"("+distinct+"~)", e)
	case Str:
		e := g.clean(g.of(Str, 1))
		if g.chance(35) {
			return g.make(e.Type, "GROUP_CONCAT("+distinct+"~ ORDER BY ~"+g.direction()+" SEPARATOR '|')", e, e)
		}
		return g.make(e.Type, g.pick("MIN", "MAX")+"(~)", e)
	}
	return g.make(t, g.pick("MIN", "MAX")+"(~)", g.of(k, 1))
}

func asDecimal(g *gen, e expr) expr {
	if e.Kind == Dec {
		return e
	}
	return g.make(Type{Kind: Dec}, "CAST(~ AS DECIMAL(20,1))", e)
}

// grouped is a block with groups.
func (g *gen) grouped(o blockOptions) block {
	from := g.from()
	where := g.where(50)
	var keys, items []*Node
	var types []Type
	var visible []item // for HAVING, by their texts
	kinds := g.wanted(o)
	rollup := !o.plain && g.chance(15)
	ordered := !o.plain && g.chance(ifInt(o.inner, 15, 50)) && !(rollup && g.o.Portable)
	var inner = o
	for _, k := range kinds {
		var e expr
		c, ok := g.columnOf(func(t Type) bool { return usable(t, k) })
		isKey := g.chance(45)
		if isKey && g.chance(25) {
			c, ok = g.of(k, 1), true
			if len(g.outer) > 0 {
				c, ok = g.columnOf(func(t Type) bool { return usable(t, k) })
			}
			c = g.keyed(c)
		}
		switch {
		case isKey && ok && c.class == isExpr:
			if rollup {
				c = g.clean(c)
			}
			keys = append(keys, c.Node)
			e = c
			if !rollup {
				e = g.clean(c)
			}
		default:
			e = g.aggregate(k, inner)
		}
		items, types = append(items, e.Node), append(types, e.Type)
		if k == Int || k == Dec || k == Date {
			visible = append(visible, item{ref: e.Text(""), Type: e.Type})
		}
	}
	if rollup && len(keys) == 0 {
		rollup = false
	}
	having := list(" HAVING ", " AND ", 0)
	if len(visible) > 0 && g.chance(25) {
		scope, outer, simple := g.scope, g.outer, g.simple
		g.scope, g.outer, g.simple = visible, nil, true
		having.kids = []*Node{g.predicate(1).Node}
		g.scope, g.outer, g.simple = scope, outer, simple
	}
	if !rollup && o.want == nil && g.chance(10) { // by what is not selected, too
		if c, ok := g.columnOf(func(t Type) bool { return !t.JSON && !t.Inexact }); ok && len(keys) > 0 {
			keys = append(keys, c.Node)
		}
	}
	group := list(" GROUP BY ", ", ", 0, keys...)
	if rollup {
		group = form("~ WITH ROLLUP", list(" GROUP BY ", ", ", 1, keys...))
	}
	tail := list(" ORDER BY ", ", ", 0)
	limit := leaf("")
	if ordered {
		tail.kids = g.byPosition(len(items))
		if o.inner || g.chance(60) {
			limit = leaf(g.limit())
		}
	}
	n := form("SELECT~ ~ FROM ~~~~~", hint, named(items), from.node, where, group, having, g.tail(tail, limit))
	n.class = isQuery
	return block{n, types}
}

// keyed makes an expression that is a group's key: texts clean, so that it can be selected as it is; no literal, which
// would be a position.
func (g *gen) keyed(e expr) expr {
	if e.Node == nil {
		return g.make(Type{Kind: Int}, "(1 + 1)")
	}
	e = g.clean(e)
	if len(e.kids) == 0 && !hasDot(e.text) {
		return g.make(e.Type, "COALESCE(~, ~)", e, e)
	}
	return e
}

func hasDot(s string) bool {
	for i := range len(s) {
		if s[i] == '.' && i > 0 && s[0] != '\'' && (s[0] < '0' || s[0] > '9') && s[0] != '-' {
			return true
		}
	}
	return false
}

// window is a window function.
func (g *gen) window(k Kind, from relation, o blockOptions) expr {
	var partition, total []*Node
	for range g.IntN(3) {
		if c, ok := g.columnOf(func(t Type) bool { return !t.JSON && !t.Inexact }); ok {
			partition = append(partition, c.Node)
		}
	}
	by := list("PARTITION BY ", ", ", 0, partition...)
	first, hasFirst := g.columnOf(func(t Type) bool { return !t.JSON && !t.Inexact && (t.Kind != Str) })
	if hasFirst {
		total = append(total, form("~"+g.direction(), first.Node))
	}
	peers := append([]*Node{}, total...)
	for _, i := range from.order {
		if i.JSON {
			continue
		}
		total = append(total, leaf(i.ref+g.direction()))
		if i.Kind == Str {
			total = append(total, leaf("HEX("+i.ref+")"))
		}
	}
	over := func(f, frame string, order []*Node, kids ...expr) expr {
		e := g.make(Type{Kind: k, Inexact: k == Dbl}, f+" OVER (~ ~"+frame+")", kids...)
		e.kids = append(e.kids, by, list("ORDER BY ", ", ", ifInt(len(order) > 0, 1, 0), order...))
		return e
	}
	if len(total) == 0 {
		return over("COUNT(*)", "", nil)
	}
	n := func() string { return fmt.Sprint(g.IntN(4)) }
	start := g.pick("UNBOUNDED PRECEDING", n()+" PRECEDING", "CURRENT ROW")
	end := g.pick("UNBOUNDED FOLLOWING", n()+" FOLLOWING", "CURRENT ROW")
	rows := " ROWS BETWEEN " + start + " AND " + end
	arg := func() expr { return g.of(k, 1) }
	if k == Int {
		switch g.IntN(9) {
		case 0:
			return over("ROW_NUMBER()", "", total)
		case 1:
			return over(g.pick("RANK()", "DENSE_RANK()"), "", peers)
		case 2:
			return over("NTILE("+fmt.Sprint(1+g.IntN(5))+")", "", total)
		case 3:
			return over("COUNT(~)", rows, total, g.of(g.anyKind(), 1))
		case 4:
			return over("COUNT(*)", "", peers)
		case 5:
			return over(g.pick("LAG", "LEAD")+"(~, "+n()+")", "", total, arg())
		case 6:
			return over(g.pick("FIRST_VALUE", "LAST_VALUE")+"(~)", rows, total, arg())
		case 7:
			if hasFirst && (first.Kind == Int || first.Kind == Dec) && !first.Unsigned && !first.Wide {
				frame := " RANGE BETWEEN " + n() + " PRECEDING AND " + n() + " FOLLOWING"
				return over(g.pick("COUNT", "MIN", "MAX")+"(~)", frame, peers, arg())
			}
			return over(g.pick("MIN", "MAX")+"(~)", "", peers, arg())
		default:
			return over(g.pick("MIN", "MAX")+"(~)", rows, total, arg())
		}
	}
	a := g.of(k, 1)
	if a.Inexact {
		return over(g.pick("MIN", "MAX")+"(~)", rows, total, a)
	}
	switch g.IntN(3) {
	case 0:
		return over("SUM(~)", rows, total, a)
	case 1:
		return over("SUM(~)", "", peers, a)
	default:
		return over(g.pick("MIN", "MAX")+"(~)", rows, total, a)
	}
}
