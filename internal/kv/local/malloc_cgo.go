//go:build cgo && linux

package local

// The engine's blocks and memtables come from malloc. With glibc's default of an arena for each thread the cache takes
// twice its size (125 MiB instead of 62 after 8 scanners), so there is one. The threshold above which blocks are mapped
// one by one is fixed, as glibc would raise it at the first large free, after which memtables are never given back.
// Both must be set before any thread runs, hence a constructor.

/*
#define _GNU_SOURCE
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct { long long mapped, resident, used; } spillway_figures;

#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
static char *arena_start;

__attribute__((constructor)) static void spillway_malloc_settings(void) {
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
	arena_start = (char *)((unsigned long)sbrk(0) & -4096UL);
}

static void spillway_trim(void) { malloc_trim(0); }

// What the arena has grown to by sbrk may have holes that were given back, which mallinfo2 counts. The rest, memtables
// mostly, counts as if it were resident.
static spillway_figures spillway_malloc(void) {
	struct mallinfo2 m = mallinfo2();
	spillway_figures f = {m.arena + m.hblkhd, m.arena + m.hblkhd, m.arena + m.hblkhd - m.fordblks};
	unsigned char in[4096];
	char *p = arena_start, *end = sbrk(0);
	while (p < end) {
		unsigned long n = end - p, pages;
		if (n > sizeof in << 12)
			n = sizeof in << 12;
		pages = (n + 4095) >> 12;
		if (mincore(p, n, in) != 0)
			break; // given back meanwhile
		for (unsigned long i = 0; i < pages; i++)
			if (!(in[i] & 1))
				f.resident -= 4096;
		p += n;
	}
	if (f.resident < f.used)
		f.resident = f.used;
	return f;
}
#else
static void spillway_trim(void) {}
static spillway_figures spillway_malloc(void) { spillway_figures f = {0, 0, 0}; return f; }
#endif
*/
import "C"

// MallocTrim gives free C memory back to the system; it takes some milliseconds.
func MallocTrim() { C.spillway_trim() }

// MallocBytes is what malloc holds. All 0 where it is not known. It takes 0.2 ms for an arena of 60 MiB.
func MallocBytes() MallocFigures {
	f := C.spillway_malloc()
	return MallocFigures{Mapped: int64(f.mapped), Resident: int64(f.resident), Used: int64(f.used)}
}
