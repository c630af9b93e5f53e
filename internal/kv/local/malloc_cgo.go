//go:build cgo && linux

package local

// The engine's blocks and memtables come from malloc. With glibc's default of an arena for each thread the cache takes
// twice its size (125 MiB instead of 62 after 8 scanners), so there is one. The threshold above which blocks are mapped
// one by one is fixed, as glibc would raise it at the first large free, after which memtables are never given back.
// Both must be set before any thread runs, hence a constructor.

/*
#include <malloc.h>

#ifdef __GLIBC__
__attribute__((constructor)) static void spillway_malloc_settings(void) {
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
}
static int spillway_trim(void) { return malloc_trim(0); }
#if __GLIBC__ > 2 || __GLIBC_MINOR__ >= 33
static void spillway_figures(long long *used, long long *idle) {
	struct mallinfo2 m = mallinfo2();
	*used = (long long)m.arena + (long long)m.hblkhd;
	*idle = (long long)m.fordblks;
}
#else
static void spillway_figures(long long *used, long long *idle) { *used = 0; *idle = 0; }
#endif
#else
static int spillway_trim(void) { return 0; }
static void spillway_figures(long long *used, long long *idle) { *used = 0; *idle = 0; }
#endif
*/
import "C"

// MallocTrim gives free C memory back to the system; it takes some milliseconds.
func MallocTrim() { C.spillway_trim() }

// MallocBytes is what malloc has from the system, trimmed pages included, and what of it is free. 0 where it is not
// known.
func MallocBytes() (total, idle int64) {
	var used, free C.longlong
	C.spillway_figures(&used, &free)
	return int64(used), int64(free)
}
