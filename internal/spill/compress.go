package spill

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/klauspost/compress/s2"
)

// Compression says if blocks are compressed.
type Compression uint8

const (
	// CompressAdaptive compresses while that makes writing faster: on slow disks.
	CompressAdaptive Compression = iota
	CompressNever
	CompressAlways
)

// compressMaxBytes is the largest block that is compressed. Larger ones are few, and would need larger buffers.
const compressMaxBytes = 256 << 10

// worthNumerator / worthDenominator of its size is what a compressed block must not exceed: reading it back costs more.
const (
	worthNumerator   = 7
	worthDenominator = 8
)

// explore is the share of writes, one in so many, that tries the way that looks slower, to stay informed.
const explore = 20

// meanWeight is the weight of the old mean in a running mean, in sixteenths.
const meanWeight = 15

// chooser decides between raw and compressed by running means of the time that a byte takes.
type chooser struct {
	mode Compression

	mu              sync.Mutex
	raw, compressed float64 // ns a byte; 0: not known yet
}

// choose tells if the next block should be compressed.
func (c *chooser) choose() bool {
	switch c.mode {
	case CompressNever:
		return false
	case CompressAlways:
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.raw == 0 || c.compressed == 0 {
		return c.raw != 0
	}
	faster := c.compressed < c.raw
	if rand.IntN(explore) == 0 {
		return !faster
	}
	return faster
}

// note learns that a block of n bytes took d.
func (c *chooser) note(compressed bool, n int, d time.Duration) {
	perByte := max(float64(d), 1) / float64(n)
	c.mu.Lock()
	defer c.mu.Unlock()
	mean := &c.raw
	if compressed {
		mean = &c.compressed
	}
	if *mean == 0 {
		*mean = perByte
	} else {
		*mean = (*mean*meanWeight + perByte) / (meanWeight + 1)
	}
}

// compress returns what data becomes in buf, as long as it is worth it.
func compress(buf, data []byte) ([]byte, bool) {
	out := s2.Encode(buf, data)
	return out, len(out) <= len(data)/worthDenominator*worthNumerator
}

// bufferBytes is the size of a buffer that a block can be compressed into.
func bufferBytes() int {
	n := s2.MaxEncodedLen(compressMaxBytes)
	return (n + unit - 1) / unit * unit
}
