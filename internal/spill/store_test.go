package spill_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/spill"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/testutil/faulty"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// open returns a store over files; at the end of the test all slots must have been freed and all files closed.
func open(t testing.TB, o spill.Options, files *faulty.Files) *spill.Store {
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	o.AllowMemory = true
	o.Files = files
	s, err := spill.Open(o)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, s.Shutdown())
		require.Zero(t, files.Open())
	})
	return s
}

// aligned returns n bytes at a multiple of 4 KiB.
func aligned(n int) []byte {
	b := make([]byte, n+4096)
	skip := -uintptr(unsafe.Pointer(&b[0])) & 4095
	return b[skip:][:n:n]
}

// block returns a block whose bytes follow from seed, with much repetition or none.
func block(n int, seed uint64, repeat bool) []byte {
	b := aligned(n)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range b {
		if repeat && i%64 > 4 {
			b[i] = b[i-1]
			continue
		}
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestRoundTrip(t *testing.T) {
	for _, mode := range []spill.Compression{spill.CompressNever, spill.CompressAlways, spill.CompressAdaptive} {
		files := &faulty.Files{}
		s := open(t, spill.Options{Compression: mode, FileBytes: 1 << 20}, files)
		s.Open(1, 0)
		var slots []memory.Slot
		var want [][]byte
		var disk int64
		for i := range 200 {
			data := block(4096<<(i%9), uint64(i), i%3 > 0)
			slot, err := s.Write(1, data)
			require.NoError(t, err)
			slots, want = append(slots, slot), append(want, data)
			disk += s.DiskBytes(slot)
		}
		require.Equal(t, disk, s.Stats().InUse)
		require.Equal(t, disk, s.Owner(1).InUse)
		for i, slot := range slots {
			got := aligned(len(want[i]))
			require.NoError(t, s.Read(slot, got))
			require.True(t, bytes.Equal(want[i], got))
		}
		if mode == spill.CompressAlways {
			require.Greater(t, s.Stats().Compressed, int64(80))
		}
		for _, slot := range slots {
			s.Free(1, slot)
		}
		st := s.Stats()
		require.Zero(t, st.InUse)
		require.Zero(t, st.Allocated)
		require.Zero(t, st.Files)
		s.Close(1)
	}
}

func TestSlotsAreReused(t *testing.T) {
	files := &faulty.Files{}
	s := open(t, spill.Options{Compression: spill.CompressNever}, files)
	data := block(8192, 1, false)
	keep, err := s.Write(1, data)
	require.NoError(t, err)
	for range 100 {
		slot, err := s.Write(1, data)
		require.NoError(t, err)
		s.Free(1, slot)
	}
	require.EqualValues(t, 2*8192, s.Stats().Allocated)
	require.Equal(t, 1, files.Count(faulty.Create))
	s.Free(1, keep)
}

func TestFilesAreBounded(t *testing.T) {
	files := &faulty.Files{}
	s := open(t, spill.Options{Compression: spill.CompressNever, FileBytes: 64 << 10}, files)
	var slots []memory.Slot
	for i := range 10 {
		slot, err := s.Write(1, block(16<<10, uint64(i), false))
		require.NoError(t, err)
		slots = append(slots, slot)
	}
	require.Equal(t, 3, files.Open())
	for _, slot := range slots {
		s.Free(1, slot)
	}
}

func TestHolesArePunched(t *testing.T) {
	files := &faulty.Files{}
	s := open(t, spill.Options{Compression: spill.CompressNever, FileBytes: 1 << 30}, files)
	data := aligned(32 << 20)
	var slots []memory.Slot
	for range 16 {
		slot, err := s.Write(1, data)
		require.NoError(t, err)
		slots = append(slots, slot)
	}
	for _, slot := range slots[1:] {
		s.Free(1, slot)
	}
	require.Positive(t, s.Stats().Allocated)
	require.Eventually(t, func() bool { return s.Stats().Allocated <= 320<<20 }, testutil.Patience, time.Millisecond)
	s.Free(1, slots[0])
}

// One hole is made at a time, however many slots are freed meanwhile: a call that waits for the disk holds a thread.
func TestHolesAreMadeOneByOne(t *testing.T) {
	var at, most, calls atomic.Int64
	wait := make(chan struct{})
	files := &faulty.Files{Fail: func(op faulty.Op, _ int) error {
		if op == faulty.Punch {
			most.Store(max(most.Load(), at.Add(1)))
			calls.Add(1)
			<-wait
			at.Add(-1)
		}
		return nil
	}}
	s := open(t, spill.Options{Compression: spill.CompressNever, FileBytes: 1 << 30}, files)
	data := aligned(1 << 20)
	var slots []memory.Slot
	for range 400 {
		slot, err := s.Write(1, data)
		require.NoError(t, err)
		slots = append(slots, slot)
	}
	for _, slot := range slots[1:] {
		s.Free(1, slot)
	}
	close(wait)
	require.Eventually(t, func() bool { return s.Stats().Allocated <= 256<<20 }, testutil.Patience, time.Millisecond)
	require.EqualValues(t, 1, most.Load())
	require.Less(t, calls.Load(), int64(143), "slots side by side are one hole")
	// What has no space any more is written again.
	for i := range slots[1:] {
		slot, err := s.Write(1, data)
		require.NoError(t, err)
		slots[1+i] = slot
	}
	for _, slot := range slots {
		s.Free(1, slot)
	}
}

func TestQuotas(t *testing.T) {
	s := open(t, spill.Options{Compression: spill.CompressNever, QuotaBytes: 40 << 10}, &faulty.Files{})
	s.Open(1, 16<<10)
	s.Open(2, 0)
	data := block(8192, 1, false)
	var slots []memory.Slot
	write := func(owner uint64) error {
		slot, err := s.Write(owner, data)
		if err == nil {
			slots = append(slots, slot)
		}
		return err
	}
	require.NoError(t, write(1))
	require.NoError(t, write(1))
	var space *sqlerr.TempSpaceError
	require.ErrorAs(t, write(1), &space)
	require.EqualValues(t, 16<<10, space.QuotaBytes)
	for range 3 {
		require.NoError(t, write(2))
	}
	require.ErrorAs(t, write(2), &space)
	require.EqualValues(t, 40<<10, space.QuotaBytes)
	require.EqualValues(t, 40<<10, space.UsedBytes)
	for i, slot := range slots {
		s.Free(uint64(1+min(i/2, 1)), slot)
	}
	require.Zero(t, s.Owner(1).InUse)
}

func TestDiskFull(t *testing.T) {
	files := &faulty.Files{DiskBytes: 20 << 10}
	s := open(t, spill.Options{Compression: spill.CompressNever}, files)
	a, err := s.Write(1, block(16<<10, 1, false))
	require.NoError(t, err)
	_, err = s.Write(1, block(16<<10, 2, false))
	var space *sqlerr.TempSpaceError
	require.ErrorAs(t, err, &space)
	require.ErrorIs(t, err, unix.ENOSPC)
	require.EqualValues(t, 16<<10, s.Stats().InUse)
	s.Free(1, a)
}

func TestFaults(t *testing.T) {
	broken := errors.New("broken")
	for _, op := range []faulty.Op{faulty.Create, faulty.Write, faulty.Read} {
		files := &faulty.Files{Fail: faulty.FailNth(op, 1, broken)}
		s := open(t, spill.Options{Compression: spill.CompressAlways}, files)
		data := block(8192, 1, true)
		got := aligned(len(data))
		slot, err := s.Write(1, data)
		if err == nil {
			err = s.Read(slot, got)
			s.Free(1, slot)
		}
		var bad *sqlerr.SpillIOError
		require.ErrorAs(t, err, &bad)
		require.ErrorIs(t, err, broken)
		require.Equal(t, op != faulty.Read, bad.Write)
		require.Zero(t, s.Stats().InUse)
		slot, err = s.Write(1, data)
		require.NoError(t, err)
		require.NoError(t, s.Read(slot, got))
		require.Equal(t, data, got)
		s.Free(1, slot)
	}
}

func TestCorruption(t *testing.T) {
	for _, mode := range []spill.Compression{spill.CompressNever, spill.CompressAlways} {
		files := &faulty.Files{Corrupt: func(n int) bool { return n == 1 }}
		s := open(t, spill.Options{Compression: mode}, files)
		data := block(8192, 1, true)
		slot, err := s.Write(1, data)
		require.NoError(t, err)
		var bad *sqlerr.SpillIOError
		err = s.Read(slot, aligned(len(data)))
		require.ErrorAs(t, err, &bad)
		require.ErrorContains(t, err, "checksum")
		require.NoError(t, s.Read(slot, aligned(len(data))))
		s.Free(1, slot)
	}
}

func TestDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	require.NoError(t, os.MkdirAll(dir, 0o700))
	left := filepath.Join(dir, "spillway-block-123")
	other := filepath.Join(dir, "letter")
	require.NoError(t, os.WriteFile(left, nil, 0o600))
	require.NoError(t, os.WriteFile(other, nil, 0o600))
	s := open(t, spill.Options{Dir: dir}, &faulty.Files{})
	require.NoFileExists(t, left)
	require.FileExists(t, other)
	_, err := spill.Open(spill.Options{Dir: dir, AllowMemory: true})
	require.ErrorContains(t, err, "in use by another server")
	require.NoError(t, os.RemoveAll(dir))
	_, err = s.Write(1, aligned(4096))
	var bad *sqlerr.SpillIOError
	require.ErrorAs(t, err, &bad)
	require.ErrorContains(t, err, "removed")
}

func TestMemoryIsRefused(t *testing.T) {
	const shm = "/dev/shm"
	var st unix.Statfs_t
	if unix.Statfs(shm, &st) != nil || st.Type != 0x01021994 {
		t.Skip("no tmpfs")
	}
	dir, err := os.MkdirTemp(shm, "spillway")
	require.NoError(t, err)
	defer func() { require.NoError(t, os.RemoveAll(dir)) }()
	_, err = spill.Open(spill.Options{Dir: dir})
	require.ErrorContains(t, err, "tmpfs")
}

func TestParallel(t *testing.T) {
	s := open(t, spill.Options{FileBytes: 1 << 20, Buffers: 2}, &faulty.Files{})
	var all sync.WaitGroup
	for w := range uint64(4) {
		all.Go(func() {
			r := rand.New(rand.NewPCG(w, 2))
			type entry struct {
				slot memory.Slot
				data []byte
			}
			var entries []entry
			for i := range uint64(150) {
				data := block(4096<<r.IntN(5), i, r.IntN(2) == 0)
				slot, err := s.Write(w, data)
				if err != nil {
					t.Error(err)
					return
				}
				entries = append(entries, entry{slot, data})
				j := r.IntN(len(entries))
				got := aligned(len(entries[j].data))
				if err := s.Read(entries[j].slot, got); err != nil || !bytes.Equal(got, entries[j].data) {
					t.Error("block differs", err)
				}
				if r.IntN(2) == 0 {
					s.Free(w, entries[j].slot)
					entries = append(entries[:j], entries[j+1:]...)
				}
			}
			for _, e := range entries {
				s.Free(w, e.slot)
			}
		})
	}
	all.Wait()
}

func FuzzRead(f *testing.F) {
	f.Add(uint64(1<<32), uint64(0), 4096)
	s, err := spill.Open(spill.Options{Dir: f.TempDir(), AllowMemory: true, Compression: spill.CompressAlways})
	require.NoError(f, err)
	f.Cleanup(func() { _ = s.Shutdown() })
	data := block(64<<10, 1, true)
	slot, err := s.Write(1, data)
	require.NoError(f, err)
	f.Add(slot.Lo, slot.Hi, len(data))
	f.Fuzz(func(t *testing.T, lo, hi uint64, n int) {
		n = max(min(n, 1<<20)/4096, 1) * 4096
		dst := aligned(n)
		defer func() { // assertion builds panic for slots that were never given out
			if r := recover(); r != nil {
				require.ErrorContains(t, r.(error), "assertion failed")
			}
		}()
		if err := s.Read(memory.Slot{Lo: lo, Hi: hi}, dst); err == nil && !bytes.Equal(dst, data) {
			t.Fatal("other bytes than were written")
		}
	})
}

func BenchmarkWriteRead(b *testing.B) {
	for _, mode := range []struct {
		name string
		c    spill.Compression
	}{{"raw", spill.CompressNever}, {"s2", spill.CompressAlways}} {
		b.Run(mode.name, func(b *testing.B) {
			s := open(b, spill.Options{Compression: mode.c}, &faulty.Files{})
			data := block(256<<10, 1, true)
			first, err := s.Write(1, data)
			require.NoError(b, err)
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				slot, err := s.Write(1, data)
				if err == nil {
					err = s.Read(slot, data)
				}
				if err != nil {
					b.Fatal(err)
				}
				s.Free(1, slot)
			}
			s.Free(1, first)
		})
	}
}
