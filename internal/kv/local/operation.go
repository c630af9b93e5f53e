package local

import (
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/pagetree"
)

// Write sets and locks outlive statements, so no statement's minimum covers what their maps pin. Each operation on them
// has a grant of its own instead (memory.Account.Begin), taken before any mutex of a write set or of the lock table;
// none begins within another one, and none lasts while a transaction waits.

// treeOptions are those of the maps.
var treeOptions = pagetree.Options{Kind: memory.InOperation}

// operationNodes is what an operation pins at most: a cursor in each of two maps, and one operation of a third.
const operationNodes = 2 + pagetree.MinimumPages

// operationRows is after how many rows a long operation lets others have their turn.
const operationRows = 1024

// begin begins an operation on maps of which no key is longer than key bytes.
func begin(acct *memory.Account, key int) memory.Operation { return beginMerge(acct, key, 0) }

// beginMerge is begin with a cursor in each of so many sealed trees besides.
func beginMerge(acct *memory.Account, key, trees int) memory.Operation {
	return acct.Begin(operationNodes*int64(treeOptions.NodeBytes(key)) + int64(trees*treeOptions.NodeBytes(0)))
}
