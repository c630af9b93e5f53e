// Package bind turns syntax trees into typed logical plans: it resolves names by MySQL's rules, expands wildcards,
// types expressions, finds aggregates, and turns subqueries into joins.
//
// Invariants:
//
//  1. Syntax trees are never changed: a prepared statement is bound again at each execution, with its parameters as
//     constants.
//  2. Every column of the logical plan has an ID of its own; see package logical.
//  3. Recursion follows the depth of the tree, which package parse bounds; binding counts it once more (maxDepth), as
//     views and common table expressions nest without parentheses.
package bind
