package bind

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// rollup is GROUP BY ... WITH ROLLUP: rows are given once for each level (logical.Expand), and grouped by the keys as
// they are there, and by the level, so that a NULL of the data and one that stands for all values are not the same.
type rollup struct {
	keys  []expr.Expr // over the input
	level logical.Column
}

// beginRollup prepares a grouping with levels. Group columns may be NULL whatever they are made of, and that must be
// known before anything is bound over them.
func (s *block) beginRollup() {
	level := types.NewBigInt().WithNullable(false)
	s.rollup = &rollup{level: s.b.newColumn("level", level)}
	for i := range s.from.cols {
		s.from.cols[i].col.Type.Nullable = true
	}
}

// addKey adds a key; the same one twice makes two levels.
func (s *block) addKey(e expr.Expr) {
	s.rollup.keys = append(s.rollup.keys, e)
	s.groupBy = append(s.groupBy, e)
	s.groupCols = append(s.groupCols, s.b.newColumn(e.String(), e.Type().WithNullable(true)))
}

// groupRollup puts the levels below the grouping, and above it the total of no rows.
func (s *block) groupRollup(agg *logical.Agg) logical.Node {
	e := &logical.Expand{Input: agg.Input, Keys: s.rollup.keys}
	e.Cols = append(s.groupCols[:len(s.groupCols):len(s.groupCols)], s.rollup.level)
	agg.Input, agg.GroupCols, agg.GroupBy = e, e.Cols, refsTo(e.Cols)
	out := &logical.DefaultRow{Input: agg, Values: map[int]expr.Expr{
		s.rollup.level.ID: expr.NewInt(int64(len(s.rollup.keys))),
	}}
	for i, a := range agg.Aggs {
		out.Values[agg.AggCols[i].ID] = expr.NewConst(a.Empty())
	}
	return out
}

// orderRollup sorts as MySQL does without ORDER BY: totals behind what they sum up.
func (s *block) orderRollup() error {
	sort := &logical.Sort{Input: s.node}
	for i := range s.rollup.keys {
		total, err := s.rollup.isTotal(s.b, i)
		if err != nil {
			return err
		}
		sort.Keys = append(sort.Keys, logical.SortKey{Expr: total}, logical.SortKey{Expr: s.groupCols[i].Ref()})
	}
	s.node = sort
	return nil
}

// isTotal is 1 in rows in which key i stands for all of its values.
func (r *rollup) isTotal(b *binder, i int) (expr.Expr, error) {
	return b.call(">=", r.level.Ref(), expr.NewInt(int64(len(r.keys)-i)))
}

// groupingMost is the number of arguments that have a bit each.
const groupingMost = 64

// grouping binds GROUPING(key, ...): a bit for each argument, the last one's the lowest. Errors 1111, 3602.
func (x *exprBinder) grouping(args []ast.ExprNode) (expr.Expr, error) {
	if x.rollup == nil || x.inAggregate {
		return nil, sqlerr.New(sqlerr.ErrInvalidGroupFuncUse)
	}
	if len(args) == 0 || len(args) > groupingMost {
		return nil, sqlerr.New(sqlerr.ErrWrongParamCountToNativeFct, "GROUPING")
	}
	var out expr.Expr
	for k, n := range args {
		e, err := x.bindFolded(n)
		if err != nil {
			return nil, err
		}
		key := -1
		for i, o := range x.rollup.keys {
			if expr.Equal(o, e) {
				key = i
			}
		}
		if key < 0 {
			return nil, sqlerr.New(sqlerr.ErrFieldInGroupingNotGroupBy, k+1)
		}
		bit, err := x.rollup.isTotal(x.b, key)
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = expr.NewInt(0)
		}
		if out, err = x.b.call("*", out, expr.NewInt(2)); err != nil {
			return nil, err
		}
		if out, err = x.b.call("+", out, bit); err != nil {
			return nil, err
		}
	}
	return out, nil
}
