package rewrite

import (
	"math"
	"slices"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/types"
)

// Lookup is an index by which a join's conditions look a scan's rows up.
type Lookup struct {
	Index *schema.Index
	// Keys are what its leading columns are equal to: expressions over the other side, or constants.
	Keys []physical.IndexKey
	// Conds and Filter are the conditions of the join, and of the scan, that the keys do not cover.
	Conds, Filter []expr.Expr
	AtMostOne     bool    // row a key
	Rows          float64 // of a key, as estimated
	Covering      bool
}

// LookupBy finds the best index by which conditions, over a scan's columns and others, look its rows up; nil: there is
// none.
func (c *Context) LookupBy(n *logical.Scan, conds []expr.Expr) *Lookup {
	total := max(c.RowCount(n.Table), 1)
	var best *Lookup
	for _, x := range candidates(n) {
		l := lookupBy(n, x, conds)
		if l == nil {
			continue
		}
		l.Rows = 1
		if !l.AtMostOne {
			l.Rows = max(total*math.Pow(equalShare, float64(len(l.Keys))), fewestEqual/float64(len(l.Keys)))
		}
		if best == nil || l.cost() < best.cost() {
			best = l
		}
	}
	return best
}

func (l *Lookup) cost() float64 {
	if l.Covering {
		return l.Rows * readCost
	}
	return l.Rows * (readCost + lookupCost)
}

// lookupBy is LookupBy for one index.
func lookupBy(n *logical.Scan, x *schema.Index, conds []expr.Expr) *Lookup {
	l := &Lookup{Index: x, Covering: x.Primary || n.Table.Covers(x, n.Ordinals)}
	own := map[int]bool{}
	column := map[int]keyColumn{}
	for i, o := range n.Ordinals {
		own[n.Cols[i].ID] = true
		column[o] = keyColumn{id: n.Cols[i].ID, t: n.Table.Columns[o].Type}
	}
	var used []expr.Expr
	joined, nulls := false, false
	for _, part := range x.Columns {
		k, ok := column[part.Column]
		if !ok || part.Prefix > 0 {
			break
		}
		at, key := k.equalTo(conds, own)
		if at == nil {
			at, key = k.equalTo(n.Filter, nil)
		} else {
			joined = true
		}
		if at == nil {
			break
		}
		used, l.Keys = append(used, at), append(l.Keys, key)
		nulls = nulls || key.NullSafe && k.t.Nullable
	}
	if !joined {
		return nil
	}
	isUsed := func(e expr.Expr) bool { return slices.Contains(used, e) }
	l.Conds = slices.DeleteFunc(slices.Clone(conds), isUsed)
	l.Filter = slices.DeleteFunc(slices.Clone(n.Filter), isUsed)
	l.AtMostOne = (x.Unique || x.Primary) && len(l.Keys) == len(x.Columns) && !nulls
	return l
}

// equalTo finds the condition that the column is equal to something whose values are looked up as they are: an
// expression without the columns of own, or, if that is nil, a constant.
func (k keyColumn) equalTo(conds []expr.Expr, own map[int]bool) (expr.Expr, physical.IndexKey) {
	for _, cond := range conds {
		c, ok := cond.(*expr.Call)
		if ok && c.Name() == "is true" {
			c, ok = c.Args()[0].(*expr.Call)
		}
		if !ok || c.Name() != "=" && c.Name() != "<=>" {
			continue
		}
		for i, a := range c.Args() {
			e := c.Args()[1-i]
			if k.isColumn(a) && k.lookedUp(e.Type()) && lookupKey(e, own) {
				return cond, physical.IndexKey{Expr: e, NullSafe: c.Name() == "<=>"}
			}
		}
	}
	return nil, physical.IndexKey{}
}

// lookedUp says if values of a type are found where the column has equal ones.
func (k keyColumn) lookedUp(t types.Type) bool {
	return k.takes(t) && (!k.t.IsString() || t.Collation == k.t.Collation)
}

func lookupKey(e expr.Expr, own map[int]bool) bool {
	if own == nil {
		_, ok := e.(*expr.Const)
		return ok
	}
	columns := expr.ColumnsUsed(e)
	for _, id := range columns {
		if own[id] {
			return false
		}
	}
	return len(columns) > 0
}
