//go:build !race

package memory

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// addressFactor is how many times the ceiling each class's addresses cover. More than once, because a parked
// statement's pages keep their addresses while their bytes are on disk.
const addressFactor = 4

// maxReserveBytes keeps all ranges together within half of the 47 bits that a process has.
const maxReserveBytes = 1 << 46

// descriptorSpanBytes is all that 32 bits of BlockID can name.
const descriptorSpanBytes = (1 << 32) * descBytes

// spanBytes is the length of a class's addresses.
func spanBytes(_ uint8, o Options) int64 {
	n := min(addressFactor*o.CeilingBytes, maxReserveBytes/classes)
	return roundUp(max(n, MaxPageBytes), MaxPageBytes)
}

// region is the reservation of addresses that everything lies in.
type region struct {
	base unsafe.Pointer
	addr unsafe.Pointer // what was mapped; base is aligned
	size uintptr
}

// reserve maps bytes of address space without memory, aligned to MaxPageBytes.
func reserve(bytes int64) (region, error) {
	size := uintptr(bytes) + MaxPageBytes
	const flags = unix.MAP_PRIVATE | unix.MAP_ANON | unix.MAP_NORESERVE
	addr, err := unix.MmapPtr(-1, 0, nil, size, unix.PROT_NONE, flags)
	if err != nil {
		return region{}, fmt.Errorf("reserving %d bytes of addresses: %w", size, err)
	}
	skip := -uintptr(addr) & (MaxPageBytes - 1)
	return region{base: unsafe.Add(addr, skip), addr: addr, size: size}, nil
}

// release unmaps the reservation. Only for pools that no statement uses any longer: stale headers into the range would
// point into whatever is mapped there next.
func (g *region) release() error { return unix.MunmapPtr(g.addr, g.size) }

// open makes [r, r+bytes) accessible.
func (g *region) open(r Ref, bytes int64, huge bool) error {
	b := g.bytes(r, bytes)
	if err := unix.Mprotect(b, unix.PROT_READ|unix.PROT_WRITE); err != nil {
		return fmt.Errorf("opening %d bytes of the pool: %w", bytes, err)
	}
	advice := unix.MADV_NOHUGEPAGE
	if huge {
		advice = unix.MADV_HUGEPAGE
	}
	// A kernel without huge pages refuses both, which is as good.
	_ = unix.Madvise(b, advice)
	return nil
}

// decommit gives the memory of [r, r+bytes) back to the system; the bytes read as zero afterwards.
func (g *region) decommit(r Ref, bytes int64) error {
	if err := unix.Madvise(g.bytes(r, bytes), unix.MADV_DONTNEED); err != nil {
		return fmt.Errorf("giving back %d bytes of the pool: %w", bytes, err)
	}
	return nil
}

func (g *region) bytes(r Ref, n int64) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(g.base, uintptr(r))), n)
}
