// Package pagetree is an ordered map of bytes on evictable blocks: a B+-tree for whatever must be found by key and may
// be larger than memory (write sets, lock tables, sets of seen keys).
//
// It owns the blocks of its trees, which belong to the account given to New; it keeps nothing on the Go heap but the
// root's number. A tree needs MinimumPages of Options.PageBytes to work, whatever it holds.
//
// # Layout
//
// A node is a block: a header, an array of slots (offsets) growing up, cells growing down.
//
//	node   | size u32 | n u16 | kind u8 | - | heap u32 | garbage u32 | first child u32 | slots u16... | free | cells |
//	leaf   cell | key length u16 | value length u32, bit 31: apart | key | value, or block u32 |
//	inner  cell | key length u16 | child u32 | key |
//
// Child i+1 of an inner node holds the keys from that of cell i up to that of cell i+1. A value that would take more
// than a quarter of a node lies apart: in one block, or, when larger than a page, in page-sized chunks that an index
// block lists, so that no large value needs contiguous memory.
//
// The root starts as a leaf of 4 KiB and grows to PageBytes before it splits, so that small trees are small. A tree
// with keys of many KB uses larger nodes: four cells always fit.
//
// # Invariants
//
//	T1 a failed Set or Delete (refused memory, I/O) leaves the tree as it was: inner nodes that could not take one
//	   more separator are split on the way down, and all blocks of a split are pinned before the first byte changes.
//	T2 an operation pins at most MinimumPages blocks at once: three nodes and, while a large value is set, its index.
//	   A cursor between calls pins one.
//	T3 nodes are freed when empty and never merged: an ordered map that shrinks keeps its half-empty leaves.
//
// Concurrency: any number of readers, each with a cursor of its own, while nobody writes. A write ends the cursors:
// they must be sought again.
package pagetree
