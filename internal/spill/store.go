package spill

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// Options are those of a Store. Only Dir is required.
type Options struct {
	Dir string // tmp-storage-path; made if need be, locked
	// QuotaBytes is tmp-storage-quota, for all statements together; <= 0: none.
	QuotaBytes int64
	// FileBytes bounds a file. Default: 1 GiB.
	FileBytes int64
	// AllowMemory accepts a directory whose files are memory (tmpfs), which is no help against a memory limit.
	AllowMemory bool
	Compression Compression
	// Buffers is how many blocks can be compressed or decompressed at once. Default: 4. All are taken at the start.
	Buffers int
	Files   Files        // default: System
	Logger  *slog.Logger // default: none
}

const (
	defaultFileBytes = 1 << 30
	defaultBuffers   = 4
	// slackBytes of freed slots keep their space on disk, or as much as is in use: overwriting is twice as fast as
	// extending.
	slackBytes = 256 << 20
	// holeBytes of freed slots side by side are given back at once; fewer only if there are no more.
	holeBytes = 16 << 20
)

// Store is temporary storage. Its methods may be called from any goroutine.
type Store struct {
	options Options
	files   Files
	lock    *os.File
	chooser chooser
	buffers chan []byte
	mapping []byte         // of the buffers
	closing sync.WaitGroup // closes and punches on their way

	mu     sync.Mutex // protects following
	open   map[uint32]*slotFile
	sizes  map[int64][]*slotFile // files by slot size, oldest first
	next   uint32
	owners map[uint64]*owner
	stats  Stats
	closed bool
	// punching: a goroutine gives space back.
	punching bool
}

// owner is what a statement has on disk.
type owner struct {
	quota int64
	stats OwnerStats
}

// OwnerStats are a statement's figures in bytes on disk.
type OwnerStats struct {
	InUse, Peak, Written int64
}

// Stats are a store's figures in bytes.
type Stats struct {
	InUse, Peak          int64 // slots in use
	Allocated            int64 // space of the files, freed slots included
	QuotaBytes           int64
	Written, Read        int64 // stored bytes
	WrittenRaw           int64 // the same before compression
	Writes, Reads        int64
	Files                int
	Compressed           int64 // writes that were compressed
	QuotaErrors, IOError int64
}

var (
	_ memory.BlockStore  = (*Store)(nil)
	_ memory.GroupStore  = (*Store)(nil)
	_ memory.OwnerQuotas = (*Store)(nil)
)

