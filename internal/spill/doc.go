// Package spill keeps evicted blocks of the pool in temporary files: it implements memory.BlockStore.
//
// # Model
//
// A block is written to a slot. Slots of one size fill a file of at most Options.FileBytes; a slot's size is the length
// of what is written, raw or compressed, rounded up in steps (slotBytes). Free slots are reused, the lowest first, so
// that the files made last become empty; an empty file is closed, which gives its space back. Files have no name:
// nothing is left after a crash. Where the file system takes it, transfers bypass the page cache (O_DIRECT), which
// would count against the memory limit of a container: pages of the pool and all sizes here are multiples of 4 KiB.
//
// Blocks that are written in a group get slots side by side, as far as there are, and go with one call of the system
// for each place; so do those that are read in a group and lie side by side. Compressed ones of a group get slots of
// one size for that, unless it wastes too much.
//
// memory.Slot holds all there is to know of a block, so that nothing but its bytes lies on disk and a page fits its
// slot exactly:
//
//	Lo  number of the file << 32 | number of the slot in it
//	Hi  CRC-32C of the stored bytes << 32 | length if compressed, else 0
//
// # Invariants
//
//   - Space is counted against the statement's and the server's quota before it is written.
//   - What is read has the checksum of what was written, or the read fails.
//   - Buffers are taken at the start (Store.FixedBytes); nothing grows with a block's size.
//   - A failed write leaves nothing behind.
//   - No lock is held during a read, a write, a close or a punch.
//
// Errors are sqlerr.TempSpaceError (quota, full disk) and sqlerr.SpillIOError (all else).
package spill
