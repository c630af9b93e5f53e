// Package local is the embedded store: kv.Store on Pebble, with a lock table and write sets of its own.
//
// # Model
//
// A read view is a Pebble snapshot. A transaction's writes lie in ordered maps on evictable blocks (pagetree) laid over
// its read view; nothing of it reaches Pebble before Commit, which is one synced batch or, for large write sets, one
// atomic ingestion of sorted files. Row locks are in a table of this package: Pebble knows nothing of transactions.
//
//	Txn ── writeSet (pagetrees: base, delta, undo)      charged to TxnOptions.Account
//	    ── largeSet (pagetree: values over 64 KiB)      likewise
//	    ── view (Pebble snapshot, counted references)
//	    ── lockTable (sharded pagetrees, queues, deadlock detection)
//
// # Invariants
//
//	L1 a Pebble iterator is held only inside a scan that is running: Pause closes it, and so does the first batch after
//	   a flush. Both reopen on the same snapshot and seek the next key. (A forgotten iterator pins whole memtables.)
//	L2 a batch given to Pebble is at most a quarter of a memtable in Pebble's own accounting; larger write sets are
//	   ingested. (A batch of half a memtable would become a memtable itself, on the Go heap.)
//	L3 a transaction's locks are released after its commit is durable, or after its writes are dropped.
//	L4 what is charged to the heap ledger (batches, table writers, iterators) is charged before it is allocated.
//	L5 no value of more than largeBytes is handed to Pebble in one piece: large.go says how it lies in chunks, which
//	   come and go with the commit that writes or deletes their key.
//
// Memory of the engine itself, fixed at Open: the block cache, from which memtables reserve, two memtables and about
// 4 MiB; it is C memory in cgo builds. See malloc_cgo.go and janitor.go for what that takes.
package local
