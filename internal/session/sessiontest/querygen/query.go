package querygen

import (
	"fmt"
	"math/rand/v2"
)

// Query is a statement that reads.
type Query struct {
	Root        *Node
	Fold        bool
	Approximate bool
}

// New makes a query.
func New(r *rand.Rand, s *Schema, o Options) *Query {
	g := &gen{Rand: r, o: o, schema: s}
	root := g.statement()
	return &Query{Root: root.node, Fold: g.fold, Approximate: g.approx}
}

// Ordered tells if a query, reduced or not, has an ORDER BY around all of it.
func Ordered(n *Node) bool {
	for n.class != isOptional {
		if len(n.kids) == 0 || n.sep != "" {
			return false
		}
		n = n.kids[len(n.kids)-1]
	}
	return true
}

type block struct {
	node  *Node
	types []Type
}

// blockOptions say what a query block is for.
type blockOptions struct {
	inner bool   // something reads its columns
	want  []Kind // of its columns; nil: any
	plain bool   // no LIMIT, no set operations
}

func columnName(i int) string { return fmt.Sprintf("c%d", i+1) }

// clean makes texts that are equal by their collation the same.
func (g *gen) clean(e expr) expr {
	if e.Kind != Str {
		return e
	}
	if e.Coll == bin || e.Coll == newBin {
		return g.make(e.Type, "RTRIM(~)", e)
	}
	return g.make(e.Type, "UPPER(RTRIM(~))", e)
}

// statement is a query with all that can be around its blocks.
func (g *gen) statement() block {
	var with []*Node
	recursive := false
	if g.chance(20) {
		for range 1 + g.IntN(2) {
			n, rec := g.cte()
			with = append(with, n)
			recursive = recursive || rec
		}
	}
	b := g.block(blockOptions{})
	if len(with) > 0 {
		b.node = form("~~", list(ifText(recursive, "WITH RECURSIVE ", "WITH "), ", ", 0, with...),
			form(" ~", b.node))
	}
	return b
}

// cte adds a common table expression.
func (g *gen) cte() (*Node, bool) {
	name := g.name("r")
	r := relation{node: leaf(name), rows: 60}
	if g.chance(30) {
		n := fmt.Sprint(3 + g.IntN(20))
		var body *Node
		var t *table
		for i := range g.schema.tables {
			if g.schema.tables[i].has("i1") && len(g.schema.tables[i].rows) < 100 {
				t = &g.schema.tables[i]
			}
		}
		switch {
		case t != nil && g.chance(50):
			r.items = []item{{ref: "c1", Type: Type{Kind: Int}}, {ref: "c2", Type: Type{Kind: Int}}}
			body = leaf("SELECT id, i1 FROM " + t.name + " WHERE id < 4 UNION SELECT x.id, x.i1 FROM " + t.name +
				" AS x JOIN " + name + " AS y ON x.i1 = y.c2 + 1")
		default:
			r.items = []item{{ref: "c1", Type: Type{Kind: Int}}, {ref: "c2", Type: Type{Kind: Int}}}
			body = leaf("SELECT 1, 1 UNION " + g.pick("ALL", "DISTINCT") + " SELECT c1 + 1, (c2 * 3) % 7 FROM " + name +
				" WHERE c1 < " + n)
		}
		g.ctes = append(g.ctes, r)
		return form(name+" (c1, c2) AS (~)", body), true
	}
	q := g.block(blockOptions{inner: true})
	for i, t := range q.types {
		r.items = append(r.items, item{ref: columnName(i), Type: t})
	}
	g.ctes = append(g.ctes, r)
	return form(name+" AS (~)", q.node), false
}

// block is a query block, or several connected by set operations.
func (g *gen) block(o blockOptions) block {
	g.nesting++
	defer func() { g.nesting-- }()
	if !o.plain && g.nesting < 3 && g.chance(15) {
		return g.setOperation(o)
	}
	if g.chance(30) {
		return g.grouped(o)
	}
	return g.selection(o)
}

// limit is a LIMIT.
func (g *gen) limit() string {
	n := fmt.Sprint(g.IntN(30))
	return g.pick(" LIMIT "+n, " LIMIT "+n, " LIMIT 5 OFFSET "+n, " LIMIT "+n+", 20", " LIMIT 1000")
}

