// Package sessiontest runs SQL inside a test's process: a storage engine in memory, a pool whose operations the test
// may refuse, temporary storage on files that may fail, and clients that collect rows, or do not read them.
//
// Its own tests are the refusal sweep: every operation on memory and temporary storage that a statement does is made
// to fail in turn. Surplus that is refused must not change a row; anything else may end the statement with an error
// that has a meaning to a MySQL client; nothing may stay behind.
package sessiontest
