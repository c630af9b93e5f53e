package bind

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// bindRecursive binds an expression that refers to itself: a UNION of query blocks, first those that do not, then those
// that do. Errors 3573 to 3577.
func (b *binder) bindRecursive(c *cte) error {
	set, ok := unwrap(c.def.Query).(*ast.SetOprStmt)
	if !ok {
		return sqlerr.New(sqlerr.ErrCTERecursiveRequiresUnion, c.name)
	}
	scope := c.outer
	if set.With != nil {
		save := b.ctes
		b.ctes = scope
		leave, err := b.enterWith(set.With, set)
		if err != nil {
			return err
		}
		scope = b.ctes
		leave()
		b.ctes = save
	}
	seeds, err := c.split(set.SelectList.Selects)
	if err != nil {
		return err
	}
	if set.OrderBy != nil {
		return notSupported("ORDER BY over UNION in recursive Common Table Expression")
	}
	out := &logical.CTE{Name: c.name}
	if out.Distinct, err = distinctRounds(set.SelectList.Selects, seeds); err != nil {
		return err
	}
	if set.Limit != nil {
		out.HasLimit = true
		if out.Count, err = b.limitValue(set.Limit.Count, 1<<63); err != nil {
			return err
		}
		if out.Offset, err = b.limitValue(set.Limit.Offset, 0); err != nil {
			return err
		}
	}
	rounds, err := b.ctx.Env.Variable("session", "cte_max_recursion_depth")
	if err != nil {
		return err
	}
	if out.MaxRounds = rounds.U; rounds.I > 0 {
		out.MaxRounds = uint64(rounds.I)
	}
	if err := b.seed(c, scope, out, set.SelectList.Selects[:seeds]); err != nil {
		return err
	}
	// From here on the name means the rows of the round before.
	c.bound, c.work = out, true
	defer func() { c.work = false }()
	self := *c
	self.outer = scope
	self.bound = out
	union := &logical.Union{}
	for _, col := range out.Cols {
		union.Cols = append(union.Cols, b.newColumn(col.Name, col.Type))
	}
	for _, part := range set.SelectList.Selects[seeds:] {
		n, err := b.recursivePart(&self, part)
		if err != nil {
			return err
		}
		union.Parts = append(union.Parts, n)
	}
	out.Recursive = union
	if len(union.Parts) == 1 {
		out.Recursive = union.Parts[0]
	}
	return nil
}

// unwrap takes a query out of its parentheses.
func unwrap(n ast.Node) ast.Node {
	for {
		switch s := n.(type) {
		case *ast.SubqueryExpr:
			n = s.Query
			continue
		case *ast.SetOprSelectList:
			if len(s.Selects) == 1 && s.OrderBy == nil && s.Limit == nil && s.With == nil {
				n = s.Selects[0]
				continue
			}
		}
		return n
	}
}

// split finds how many query blocks do not refer to the expression; these come first. Error 3574.
func (c *cte) split(parts []ast.Node) (seeds int, err error) {
	for i, p := range parts {
		refers := countReferences(p, c.name) > 0
		if !refers && i == seeds {
			seeds++
		} else if !refers {
			return 0, sqlerr.New(sqlerr.ErrCTERecursiveRequiresNonrecursiveFirst, c.name)
		}
	}
	if seeds == 0 {
		return 0, sqlerr.New(sqlerr.ErrCTERecursiveRequiresNonrecursiveFirst, c.name)
	}
	return seeds, nil
}

// distinctRounds says if a UNION DISTINCT takes in the recursive parts; it takes in all that is left of it.
func distinctRounds(parts []ast.Node, seeds int) (bool, error) {
	distinct := false
	for _, p := range parts[seeds:] {
		switch operatorOf(p) {
		case ast.Union:
			distinct = true
		case ast.UnionAll:
			if distinct {
				return false, notSupported("recursive query blocks with UNION DISTINCT then UNION ALL, in recursive " +
					"Common Table Expression")
			}
		default:
			return false, notSupported("EXCEPT and INTERSECT in recursive Common Table Expression")
		}
	}
	return distinct, nil
}

