package spill

import (
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Write stores data in a slot. Errors: TempSpaceError, SpillIOError.
func (s *Store) Write(number uint64, data []byte) (memory.Slot, error) {
	var slots [1]memory.Slot
	err := s.WriteGroup(number, [][]byte{data}, slots[:])
	return slots[0], err
}

// image is what of a block goes to disk.
type image struct {
	block  int    // its place in the group
	stored []byte // fills its slot
	length int    // of what counts of stored
	packed bool   // it is compressed
	done   bool   // it has a slot
}

// WriteGroup stores blocks, those whose slots are of one size side by side as far as there is room, with one call of
// the system for those that are. The slot of a block that was not stored is 0. Errors: TempSpaceError if there was no
// room for any; SpillIOError, perhaps with some of them stored.
func (s *Store) WriteGroup(number uint64, blocks [][]byte, slots []memory.Slot) error {
	start := time.Now()
	clear(slots)
	total := 0
	for _, b := range blocks {
		total += len(b)
	}
	images := make([]image, len(blocks))
	for i, b := range blocks {
		images[i] = image{block: i, stored: b, length: len(b)}
	}
	tried := false
	if s.buffers != nil && total <= compressMaxBytes && s.chooser.choose() {
		select {
		case buf := <-s.buffers:
			defer func() { s.buffers <- buf }()
			tried = true
			pack(buf, images)
		default: // all in use: raw is better than waiting
		}
	}
	var err error
	written := 0
	run := make([]*image, 0, len(images))
	for i := range images {
		if images[i].done {
			continue
		}
		run = run[:0]
		for j := range images[i:] {
			if m := &images[i+j]; !m.done && len(m.stored) == len(images[i].stored) {
				run = append(run, m)
			}
		}
		for len(run) > 0 && err == nil {
			var n int
			n, err = s.writeRun(number, run, slots)
			for _, m := range run[:n] {
				m.done = true
				written += len(blocks[m.block])
			}
			run = run[n:]
		}
		if err != nil {
			break
		}
	}
	if written == 0 {
		return err
	}
	s.chooser.note(tried, written, time.Since(start))
	s.wrote(number, images, blocks)
	var space *sqlerr.TempSpaceError
	if errors.As(err, &space) {
		return nil // what is left may never have to be written
	}
	return err
}

// pack compresses in buf what becomes small enough. What is written side by side should be read so, too: blocks of one
// size have slots of one size, if that is little more than each its own.
func pack(buf []byte, images []image) {
	all := buf
	var own, largest int64
	n := 0
	for i := range images {
		m := &images[i]
		out, worth := compress(buf, m.stored)
		if !worth {
			continue
		}
		size := slotBytes(len(out))
		m.stored, m.length, m.packed = buf[:size:size], len(out), true
		buf = buf[size:]
		own, largest = own+size, max(largest, size)
		n++
	}
	even := n > 1 && int64(n)*largest-own <= own/evenFraction
	for i, at := len(images)-1, all[:int64(n)*largest]; even && i >= 0; i-- { // from the last on: none is overwritten
		if m := &images[i]; m.packed {
			to := at[int64(len(at))-largest:]
			copy(to, m.stored[:m.length])
			m.stored, at = to[:largest:largest], at[:int64(len(at))-largest]
		}
	}
	for i := range images {
		if m := &images[i]; m.packed {
			clear(m.stored[m.length:]) // what an earlier block left is none of this one's business
		}
	}
}

// evenFraction is the part of its space that a group may waste on slots of one size.
const evenFraction = 8

// writeRun writes the first n images of run, which are of one size, side by side.
func (s *Store) writeRun(number uint64, run []*image, slots []memory.Slot) (n int, err error) {
	size := slotBytes(len(run[0].stored))
	if int64(len(run[0].stored)) < size { // no page of the pool: the next one would not be at its place
		run = run[:1]
	}
	f, first, n, err := s.take(number, size, len(run))
	if err != nil {
		return 0, err
	}
	vector := make([][]byte, n)
	for i, m := range run[:n] {
		vector[i] = m.stored
	}
	if err := s.files.WriteAt(f.file, vector, int64(first)*f.slot); err != nil {
		s.release(number, f, first, n)
		return 0, s.writeError(err)
	}
	for i, m := range run[:n] {
		sum := crc32.Checksum(m.stored[:m.length], castagnoli)
		length := 0
		if m.packed {
			length = m.length
		}
		slots[m.block] = memory.Slot{
			Lo: uint64(f.number)<<32 | uint64(first+i),
			Hi: uint64(sum)<<32 | uint64(length),
		}
	}
	return n, nil
}

// wrote counts the images that have slots.
func (s *Store) wrote(number uint64, images []image, blocks [][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range images {
		m := &images[i]
		if !m.done {
			continue
		}
		s.stats.Writes++
		s.stats.Written += int64(len(m.stored))
		s.stats.WrittenRaw += int64(len(blocks[m.block]))
		if m.packed {
			s.stats.Compressed++
		}
		if o := s.owners[number]; o != nil {
			o.stats.Written += int64(len(m.stored))
		}
	}
}

// Read brings a block back. Errors: SpillIOError, with the file's number and offset when the bytes are not those that
// were written.
func (s *Store) Read(slot memory.Slot, dst []byte) error {
	return s.ReadGroup([]memory.Slot{slot}, [][]byte{dst})
}

// Behind tells if next lies right behind slot.
func (s *Store) Behind(slot, next memory.Slot) bool {
	return next.Lo == slot.Lo+1 && uint32(next.Lo) != 0
}

// ReadGroup brings blocks back, those that lie side by side with one call of the system. Errors are those of Read.
func (s *Store) ReadGroup(slots []memory.Slot, blocks [][]byte) error {
	for len(slots) > 0 {
		n, packed := 1, int(uint32(slots[0].Hi)) > 0
		bytes := len(blocks[0])
		for n < len(slots) && s.Behind(slots[n-1], slots[n]) && bytes+len(blocks[n]) <= compressMaxBytes {
			packed = packed || int(uint32(slots[n].Hi)) > 0
			bytes += len(blocks[n])
			n++
		}
		if err := s.readRun(slots[:n], blocks[:n], packed); err != nil {
			return err
		}
		slots, blocks = slots[n:], blocks[n:]
	}
	return nil
}

// readRun brings blocks back that lie side by side; packed: some are compressed.
func (s *Store) readRun(slots []memory.Slot, blocks [][]byte, packed bool) error {
	f, first, err := s.locate(slots)
	if err != nil {
		return err
	}
	var buf []byte
	if packed {
		if s.buffers == nil {
			return sqlerr.AssertionError("spill: slot of %d bytes is compressed", f.slot)
		}
		all := <-s.buffers
		defer func() { s.buffers <- all }()
		buf = all
	}
	vector := make([][]byte, len(slots))
	for i, slot := range slots {
		length := int64(uint32(slot.Hi))
		switch {
		case length == 0 && (int64(len(blocks[i])) > f.slot || i+1 < len(slots) && int64(len(blocks[i])) < f.slot):
			return sqlerr.AssertionError("spill: slot of %d bytes is read as %d", f.slot, len(blocks[i]))
		case length == 0:
			vector[i] = blocks[i]
		case length > f.slot || f.slot > int64(len(buf)):
			return sqlerr.AssertionError("spill: slot of %d bytes holds %d", f.slot, length)
		default:
			vector[i], buf = buf[:f.slot:f.slot], buf[f.slot:]
		}
	}
	if err := s.files.ReadAt(f.file, vector, int64(first)*f.slot); err != nil {
		return s.readError(fmt.Errorf("file %d, offset %d: %w", f.number, int64(first)*f.slot, err))
	}
	for i, slot := range slots {
		if err := unpack(blocks[i], vector[i], slot); err != nil {
			return s.readError(fmt.Errorf("file %d, offset %d: %w", f.number, int64(first+i)*f.slot, err))
		}
	}
	s.mu.Lock()
	s.stats.Reads += int64(len(slots))
	s.stats.Read += int64(len(slots)) * f.slot
	s.mu.Unlock()
	return nil
}

var errLength = errors.New("the block has another length than was written")

// unpack makes a block of what was read from its slot, which is the block itself unless it is compressed.
func unpack(dst, stored []byte, slot memory.Slot) error {
	length := int(uint32(slot.Hi))
	if length > 0 {
		stored = stored[:length]
	}
	if got, sum := crc32.Checksum(stored, castagnoli), uint32(slot.Hi>>32); got != sum {
		return fmt.Errorf("checksum %#x, %#x was written", got, sum)
	}
	if length == 0 {
		return nil
	}
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
