// Package types owns MySQL's data types and their values: what a column is declared as (Type), how a value lies in
// memory (Phys), and what can be done with single values: arithmetic on decimals, calendar, JSON, parsing, printing,
// and the conversions of INSERT (Convert). Collations are in types/collation; whatever works on many values at a time
// is in vector and expr.
//
// Physical kinds:
//
//	PhysInt64    signed integers, YEAR; DATE, DATETIME and TIMESTAMP packed, TIMESTAMP in UTC; TIME in microseconds
//	PhysUint64   unsigned integers, BIT, ENUM (index from 1), SET (bitmap)
//	PhysFloat64  DOUBLE; FLOAT rounded to a float32
//	PhysDecimal  Dec: 256-bit integer, the scale is in the Type
//	PhysString   bytes in the charset of the collation; JSON in the form described in json.go
//
// Invariants:
//
//  1. Values of a type compare as their physical kind does: integers by value, decimals of one scale by value, strings
//     by collation. Only JSON has a comparison of its own.
//  2. A Dec has at most 65 digits; operations say so when their result has more.
//  3. A packed date has been checked by CheckDate under some mode; month and day may be 0.
//  4. Bytes taken for JSON come from the builders here or have passed ValidateJSON.
//  5. A Type is a value and its Members are never changed, so both are shared freely.
//
// Nothing here keeps state but tables built once: everything is safe for concurrent use, as long as nobody changes the
// bytes that a function was given. Functions that append write to the caller's buffer, so rows are encoded without
// garbage. No function panics on bad input; what fails says so by a flag, a ParseResult or an error of sqlerr.
package types
