package querygen

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// item is a column that expressions can use.
type item struct {
	ref string
	Type
}

// expr is an expression and its type.
type expr struct {
	*Node
	Type
}

// gen makes one query.
type gen struct {
	*rand.Rand
	o       Options
	schema  *Schema
	scope   []item   // columns of the query block
	outer   [][]item // those of the blocks around it
	ctes    []relation
	names   int
	nesting int // of query blocks
	fold    bool
	approx  bool
	simple  bool // no subqueries
}

func (g *gen) chance(percent int) bool { return g.IntN(100) < percent }

func (g *gen) name(prefix string) string {
	g.names++
	return fmt.Sprintf("%s%d", prefix, g.names)
}

// pick is one of the texts.
func (g *gen) pick(texts ...string) string { return texts[g.IntN(len(texts))] }

// make is an expression from a pattern.
func (g *gen) make(t Type, pattern string, kids ...expr) expr {
	n := &Node{text: pattern, class: isExpr, kind: t.Kind}
	for _, k := range kids {
		n.kids = append(n.kids, k.Node)
		if t.Kind == Dbl && k.Kind == Dbl {
			t.Inexact = t.Inexact || k.Inexact
		}
	}
	return expr{n, t}
}

func (g *gen) column(i item) expr {
	n := leaf(i.ref)
	n.class, n.kind = isExpr, i.Kind
	return expr{n, i.Type}
}

