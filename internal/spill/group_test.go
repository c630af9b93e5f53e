package spill_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/spill"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil/faulty"
)

// Groups of all kinds of blocks come back, in groups and one by one, and every byte of disk is counted.
func TestGroupRoundTrip(t *testing.T) {
	for _, mode := range []spill.Compression{spill.CompressNever, spill.CompressAlways, spill.CompressAdaptive} {
		files := &faulty.Files{}
		s := open(t, spill.Options{Compression: mode, FileBytes: 1 << 20}, files)
		s.Open(1, 0)
		r := rand.New(rand.NewPCG(uint64(mode), 5))
		var slots []memory.Slot
		var want [][]byte
		for i := range 20 {
			size := 4096 << r.IntN(5)
			group := make([][]byte, 1+r.IntN(12))
			for j := range group {
				group[j] = block(size, uint64(i*100+j), r.IntN(4) > 0)
			}
			got := make([]memory.Slot, len(group))
			require.NoError(t, s.WriteGroup(1, group, got))
			slots, want = append(slots, got...), append(want, group...)
			if r.IntN(3) == 0 { // leave gaps
				for range len(slots) / 3 {
					j := r.IntN(len(slots))
					s.Free(1, slots[j])
					slots, want = append(slots[:j], slots[j+1:]...), append(want[:j], want[j+1:]...)
				}
			}
		}
		var disk int64
		for _, slot := range slots {
			disk += s.DiskBytes(slot)
		}
		require.Equal(t, disk, s.Stats().InUse)
		require.Equal(t, disk, s.Owner(1).InUse)
		for at := 0; at < len(slots); {
			n := min(1+r.IntN(20), len(slots)-at)
			got := make([][]byte, n)
			for j := range got {
				got[j] = aligned(len(want[at+j]))
			}
			require.NoError(t, s.ReadGroup(slots[at:at+n], got))
			require.Equal(t, want[at:at+n], got)
			at += n
		}
		for i, slot := range slots {
			got := aligned(len(want[i]))
			require.NoError(t, s.Read(slot, got))
			require.Equal(t, want[i], got)
			s.Free(1, slot)
		}
		require.Zero(t, s.Stats().InUse)
		require.Zero(t, s.Owner(1).InUse)
		require.Zero(t, s.Stats().Allocated)
	}
}

// A group takes one call of the system, compressed or not.
func TestGroupIsOneTransfer(t *testing.T) {
	for _, mode := range []spill.Compression{spill.CompressNever, spill.CompressAlways} {
		files := &faulty.Files{}
		s := open(t, spill.Options{Compression: mode}, files)
		group, got, slots := make([][]byte, 8), make([][]byte, 8), make([]memory.Slot, 8)
		for i := range group {
			group[i], got[i] = block(32<<10, uint64(i), true), aligned(32<<10)
		}
		require.NoError(t, s.WriteGroup(1, group, slots))
		require.NoError(t, s.ReadGroup(slots, got))
		require.Equal(t, group, got)
		require.Equal(t, 1, files.Count(faulty.Write))
		require.Equal(t, 1, files.Count(faulty.Read))
		require.EqualValues(t, 8, s.Stats().Writes)
		require.EqualValues(t, 8, s.Stats().Reads)
		for i, slot := range slots {
			require.Equal(t, i < 7, i < 7 && s.Behind(slot, slots[i+1]))
			s.Free(1, slot)
		}
	}
}

func TestGroupUnderQuota(t *testing.T) {
	s := open(t, spill.Options{Compression: spill.CompressNever}, &faulty.Files{})
	s.Open(1, 5*8192)
	group, slots := make([][]byte, 8), make([]memory.Slot, 8)
	for i := range group {
		group[i] = block(8192, uint64(i), false)
	}
	require.NoError(t, s.WriteGroup(1, group, slots))
	for i, slot := range slots {
		require.Equal(t, i < 5, slot != memory.Slot{})
	}
	require.EqualValues(t, 5*8192, s.Owner(1).InUse)
	var space *sqlerr.TempSpaceError
	require.ErrorAs(t, s.WriteGroup(1, group[5:], make([]memory.Slot, 3)), &space)
	for _, slot := range slots[:5] {
		s.Free(1, slot)
	}
}

func TestGroupFaults(t *testing.T) {
	broken := errors.New("broken")
	for _, op := range []faulty.Op{faulty.Create, faulty.Write, faulty.Read} {
		files := &faulty.Files{Fail: faulty.FailNth(op, 1, broken)}
		s := open(t, spill.Options{Compression: spill.CompressNever}, files)
		group, got, slots := make([][]byte, 4), make([][]byte, 4), make([]memory.Slot, 4)
		for i := range group {
			group[i], got[i] = block(8192, uint64(i), false), aligned(8192)
		}
		err := s.WriteGroup(1, group, slots)
		if op != faulty.Read {
			require.ErrorIs(t, err, broken)
			require.Zero(t, s.Stats().InUse)
			require.Equal(t, make([]memory.Slot, 4), slots)
			continue
		}
		require.NoError(t, err)
		require.ErrorIs(t, s.ReadGroup(slots, got), broken)
		require.NoError(t, s.ReadGroup(slots, got))
		require.Equal(t, group, got)
		for _, slot := range slots {
			s.Free(1, slot)
		}
	}
}

// TestGroupFailsInPart fails the second of two transfers of a group: what was written stays, and the error is told.
func TestGroupFailsInPart(t *testing.T) {
	broken := errors.New("broken")
	for _, full := range []bool{false, true} {
		fails := broken
		if full {
			fails = unix.ENOSPC
		}
		files := &faulty.Files{Fail: faulty.FailNth(faulty.Write, 2, fails)}
		s := open(t, spill.Options{Compression: spill.CompressNever}, files)
		group := [][]byte{block(8192, 1, false), block(16384, 2, false)} // of two sizes
		slots := make([]memory.Slot, 2)
		err := s.WriteGroup(1, group, slots)
		if full {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, broken)
		}
		require.NotZero(t, slots[0])
		require.Zero(t, slots[1])
		require.EqualValues(t, 8192, s.Stats().InUse)
		s.Free(1, slots[0])
	}
}

func BenchmarkGroup(b *testing.B) {
	for _, size := range []int{16 << 10, 32 << 10, 64 << 10, 256 << 10} {
		for _, n := range []int{1, 256 << 10 / size} {
			b.Run(fmt.Sprintf("%dx%dKiB", n, size>>10), func(b *testing.B) {
				s := open(b, spill.Options{Compression: spill.CompressNever}, &faulty.Files{})
				blocks, slots := make([][]byte, n), make([]memory.Slot, n)
				for i := range blocks {
					blocks[i] = block(size, uint64(i), false)
				}
				first, err := s.Write(1, blocks[0])
				require.NoError(b, err)
				b.SetBytes(int64(size * n))
				for b.Loop() {
					if err := s.WriteGroup(1, blocks, slots); err != nil {
						b.Fatal(err)
					}
					if err := s.ReadGroup(slots, blocks); err != nil {
						b.Fatal(err)
					}
					for _, slot := range slots {
						s.Free(1, slot)
					}
				}
				s.Free(1, first)
			})
		}
	}
}
