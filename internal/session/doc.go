// Package session owns the registry of sessions (process list, KILL) and the state of each: variables, current
// database, transaction, warnings, prepared statements, cursors; and the life of a statement: parse, bind, plan, admit,
// run, stream. It defines ResultWriter, where results go; server implements it on a connection.
//
// # A statement's way
//
//	text      counted by parse's budget, charged to the session on the heap ledger
//	plan      on a catalog snapshot; metadata locks are taken, then the snapshot is checked to be current
//	minimum   exec/build sizes the plan for the quota; memory.Statement.Admit waits for its minimum
//	run       exec pipelines; rows stream to the ResultWriter
//	end       transaction committed (autocommit) or the statement undone; pages, locks and spilled blocks returned
//
// # Invariants
//
//	S1 a session runs one statement at a time; only Kill, the process list and its own workers touch it from outside.
//	S2 KILL QUERY cancels the context of the statement that runs when it arrives, never that of the next one.
//	S3 when a statement ends, its memory.Statement is closed: nothing is reserved, pinned or on disk for it, but a
//	   cursor's rows, which belong to the session.
//	S4 a failed statement leaves the transaction as it was before it.
package session
