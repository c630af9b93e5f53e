// Package matrix runs every operator over every shape of data at every quota, on the real server: 5 million rows with
// uniform keys, with one key that 30 % of both sides have, with all keys equal, with all keys NULL, and strings of 0 to
// 64 KiB as keys; at 1 GiB, 64 MiB, 16 MiB and the statement's own minimum; with 1, 2 and 4 workers in turn. Each
// result is compared with what plain Go computes from the same formulas, the server's counter of temporary storage says
// whether the statement spilled, and each quota has a fresh server whose limit is the quota and 192 MiB.
//
// All of it takes about an hour and runs with SPILLWAY_LONG=1 only; else there are fewer rows, the minimum alone, and
// every block is written as soon as it is unpinned. Subtests are shape/quota/operator:
//
//	SPILLWAY_LONG=1 go test ./test/matrix -timeout 3h -v -run 'TestMatrix/skew/16MiB/sort'
//
// SPILLWAY_MATRIX_DATA names a data directory to keep: the tables are loaded once.
package matrix
