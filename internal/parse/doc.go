// Package parse owns the way from the text of statements to syntax trees. It is the only importer of the parser
// library's grammar, and keeps what that costs within a budget:
//
//   - a scanner of our own, which allocates nothing, goes over a statement first: it finds the statement's end, counts
//     tokens and nesting. 40 bytes a token and three times the text are reserved from the Budget before the
//     grammar runs;
//   - literals are Values of 32 bytes instead of the library's 264;
//   - the rows of a long INSERT ... VALUES are cut off before the grammar sees them. They are read from the text while
//     the statement runs, a few at a time (Rows), so that 60 MiB of rows cost one chunk of tree;
//   - a list of 1,024 and more literals behind IN is cut out likewise, and a place holder is left (Param.List). The
//     binder reads it from the text into a table off the heap;
//   - strings of 64 KiB and more are cut out likewise, where an expression stands (Param.Long). The binder reads them
//     into pages;
//   - the parser object is dropped after a long statement, as it keeps the last tree alive.
//
// What the grammar lacks is added here: statements as Extra, clauses (SELECT ... INTO @x, INSERT ... AS alias) by
// cutting them out of the text and saying so in the Statement.
//
// Invariants:
//
//  1. Nothing of a text is parsed before its cost was reserved.
//  2. No text makes the package panic or recurse without bound: nesting over MaxDepth and chains of operators over
//     MaxChain are errors, and a panic of the library is a syntax error.
//  3. Trees are not changed after Next returned them: they may be bound many times.
//
// A text is UTF-8 or a charset that has ASCII in single bytes; the caller converts others. Scripts and Rows belong to
// one goroutine.
package parse