// columnOf is a column with a property, of the block or the ones around it.
func (g *gen) columnOf(ok func(Type) bool) (expr, bool) {
	from := g.scope
	if len(g.outer) > 0 && g.chance(25) {
		from = g.outer[g.IntN(len(g.outer))]
	}
	var fit []item
	for _, i := range from {
		if ok(i.Type) {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 {
		return expr{}, false
	}
	return g.column(fit[g.IntN(len(fit))]), true
}

func (g *gen) literal(t Type) expr {
	if g.chance(4) {
		return g.make(t, "NULL")
	}
	n := leaf(typed(g.Rand, Type{Kind: t.Kind}, g.IntN(13)))
	n.class, n.kind = isExpr, t.Kind
	return expr{n, Type{Kind: t.Kind}}
}

// usable tells if a column can be calculated with.
func usable(t Type, k Kind) bool { return t.Kind == k && !t.Wide && !t.JSON && !t.Inexact }

// of is an expression of a kind.
func (g *gen) of(k Kind, depth int) expr {
	if k == Bool {
		return g.predicate(depth)
	}
	if depth <= 0 || g.chance(45) {
		if c, ok := g.columnOf(func(t Type) bool { return usable(t, k) }); ok && g.chance(85) {
			return c
		}
		return g.literal(Type{Kind: k})
	}
	if g.chance(20) {
		return g.control(k, depth)
	}
	if !g.simple && g.nesting < 3 && g.chance(6) {
		return g.scalar(k)
	}
	switch k {
	case Int:
		return g.integer(depth)
	case Dec:
		return g.decimal(depth)
	case Dbl:
		return g.double(depth)
	case Str:
		return g.text(depth)
	}
	return g.temporal(k, depth)
}

// control is a CASE and what is like it.
func (g *gen) control(k Kind, depth int) expr {
	a := g.of(k, depth-1)
	b := g.like(a, depth-1)
	t := a.Type
	if t.Coll == "" {
		t.Coll = b.Coll
	}
	t.Unsigned = a.Unsigned || b.Unsigned
	switch g.IntN(7) {
	case 0:
		return g.make(t, "COALESCE(~, ~)", a, b)
	case 1:
		return g.make(t, "IFNULL(~, ~)", a, b)
	case 2:
		return g.make(a.Type, "NULLIF(~, ~)", a, b)
	case 3:
		return g.make(t, "IF(~, ~, ~)", g.predicate(depth-1), a, b)
	case 4:
		if k == Int || k == Dec || k == Dbl {
			return g.make(t, g.pick("GREATEST", "LEAST")+"(~, ~)", a, b)
		}
		return g.make(t, "CASE WHEN ~ THEN ~ END", g.predicate(depth-1), a)
	case 5:
		key := g.of(Int, depth-1)
		return g.make(t, "CASE ~ WHEN ~ THEN ~ ELSE ~ END", key, g.of(Int, 0), a, b)
	default:
		return g.make(t, "CASE WHEN ~ THEN ~ ELSE ~ END", g.predicate(depth-1), a, b)
	}
}

// like is an expression that can stand beside a, as far as its collation goes.
func (g *gen) like(a expr, depth int) expr {
	b := g.of(a.Kind, depth)
	if a.Kind == Str && b.Coll != a.Coll && a.Coll != "" && b.Coll != "" {
		return g.literal(Type{Kind: Str})
	}
	return b
}

// signed keeps unsigned numbers from being subtracted from.
func (g *gen) signed(e expr) expr {
	if !e.Unsigned {
		return e
	}
	return g.make(Type{Kind: Int}, "CAST(~ AS SIGNED)", e)
}

func (g *gen) integer(depth int) expr {
	t := Type{Kind: Int}
	sub := func() expr { return g.signed(g.of(Int, depth-1)) }
	switch g.IntN(17) {
	case 0, 1, 2:
		return g.make(t, "(~ "+g.pick("+", "-")+" ~)", sub(), sub())
	case 3:
		return g.make(t, "(~ * ~)", g.signed(g.of(Int, 0)), g.signed(g.of(Int, 0)))
	case 4:
		return g.make(t, "(~ "+g.pick("DIV", "MOD")+" ~)", sub(), sub())
	case 5:
		return g.make(t, g.pick("ABS", "SIGN", "-")+"(~)", sub())
	case 6:
		return g.make(t, g.pick("CHAR_LENGTH", "LENGTH")+"(~)", g.of(Str, depth-1))
	case 7:
		return g.make(t, g.pick("YEAR", "MONTH", "DAYOFWEEK", "DAYOFYEAR", "QUARTER", "WEEKDAY", "TO_DAYS")+"(~)",
			g.of(Date, depth-1))
	case 8:
		return g.make(t, "DATEDIFF(~, ~)", g.of(Date, depth-1), g.of(g.kind(Date, Datetime), depth-1))
	case 9:
		return g.make(t, g.pick("FLOOR", "CEILING")+"(~)", g.of(Dec, 0))
	case 10:
		return g.make(t, "CAST(~ AS SIGNED)", g.of(g.kind(Dec, Int, Dec), depth-1))
	case 11:
		return g.make(t, "~", g.predicate(depth-1))
	case 12:
		return g.make(t, "CAST(~ "+g.pick("&", "|", "^")+" ~ AS SIGNED)", sub(), g.of(Int, 0))
	case 13:
		a := g.of(Str, depth-1)
		return g.make(t, g.pick("LOCATE", "INSTR", "STRCMP")+"(~, ~)", a, g.like(a, depth-1))
	case 14:
		return g.make(t, g.pick("HOUR", "MINUTE", "SECOND")+"(~)", g.of(g.kind(Time, Datetime), depth-1))
	case 15:
		if c, ok := g.columnOf(func(t Type) bool { return t.JSON }); ok {
			return g.make(t, g.pick("JSON_LENGTH(~)", "JSON_DEPTH(~)", "CAST(JSON_EXTRACT(~, '$.a') AS SIGNED)",
				"JSON_CONTAINS_PATH(~, 'one', '$.b')"), c)
		}
		return g.literal(t)
	default:
		return g.make(t, "FIELD(~, ~, ~)", g.of(Int, depth-1), g.of(Int, 0), g.of(Int, 0))
	}
}

func (g *gen) kind(kinds ...Kind) Kind { return kinds[g.IntN(len(kinds))] }

func (g *gen) decimal(depth int) expr {
	t := Type{Kind: Dec}
	sub := func() expr { return g.of(Dec, depth-1) }
	switch g.IntN(8) {
	case 0, 1:
		return g.make(t, "(~ "+g.pick("+", "-")+" ~)", sub(), sub())
	case 2:
		return g.make(t, "(~ * ~)", g.of(Dec, 0), g.of(Dec, 0))
	case 3:
		return g.make(t, "(~ / ~)", g.signed(g.of(Int, depth-1)), g.of(Int, 0))
	case 4:
		return g.make(t, g.pick("ROUND(~, 1)", "TRUNCATE(~, 1)", "ROUND(~, -1)"), sub())
	case 5:
		return g.make(t, "CAST(~ AS DECIMAL(10,2))", g.of(g.kind(Int, Dec), depth-1))
	case 6:
		return g.make(t, g.pick("ABS(~)", "-(~)"), sub())
	default:
		return g.make(t, "(~ % ~)", sub(), g.of(Int, 0))
	}
}

func (g *gen) double(depth int) expr {
	t := Type{Kind: Dbl}
	sub := func() expr { return g.of(Dbl, depth-1) }
	switch g.IntN(5) {
	case 0, 1:
		return g.make(t, "(~ "+g.pick("+", "-")+" ~)", sub(), sub())
	case 2:
		return g.make(t, "(~ * ~)", g.of(Dbl, 0), g.of(Dbl, 0))
	case 3:
		return g.make(t, "(~ + ~)", sub(), g.signed(g.of(Int, 0)))
	default:
		return g.make(t, g.pick("ABS(~)", "-(~)", "FLOOR(~)", "ROUND(~)"), sub())
	}
}

func (g *gen) text(depth int) expr {
	a := g.of(Str, depth-1)
	b := func() expr {
		b := g.like(a, depth-1)
		if a.Coll == "" {
			a.Coll = b.Coll
		}
		return b
	}
	switch g.IntN(11) {
	case 0, 1:
		x := b()
		return g.make(a.Type, "CONCAT(~, ~)", a, x)
	case 2:
		return g.make(a.Type, g.pick("UPPER", "LOWER", "REVERSE", "TRIM", "LTRIM", "RTRIM")+"(~)", a)
	case 3:
		return g.make(a.Type, g.pick("SUBSTRING(~, 2)", "SUBSTRING(~, 1, 2)", "LEFT(~, 2)", "RIGHT(~, 1)",
			"SUBSTRING(~, -2)", "REPEAT(~, 2)", "LPAD(~, 4, 'x')", "RPAD(~, 3, 'y')", "QUOTE(~)"), a)
	case 4:
		x := b()
		return g.make(a.Type, "REPLACE(~, ~, 'q')", a, x)
	case 5:
		x := b()
		return g.make(a.Type, "CONCAT_WS('-', ~, ~)", a, x)
	case 6:
		return g.binary("CAST(~ AS CHAR)", g.of(g.kind(Int, Dec, Date, Datetime, Time), depth-1))
	case 7:
		return g.binary("DATE_FORMAT(~, '%Y-%m %W')", g.of(g.kind(Date, Datetime), depth-1))
	case 8:
		return g.binary(g.pick("HEX(~)", "MD5(~)", "CRC32(~)"), g.of(Str, depth-1))
	case 9:
		if c, ok := g.columnOf(func(t Type) bool { return t.JSON }); ok {
			return g.binary(g.pick("JSON_UNQUOTE(JSON_EXTRACT(~, '$.a'))", "JSON_TYPE(~)"), c)
		}
		return g.literal(Type{Kind: Str})
	default:
		x := b()
		return g.make(a.Type, "ELT(~, ~, ~)", g.of(Int, 0), a, x)
	}
}

// binary is a text of a collation of its own.
func (g *gen) binary(pattern string, kids ...expr) expr {
	if strings.HasPrefix(pattern, "CRC32") {
		pattern = "CAST(" + pattern + " AS CHAR)"
	}
	return g.make(Type{Kind: Str, Coll: bin}, "CONVERT("+pattern+" USING utf8mb4) COLLATE "+bin, kids...)
}

func (g *gen) temporal(k Kind, depth int) expr {
	t := Type{Kind: k}
	n := fmt.Sprint(g.IntN(40) - 10)
	switch k {
	case Date:
		switch g.IntN(4) {
		case 0:
			return g.make(t, "DATE(~)", g.of(Datetime, depth-1))
		case 1:
			return g.make(t, "LAST_DAY(~)", g.of(Date, depth-1))
		case 2:
			return g.make(t, "DATE_ADD(~, INTERVAL ~ DAY)", g.of(Date, depth-1), g.signed(g.of(Int, 0)))
		default:
			return g.make(t, "("+g.pick("~ + ", "~ - ")+"INTERVAL "+n+" "+g.pick("DAY", "MONTH", "YEAR", "WEEK")+")",
				g.of(Date, depth-1))
		}
	case Datetime:
		switch g.IntN(3) {
		case 0:
			return g.make(t, "CAST(~ AS DATETIME)", g.of(Date, depth-1))
		case 1:
			return g.make(t, "DATE_SUB(~, INTERVAL ~ MINUTE)", g.of(Datetime, depth-1), g.signed(g.of(Int, 0)))
		default:
			return g.make(t, "DATE_ADD(~, INTERVAL "+n+" "+g.pick("HOUR", "DAY", "MONTH", "SECOND")+")",
				g.of(Datetime, depth-1))
		}
	}
	switch g.IntN(3) {
	case 0:
		return g.make(t, "TIME(~)", g.of(Datetime, depth-1))
	case 1:
		return g.make(t, "SEC_TO_TIME(~)", g.signed(g.of(Int, depth-1)))
	default:
		return g.make(t, "ADDTIME(~, ~)", g.of(Time, depth-1), g.of(Time, 0))
	}
}

// comparable are the kinds of which comparisons are made.
func (g *gen) anyKind() Kind {
	return g.kind(Int, Int, Int, Dec, Dbl, Str, Str, Date, Datetime, Time)
}

// operands are two expressions that can be compared.
func (g *gen) operands(depth int) (a, b expr) {
	if g.chance(10) {
		wide := func(t Type) bool { return t.Wide }
		if a, ok := g.columnOf(wide); ok {
			if b, ok := g.columnOf(wide); ok && g.chance(50) {
				return a, b
			}
			return a, g.literal(Type{Kind: Int})
		}
	}
	k := g.anyKind()
	a = g.of(k, depth)
	if g.chance(6) {
		other := g.anyKind() // of different types
		if compared(k, other) {
			return a, g.of(other, depth)
		}
	}
	if k == Date && g.chance(20) {
		return a, g.of(Datetime, depth)
	}
	return g.collated(a, g.of(k, depth))
}

// compared tells if comparing the kinds means the same everywhere and in every plan.
func compared(a, b Kind) bool {
	number := func(k Kind) bool { return k == Int || k == Dec || k == Dbl }
	return number(a) && number(b)
}

// collated gives both sides a collation where they have different ones.
func (g *gen) collated(a, b expr) (expr, expr) {
	if a.Kind == Str && a.Coll != b.Coll && a.Coll != "" && b.Coll != "" {
		t := Type{Kind: Str, Coll: g.pick(bin, general, unicode)}
		c := "~ COLLATE " + t.Coll
		return g.make(t, c, a), g.make(t, c, b)
	}
	return a, b
}

func (g *gen) predicate(depth int) expr {
	t := Type{Kind: Bool}
	if depth > 0 && g.chance(35) {
		switch g.IntN(6) {
		case 0, 1:
			return g.make(t, "(~ AND ~)", g.predicate(depth-1), g.predicate(depth-1))
		case 2, 3:
			return g.make(t, "(~ OR ~)", g.predicate(depth-1), g.predicate(depth-1))
		case 4:
			return g.make(t, "(NOT ~)", g.predicate(depth-1))
		default:
			return g.make(t, "(~ "+g.pick("XOR ~)", "IS TRUE)", "IS NOT TRUE)", "IS FALSE)", "IS UNKNOWN)"),
				g.predicate(depth-1), g.predicate(depth-1)).trim()
		}
	}
	if depth > 0 && !g.simple && g.nesting < 3 && g.chance(25) {
		return g.subqueryPredicate()
	}
	switch g.IntN(10) {
	case 0:
		k := g.anyKind()
		a := g.of(k, depth-1)
		if k == Str {
			return g.make(t, "(~ "+g.pick("", "NOT ")+"BETWEEN ~ AND ~)", a, g.literal(Type{Kind: Str}),
				g.like(a, depth-1))
		}
		return g.make(t, "(~ "+g.pick("", "NOT ")+"BETWEEN ~ AND ~)", a, g.of(k, 0), g.of(k, 0))
	case 1:
		k := g.anyKind()
		a := g.of(k, depth-1)
		kids, text := []expr{a}, ""
		for i := range 1 + g.IntN(4) {
			if i > 0 {
				text += ", "
			}
			text += "~"
			if k != Str && g.chance(20) {
				kids = append(kids, g.of(k, 0))
			} else {
				kids = append(kids, g.literal(Type{Kind: k}))
			}
		}
		return g.make(t, "(~ "+g.pick("", "NOT ")+"IN ("+text+"))", kids...)
	case 2:
		return g.make(t, "(~ IS "+g.pick("", "NOT ")+"NULL)", g.of(g.anyKind(), depth-1))
	case 3:
		return g.make(t, "(~ "+g.pick("", "NOT ")+"LIKE "+
			g.pick("'a%'", "'%b'", "'_b%'", "'%'", "'ab'", "'A_'", "'%\\%'", "''")+")", g.of(Str, depth-1))
	case 4:
		a, b := g.operands(depth - 1)
		c, d := g.operands(depth - 1)
		return g.make(t, "((~, ~) "+g.pick("=", "<", ">=", "<>")+" (~, ~))", a, c, b, d)
	default:
		a, b := g.operands(depth - 1)
		return g.make(t, "(~ "+g.pick("=", "=", "=", "<", "<=", ">", ">=", "<>", "<=>")+" ~)", a, b)
	}
}

// trim drops kids that the pattern has no place for.
func (e expr) trim() expr {
	e.kids = e.kids[:strings.Count(e.text, "~")]
	return e
}
