// Package runtimefilter owns the filters that a hash join makes of its build side's keys, while it is built, for the
// scan of its probe side: a Bloom filter of the keys' hashes, and the least and greatest value of each key. Rows that
// can have no match are dropped where they are read: they pass no operator and are never set aside.
//
// # Model
//
// The sink's workers fill a Local each; Combine puts them together, Finish makes the filter ready. Before that, and
// once it is dropped, it lets every row pass. Readers, one a worker of the scan, look at it for one batch at a time; a
// Probe is the join's own use of it. A filter that drops few rows is dropped itself.
//
// # Memory
//
// A Bloom filter's page is a lease of the join's account. It begins small and grows, by copying what there is to all
// places that it may belong to in the larger one, while it is a small share of the surplus; at the end it is folded to
// what its rows need. A refusal ends it, or leaves it as it is; it may be dropped between any two batches.
//
// # Invariants
//
//	F1 no row that has a match is dropped: hashes and bounds are of the key as it is compared.
//	F2 the page is freed when no reader is within a batch that began with it.
package runtimefilter
