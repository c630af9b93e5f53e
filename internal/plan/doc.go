// Package plan makes physical plans of statements: plan/bind turns a syntax tree into a typed logical plan,
// plan/rewrite improves it rule by rule, and this package chooses the physical nodes and prints plans for EXPLAIN.
package plan
