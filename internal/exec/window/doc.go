// Package window owns window functions: one streaming operator that appends columns to rows which come partition by
// partition, each in its order.
//
// # Model
//
// The operator keeps rows in one row collection from when they come until no function can look at them any more, and
// gives them out again with the functions' results. Rows are numbered from 0 over the whole input. A row can be given
// as soon as the functions need not look further ahead: at once for ROW_NUMBER, RANK, LAG and frames that end at the
// current row; n rows later for LEAD and ROWS n FOLLOWING; when its peers, the rows equal to it in the order, are there
// for RANGE frames, or a key beyond the frame's end for RANGE n FOLLOWING; else at the end of its partition. So of a
// running total only the last rows are kept, whatever the partition's size, and for CUME_DIST all of the partition,
// which the pool may spill.
//
// Functions read the collection with cursors that only move forward, as both ends of every frame of MySQL's do from row
// to row. A cursor pins its block only while it copies values out of it. What is behind all cursors is freed.
//
// Aggregates over frames that grow only add. Over frames that slide, exact ones (counts, sums of integers and decimals)
// remove what leaves; others, and MIN and MAX, are kept as two stacks (Tangwongsan, Hirzel, Schneider: Low-latency
// sliding-window aggregation, 2017): the frame is cut at a row; before it lie the aggregates of each of its rows up to
// the cut, on a stack of spillable blocks; behind it one aggregate. A row's result is that of its topmost entry and the
// aggregate behind. When the stack is used up, all of the frame is put on it, from its last row back to its first. Each
// row is added once and pushed once: the cost of a row does not depend on the size of the frame, as it would, by a
// logarithm, in a segment tree; MySQL has no frames that would need one (no EXCLUDE, no bounds that go back). Sums of
// doubles over frames of up to 64 rows are added up anew for each row, so that their last digits are MySQL's.
//
// # Invariants
//
//	W1 pinned are at most: the last block of rows, the block of the rows that were given last, one block that is read,
//	   one block of a stack; and one overflow block for each of the first three. All of it, and what batches of values
//	   take, is MinBytes. There are no leases but for strings longer than 64 KiB and those of a batch's arena.
//	W2 a function is asked for each row once, in order. Strings are copied in a step of its own, which a refusal of
//	   surplus may end early and which is repeated for the rows that are left.
//	W3 no row of the buffer is read that lies before the partition of the next row.
package window
