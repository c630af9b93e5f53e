package logical

// CTE is a common table expression that is computed once, into a table that CTEScans read. With a Recursive part it is
// computed in rounds: the first one gives the rows of Seed, each further one those that Recursive makes of the rows of
// the round before, which it reads through a CTEScan with Work set.
type CTE struct {
	Name      string
	Cols      []Column // nullable if recursive
	Seed      Node     // its columns correspond to Cols by position; so do those of Recursive
	Recursive Node     // nil: not recursive
	Distinct  bool     // a row that there was before is no new one
	MaxRounds uint64   // of Recursive; one more is error 3636
	// HasLimit: the rows from Offset on, Count of them, and then no further round.
	HasLimit      bool
	Offset, Count uint64
}

// CTEScan reads the table of a CTE.
type CTEScan struct {
	CTE      *CTE
	Alias    string
	Cols     []Column
	Ordinals []int // the CTE's columns that Cols are
	Work     bool  // only the rows of the last round
}

// Columns implements Node.
func (n *CTEScan) Columns() []Column { return n.Cols }

// Inputs implements Node.
func (n *CTEScan) Inputs() []*Node { return nil }

var _ Node = (*CTEScan)(nil)