// seed binds the first parts, which give the columns their names and types.
func (b *binder) seed(c, scope *cte, out *logical.CTE, parts []ast.Node) error {
	var n ast.Node = &ast.SetOprStmt{SelectList: &ast.SetOprSelectList{Selects: parts}}
	if len(parts) == 1 {
		n = parts[0]
	}
	q, err := b.cteQuery(c, scope, n)
	if err != nil {
		return err
	}
	if q, err = b.derived(q, "", c.name, ciNames(c.def.ColNameList)); err != nil {
		return err
	}
	p := &logical.Projection{Input: q.node}
	for _, col := range q.columns() {
		t := storable(col.Type)
		e := expr.NewStore(col.Ref(), t, col.Name)
		p.Exprs, p.Cols = append(p.Exprs, e), append(p.Cols, b.newColumn(col.Name, t))
	}
	out.Seed, out.Cols = p, p.Cols
	return nil
}

// recursivePart binds a query block that refers to the expression, and stores its rows in the columns of the first one.
func (b *binder) recursivePart(c *cte, part ast.Node) (logical.Node, error) {
	n, ok := unwrap(part).(*ast.SelectStmt)
	if !ok {
		return nil, notSupported("nested set operations in recursive query blocks of Common Table Expression")
	}
	if err := c.checkPart(n); err != nil {
		return nil, err
	}
	q, err := b.cteQuery(c, c, n)
	if err != nil {
		return nil, err
	}
	cols := q.columns()
	if len(cols) != len(c.bound.Cols) {
		return nil, sqlerr.New(sqlerr.ErrWrongNumberOfColumnsInSelect)
	}
	p := &logical.Projection{Input: q.node}
	for i, col := range cols {
		to := c.bound.Cols[i]
		p.Exprs = append(p.Exprs, expr.NewStore(col.Ref(), to.Type, to.Name))
		p.Cols = append(p.Cols, b.newColumn(to.Name, to.Type))
	}
	return p, nil
}

// checkPart refuses what a recursive query block may not have.
func (c *cte) checkPart(n *ast.SelectStmt) error {
	if n.Distinct || n.OrderBy != nil || n.Limit != nil {
		return notSupported("ORDER BY / LIMIT / SELECT DISTINCT in recursive query block of Common Table Expression")
	}
	var f aggregateFinder
	n.Fields.Accept(&f)
	if n.Having != nil {
		n.Having.Accept(&f)
	}
	var w windowFinder
	n.Accept(&w)
	if f.found || w.found || n.GroupBy != nil {
		return sqlerr.New(sqlerr.ErrCTERecursiveForbidsAggregation, c.name)
	}
	direct := 0
	if n.From != nil && n.From.TableRefs != nil {
		var err error
		if direct, err = c.references(n.From.TableRefs, false); err != nil {
			return err
		}
	}
	if direct != 1 || countReferences(n, c.name) != 1 {
		return sqlerr.New(sqlerr.ErrCTERecursiveRequiresSingleReference, c.name)
	}
	return nil
}

// references counts references among the tables of FROM. Error 3576 where an outer join would add NULLs to them.
func (c *cte) references(n ast.ResultSetNode, inner bool) (int, error) {
	switch n := n.(type) {
	case *ast.Join:
		left, err := c.references(n.Left, inner || n.Tp == ast.RightJoin)
		if err != nil || n.Right == nil {
			return left, err
		}
		right, err := c.references(n.Right, inner || n.Tp == ast.LeftJoin || n.StraightJoin)
		return left + right, err
	case *ast.TableSource:
		return c.references(n.Source, inner)
	case *ast.TableName:
		if n.Schema.O != "" || !isName(n.Name.O, c.name) {
			return 0, nil
		}
		if inner {
			return 0, sqlerr.New(sqlerr.ErrCTERecursiveForbiddenJoinOrder, c.name)
		}
		return 1, nil
	}
	return 0, nil
}

// windowFinder looks for window functions outside of subqueries.
type windowFinder struct{ found bool }

// Enter implements ast.Visitor.
func (f *windowFinder) Enter(n ast.Node) (ast.Node, bool) {
	switch n.(type) {
	case *ast.WindowFuncExpr:
		f.found = true
	case *ast.SubqueryExpr:
		return n, true
	}
	return n, f.found
}

// Leave implements ast.Visitor.
func (f *windowFinder) Leave(n ast.Node) (ast.Node, bool) { return n, true }
