// Package keep owns rows that one pipeline brings and later ones read: those at the end of a pipeline that is cut, of a
// common table expression, of the side of a join that is read for each batch of the other.
//
// # Model
//
// Each worker of the sink appends to a collection of its own, with one block pinned within the minimum: SinkBytes. When
// it has no more rows it lets go of the block and hands the collection over. From then on nothing is pinned and every
// block may be evicted. A worker that fails frees its own collection; Close frees those that were handed over.
//
// # Invariants
//
//	P1 a collection has one owner at a time: its worker, Rows, or who took it out.
//	P2 the list of collections changes while the sink runs, by Add, Take and Close; else it may be read without a lock.
package keep
