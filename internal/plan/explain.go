package plan

import (
	"math"
	"strconv"
	"strings"

	"github.com/spillwaydb/spillway/internal/plan/physical"
)

// NodeStats annotate a node of an executed plan.
type NodeStats struct {
	ActRows     int64
	Info        string // execution info: time, loops, spilled bytes
	MemoryBytes int64  // peak; negative: N/A
	DiskBytes   int64  // negative: N/A
}

// Annotations are what EXPLAIN shows besides the plan.
type Annotations struct {
	Analyze bool // EXPLAIN ANALYZE: nine columns
	Nodes   map[int]NodeStats
	// MinimumBytes is what the statement needs to run at all; 0: not shown. GrantBytes is what it is granted at the
	// start, with its workers and batches at the session's quota.
	MinimumBytes, GrantBytes int64
	// Spills are the nodes that are expected to write to temporary storage at the statement's quota.
	Spills map[int]bool
}

// ExplainColumns are the names of the columns of Explain.
func ExplainColumns(analyze bool) []string {
	if analyze {
		return []string{
			"id", "estRows", "actRows", "task", "access object", "execution info", "operator info", "memory", "disk",
		}
	}
	return []string{"id", "estRows", "task", "access object", "operator info"}
}

// Explain prints a plan in TiDB's table form, one row a node, children below their parents.
func Explain(p *physical.Plan, ann Annotations) [][]string {
	x := &explainer{ann: ann}
	for _, n := range p.Roots() {
		x.node(n, "", "", "")
	}
	return x.rows
}

type explainer struct {
	ann  Annotations
	rows [][]string
}

// labelled is a node whose children have roles.
type labelled interface{ Labels() []string }

// node prints n, in a role, behind the lines that lead to it; below leads to its children.
func (x *explainer) node(n physical.Node, role, lead, below string) {
	b := n.Common()
	name, object, info := n.Describe()
	id := lead + name + "_" + strconv.Itoa(b.ID) + role
	if c, ok := n.(*physical.CTE); ok {
		id = c.Label()
	}
	est := strconv.FormatFloat(b.EstRows, 'f', 2, 64)
	minimum := ""
	if x.rows == nil && x.ann.MinimumBytes > 0 {
		minimum = x.ann.minimum()
	}
	if x.ann.Spills[b.ID] {
		info = join(info, "spill:expected")
	}
	if x.ann.Analyze {
		s, ok := x.ann.Nodes[b.ID]
		if !ok {
			s = NodeStats{MemoryBytes: -1, DiskBytes: -1}
		}
		x.rows = append(x.rows, []string{
			id, est, strconv.FormatInt(s.ActRows, 10), "root", object, join(s.Info, minimum), info,
			bytesOrNone(s.MemoryBytes), bytesOrNone(s.DiskBytes),
		})
	} else {
		x.rows = append(x.rows, []string{id, est, "root", object, join(info, minimum)})
	}
	children := n.Children()
	roles := make([]string, len(children))
	if l, ok := n.(labelled); ok {
		roles = l.Labels()
	}
	for i, c := range children {
		if i == len(children)-1 {
			x.node(c, roles[i], below+"└─", below+"  ")
		} else {
			x.node(c, roles[i], below+"├─", below+"│ ")
		}
	}
}

// minimum is the statement's minimum, and what it is granted if that is more.
func (a *Annotations) minimum() string {
	if a.GrantBytes > a.MinimumBytes {
		return "statement minimum: " + formatUp(a.MinimumBytes) + ", granted at start: " + formatUp(a.GrantBytes)
	}
	return "statement minimum: " + formatUp(a.MinimumBytes)
}

func join(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, ", ")
}

func bytesOrNone(n int64) string {
	if n < 0 {
		return "N/A"
	}
	return FormatBytes(n)
}

// FormatBytes prints sizes as TiDB does: 0 Bytes, 512 Bytes, 1.23 KB, 12.3 MB, 4 GB.
func FormatBytes(n int64) string { return formatBytes(n, math.Round) }

// formatUp prints a size that what is printed is not less than.
func formatUp(n int64) string { return formatBytes(n, math.Ceil) }

func formatBytes(n int64, round func(float64) float64) string {
	const kb = 1 << 10
	if n <= kb {
		return strconv.FormatInt(n, 10) + " Bytes"
	}
	unit, name := int64(kb), " KB"
	switch {
	case n > 1<<30:
		unit, name = 1<<30, " GB"
	case n > 1<<20:
		unit, name = 1<<20, " MB"
	}
	v := float64(n) / float64(unit)
	decimals, scale := 1, 10.0
	switch {
	case n%unit == 0:
		decimals, scale = 0, 1
	case v < 10:
		decimals, scale = 2, 100
	}
	return strconv.FormatFloat(round(v*scale)/scale, 'f', decimals, 64) + name
}
