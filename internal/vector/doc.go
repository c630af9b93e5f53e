// Package vector owns the columns in which rows travel through a statement: vectors in pool pages, batches of them,
// selections, and the string bytes and pins that a batch's references need.
//
// # Layout
//
// A vector has one fixed-width value a row (types.Phys.Width bytes) and one null byte a row (1 = NULL). Strings are
// Str: 16 bytes with length, prefix and either the bytes themselves (up to 12) or a pool reference.
//
// # Invariants
//
//	V1 a batch has Len rows; Sel, if not nil, lists those that count, ascending. Values at other rows are undefined.
//	V2 a value at a NULL row is undefined, but safe to read (strings: a valid Str).
//	V3 references in a batch live until its Reset; whoever keeps a value longer copies it.
//	V4 a constant vector has its value at row 0 and stands for all rows; At and kernels use Vector.Const.
//	V5 vectors hold no Go pointers in pages; slices over pages die with the batch.
package vector
