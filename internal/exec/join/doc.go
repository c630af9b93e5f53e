// Package join owns the join operators. Each but Index builds its right side first, as the sink of a pipeline, and then
// is a streaming operator of the pipeline of its left side. Index is one of its outer side's pipeline, and reads its
// inner side, a table, by batches of sorted keys.
//
// NestedLoop takes any condition. Merge takes equalities, and further conditions, over inputs that come in order. Hash
// takes the same over any inputs (Kuiper et al., VLDB 2025: hybrid hashing over pages): right rows are spread over
// radix partitions by their hashes; those partitions that fit are pinned, the smallest first, each with a pointer
// table of exactly its rows. Left rows of other partitions are set aside, in partitions too; they are joined in later
// rounds by the worker whose Flush is the last, with the help of the others as far as there is surplus for them. A
// partition that is asked to leave memory while it is probed does so once no worker is in a batch that began with it.
// Without memory for a tail of each partition, rows are not spread at first: small batches would write and read a page
// for nearly every row. Both sides are then one task, which is split in two as often as needed.
package join