// Open locks the directory and takes the buffers. Errors say what to do: the directory is another server's, cannot be
// made, or is memory.
func Open(o Options) (*Store, error) {
	if o.FileBytes == 0 {
		o.FileBytes = defaultFileBytes
	}
	if o.Buffers <= 0 {
		o.Buffers = defaultBuffers
	}
	if o.Files == nil {
		o.Files = System{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	lock, err := lockDir(o.Dir)
	if err != nil {
		return nil, err
	}
	s := &Store{
		options: o, files: o.Files, lock: lock, chooser: chooser{mode: o.Compression},
		open: make(map[uint32]*slotFile), sizes: make(map[int64][]*slotFile), owners: make(map[uint64]*owner),
	}
	if err := s.prepare(); err != nil {
		_ = lock.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) prepare() error {
	ram, err := inMemory(s.options.Dir)
	if err != nil {
		return err
	}
	if ram && !s.options.AllowMemory {
		return fmt.Errorf("temporary storage %s is in memory (tmpfs); set tmp-storage-path to a directory on a disk",
			s.options.Dir)
	}
	if s.options.Compression == CompressNever {
		return nil
	}
	size := bufferBytes()
	const access = unix.PROT_READ | unix.PROT_WRITE
	s.mapping, err = unix.Mmap(-1, 0, size*s.options.Buffers, access, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return fmt.Errorf("temporary storage: buffers: %w", err)
	}
	s.buffers = make(chan []byte, s.options.Buffers)
	for b := s.mapping; len(b) > 0; b = b[size:] {
		s.buffers <- b[:size:size]
	}
	return nil
}

// FixedBytes is the memory of the buffers.
func (s *Store) FixedBytes() int64 { return int64(len(s.mapping)) }

// Open announces a statement; bytes <= 0: no quota of its own.
func (s *Store) Open(number uint64, bytes int64) {
	s.mu.Lock()
	s.owners[number] = &owner{quota: bytes}
	s.mu.Unlock()
}

// Close forgets a statement that has freed its slots.
func (s *Store) Close(number uint64) {
	s.mu.Lock()
	delete(s.owners, number)
	s.mu.Unlock()
}

// take finds up to n slots of size bytes side by side and counts them for an owner. An error means that there is no
// room for one.
func (s *Store) take(number uint64, size int64, n int) (f *slotFile, first, got int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, 0, 0, s.ioError(true, os.ErrClosed)
	}
	o := s.owners[number]
	if o != nil && o.quota > 0 {
		n = min(n, int((o.quota-o.stats.InUse)/size))
		if n <= 0 {
			s.stats.QuotaErrors++
			return nil, 0, 0, &sqlerr.TempSpaceError{
				Path: s.options.Dir, UsedBytes: o.stats.InUse, QuotaBytes: o.quota,
			}
		}
	}
	if q := s.options.QuotaBytes; q > 0 {
		n = min(n, int((q-s.stats.InUse)/size))
		if n <= 0 {
			s.stats.QuotaErrors++
			return nil, 0, 0, &sqlerr.TempSpaceError{Path: s.options.Dir, UsedBytes: s.stats.InUse, QuotaBytes: q}
		}
	}
	for _, f := range s.sizes[size] {
		if first, got, grown := f.takeRun(n); got > 0 {
			s.account(o, f, got, grown)
			return f, first, got, nil
		}
	}
	s.mu.Unlock()
	file, err := s.files.Create(s.options.Dir)
	s.mu.Lock()
	if err != nil {
		return nil, 0, 0, s.createError(err)
	}
	s.next++
	f = &slotFile{number: s.next, file: file, slot: size, limit: int(max(s.options.FileBytes/size, 1))}
	s.open[f.number] = f
	s.sizes[size] = append(s.sizes[size], f)
	first, got, grown := f.takeRun(n)
	s.account(o, f, got, grown)
	return f, first, got, nil
}

// account counts slots of f that were taken, grown of them without space so far, or freed if slots < 0.
func (s *Store) account(o *owner, f *slotFile, slots, grown int) {
	n := int64(slots) * f.slot
	s.stats.InUse += n
	s.stats.Peak = max(s.stats.Peak, s.stats.InUse)
	s.stats.Allocated += int64(grown) * f.slot
	if o != nil {
		o.stats.InUse += n
		o.stats.Peak = max(o.stats.Peak, o.stats.InUse)
	}
}

// locate returns the file of slots in use that lie side by side, and the number of the first.
func (s *Store) locate(slots []memory.Slot) (*slotFile, int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.open[uint32(slots[0].Lo>>32)]
	for _, slot := range slots {
		if f == nil || !f.has(int(uint32(slot.Lo))) {
			return nil, 0, sqlerr.AssertionError("spill: no slot %#x", slot.Lo)
		}
	}
	return f, int(uint32(slots[0].Lo)), nil
}

// Free ends a slot.
func (s *Store) Free(number uint64, slot memory.Slot) {
	f, i, err := s.locate([]memory.Slot{slot})
	if err != nil {
		s.options.Logger.Error("temporary storage: a slot is freed that is not in use", "err", err)
		return
	}
	s.release(number, f, i, 1)
}

// release ends n slots from first on.
func (s *Store) release(number uint64, f *slotFile, first, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := first; i < first+n; i++ {
		f.put(i)
	}
	s.account(s.owners[number], f, -n, 0)
	if f.count == 0 {
		s.drop(f)
		return
	}
	if s.stats.Allocated-s.stats.InUse <= max(slackBytes, s.stats.InUse) {
		return
	}
	if !s.punching && s.tooMuchIdle() {
		s.punching = true
		s.closing.Go(s.punch)
	}
}

// tooMuchIdle tells if freed slots take more space than is worth to keep.
func (s *Store) tooMuchIdle() bool {
	return s.stats.Allocated-s.stats.InUse > max(slackBytes, s.stats.InUse)
}

// punch gives space of freed slots back until little is left: one range after the other, as each call of a file system
// that is behind holds a thread.
func (s *Store) punch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.tooMuchIdle() {
		f, first, n := s.idleRun()
		if n == 0 {
			break
		}
		// The slots are kept in use until the hole is made, so that nobody writes to them.
		f.hold(first, n)
		s.stats.Allocated -= int64(n) * f.slot
		s.mu.Unlock()
		err := s.files.Punch(f.file, int64(first)*f.slot, int64(n)*f.slot)
		s.mu.Lock()
		f.unhold(first, n, err == nil)
		if err != nil {
			s.options.Logger.Error("temporary storage: giving space back", "err", err)
			s.stats.Allocated += int64(n) * f.slot
		}
		if f.count == 0 {
			s.drop(f)
		}
		if err != nil {
			break
		}
	}
	s.punching = false
}

// idleRun finds freed slots side by side that still have space: the longest of the files, but the first that is long
// enough for its hole to be worth a call.
func (s *Store) idleRun() (f *slotFile, first, n int) {
	for _, c := range s.open {
		i, k := c.idleRun(int(max(holeBytes/c.slot, 1)))
		if int64(k)*c.slot > int64(n)*slotOf(f) {
			f, first, n = c, i, k
		}
		if int64(n)*slotOf(f) >= holeBytes {
			break
		}
	}
	return f, first, n
}

func slotOf(f *slotFile) int64 {
	if f == nil {
		return 0
	}
	return f.slot
}

// drop closes an empty file, in the background.
func (s *Store) drop(f *slotFile) {
	if s.open[f.number] != f {
		return // Shutdown was faster
	}
	s.stats.Allocated -= f.allocated()
	delete(s.open, f.number)
	l := s.sizes[f.slot]
	for i := range l {
		if l[i] == f {
			l = append(l[:i], l[i+1:]...)
			break
		}
	}
	if len(l) == 0 {
		delete(s.sizes, f.slot)
	} else {
		s.sizes[f.slot] = l
	}
	s.closing.Go(func() {
		if err := s.files.Close(f.file); err != nil {
			s.options.Logger.Error("temporary storage: closing a file", "err", err)
		}
	})
}

// DiskBytes is the size of a slot.
func (s *Store) DiskBytes(slot memory.Slot) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.open[uint32(slot.Lo>>32)]; f != nil {
		return f.slot
	}
	return 0
}

// Stats returns the figures.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.QuotaBytes, st.Files = max(s.options.QuotaBytes, 0), len(s.open)
	return st
}

// Owner returns the figures of a statement.
func (s *Store) Owner(number uint64) OwnerStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.owners[number]; o != nil {
		return o.stats
	}
	return OwnerStats{}
}

// Shutdown closes the files and unlocks the directory. Slots in use are lost; nobody may read or write any more. The
// error names slots that were not freed.
func (s *Store) Shutdown() error {
	s.mu.Lock()
	s.closed = true
	left := s.stats.InUse
	for _, f := range s.open {
		s.drop(f)
	}
	s.mu.Unlock()
	s.closing.Wait()
	var err error
	if left > 0 {
		err = fmt.Errorf("temporary storage: %d bytes were not freed", left)
	}
	if s.mapping != nil {
		err = errors.Join(err, unix.Munmap(s.mapping))
		s.mapping = nil
	}
	return errors.Join(err, s.lock.Close())
}
