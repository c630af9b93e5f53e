package logical

// Repeat gives each row of its input as often as a BIGINT column of it says; not at all if that is not positive.
type Repeat struct {
	Input Node
	Count int // ID of the column
}

// Columns implements Node.
func (n *Repeat) Columns() []Column { return n.Input.Columns() }

// Inputs implements Node.
func (n *Repeat) Inputs() []*Node { return []*Node{&n.Input} }

var _ Node = (*Repeat)(nil)
