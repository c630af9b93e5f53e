package physical

import "github.com/spillwaydb/spillway/internal/schema"

// Alter is CREATE INDEX or ALTER TABLE, for EXPLAIN: it is not run by pipelines.
type Alter struct {
	Base
	Name   string
	Table  *schema.Table
	Builds []Node
}

// Children implements Node.
func (n *Alter) Children() []Node { return n.Builds }

// Describe implements Node.
func (n *Alter) Describe() (name, object, info string) { return n.Name, tableObject(n.Table, ""), "" }

// IndexBuild reads all rows of a table and writes an index, or with the primary key the rows of the new table.
type IndexBuild struct {
	Base
	Table *schema.Table
	Index *schema.Index
	Sorts bool // else the rows come in the index's order
}

// Children implements Node.
func (n *IndexBuild) Children() []Node { return nil }

// Describe implements Node.
func (n *IndexBuild) Describe() (name, object, info string) {
	name, object = "IndexBuild", tableObject(n.Table, "")+", index:"+indexObject(n.Table, n.Index)
	if n.Index.Primary {
		name = "TableCopy"
	}
	if n.Sorts {
		return name, object, "sorted by key"
	}
	return name, object, "in key order"
}

var (
	_ Node = (*Alter)(nil)
	_ Node = (*IndexBuild)(nil)
)
