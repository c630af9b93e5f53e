// Package rows owns rows that are kept: their layout, collections of them in evictable blocks, radix partitions,
// pointer tables, normalized keys, sorted runs and their merge. Operators of package exec adapt what is here.
//
// # A block
//
//	+--------+-------+-------+---- ... ----+---------+---- free ----+---- strings ----+
//	| header | row 0 | row 1 |             | row n-1 |              | of n-1 ... of 0 |
//	+--------+-------+-------+---- ... ----+---------+--------------+-----------------+
//
// The header has the number of rows and the place of the lowest string. Rows have one fixed width. A string of up to 12
// bytes lies in its 16-byte reference; a longer one lies at the end of its row's own page, and its reference is the
// distance from the row to it: nothing is fixed when a block comes back to another frame, and pages of any size may be
// mixed. Strings longer than an eighth of a page lie in overflow blocks, all of one row in one of them (but for those
// longer than 64 KiB, each of which has its own); their reference is (block ordinal, offset). The rest of a sort key
// that overflows is a list of parts instead, in blocks of at most 64 KiB.
//
// # Invariants
//
//	R1 a block holds no reference that depends on where it lies.
//	R2 a reference to a row (memory.Ref) lives as long as a pin of its block; at rest a row is (block ordinal, number).
//	R3 what grows with the data is in blocks. The heap holds one block number in 1024 and a bounded tail a collection.
//	R4 appending and reading pin one block each, and at most one overflow block within the minimum.
package rows
