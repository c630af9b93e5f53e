package physical

import "strconv"

// CTE computes the table of a common table expression, before the first node that reads it runs. It is a root of its
// own in the plan, as it has several readers. See logical.CTE.
type CTE struct {
	Base
	Name          string
	Number        int // among the plan's, from 0
	Seed          Node
	Recursive     Node // nil: not recursive
	Distinct      bool
	MaxRounds     uint64
	HasLimit      bool
	Offset, Count uint64
	// Scans is how many CTEScans there are in the plan, WorkScans those with Work set.
	Scans, WorkScans int
}

// CTEScan reads the table of a CTE.
type CTEScan struct {
	Base
	CTE      *CTE
	Alias    string
	Ordinals []int // the CTE's columns that are read, in output order
	Work     bool  // only the rows of the round before
}

// Children implements Node.
func (n *CTE) Children() []Node {
	if n.Recursive == nil {
		return []Node{n.Seed}
	}
	return []Node{n.Seed, n.Recursive}
}

// Labels are the roles of the children.
func (n *CTE) Labels() []string { return []string{"(Seed Part)", "(Recursive Part)"} }

// Describe implements Node.
func (n *CTE) Describe() (name, object, info string) {
	info = "Non-Recursive CTE"
	if n.Recursive != nil {
		info = "Recursive CTE"
	}
	if n.Distinct {
		info += ", distinct"
	}
	if n.HasLimit {
		offset, count := strconv.FormatUint(n.Offset, 10), strconv.FormatUint(n.Count, 10)
		info += ", limit(offset:" + offset + ", count:" + count + ")"
	}
	return "CTE", "", info
}

// Label is how EXPLAIN calls the CTE.
func (n *CTE) Label() string { return "CTE_" + strconv.Itoa(n.Number) }

// Children implements Node.
func (n *CTEScan) Children() []Node { return nil }

// Describe implements Node.
func (n *CTEScan) Describe() (name, object, info string) {
	if n.Work {
		return "CTETable", "", "Scan on " + n.CTE.Label()
	}
	object = "CTE:" + n.CTE.Name
	if n.Alias != "" && n.Alias != n.CTE.Name {
		object += " AS " + n.Alias
	}
	return "CTEFullScan", object, "data:" + n.CTE.Label()
}

// Roots are the trees of the plan: first its own, then those of its CTEs.
func (p *Plan) Roots() []Node {
	out := []Node{p.Root}
	for _, c := range p.CTEs {
		out = append(out, c)
	}
	return out
}

var (
	_ Node = (*CTE)(nil)
	_ Node = (*CTEScan)(nil)
)
