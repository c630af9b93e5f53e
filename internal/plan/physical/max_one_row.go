package physical

// MaxOneRow gives its input's row, a row of NULLs if the input has none, and error 1242 if it has more: a query as a
// value.
type MaxOneRow struct {
	Base
	Input Node
}

// Children implements Node.
func (n *MaxOneRow) Children() []Node { return []Node{n.Input} }

// Describe implements Node.
func (n *MaxOneRow) Describe() (name, object, info string) { return "MaxOneRow", "", "" }

var _ Node = (*MaxOneRow)(nil)
