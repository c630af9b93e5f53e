package physical

import "strconv"

// Repeat gives each row of its input as often as column Count says.
type Repeat struct {
	Base
	Input Node
	Count int
}

// Children implements Node.
func (n *Repeat) Children() []Node { return []Node{n.Input} }

// Describe implements Node.
func (n *Repeat) Describe() (name, object, info string) {
	return "Repeat", "", "times:column " + strconv.Itoa(n.Count)
}

var _ Node = (*Repeat)(nil)
