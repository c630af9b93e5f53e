package spill

import (
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/klauspost/compress/s2"
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

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Write stores data in a slot. Errors: TempSpaceError, SpillIOError; then nothing stays.
func (s *Store) Write(number uint64, data []byte) (memory.Slot, error) {
	start := time.Now()
	stored, length, tried := data, len(data), false
	if s.buffers != nil && len(data) <= compressMaxBytes && s.chooser.choose() {
		select {
		case buf := <-s.buffers:
			defer func() { s.buffers <- buf }()
			tried = true
			if out, worth := compress(buf, data); worth {
				n := slotBytes(len(out))
				clear(buf[len(out):n]) // what an earlier block left is none of this one's business
				stored, length = buf[:n], len(out)
			}
		default: // all in use: raw is better than waiting
		}
	}
	f, i, err := s.take(number, slotBytes(len(stored)))
	if err != nil {
		return memory.Slot{}, err
	}
	if err := s.files.WriteAt(f.file, stored, int64(i)*f.slot); err != nil {
		s.release(number, f, i)
		return memory.Slot{}, s.writeError(err)
	}
	s.chooser.note(tried, len(data), time.Since(start))
	compressed := length < len(data)
	s.wrote(number, len(stored), len(data), compressed)
	sum := crc32.Checksum(stored[:length], castagnoli)
	if !compressed {
		length = 0
	}
	return memory.Slot{
		Lo: uint64(f.number)<<32 | uint64(i),
		Hi: uint64(sum)<<32 | uint64(length),
	}, nil
}

// take counts n bytes for an owner and finds a slot of that size.
func (s *Store) take(number uint64, n int64) (*slotFile, int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, 0, s.ioError(true, os.ErrClosed)
	}
	o := s.owners[number]
	if o != nil && o.quota > 0 && o.stats.InUse+n > o.quota {
		s.stats.QuotaErrors++
		return nil, 0, &sqlerr.TempSpaceError{Path: s.options.Dir, UsedBytes: o.stats.InUse, QuotaBytes: o.quota}
	}
	if q := s.options.QuotaBytes; q > 0 && s.stats.InUse+n > q {
		s.stats.QuotaErrors++
		return nil, 0, &sqlerr.TempSpaceError{Path: s.options.Dir, UsedBytes: s.stats.InUse, QuotaBytes: q}
	}
	for _, f := range s.sizes[n] {
		if i, grown, ok := f.take(); ok {
			s.account(o, f, 1, grown)
			return f, i, nil
		}
	}
	s.mu.Unlock()
	file, err := s.files.Create(s.options.Dir)
	s.mu.Lock()
	if err != nil {
		return nil, 0, s.createError(err)
	}
	s.next++
	f := &slotFile{number: s.next, file: file, slot: n, limit: int(max(s.options.FileBytes/n, 1))}
	s.open[f.number] = f
	s.sizes[n] = append(s.sizes[n], f)
	i, grown, _ := f.take()
	s.account(o, f, 1, grown)
	return f, i, nil
}

// account counts slots of f that were taken or, with -1, freed.
func (s *Store) account(o *owner, f *slotFile, slots int64, grown bool) {
	s.stats.InUse += slots * f.slot
	s.stats.Peak = max(s.stats.Peak, s.stats.InUse)
	if grown {
		s.stats.Allocated += f.slot
	}
	if o != nil {
		o.stats.InUse += slots * f.slot
		o.stats.Peak = max(o.stats.Peak, o.stats.InUse)
	}
}

func (s *Store) wrote(number uint64, stored, raw int, compressed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Writes++
	s.stats.Written += int64(stored)
	s.stats.WrittenRaw += int64(raw)
	if compressed {
		s.stats.Compressed++
	}
	if o := s.owners[number]; o != nil {
		o.stats.Written += int64(stored)
	}
}

// locate returns the file and the number of a slot in use.
func (s *Store) locate(slot memory.Slot) (*slotFile, int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := int(uint32(slot.Lo))
	f := s.open[uint32(slot.Lo>>32)]
	if f == nil || !f.has(i) {
		return nil, 0, sqlerr.AssertionError("spill: no slot %#x", slot.Lo)
	}
	return f, i, nil
}

// Read brings a block back. Errors: SpillIOError, with the file's number and offset when the bytes are not those that
// were written.
func (s *Store) Read(slot memory.Slot, dst []byte) error {
	f, i, err := s.locate(slot)
	if err != nil {
		return err
	}
	offset := int64(i) * f.slot
	stored, sum, compressed := dst, uint32(slot.Hi>>32), int(uint32(slot.Hi))
	if compressed > 0 {
		if int64(compressed) > f.slot || s.buffers == nil {
			return sqlerr.AssertionError("spill: slot of %d bytes holds %d", f.slot, compressed)
		}
		buf := <-s.buffers
		defer func() { s.buffers <- buf }()
		stored = buf[:f.slot]
	} else if int64(len(dst)) > f.slot {
		return sqlerr.AssertionError("spill: slot of %d bytes is read as %d", f.slot, len(dst))
	}
	if err := s.files.ReadAt(f.file, stored, offset); err != nil {
		return s.readError(fmt.Errorf("file %d, offset %d: %w", f.number, offset, err))
	}
	if compressed > 0 {
		stored = stored[:compressed]
	}
	if got := crc32.Checksum(stored, castagnoli); got != sum {
		return s.readError(fmt.Errorf("file %d, offset %d: checksum %#x, %#x was written", f.number, offset, got, sum))
	}
	if compressed > 0 {
		if err := decompress(dst, stored); err != nil {
			return s.readError(fmt.Errorf("file %d, offset %d: %w", f.number, offset, err))
		}
	}
	s.mu.Lock()
	s.stats.Reads++
	s.stats.Read += f.slot
	s.mu.Unlock()
	return nil
}

var errLength = errors.New("the block has another length than was written")

// decompress fills dst.
func decompress(dst, stored []byte) error {
	n, err := s2.DecodedLen(stored)
	if err != nil {
		return err
	}
	if n != len(dst) {
		return errLength
	}
	_, err = s2.Decode(dst, stored)
	return err
}

// Free ends a slot.
func (s *Store) Free(number uint64, slot memory.Slot) {
	f, i, err := s.locate(slot)
	if err != nil {
		s.options.Logger.Error("temporary storage: a slot is freed that is not in use", "err", err)
		return
	}
	s.release(number, f, i)
}

func (s *Store) release(number uint64, f *slotFile, i int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.put(i)
	s.account(s.owners[number], f, -1, false)
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
