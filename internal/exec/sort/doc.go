// Package sort owns ORDER BY: a sink that makes sorted runs, a source that merges them, and top-N. The data structures
// are those of package rows; what is here adapts them to pipelines.
//
// # Model
//
// Each worker of the sink fills pages with rows and their normalized keys as long as it gets leases, then sorts them.
// If all of the input fits, nothing is written: the source merges what the workers sorted where it lies. Otherwise a
// worker writes what it has in key order as a run of evictable blocks, and begins anew. The source merges with one
// worker; with more runs than pages, the smallest runs are merged first. A merge may be interrupted at any row, so a
// lease that is asked back costs a further pass and nothing else.
//
// With a limit of N rows, a worker cuts what it has sorted to its first N rows, and rows that a histogram of the keys
// seen so far rules out are dropped before they are copied (Chronis et al., SIGMOD 2020).
//
// # Invariants
//
//	S1 pages held are at most MinBytes; everything beyond is leased and given back when asked.
//	S2 a merge needs two input pages and one output page, whatever the size of the input.
//	S3 a batch of the source ends where a block of a run ends, so its strings are never copied.
package sort