// direction is that of a key of ORDER BY.
func (g *gen) direction() string { return g.pick("", " DESC", " ASC") }

// byPosition orders by all columns, so that only rows that are the same can change places.
func (g *gen) byPosition(n int) []*Node {
	var keys []*Node
	for _, i := range g.Perm(n) {
		keys = append(keys, leaf(fmt.Sprint(i+1)+g.direction()))
	}
	return keys
}

// tail is ORDER BY and LIMIT: without the first, the second would leave rows open.
func (g *gen) tail(order, limit *Node) *Node {
	if len(order.kids) == 0 {
		return leaf("")
	}
	order.least = 1
	return &Node{text: "~~", kids: []*Node{order, list("", " ", 0, limit)}, class: isOptional}
}

func (g *gen) wanted(o blockOptions) []Kind {
	if o.want != nil {
		return o.want
	}
	out := make([]Kind, 1+g.IntN(4))
	for i := range out {
		out[i] = g.anyKind()
	}
	return out
}

// output is a column of a result: sometimes one that cannot be calculated with.
func (g *gen) output(k Kind, o blockOptions) expr {
	if o.want == nil && k == Int && g.chance(10) {
		if c, ok := g.columnOf(func(t Type) bool { return t.Wide }); ok {
			return c
		}
	}
	if o.want == nil && g.chance(5) && k != Str {
		p := g.predicate(2)
		p.Type = Type{Kind: Int}
		return p
	}
	return g.of(k, 2)
}

func named(items []*Node) *Node {
	for i, n := range items {
		items[i] = form("~ AS "+columnName(i), n)
	}
	return list("", ", ", 1, items...)
}

func (g *gen) where(percent int) *Node {
	if !g.chance(percent) {
		return list(" WHERE ", " AND ", 0)
	}
	return list(" WHERE ", " AND ", 0, g.predicate(2).Node)
}

// selection is a block without groups.
func (g *gen) selection(o blockOptions) block {
	from := g.from()
	where := g.where(60)
	distinct := g.chance(15)
	ordered := !o.plain && g.chance(ifInt(o.inner, 15, 50))
	limited := ordered && (o.inner || g.chance(60))
	windows := !distinct && g.chance(15)
	var items []*Node
	var types []Type
	for _, k := range g.wanted(o) {
		var e expr
		if windows && (k == Int || k == Dec || k == Dbl) && g.chance(70) {
			e = g.window(k, from, o)
		} else {
			e = g.output(k, o)
		}
		if part := o.want != nil; distinct || ordered || part { // which of equal texts a set operation keeps is open
			if o.inner || ordered || g.chance(50) {
				e = g.clean(e)
			} else {
				g.fold = true
			}
		}
		items, types = append(items, e.Node), append(types, e.Type)
	}
	tail := list(" ORDER BY ", ", ", 0)
	limit := leaf("")
	if ordered {
		tail.kids = g.byPosition(len(items))
		if limited {
			limit = leaf(g.limit())
		}
	}
	n := form("SELECT~"+ifText(distinct, " DISTINCT", "")+" ~ FROM ~~~", hint, named(items), from.node,
		where, g.tail(tail, limit))
	n.class = isQuery
	return block{n, types}
}

func ifInt(b bool, x, y int) int {
	if b {
		return x
	}
	return y
}

// setOperation connects blocks.
func (g *gen) setOperation(o blockOptions) block {
	kinds := g.wanted(o)
	var parts []*Node
	var types []Type
	text := ""
	n := 2 + g.IntN(2)
	for i := range n {
		in := blockOptions{inner: true, plain: true, want: kinds}
		outer, scope := g.outer, g.scope
		q := g.selection(in)
		if g.chance(25) {
			g.scope = scope
			q = g.grouped(in)
		}
		g.outer, g.scope = outer, scope
		parts = append(parts, q.node)
		if i == 0 {
			types = q.types
		} else {
			text += g.pick(" UNION ", " UNION ALL ", " UNION ALL ", " INTERSECT ", " EXCEPT ", " INTERSECT ALL ",
				" EXCEPT ALL ", " UNION DISTINCT ")
		}
		text += "(~)"
	}
	for i := range types {
		types[i] = Type{Kind: kinds[i], Coll: ifText(kinds[i] == Str, bin, ""), Inexact: kinds[i] == Dbl}
	}
	set := &Node{text: text, kids: parts, class: isQuery}
	// Texts are made the same outside.
	alias := g.name("q")
	var items []*Node
	for i, k := range kinds {
		e := g.column(item{ref: alias + "." + columnName(i), Type: Type{Kind: k}})
		items = append(items, e.Node)
	}
	ordered := !o.plain && g.chance(40)
	tail := list(" ORDER BY ", ", ", 0)
	limit := leaf("")
	if ordered {
		tail.kids = g.byPosition(len(items))
		if o.inner || g.chance(60) {
			limit = leaf(g.limit())
		}
	}
	node := form("SELECT~ ~ FROM (~) AS "+alias+"~", hint, named(items), set, g.tail(tail, limit))
	node.class = isQuery
	return block{node, types}
}

