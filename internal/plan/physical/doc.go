// Package physical owns the nodes of physical plans and their printing, nothing else. A plan is a read-only tree: it
// may be cached and run many times at once; run-time state is exec's. Each node says which columns it gives;
// expressions of a node refer to the columns of its child by ordinal (of a join: left columns, then right ones).
package physical
