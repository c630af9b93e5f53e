// Package table owns how rows and index entries lie in the key-value store: their encoding, decoding into batches, the
// spans of ranges, and the upkeep of indexes when rows are written.
//
// # Keys
//
//	't' table(4) index(4) part...        of a row (index = the primary key's) or an index entry
//
// Keys are memcomparable. A part is an encoded column; parts of nullable columns begin with 0x00 (NULL, nothing
// follows) or 0x01. Integers are big-endian with the sign bit flipped, in as many bytes as the type has; DECIMAL
// likewise, in as many bytes as its precision needs, dates in three, times without fraction in five; floats are their
// bits, ordered; strings are weight strings (binary ones themselves) in which 0x00 is 0x00 0xFF, ended by 0x00 0x01, so
// that no string is the prefix of another one. All bytes of a descending part are inverted. Collated strings cannot be
// restored from a key: they are in the value too.
//
//	row               primary key                             -> row value, without restorable key columns
//	index             index columns, primary key              -> index value
//	unique index      index columns                           -> index value with the primary key
//	... with a NULL   index columns, primary key              -> index value
//
// # Row value
//
//	 0       1       3            3+b         3+b+f            + e*v
//	+-------+-------+------------+-----------+----------------+-------------+
//	| flags | count | null bits  | fixed     | end offsets    | bytes       |
//	+-------+-------+------------+-----------+----------------+-------------+
//
// flags: the version in the low four bits; 0x10: end offsets have four bytes (e) instead of two. count (2 bytes, little
// endian, as all in a value): how many of the stored columns there were when the row was written. Stored columns are
// ordered by ID, so that columns added later are at the end: rows without them have their Initial value. Fixed-width
// columns are in order, narrow, at offsets that only depend on count; ends are relative to the first of the v variable
// ones.
//
// # Index value
//
//	uvarint n, n bytes of the row's primary key (n = 0: it is at the end of the key), row value of the columns of
//	index and primary key that cannot be restored from the keys (absent if there are none)
//
// An index value may be empty, which is n = 0 and nothing else.
//
// # Invariants
//
//	T1 bytes.Compare of keys orders as the columns do: NULL first, collations as collation.Collate.
//	T2 decoding checks everything it reads: corrupt bytes are an error, never a crash.
//	T3 an index has exactly one entry for each row of the table, in the same transaction.
//	T4 strings of decoded batches reference the pairs' page where they can; they live as long as it.
package table
