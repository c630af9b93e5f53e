package bind

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// aggregates collects the aggregate functions of a query block.
type aggregates struct {
	list []*expr.Aggregate
	cols []logical.Column
	// joins are subqueries in their arguments, to be joined below the grouping.
	joins []*subqueryJoin
}

// aggregate binds an aggregate function: its arguments over the input, itself as a column of the grouping.
func (x *exprBinder) aggregate(n *ast.AggregateFuncExpr) (expr.Expr, error) {
	if x.aggs == nil || x.inAggregate {
		return nil, sqlerr.New(sqlerr.ErrInvalidGroupFuncUse)
	}
	in := &exprBinder{b: x.b, scope: x.scope, clause: x.clause, aggs: x.aggs, inAggregate: true}
	defer func() { x.aggs.joins = append(x.aggs.joins, in.joins...) }()
	name := strings.ToLower(n.F)
	nodes := n.Args
	separator := ","
	if name == "group_concat" {
		if v, ok := nodes[len(nodes)-1].(*parse.Value); ok {
			separator = v.Literal()
		}
		nodes = nodes[:len(nodes)-1]
	}
	args, err := in.bindAll(nodes)
	if err != nil {
		return nil, err
	}
	for i := range args {
		args[i] = x.b.fold(args[i])
	}
	if name == "count" && len(args) == 1 && !n.Distinct {
		// COUNT(*) comes as COUNT(1), which is the same.
		if c, ok := args[0].(*expr.Const); ok && !c.D.IsNull() {
			args = nil
		}
	}
	// DISTINCT changes nothing of a smallest or largest value.
	distinct := n.Distinct && name != "min" && name != "max"
	a, err := expr.NewAggregateType(name, args, distinct, x.b.ctx.Env)
	if err != nil {
		return nil, err
	}
	if name == "group_concat" {
		a.Separator = separator
		if n.Order != nil {
			for _, item := range n.Order.Items {
				var e expr.Expr
				if p, ok := item.Expr.(*ast.PositionExpr); ok {
					if p.N < 1 || p.N > len(args) {
						return nil, sqlerr.New(sqlerr.ErrBadField, positionText(p.N), "order clause")
					}
					e = args[p.N-1]
				} else if e, err = in.bindFolded(item.Expr); err != nil {
					return nil, err
				}
				a.OrderBy = append(a.OrderBy, expr.OrderKey{Expr: e, Desc: item.Desc})
			}
		}
	}
	for i, o := range x.aggs.list {
		if sameAggregate(a, o) {
			return x.aggs.cols[i].Ref(), nil
		}
	}
	col := x.b.newColumn(aggregateText(a), a.T)
	x.aggs.list = append(x.aggs.list, a)
	x.aggs.cols = append(x.aggs.cols, col)
	return col.Ref(), nil
}

func sameAggregate(a, o *expr.Aggregate) bool {
	if a.Name != o.Name || a.Distinct != o.Distinct || a.Separator != o.Separator || len(a.Args) != len(o.Args) ||
		len(a.OrderBy) != 0 || len(o.OrderBy) != 0 {
		return false
	}
	for i := range a.Args {
		if !expr.Equal(a.Args[i], o.Args[i]) || !expr.Deterministic(a.Args[i]) {
			return false
		}
	}
	return true
}

// aggregateText names the column of an aggregate, for EXPLAIN.
func aggregateText(a *expr.Aggregate) string {
	parts := make([]string, len(a.Args))
	for i, e := range a.Args {
		parts[i] = e.String()
	}
	inside := strings.Join(parts, ", ")
	if len(parts) == 0 {
		inside = "*"
	}
	if a.Distinct {
		inside = "distinct " + inside
	}
	return a.Name + "(" + inside + ")"
}
