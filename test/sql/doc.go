// Package sql runs SQL scripts against the real program, over the network.
//
// Scripts are those of SQLite's sqllogictest (records separated by empty lines: "statement ok", "statement error",
// "query TYPES SORT LABEL" with the result after "----", skipif and onlyif, hash-threshold, halt; we are the engine
// mysql), with five additions:
//
//	statement error 1062    the code of the error
//	statement count 3       the number of affected rows
//	connection NAME         what follows runs on another connection to the same database
//	format rows             from here on results are written a row a line, columns separated by " | ", never hashed
//
// and a query without "----" only has to succeed.
//
// testdata has our own scripts, by area, and in testdata/upstream some of SQLite's. Every script runs under several
// configurations (quotas, forced spilling, tiny batches, equal hashes, one worker, prepared statements) and has to give
// the same results in each.
//
// Environment, besides what test/harness reads:
//
//	SPILLWAY_SLT_DIR      a folder of further scripts, run under the first configuration only, or:
//	SPILLWAY_SLT_CONFIG   the names of configurations, separated by commas
//	SPILLWAY_SLT_REWRITE  set: own scripts get the results that the server gives under the first configuration
package sql
