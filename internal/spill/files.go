package spill

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// File is an open temporary file.
type File int

// Files is the file system as this package uses it; testutil/faulty has one that fails. Methods may be called in
// parallel. Buffers, lengths and offsets are multiples of 4 KiB.
type Files interface {
	// Create opens a new empty file in dir that has no name.
	Create(dir string) (File, error)
	// ReadAt fills the blocks, which lie one behind the other in the file; a short read is an error.
	ReadAt(f File, blocks [][]byte, offset int64) error
	// WriteAt writes the blocks one behind the other, extending the file if need be.
	WriteAt(f File, blocks [][]byte, offset int64) error
	// Punch gives the space of a range back. File systems that cannot may do nothing.
	Punch(f File, offset, length int64) error
	// Close gives the file and its space back.
	Close(f File) error
}

// leftoverPrefix begins the names of files that could not be created without one; they lose it at once.
const leftoverPrefix = "spillway-block-"

// System is the operating system's files.
type System struct {
	// Buffered uses the page cache even where it can be bypassed.
	Buffered bool
}

var _ Files = System{}

// Create opens a file without a name, bypassing the page cache where the file system can.
func (s System) Create(dir string) (File, error) {
	if !s.Buffered {
		f, err := create(dir, unix.O_DIRECT)
		if err == nil || !errors.Is(err, unix.EINVAL) {
			return f, err
		}
	}
	return create(dir, 0)
}

func create(dir string, flags int) (File, error) {
	flags |= unix.O_RDWR | unix.O_CLOEXEC
	fd, err := unix.Open(dir, flags|unix.O_TMPFILE|unix.O_EXCL, 0o600)
	if err == nil {
		return File(fd), nil
	}
	if !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EINVAL) {
		return 0, &os.PathError{Op: "create", Path: dir, Err: err}
	}
	// Without O_TMPFILE: make a file and take its name away.
	named, err := os.CreateTemp(dir, leftoverPrefix+"*")
	if err != nil {
		return 0, err
	}
	defer func() { _ = named.Close() }()
	defer func() { _ = os.Remove(named.Name()) }()
	if fd, err = unix.Open(named.Name(), flags, 0); err != nil {
		return 0, &os.PathError{Op: "open", Path: named.Name(), Err: err}
	}
	return File(fd), nil
}

// ReadAt fills the blocks.
func (System) ReadAt(f File, blocks [][]byte, offset int64) error {
	return transfer(f, blocks, offset, unix.Pread, unix.Preadv, io.ErrUnexpectedEOF)
}

// WriteAt writes the blocks.
func (System) WriteAt(f File, blocks [][]byte, offset int64) error {
	return transfer(f, blocks, offset, unix.Pwrite, unix.Pwritev, io.ErrShortWrite)
}

// transfer calls one, or many for several blocks, until all is done; empty is the error if that does not go on.
func transfer(
	f File, blocks [][]byte, offset int64, one func(int, []byte, int64) (int, error),
	many func(int, [][]byte, int64) (int, error), empty error,
) error {
	for len(blocks) > 0 {
		var n int
		var err error
		if len(blocks) == 1 {
			n, err = one(int(f), blocks[0], offset)
		} else {
			n, err = many(int(f), blocks, offset)
		}
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return err
		case n == 0:
			return empty
		}
		offset += int64(n)
		for len(blocks) > 0 && n >= len(blocks[0]) {
			n -= len(blocks[0])
			blocks = blocks[1:]
		}
		if n > 0 { // the caller's blocks stay as they are
			blocks = append([][]byte{blocks[0][n:]}, blocks[1:]...)
		}
	}
	return nil
}

// Punch makes a hole.
func (System) Punch(f File, offset, length int64) error {
	err := unix.Fallocate(int(f), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, offset, length)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	return err
}

// Close closes the file.
func (System) Close(f File) error { return unix.Close(int(f)) }

// Magic numbers of file systems whose files are memory; see statfs(2).
const (
	tmpfsMagic = 0x01021994
	ramfsMagic = 0x858458f6
)

// inMemory tells if the files in dir would take memory.
func inMemory(dir string) (bool, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return false, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	magic := uint32(st.Type)
	return magic == tmpfsMagic || magic == ramfsMagic, nil
}

// lockName is the file whose lock says that a server uses the directory.
const lockName = "spillway.lock"

// ErrInUse says that another process has locked the directory.
var ErrInUse = errors.New("in use by another server")

// lockDir makes dir if need be, locks it for this process and removes what a server that was killed left.
func lockDir(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("temporary storage: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("temporary storage: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("temporary storage %s is %w; set tmp-storage-path to another directory",
				dir, ErrInUse)
		}
		return nil, fmt.Errorf("temporary storage: locking %s: %w", lock.Name(), err)
	}
	left, err := filepath.Glob(filepath.Join(dir, leftoverPrefix+"*"))
	for _, name := range left {
		err = errors.Join(err, os.Remove(name))
	}
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("temporary storage: removing what an earlier server left: %w", err)
	}
	return lock, nil
}
