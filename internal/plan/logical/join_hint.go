package logical

// JoinMethod is a way of joining that a hint asks for.
type JoinMethod uint8

// The methods.
const (
	HintHashJoin JoinMethod = iota
	HintMergeJoin
	HintIndexJoin // INL_JOIN, INL_HASH_JOIN: its tables are looked up by an index
)

// JoinHint asks that tables be joined in a certain way.
type JoinHint struct {
	Method JoinMethod
	Name   string  // as it is shown
	Tables [][]int // column IDs of each table

	Applied bool // a join was made that way
}

// About says if a side of the join is one of the tables, or a part of it.
func (h *JoinHint) About(n *Join) bool { return h.Names(n.Left) || h.Names(n.Right) }

// Names says if a node gives columns of one of the hint's tables and no others.
func (h *JoinHint) Names(n Node) bool {
	cols := n.Columns()
	for _, t := range h.Tables {
		all := len(cols) > 0
		for i := range cols {
			found := false
			for _, id := range t {
				found = found || id == cols[i].ID
			}
			all = all && found
		}
		if all {
			return true
		}
	}
	return false
}
