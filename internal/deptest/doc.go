// Package deptest holds the table of allowed imports against the code. It has tests only.
//
// The table in table_test.go is the design's: rows are in dependency order and name only rows above them, so imports
// point down and no cycle is possible. A new package needs a row; a new edge needs its reason in the commit. What a
// package's _test.go files import is free, but the test support packages may be imported from nowhere else, and each
// library only where its row says.
package deptest
