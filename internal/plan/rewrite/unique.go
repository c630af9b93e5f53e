package rewrite

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/schema"
)

// ScanOf is the scan below nodes that neither add nor multiply rows; nil: there is none.
func ScanOf(n logical.Node) *logical.Scan {
	for {
		switch t := n.(type) {
		case *logical.Scan:
			return t
		case *logical.Selection:
			n = t.Input
		case *logical.Projection:
			n = t.Input
		default:
			return nil
		}
	}
}

// fixedBy are the columns of a scan, by ordinal in the table, that conditions equate with something outside of it.
func fixedBy(n *logical.Scan, conds []expr.Expr) map[int]bool {
	ordinal := map[int]int{}
	for i := range n.Cols {
		ordinal[n.Cols[i].ID] = n.Ordinals[i]
	}
	out := map[int]bool{}
	for _, e := range conds {
		c, ok := e.(*expr.Call)
		if !ok || c.Name() != "=" && c.Name() != "<=>" {
			continue
		}
		for i, a := range c.Args() {
			col, ok := a.(*expr.Column)
			if !ok {
				continue
			}
			o, own := ordinal[col.Index]
			for _, id := range expr.ColumnsUsed(c.Args()[1-i]) {
				_, inside := ordinal[id]
				own = own && !inside
			}
			if own {
				out[o] = true
			}
		}
	}
	return out
}

// LookupRows estimates how many rows of a scan's table have given values of the columns that conditions fix, looked up
// by its best index; 0: there is no index that begins with one of them. unique: at most one row has them.
func (c *Context) LookupRows(n *logical.Scan, conds []expr.Expr) (rows float64, unique bool) {
	fixed := fixedBy(n, conds)
	total := max(c.RowCount(n.Table), 1)
	for _, x := range append([]*schema.Index{n.Table.Primary}, n.Table.Indexes...) {
		leading := 0
		for leading < len(x.Columns) && x.Columns[leading].Prefix == 0 && fixed[x.Columns[leading].Column] {
			leading++
		}
		switch {
		case leading == 0:
			continue
		case leading == len(x.Columns) && (x.Unique || x.Primary):
			return 1, true
		}
		rows = max(total*equalShare, fewestEqual)
	}
	return rows, false
}

// fewestEqual is how many rows of an index that is not unique are guessed to be equal at least.
const fewestEqual = 10

// JoinRows estimates an inner join of l and r rows. Where a unique key of one side is looked up, each row of the other
// finds at most one: the share of the table that that side's own conditions leave.
func (c *Context) JoinRows(left, right logical.Node, l, r float64, conds []expr.Expr) float64 {
	out := equalRows(l, r, conds)
	for _, side := range []struct {
		n          logical.Node
		rows, from float64
	}{{right, r, l}, {left, l, r}} {
		if scan := ScanOf(side.n); scan != nil && !scan.Table.Virtual {
			if _, unique := c.LookupRows(scan, conds); unique {
				share := min(side.rows/max(c.RowCount(scan.Table), 1), 1)
				out = min(out, max(side.from*share, 1))
			}
		}
	}
	return out
}
