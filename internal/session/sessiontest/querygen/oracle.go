package querygen

import "math/rand/v2"

// Oracle is a check made of shared pieces: Build makes its queries from them.
type Oracle struct {
	Name     string
	Pieces   *Node // from, predicate, items
	Distinct bool  // results are compared as sets
	Fold     bool
	build    func(from, p, items *Node) (whole *Node, parts []*Node)
}

// Build returns the queries that a (reduced) tree of pieces stands for: the rows of whole are those of all parts.
func (o *Oracle) Build(pieces *Node) (whole *Node, parts []*Node) {
	return o.build(pieces.kids[0], pieces.kids[1], pieces.kids[2])
}

// NewOracle makes a check by ternary logic (a predicate is true, false or NULL) or by counting (what a filter lets
// pass, and what its condition says as a value).
func NewOracle(r *rand.Rand, s *Schema, o Options) *Oracle {
	g := &gen{Rand: r, o: o, schema: s}
	g.nesting++
	from := g.from()
	p := g.predicate(3)
	if g.chance(40) {
		p = g.subqueryPredicate()
	}
	out := &Oracle{}
	where := func(head, tail string, from, items, p *Node, test string) *Node {
		return form("SELECT~ "+head+" FROM ~ WHERE "+test+tail, hint, items, from, p)
	}
	each := func(head, tail string, from, items, p *Node) []*Node {
		return []*Node{
			where(head, tail, from, items, p, "~"), where(head, tail, from, items, p, "NOT (~)"),
			where(head, tail, from, items, p, "(~) IS NULL"),
		}
	}
	union := func(parts []*Node) *Node { return form("(~) UNION ALL (~) UNION ALL (~)", parts...) }
	var items []*Node
	plainItems := func(n int) {
		for range n {
			items = append(items, g.of(g.anyKind(), 1).Node)
		}
	}
	switch g.IntN(7) {
	case 0:
		out.Name = "rows that a predicate splits"
		plainItems(2)
		out.build = func(from, p, items *Node) (*Node, []*Node) {
			return form("SELECT~ ~ FROM ~", hint, items, from), each("~", "", from, items, p)
		}
	case 1:
		out.Name = "rows that a predicate splits, put together by UNION ALL"
		plainItems(2)
		out.build = func(from, p, items *Node) (*Node, []*Node) {
			return form("SELECT~ ~ FROM ~", hint, items, from), []*Node{union(each("~", "", from, items, p))}
		}
	case 2:
		out.Name = "distinct rows that a predicate splits"
		out.Distinct, out.Fold = true, true
		plainItems(2)
		out.build = func(from, p, items *Node) (*Node, []*Node) {
			return form("SELECT~ DISTINCT ~ FROM ~", hint, items, from), each("DISTINCT ~", "", from, items, p)
		}
	case 3:
		out.Name = "aggregates of rows that a predicate splits"
		k := g.kind(Int, Dec, Date)
		items = append(items, g.of(k, 1).Node)
		f, again := "COUNT", "SUM"
		switch g.IntN(3) {
		case 0:
			f, again = "MIN", "MIN"
		case 1:
			f, again = "MAX", "MAX"
		case 2:
			if k != Date && g.chance(50) {
				f = "SUM"
			}
		}
		out.build = func(from, p, items *Node) (*Node, []*Node) {
			parts := each(f+"(~) AS c", "", from, items, p)
			return form("SELECT~ "+f+"(~) FROM ~", hint, items, from),
				[]*Node{form("SELECT~ "+again+"(c) FROM (~) AS u", hint, union(parts))}
		}
	case 4:
		out.Name = "a condition of a join and the same as a filter"
		plainItems(1)
		out.build = func(from, p, items *Node) (*Node, []*Node) {
			return where("~", "", from, items, p, "~"), []*Node{form(
				"SELECT~ ~ FROM ~ JOIN (SELECT 1 AS one) AS o ON ~", hint, items, from, p)}
		}
	default:
		out.Name = "rows that a filter lets pass, and its condition as a value"
		items = append(items, leaf("1"))
		out.build = func(from, p, _ *Node) (*Node, []*Node) {
			return form("SELECT~ COUNT(*) FROM ~ WHERE ~", hint, from, p), []*Node{form(
				"SELECT~ COUNT(CASE WHEN c THEN 1 END) FROM (SELECT ~ AS c FROM ~) AS v", hint, p, from)}
		}
	}
	out.Pieces = form("~ ~ ~", from.node, p.Node, list("", ", ", 1, items...))
	return out
}
