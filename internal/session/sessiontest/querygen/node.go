package querygen

import "strings"

// class says what a node may be replaced by: one of its kids of the same class.
type class uint8

const (
	fixed class = iota // never replaced
	isTable
	isOptional // may be left out
	isQuery
	isExpr // its kind is in Node.kind
)

// Node is a piece of SQL.
type Node struct {
	text  string // '~' stands for the next kid; of a list: what stands before it
	sep   string // of a list: between its kids; "": no list
	least int    // of a list: how many kids it must have
	kids  []*Node
	class class
	kind  Kind // of an expression
}

// leaf is a text with nothing in it.
func leaf(text string) *Node { return &Node{text: strings.ReplaceAll(text, "~", "\x00")} }

// form is a text with kids in place of its tildes.
func form(text string, kids ...*Node) *Node { return &Node{text: text, kids: kids} }

// list is its kids after a word, or nothing if it has none.
func list(before, sep string, least int, kids ...*Node) *Node {
	return &Node{text: before, sep: sep, least: least, kids: kids}
}

// hint is where a query block's hints stand; what they say is up to whoever asks for the text.
var hint = &Node{text: "/*+*/"}

// Text is the SQL; every query block has the hints of hints, as "HASH_JOIN()".
func (n *Node) Text(hints string) string {
	var b strings.Builder
	n.write(&b, hints)
	return b.String()
}

func (n *Node) write(b *strings.Builder, hints string) {
	switch {
	case n == hint:
		if hints != "" {
			b.WriteString(" /*+ " + hints + " */")
		}
	case n.sep != "":
		for i, k := range n.kids {
			if i == 0 {
				b.WriteString(n.text)
			} else {
				b.WriteString(n.sep)
			}
			k.write(b, hints)
		}
	default:
		kid := 0
		for i := range len(n.text) {
			switch c := n.text[i]; c {
			case '~':
				n.kids[kid].write(b, hints)
				kid++
			case 0:
				b.WriteByte('~')
			default:
				b.WriteByte(c)
			}
		}
	}
}

// Reduce makes the tree smaller as long as keep says that it still shows what it is to show, with at most tries calls.
func Reduce(root *Node, tries int, keep func(*Node) bool) *Node {
	for progress := true; progress; {
		progress = false
		for at := 0; at < count(root); at++ {
			for k := 0; ; k++ {
				smaller, ok := change(root, at, k)
				if !ok {
					break
				}
				if tries--; tries < 0 {
					return root
				}
				if keep(smaller) {
					root, progress = smaller, true
					k = -1
				}
			}
		}
	}
	return root
}

func count(n *Node) int {
	c := 1
	for _, k := range n.kids {
		c += count(k)
	}
	return c
}

// change is the tree with its at-th node changed in the k-th way; false: there are not that many.
func change(n *Node, at, k int) (*Node, bool) {
	if at == 0 {
		return n.smaller(k)
	}
	at--
	for i, kid := range n.kids {
		c := count(kid)
		if at >= c {
			at -= c
			continue
		}
		changed, ok := change(kid, at, k)
		if !ok {
			return nil, false
		}
		out := *n
		out.kids = append([]*Node{}, n.kids...)
		out.kids[i] = changed
		return &out, true
	}
	return nil, false
}

// smaller is the k-th smaller form of a node.
func (n *Node) smaller(k int) (*Node, bool) {
	if n.sep != "" {
		if len(n.kids) <= n.least || k > len(n.kids) {
			return nil, false
		}
		out := *n
		if k == 0 {
			out.kids = n.kids[:n.least]
		} else {
			out.kids = append(append([]*Node{}, n.kids[:k-1]...), n.kids[k:]...)
		}
		return &out, true
	}
	if n.class == fixed || len(n.kids) == 0 {
		return nil, false
	}
	if n.class == isOptional {
		return leaf(""), k == 0
	}
	for _, kid := range n.kids {
		if kid.class != n.class || kid.kind != n.kind {
			continue
		}
		if k == 0 {
			return kid, true
		}
		k--
	}
	if n.class == isExpr && k == 0 {
		return &Node{text: simplest[n.kind], class: isExpr, kind: n.kind}, true
	}
	return nil, false
}
