// Package catalog owns the databases and tables of the server: their descriptors and versions, the locks on them, the
// counters of AUTO_INCREMENT, approximate row counts, and the registry of virtual tables. It also changes them: every
// definition statement ends in a method of Catalog. The methods take plain structs; session makes them of syntax trees.
//
// # Model
//
// Descriptors (package schema) are immutable. A Snapshot is all of them at one version; a statement takes one and sees
// nothing of later changes. A definition statement
//
//	locks the table so that nobody writes it   (SharedNoWrite)
//	builds what takes long: indexes, a new copy of the rows
//	waits until nobody uses the table          (Exclusive)
//	commits data and descriptors in one kv transaction, then publishes the next Snapshot
//
// All descriptors are in memory, charged to the heap ledger before they are stored (heap.go). A statement that looks at
// snapshots does so between Enter and Leave: what was replaced since is charged until then.
//
// # Keys
//
//	'm' 0x01 id(4)          descriptor of a database
//	'm' 0x02 id(4)          descriptor of a table
//	'm' 0x03                the next id
//	'm' 0x04 id(4) col(4)   AUTO_INCREMENT: no value from here on was given out
//	'm' 0x05 name           Meta: what other packages keep (global variables, users)
//	'm' 0x06 id(4)          approximate number of rows
//
// A descriptor is a version byte and JSON; rows are package table's.
//
// # Invariants
//
//	C1 a published descriptor is never changed; IDs of tables, columns and indexes are never used again.
//	C2 descriptors and the data they describe change in one commit.
//	C3 an AUTO_INCREMENT value that was given out is never given out again, restarts included.
//	C4 every descriptor that can be reached is charged, and those of the newest snapshot have at most their share.
//	C5 an Owner holds its locks until ReleaseAll; waits end with the context, the timeout or a deadlock (1213).
package catalog
