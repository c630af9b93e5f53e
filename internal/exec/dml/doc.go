// Package dml owns the operators that change rows: insert, update and delete, which are sinks, and the parser of LOAD
// DATA files, which is a source. Package table writes rows and index entries; what is here decides which.
//
// A statement is all or nothing: on an error the session rolls the transaction back to where the statement began. Its
// writes go to the transaction's write set, which lies on evictable blocks, so a statement may write more than there is
// memory for. Sinks have one worker.
package dml
