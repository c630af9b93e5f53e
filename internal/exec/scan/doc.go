// Package scan owns the sources that read tables: stored ones by ranges of the primary key or of a secondary index,
// single rows by their key, and virtual tables.
//
// # Model
//
// A scan's ranges are cut into morsels, which the workers take in order, several short ones at a time. A worker has one
// iterator, one page into which the store copies pairs, and one batch, whose strings reference that page:
//
//	kv.Iterator -> page of pairs (64 KiB) -> vectors -> filter -> batch
//
// An index that does not cover the wanted columns gives primary keys. They are sorted, a page at a time, and their rows
// are read in one pass; if the order of the index is to be kept, rows are looked up one by one. A locking scan reads
// the latest committed state: a page is locked and read again until it stays as it is.
//
// A Lookup reads by lists of keys instead: the inner side of an index join.
//
// # Memory
//
// Held, a worker: the page, the batch and the filter's vectors (MinBytes). Rows that do not fit the page come alone in
// a leased page, whose refusal is the statement's quota error.
//
// # Invariants
//
//	S1 no iterator is open while the source is paused; the next batch seeks again.
//	S2 a batch and the page under it stay until the next Next, a Pause in between included.
//	S3 with KeepOrder there is one worker and batches come in key order.
package scan
