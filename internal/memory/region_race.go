//go:build race

package memory

import (
	"sync"
	"unsafe"
)

// The race detector sees nothing of memory that did not come from the Go heap. Under it the pool is one Go slice, with
// few addresses to spare.

const addressFactor = 2

// raceCeilingBytes bounds the slice; a pool with a higher limit runs out of addresses before it runs out of limit.
const raceCeilingBytes = 64 << 20

const descriptorSpanBytes = 16 << 20

func spanBytes(class uint8, o Options) int64 {
	ceiling := min(o.LimitBytes, raceCeilingBytes)
	size := int64(classBytes(class))
	if size > ceiling {
		return 0
	}
	return roundUp(addressFactor*ceiling, size)
}

type region struct {
	base  unsafe.Pointer
	slice []byte
}

// spare keeps the slices of closed pools: clearing a new one would cost more than all tests.
var spare struct {
	sync.Mutex
	slices map[int64][][]byte
}

func reserve(bytes int64) (region, error) {
	bytes += MaxPageBytes
	spare.Lock()
	defer spare.Unlock()
	var s []byte
	if l := spare.slices[bytes]; len(l) > 0 {
		s, spare.slices[bytes] = l[len(l)-1], l[:len(l)-1]
	} else {
		s = make([]byte, bytes)
	}
	skip := -uintptr(unsafe.Pointer(&s[0])) & (MaxPageBytes - 1)
	return region{base: unsafe.Pointer(&s[skip]), slice: s}, nil
}

func (g *region) release() error {
	spare.Lock()
	defer spare.Unlock()
	if spare.slices == nil {
		spare.slices = make(map[int64][][]byte)
	}
	n := int64(len(g.slice))
	spare.slices[n] = append(spare.slices[n], g.slice)
	return nil
}

func (g *region) open(Ref, int64, bool) error { return nil }

// decommit clears, as the kernel would.
func (g *region) decommit(r Ref, bytes int64) error {
	clear(g.bytes(r, bytes))
	return nil
}

func (g *region) bytes(r Ref, n int64) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(g.base, uintptr(r))), n)
}
