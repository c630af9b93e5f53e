// Package agg owns GROUP BY, DISTINCT and aggregates without groups. Expressions are computed by a projection below: an
// aggregation groups by columns of its input and feeds columns to its aggregates.
//
// Four operators: Hash groups in any order, in two phases over radix partitions; Scalar aggregates without groups,
// with states of fixed size; Stream takes sorted input, or no groups, and aggregates of any kind, one group at a time;
// Rollup takes sorted input, too, with states of fixed size, and gives the groups of all levels of WITH ROLLUP.
package agg