// scalar is a subquery of one value.
func (g *gen) scalar(k Kind) expr {
	t := Type{Kind: k, Coll: ifText(k == Str, bin, "")}
	q := g.subquery(func() *Node {
		from := g.from()
		where := g.where(85)
		e := g.of(k, 1)
		if k == Str {
			e = g.make(t, "~ COLLATE "+bin, g.clean(e))
		}
		f := g.pick("MIN", "MAX")
		if k == Int && g.chance(30) {
			f = "COUNT"
		} else if (k == Dec || k == Dbl) && !e.Inexact && g.chance(30) {
			f = "SUM"
		}
		if g.chance(20) && !e.Inexact && f != "COUNT" && f != "SUM" {
			return form("SELECT~ ~ FROM ~~ ORDER BY 1"+g.direction()+" LIMIT 1", hint, e.Node, from.node, where)
		}
		return form("SELECT~ "+f+"(~) FROM ~~", hint, e.Node, from.node, where)
	})
	return expr{&Node{text: "(~)", kids: []*Node{q}, class: isExpr, kind: k}, t}
}

// subquery makes a block whose expressions see the columns of the ones around it.
func (g *gen) subquery(f func() *Node) *Node {
	outer, scope := g.outer, g.scope
	if g.chance(60) {
		g.outer = append(append([][]item{}, outer...), scope)
	} else {
		g.outer = nil
	}
	g.nesting++
	n := f()
	g.nesting--
	g.outer, g.scope = outer, scope
	return n
}

// subqueryPredicate is IN, EXISTS, ANY and ALL.
func (g *gen) subqueryPredicate() expr {
	t := Type{Kind: Bool}
	plain := func(kinds ...Kind) *Node {
		return g.subquery(func() *Node {
			var b block
			if g.chance(20) {
				b = g.grouped(blockOptions{inner: true, plain: true, want: kinds})
			} else {
				b = g.selection(blockOptions{inner: true, plain: true, want: kinds})
			}
			return b.node
		})
	}
	of := func(pattern string, sub *Node, kids ...expr) expr {
		return g.make(t, pattern, append(kids, expr{sub, Type{}})...)
	}
	operand := func(k Kind) expr {
		e := g.of(k, 1)
		if k == Str {
			e = g.make(Type{Kind: Str, Coll: bin}, "~ COLLATE "+bin, e)
		}
		return e
	}
	k := g.kind(Int, Int, Int, Dec, Str, Date, Datetime)
	switch g.IntN(8) {
	case 0, 1:
		return of(g.pick("", "NOT ")+"(EXISTS (~))", plain(g.anyKind()))
	case 2:
		op := g.pick("=", "<>", "<", "<=", ">", ">=") + " " + g.pick("ANY", "ALL", "SOME")
		return of("(~ "+op+" (~))", plain(k), operand(k))
	case 3:
		other := g.kind(Int, Str, Dec)
		return of("((~, ~) "+g.pick("", "NOT ")+"IN (~))", plain(k, other), operand(k), operand(other))
	case 4:
		a := g.scalar(k)
		if k == Str {
			return g.make(t, "(~ "+g.pick("=", "<", ">")+" ~)", operand(k), a)
		}
		return g.make(t, "(~ "+g.pick("=", "<", ">", "<=>")+" ~)", g.of(k, 1), a)
	default:
		return of("(~ "+g.pick("", "NOT ")+"IN (~))", plain(k), operand(k))
	}
}
