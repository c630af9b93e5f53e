// Package logical owns the nodes of logical plans, nothing else.
//
// Invariants:
//
//  1. A column has an ID that is unique in the plan and stays the same from where it is made (a scan, a projection,
//     an aggregate) to the root. expr.Column.Index is such an ID; only the physical plan counts positions.
//  2. An expression of a node refers to columns of its children only, after binding: to those, or to columns of an
//     outer query (correlation), which binding resolves or refuses.
//  3. Trees are owned by one statement's planning; rules change them in place.
package logical
