// Package memory owns every page that query data may lie in: one pool with a hard limit, obtained with mmap, and the
// protocol by which statements get pages and give them back.
//
// # Model
//
// A page is a power-of-two piece of memory, 4 KiB to 128 MiB, addressed by its offset from the pool's base (Ref). The
// addresses of a class are reserved once and never unmapped; physical bytes are one counter, raised under the limit
// before a page is touched. A block is a page that the pool may write to temporary storage (BlockStore) while nobody
// pins it, and bring back, perhaps to another frame. Three kinds of pages follow:
//
//   - held: pinned within a granted minimum. Never revoked; taking one never fails for lack of memory.
//   - leased: pinned surplus. Taking one only tries (sqlerr.ErrNoSurplus is answered with the smaller algorithm);
//     Account.Revoked, read between batches, asks for it back within one batch or 10 ms. Statements that ask for
//     surplus get fair shares (fair.go).
//   - unpinned: blocks nobody pins. Evictable at any moment; a pin brings them back.
//
// Accounts form a tree: server, user, session, statement, operator. A Statement is the unit of admission: its minimum
// is granted whole before it starts, its operators draw theirs from it. While all workers of a statement wait (client,
// row lock, sleep), the statement is parked: every page it has pinned becomes evictable *in place*, its frames are
// given back but their addresses kept, so that no reference changes and no operator takes part; its minimum returns to
// the pool down to a stub, and the end of the wait is an admission ahead of newcomers.
//
// # Where the limit goes
//
//	lane        1/16: minimums below 4 MiB, and held pages that no minimum covers (sessions, SET, SHOW, KILL)
//	operations  1/64, at least 1 MiB: pins of operations on write sets, undo and locks (operation.go)
//	descriptors 1/32, and more out of what bulk has free: 64 bytes a page or block, in memory or not
//	bulk        the rest: minimums and leases; unpinned blocks fill what of it is not in use
//
// A statement's quota bounds its pages in memory; its own unpinned blocks go first when it gets there. Leases are
// granted as long as minimum + leases are within it, so that a held page always fits.
//
// # Life of a block
//
//	NewBlock -> pinned -> Unpin -> evictable -> written -> on disk only -> Pin: read back -> pinned -> ... -> FreeBlock
//
// A block that was read back keeps its copy on disk, and is not written again: whoever modifies a block after its first
// Unpin calls MarkDirty first. Assertion builds compare checksums and find those who do not. A pin during the write
// keeps the block in memory. A write that fails is the owner's failure (Statement.Fail), not that of whoever needed
// memory; a block that belongs to no statement stays in memory then.
//
// # Locks
//
// Pool.mu before Statement.mu before arbiter.mu, frames.mu; nothing is read or written under any of them. What grows
// with data is in descriptors (desc.go), which are pool pages and hold no Go pointers: the collector sees a few objects
// a statement.
//
// # Invariants
//
//	M1 committed <= limit, always; a page is counted before it is touched.
//	M2 committed - idle - descriptors - evictable <= sum of minimums + sum of leases <= limit. (A statement that is
//	   cancelled while parked breaks it until it has freed its pages; nobody gets anything new meanwhile.)
//	M3 only Admit, the end of a wait and Account.Begin block for memory, and whoever does holds nothing that another
//	   needs. (Pages outside of any minimum, those of packets above all, are waited for like an admission.)
//	M4 pinning a block inside the operator's minimum fails only for I/O errors, cancellation or a poisoned statement.
//	M5 an account closes with nothing left; what is left is a bug that is reported with its owner and then freed.
//	M6 no Go pointer is stored in a page; no reference into a page outlives its pin.
package memory
