// Package faulty has parts of the operating system that fail when a test says so.
package faulty

import (
	"sync"

	"golang.org/x/sys/unix"

	"github.com/spillwaydb/spillway/internal/spill"
)

// Op names an operation of spill.Files.
type Op uint8

const (
	Create Op = iota
	Read
	Write
	Punch
	Close
	ops
)

// Files are spill.Files over others, the system's when Inner is nil, with faults. Fields are set before use.
type Files struct {
	Inner spill.Files
	// Fail is asked before each operation; n counts those of the same kind from 1. An error that it returns is the
	// operation's. May be nil.
	Fail func(op Op, n int) error
	// DiskBytes is the size of the disk: a write that ends beyond it, all files together, fails with ENOSPC. 0: no
	// limit.
	DiskBytes int64
	// Corrupt changes a byte of what the n-th read returns, counting from 1. May be nil.
	Corrupt func(n int) bool

	mu     sync.Mutex // protects following
	counts [ops]int
	open   map[spill.File]int64 // length of each open file
}

var _ spill.Files = (*Files)(nil)

// FailNth returns a Fail that fails the n-th operation of a kind with err, once.
func FailNth(op Op, n int, err error) func(Op, int) error {
	return func(o Op, i int) error {
		if o == op && i == n {
			return err
		}
		return nil
	}
}

// FailFrom returns a Fail that fails the n-th operation of a kind and all after it.
func FailFrom(op Op, n int, err error) func(Op, int) error {
	return func(o Op, i int) error {
		if o == op && i >= n {
			return err
		}
		return nil
	}
}

// Count is the number of operations of a kind so far.
func (f *Files) Count(op Op) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts[op]
}

// Open is the number of files that are open.
func (f *Files) Open() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.open)
}

func (f *Files) inner() spill.Files {
	if f.Inner == nil {
		return spill.System{}
	}
	return f.Inner
}

// begin counts an operation and asks for its fault.
func (f *Files) begin(op Op) (n int, err error) {
	f.mu.Lock()
	f.counts[op]++
	n = f.counts[op]
	f.mu.Unlock()
	if f.Fail != nil {
		err = f.Fail(op, n)
	}
	return n, err
}

// Create opens a file.
func (f *Files) Create(dir string) (spill.File, error) {
	if _, err := f.begin(Create); err != nil {
		return 0, err
	}
	file, err := f.inner().Create(dir)
	if err == nil {
		f.mu.Lock()
		if f.open == nil {
			f.open = make(map[spill.File]int64)
		}
		f.open[file] = 0
		f.mu.Unlock()
	}
	return file, err
}

// ReadAt fills the blocks, the first perhaps with bytes that were not written.
func (f *Files) ReadAt(file spill.File, blocks [][]byte, offset int64) error {
	n, err := f.begin(Read)
	if err != nil {
		return err
	}
	if err := f.inner().ReadAt(file, blocks, offset); err != nil {
		return err
	}
	if f.Corrupt != nil && f.Corrupt(n) {
		b := blocks[0]
		b[len(b)/2] ^= 0x10
		b[0] ^= 0x01
	}
	return nil
}

// WriteAt writes the blocks if the disk has room.
func (f *Files) WriteAt(file spill.File, blocks [][]byte, offset int64) error {
	if _, err := f.begin(Write); err != nil {
		return err
	}
	end := offset
	for _, b := range blocks {
		end += int64(len(b))
	}
	f.mu.Lock()
	grow := max(end-f.open[file], 0)
	var total int64
	for _, n := range f.open {
		total += n
	}
	full := f.DiskBytes > 0 && total+grow > f.DiskBytes
	if !full {
		f.open[file] += grow
	}
	f.mu.Unlock()
	if full {
		return unix.ENOSPC
	}
	return f.inner().WriteAt(file, blocks, offset)
}

// Punch gives space back.
func (f *Files) Punch(file spill.File, offset, length int64) error {
	if _, err := f.begin(Punch); err != nil {
		return err
	}
	return f.inner().Punch(file, offset, length)
}

// Close closes the file in any case, and then fails if it is told to.
func (f *Files) Close(file spill.File) error {
	_, fault := f.begin(Close)
	f.mu.Lock()
	delete(f.open, file)
	f.mu.Unlock()
	if err := f.inner().Close(file); err != nil {
		return err
	}
	return fault
}
