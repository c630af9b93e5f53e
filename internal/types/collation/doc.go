// Package collation owns character sets and collations: their names and numbers, comparison, sort keys, LIKE, case,
// validity and conversion.
//
// Every operation takes an ID, which says the charset of the bytes and the rules. The tables are those of Vitess
// (vitess.io/vitess/go/mysql/collations), which only this package imports; on top of them are rules that it lacks:
//
//   - PAD SPACE: all collations but the 0900 ones and binary compare as if the shorter string were padded with spaces;
//   - fast paths: binary, the _bin collations of UTF-8 and eight-bit charsets, and text that is ASCII;
//   - gbk, gb18030, big5 and tis620, ordered by code (ASCII without case in the _ci ones);
//   - bytes that are invalid in their charset, on which 29 of the Vitess collations panic. Each such byte weighs like
//     the replacement character, so every operation is total.
//
// Invariants:
//
//  1. Collate is a total preorder, and Collate(id, a, b) has the sign of bytes.Compare(WeightString(id, nil, a),
//     WeightString(id, nil, b)). Equal strings have equal weight strings, so hashing goes by weight string.
//  2. No weight string of a PAD SPACE collation is a proper prefix of another one; of other collations one may be.
//  3. No function panics, whatever the bytes; unknown IDs act like Binary.
//
// Everything is safe for concurrent use; tables are built once, on first use.
package collation
