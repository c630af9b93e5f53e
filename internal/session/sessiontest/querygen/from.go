package querygen

import "strings"

// relation is what stands in FROM.
type relation struct {
	node  *Node
	items []item
	order []item // what tells its rows apart; nil: all columns
	rows  int    // about how many, for joins without conditions
}

// of a table or a common table expression under a new name.
func (g *gen) base(name string, t *table) relation {
	alias := g.name("x")
	r := relation{node: leaf(name + " AS " + alias), rows: len(t.rows)}
	for _, c := range t.columns {
		i := item{ref: alias + "." + c.name, Type: c.Type}
		r.items = append(r.items, i)
		for _, k := range t.keys {
			if k == c.name {
				r.order = append(r.order, i)
			}
		}
	}
	return r
}

func (g *gen) relation(depth int) relation {
	var r relation
	switch {
	case len(g.ctes) > 0 && g.chance(50):
		r = g.alias(g.ctes[g.IntN(len(g.ctes))])
	case depth > 0 && g.nesting < 3 && g.chance(20):
		r = g.derived()
	default:
		t := &g.schema.tables[g.IntN(len(g.schema.tables))]
		r = g.base(t.name, t)
	}
	r.node.class = isTable
	return r
}

// alias is a common table expression under a new name.
func (g *gen) alias(c relation) relation {
	alias := g.name("x")
	r := relation{node: leaf(c.node.text + " AS " + alias), rows: c.rows}
	for _, i := range c.items {
		r.items = append(r.items, item{ref: alias + "." + i.ref, Type: i.Type})
	}
	r.order = r.items
	return r
}

// derived is a subquery in FROM.
func (g *gen) derived() relation {
	alias := g.name("q")
	outer, scope := g.outer, g.scope
	g.outer = nil // no LATERAL
	q := g.block(blockOptions{inner: true})
	g.outer, g.scope = outer, scope
	r := relation{node: form("(~) AS "+alias, q.node), rows: 60}
	for i, t := range q.types {
		r.items = append(r.items, item{ref: alias + "." + columnName(i), Type: t})
	}
	r.order = r.items
	return r
}

// from is a FROM clause. g.scope gets its columns.
func (g *gen) from() relation {
	r := g.join(g.IntN(4), 2)
	g.scope = r.items
	return r
}

// join joins n+1 relations.
func (g *gen) join(n, depth int) relation {
	if n == 0 {
		return g.relation(depth)
	}
	k := n - 1 // joins on the left
	if g.chance(25) {
		k = g.IntN(n)
	}
	left, right := g.join(k, depth), g.join(n-1-k, depth)
	out := relation{
		items: append(append([]item{}, left.items...), right.items...),
		order: append(append([]item{}, left.order...), right.order...),
		rows:  max(left.rows, right.rows),
	}
	kids := []*Node{left.node, right.node}
	if k < n-1 {
		kids[1] = &Node{text: "(~)", kids: []*Node{right.node}, class: isTable}
	}
	word := g.pick("JOIN", "JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "INNER JOIN")
	shared := sharedNames(left.items, right.items)
	switch {
	case left.rows*right.rows <= 1000 && g.chance(15):
		out.node, out.rows = form("~ CROSS JOIN ~", kids...), left.rows*right.rows
	case len(shared) > 0 && g.chance(20):
		names := shared[g.IntN(len(shared))]
		if other := shared[g.IntN(len(shared))]; other != names && g.chance(40) {
			names += ", " + other
		}
		out.node = form("~ "+word+" ~ USING ("+names+")", kids...)
	case len(shared) > 0 && g.chance(8) && natural(left.items, right.items):
		out.node = form("~ NATURAL "+strings.TrimPrefix(word, "INNER ")+" ~", kids...)
	default:
		out.node = form("~ "+word+" ~ ON ~", append(kids, g.on(left, right).Node)...)
	}
	out.node.class = isTable
	return out
}

// on is a join condition, with an equality unless the tables are small.
func (g *gen) on(left, right relation) expr {
	g.scope = append(append([]item{}, left.items...), right.items...)
	outer := g.outer
	if g.chance(80) {
		g.outer = nil
	}
	defer func() { g.outer = outer }()
	var equal []expr
	for range 1 + g.IntN(2) {
		if c, ok := g.equality(left, right); ok {
			equal = append(equal, c)
		}
	}
	t := Type{Kind: Bool}
	if len(equal) == 0 || left.rows*right.rows < 2000 && g.chance(15) {
		return g.predicate(1)
	}
	e := equal[0]
	for _, x := range equal[1:] {
		e = g.make(t, "(~ AND ~)", e, x)
	}
	if g.chance(35) {
		e = g.make(t, "(~ AND ~)", e, g.predicate(1))
	}
	return e
}

// equality compares a column of one side with one of the other.
func (g *gen) equality(left, right relation) (expr, bool) {
	for range 8 {
		if len(left.items) == 0 || len(right.items) == 0 {
			break
		}
		a, b := left.items[g.IntN(len(left.items))], right.items[g.IntN(len(right.items))]
		if a.Kind != b.Kind || a.JSON || b.JSON || a.Kind == Bool {
			continue
		}
		x, y := g.collated(g.column(a), g.column(b))
		if g.chance(10) && a.Kind == Int && !a.Wide {
			x = g.make(Type{Kind: Int}, "(~ + 1)", g.signed(x))
		}
		if g.chance(30) {
			x, y = y, x
		}
		return g.make(Type{Kind: Bool}, "(~ "+g.pick("=", "=", "=", "=", "=", "<=>")+" ~)", x, y), true
	}
	return expr{}, false
}

func baseName(ref string) string { return ref[strings.LastIndexByte(ref, '.')+1:] }

// sharedNames are the columns that both sides have exactly once.
func sharedNames(left, right []item) []string {
	in := func(items []item, name string) (n int) {
		for _, i := range items {
			if baseName(i.ref) == name && !i.JSON {
				n++
			}
		}
		return n
	}
	var out []string
	for _, i := range left {
		name := baseName(i.ref)
		if !generated(name) && in(left, name) == 1 && in(right, name) == 1 {
			out = append(out, name)
		}
	}
	return out
}

// generated tells if a name is one of a subquery's, which has no type of its own.
func generated(name string) bool { return name[0] == 'c' || name[0] == 'r' }

// natural tells if a NATURAL JOIN of two sides is one of columns that can be compared.
func natural(left, right []item) bool {
	for _, side := range [][]item{left, right} {
		seen := map[string]bool{}
		for _, i := range side {
			name := baseName(i.ref)
			if generated(name) || seen[name] || i.JSON {
				return false
			}
			seen[name] = true
		}
	}
	return true
}
