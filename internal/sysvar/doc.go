// Package sysvar owns the system variables: their names, scopes, types, ranges and defaults, the global values and
// those of each session.
//
// A variable is described by a Var in one of the tables (table_*.go). Values are kept as the text that SHOW VARIABLES
// prints, already checked and normalized: ON and OFF, enum names in their own case, numbers in decimal. What a variable
// does is not known here; the packages that read it say so. Some are answered by the session itself, such as timestamp,
// last_insert_id or warning_count: here they have a place, a type and a default only.
//
// Globals is shared by all sessions. Values is one session: the global values at the time it started, as in MySQL, plus
// what it has set. Both share the unchanged values, so that an idle session costs a pointer and a map.
//
// Invariants:
//
//  1. A stored value has passed the check of its Var; Bool, Int and Uint never see another.
//  2. A snapshot of the global values is never changed once published.
//
// Globals is safe for concurrent use; Values is used by one goroutine at a time.
package sysvar
