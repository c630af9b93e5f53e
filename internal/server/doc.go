// Package server owns the network side of a client: listeners, TLS, authentication, the dispatch of commands to a
// session.Handler, and the result writer with its back-pressure. It owns no SQL: what a command means is the session's.
//
// # Life of a connection
//
// Accepted, greeted, perhaps upgraded to TLS, authenticated (all within Options.ConnectTimeout and packets of 64 KiB),
// then a loop: wait for a command without holding a buffer, run it, answer. One goroutine a connection; the session may
// call the result writer from a worker of its own while that goroutine waits for it. A panic ends at the border of a
// command: it is logged, answered with an error, and the connection goes on.
//
// # Back-pressure
//
// Rows are encoded into a net buffer and sent by writes that never block. When the socket is full the statement's
// pipeline is paused and the wait goes through memory.Statement.Wait, inside of which nothing is done but to wait for
// the socket: the statement's pages may be away meanwhile.
//
// # Invariants
//
//	S1 a client that does not read costs one net buffer and the socket's send buffer of 64 KiB.
//	S2 an idle connection holds no read buffer and no net buffer.
//	S3 every wait on a socket ends by a time limit, by KILL, by Shutdown or by ConnInfo.Close.
//	S4 an error of a statement, in mid result too, is an ERR packet; it never costs the connection, unless a row too
//	   large for the net buffer was sent in part and the client does not read its rest within Options.RowGrace.
//	S5 what a connection holds on the Go heap is charged on the heap ledger as soon as it has an account.
package server
