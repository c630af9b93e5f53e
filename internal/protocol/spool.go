package protocol

import (
	"errors"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// spoolFirstBytes is the first block of a Spool; it doubles from there.
const spoolFirstBytes = 32 << 10

// Spool keeps bytes that arrive from a client in one evictable block of the session's account. The block is pinned only
// while bytes are copied into it or between Pin and Unpin, so a client that pauses holds no memory that others need.
// The zero Spool has no account; use MakeSpool. Not for concurrent use.
type Spool struct {
	acct   *memory.Account
	id     memory.BlockID
	n      int
	size   int
	pinned bool
}

// MakeSpool returns an empty spool; nothing is taken yet.
func MakeSpool(acct *memory.Account) Spool { return Spool{acct: acct} }

// Len is the number of bytes kept.
func (s *Spool) Len() int { return s.n }

// Append keeps a copy of p. hint is how many bytes are to come, p included. Errors: 1153 beyond the largest page, and
// refusals of memory; the spool is as before then.
func (s *Spool) Append(p []byte, hint int) error {
	if len(p) == 0 {
		return nil
	}
	need := s.n + len(p)
	if need > memory.MaxPageBytes {
		return sqlerr.New(sqlerr.ErrNetPacketTooLarge)
	}
	if need > s.size {
		return s.grow(p, need, hint)
	}
	ref, err := s.acct.Pin(s.id, memory.Held)
	if err != nil {
		return refusal(err)
	}
	s.acct.MarkDirty(s.id)
	copy(memory.Bytes(s.acct.Base(), ref, s.size)[s.n:], p)
	s.acct.Unpin(s.id, memory.ReuseSoon)
	s.n = need
	return nil
}

// grow moves to a block of twice the size, or of what is announced if that is less.
func (s *Spool) grow(p []byte, need, hint int) error {
	size := max(need, min(2*s.size, s.n+hint), min(spoolFirstBytes, s.n+hint))
	size = min(memory.PageSize(size), memory.MaxPageBytes)
	id, ref, err := s.acct.NewBlock(size, memory.Held)
	if err != nil {
		return refusal(err)
	}
	dst := memory.Bytes(s.acct.Base(), ref, size)
	if s.id != 0 {
		old, err := s.acct.Pin(s.id, memory.Held)
		if err != nil {
			s.acct.FreeBlock(id)
			return refusal(err)
		}
		copy(dst, memory.Bytes(s.acct.Base(), old, s.n))
		s.acct.Unpin(s.id, memory.ReuseLate)
		s.acct.FreeBlock(s.id)
	}
	copy(dst[s.n:], p)
	s.acct.Unpin(id, memory.ReuseSoon)
	s.id, s.size, s.n = id, size, need
	return nil
}

// Pin brings all bytes into memory, until Unpin or Free.
func (s *Spool) Pin() ([]byte, error) {
	if s.id == 0 {
		return []byte{}, nil
	}
	ref, err := s.acct.Pin(s.id, memory.Held)
	if err != nil {
		return nil, refusal(err)
	}
	if s.pinned {
		s.acct.Unpin(s.id, memory.ReuseSoon) // one pin is enough
	}
	s.pinned = true
	return memory.Bytes(s.acct.Base(), ref, s.size)[:s.n:s.n], nil
}

// Unpin ends Pin; the bytes stay kept.
func (s *Spool) Unpin() {
	if s.pinned {
		s.acct.Unpin(s.id, memory.ReuseUnknown)
		s.pinned = false
	}
}

// Free gives everything back; the spool may be used again.
func (s *Spool) Free() {
	s.Unpin()
	if s.id != 0 {
		s.acct.FreeBlock(s.id)
	}
	s.id, s.size, s.n = 0, 0, 0
}

// refusal keeps ErrNoSurplus from clients: there is no smaller algorithm for a packet.
func refusal(err error) error {
	if errors.Is(err, sqlerr.ErrNoSurplus) {
		return &sqlerr.ServerMemoryError{}
	}
	return err
}
