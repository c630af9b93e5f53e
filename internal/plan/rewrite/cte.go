package rewrite

import "github.com/spillwaydb/spillway/internal/plan/logical"

// cteRows estimates a CTE by its seed; of a recursive one nothing is known but that there are more.
func (c *Context) cteRows(n *logical.CTEScan) float64 {
	rows := c.Rows(n.CTE.Seed)
	if n.CTE.Recursive != nil && !n.Work {
		rows *= 2
	}
	if n.CTE.HasLimit {
		rows = min(rows, float64(n.CTE.Count))
	}
	return rows
}

// pruneCTEScan keeps the columns that are read; the CTE itself has other readers too.
func pruneCTEScan(n *logical.CTEScan, need map[int]bool) {
	var cols []logical.Column
	var ordinals []int
	for i, c := range n.Cols {
		if need[c.ID] {
			cols, ordinals = append(cols, c), append(ordinals, n.Ordinals[i])
		}
	}
	n.Cols, n.Ordinals = cols, ordinals
}
