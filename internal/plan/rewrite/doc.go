// Package rewrite improves logical plans, one rule a file: predicates move down to where their columns come from
// (pushdown.go), common parts of alternatives come out of them (common_factor.go), outer joins that cannot be outer
// become inner ones (outer_join.go), inner joins are put in order (join_order.go), projections on projections are
// merged (projection_merge.go), columns nobody reads are dropped (prune.go). What a scan does with its conditions,
// ranges of which index, is decided in access.go and ranges.go, when physical nodes are chosen.
//
// A rule keeps the rows and the columns of the plan's root; it may change anything below.
package rewrite
