// Package cte has the tables of common table expressions, which are computed once and read by several scans, and the
// rounds by which recursive ones are computed.
//
// A table is a row collection for each worker that adds rows; its scans share out the blocks. A recursive expression
// has three collections: the result, the rows of the last round (the work table), and those of the round in work. With
// UNION DISTINCT a row is new if it was not in the set of seen rows, an ordered map of normalized keys. All of it lies
// in evictable blocks, so that a table may be larger than memory; what is pinned does not depend on the number of rows.
//
// Invariants:
//
//  1. Blocks are pinned on the table's account, within MinBytes: one a writer, one a reader, a path of the set.
//  2. A table that is read is not written: rounds read the work table and write the other two collections.
//  3. A round that adds no row is the last one.
package cte
