// Package querygen makes schemas, data and queries at random from a seed, for tests that compare results: of the same
// query under other settings, of queries that must agree (see Oracle), or of another server.
//
// A query is made from a typed grammar, so that nearly all of them run. It is deterministic: what SQL leaves open is
// not asked for. That means
//
//  1. the rows of a result are always the same; their order is if they are Ordered;
//  2. of texts that a collation deems equal, which one represents a group is never seen, except in the columns of a
//     result itself (Query.Fold), where letters of both cases and blanks at the end are to be taken for equal;
//  3. sums are of integers, decimals, and doubles whose sums are exact; what is not (Query.Approximate) is seen in
//     the columns of a result only.
//
// A query is a tree of texts (Node), which Reduce makes smaller while it still does what the test saw.
package querygen
