// Package privilege owns accounts and what they may do: user, host pattern, authentication, and the privileges granted
// globally, on a database and on a table. Its API takes and returns plain structs; SQL is the session's.
//
// An account is matched in MySQL's order: the most specific host first, then the user name before the anonymous user.
// A client's host is known by name (localhost for loopback addresses) and by address; a pattern may fit either.
//
// # Invariants
//
//	P1 readers see one immutable table of accounts; a change makes a new one (checks take no lock).
//	P2 a change is in the store before any reader sees it; if the store fails, nothing has changed.
//	P3 GRANT OPTION is a privilege like the others, of the level at which it was granted.
package privilege
