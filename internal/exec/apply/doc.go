// Package apply runs a plan for each row of another one: correlated subqueries that are no joins, and LATERAL.
//
// The inner plan is a run of its own, on the same worker: the values of the outer row that it depends on, its
// parameters, are constants of it. Its rows go to a row collection, from where they are joined with the outer row. The
// results for parameters that come again are kept, with a map from parameters to places in the collection; both lie in
// evictable blocks, and are dropped when they get large, or when it shows that parameters do not repeat.
//
// Invariants:
//
//  1. What is pinned does not depend on the number of rows on either side.
//  2. The inner run has ended when its rows are read.
//  3. One worker.
package apply
