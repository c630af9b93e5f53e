package scan

import (
	"github.com/spillwaydb/spillway/internal/catalog"
	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/exec/runtimefilter"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/plan/physical"
)

// Options are what a table scan needs besides its node. Account, Node, Env and one of Reader and Txn are required.
type Options struct {
	Account *memory.Account // MinBytes of its minimum are this scan's
	Node    *physical.Scan
	// Reader is the statement's snapshot; not closed by the scan. nil: Txn.Reader, closed by it.
	Reader kv.Reader
	// Txn is needed if Reader is nil and by locking scans.
	Txn kv.Txn
	// Lock says how locking scans wait; the mode is the node's.
	Lock kv.LockOptions
	// Limit is the most rows that the plan takes of the scan; a locking scan locks no more than it takes. 0: all.
	Limit uint64
	// Store gives split points; nil: one morsel a range.
	Store     kv.Store
	Env       *expr.Env
	Workers   int // at most; 0: 1
	BatchRows int // at most; 0: vector.CapacityFor
	// Filters are of joins above. Profile gets the number of rows that they drop; nil: nobody asks.
	Filters []Filter
	Profile *exec.NodeProfile
}

// Filter drops rows that have no match in a join above. It lets all rows pass until it is ready.
type Filter struct {
	*runtimefilter.Filter
	Columns []int // of the scan's output, by key of the join; -1: the key is none
}

// VirtualOptions are what a scan of a virtual table needs. All but Session and BatchRows are required.
type VirtualOptions struct {
	Account   *memory.Account
	Node      *physical.VirtualScan
	Provider  catalog.VirtualTable
	Session   any
	Env       *expr.Env
	BatchRows int
}
