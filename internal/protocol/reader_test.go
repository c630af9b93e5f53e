package protocol

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// stream is a source of bytes that are all here.
type stream struct{ io.Reader }

func (stream) SetReadDeadline(time.Time) error { return nil }

// spoolRoom keeps everything in a spool.
type spoolRoom struct {
	spool Spool
	chunk [600]byte
}

func (r *spoolRoom) Small(n int) []byte {
	if n > 100 {
		return nil
	}
	return r.chunk[:n]
}
func (r *spoolRoom) Chunk() []byte                    { return r.chunk[:] }
func (r *spoolRoom) Append(p []byte, total int) error { return r.spool.Append(p, total) }
func (r *spoolRoom) Bytes() ([]byte, error)           { return r.spool.Pin() }
func (r *spoolRoom) Discard()                         { r.spool.Free() }

func frames(payload []byte, seq byte) []byte {
	var out []byte
	for {
		n := min(len(payload), maxFrame)
		out = append(out, byte(n), byte(n>>8), byte(n>>16), seq)
		out = append(out, payload[:n]...)
		seq++
		if payload = payload[n:]; n < maxFrame {
			return out
		}
	}
}

func TestReadPackets(t *testing.T) {
	a := account(t)
	room := &spoolRoom{spool: MakeSpool(a)}
	sizes := []int{0, 1, 100, 101, 5000, 32768, 32769, 200000, maxFrame - 1, maxFrame, maxFrame + 1, 20 << 20}
	if testing.Short() {
		sizes = sizes[:8]
	}
	for _, n := range sizes {
		payload := bytes.Repeat([]byte{1, 2, 3}, n/3+1)[:n]
		var seq uint8
		r := NewReader(stream{bytes.NewReader(append(frames(payload, 0), frames([]byte("next"), 0)...))}, &seq)
		size, err := r.Next()
		require.NoError(t, err)
		b, err := r.Read(size, 64<<20, room)
		require.NoError(t, err)
		require.True(t, bytes.Equal(payload, b), n)
		room.Discard()
		require.Zero(t, a.Stats().Current)
		seq = 0
		size, err = r.Next()
		require.NoError(t, err)
		b, err = r.Read(size, 64<<20, room)
		require.NoError(t, err)
		require.Equal(t, "next", string(b))
	}
}

// events notes what a reader does with its source and its room, in order.
type events struct {
	io.Reader
	spoolRoom
	list []byte
}

func (e *events) SetReadDeadline(time.Time) error {
	e.list = append(e.list, 'd')
	return nil
}

func (e *events) Read(p []byte) (int, error) {
	e.list = append(e.list, 'r')
	return e.Reader.Read(p)
}

func (e *events) Append(p []byte, total int) error {
	e.list = append(e.list, 'a')
	return e.spoolRoom.Append(p, total)
}

// TestReadTimeoutIsTheClients: the time that keeping a part of a packet takes, as it may wait for memory, is not the
// client's.
func TestReadTimeoutIsTheClients(t *testing.T) {
	var seq uint8
	e := &events{Reader: bytes.NewReader(frames(make([]byte, 3000), 0))}
	e.spool = MakeSpool(account(t))
	r := NewReader(e, &seq)
	n, err := r.Next()
	require.NoError(t, err)
	e.list, r.Timeout = nil, time.Minute
	b, err := r.Read(n, 1<<20, e)
	require.NoError(t, err)
	require.Len(t, b, 3000)
	require.Equal(t, "dradradradradrad", string(e.list))
	e.Discard()
}

func TestRefusedPacketIsReadToItsEnd(t *testing.T) {
	p, err := memory.NewPool(memory.Options{LimitBytes: 256 << 10})
	require.NoError(t, err)
	a := p.Server().Child("session")
	room := &spoolRoom{spool: MakeSpool(a)}
	for _, test := range []struct{ n, max, code int }{
		{1 << 20, 1 << 10, 1153}, {1 << 20, 1 << 30, 8176}, {101, 100, 1153},
	} {
		var seq uint8
		stream := stream{bytes.NewReader(append(frames(make([]byte, test.n), 0), frames([]byte("next"), 0)...))}
		r := NewReader(stream, &seq)
		size, err := r.Next()
		require.NoError(t, err)
		_, err = r.Read(size, test.max, room)
		var refused *RefusedError
		require.ErrorAs(t, err, &refused)
		require.EqualValues(t, test.code, sqlerr.CodeOf(err))
		require.Zero(t, a.Stats().Current)
		seq = 0
		_, err = r.Next()
		require.NoError(t, err)
	}
	a.Close()
	require.NoError(t, p.Close())
}

// stutter fails every other read with a deadline, and gives one byte at a time.
type stutter struct {
	b  []byte
	on bool
}

var errLater = errors.New("later")

func (s *stutter) SetReadDeadline(time.Time) error { return nil }
func (s *stutter) Read(p []byte) (int, error) {
	if s.on = !s.on; s.on {
		return 0, errLater
	}
	n := copy(p[:1], s.b)
	s.b = s.b[n:]
	return n, nil
}

func TestHeaderInPieces(t *testing.T) {
	var seq uint8
	r := NewReader(&stutter{b: []byte{5, 1, 0, 0}}, &seq)
	for range 4 {
		_, err := r.Next()
		require.ErrorIs(t, err, errLater)
	}
	n, err := r.Next()
	for errors.Is(err, errLater) {
		n, err = r.Next()
	}
	require.NoError(t, err)
	require.Equal(t, 261, n)
}

func FuzzReader(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 3})
	f.Add(frames(make([]byte, 1000), 0))
	f.Add([]byte{0xff, 0xff, 0xff, 0, 1, 2, 3})
	f.Fuzz(func(t *testing.T, data []byte) {
		var seq uint8
		r := NewReader(stream{bytes.NewReader(data)}, &seq)
		room := FixedRoom{B: make([]byte, 512)}
		for {
			n, err := r.Next()
			if err != nil {
				return
			}
			b, err := r.Read(n, 4096, room)
			if len(b) > 4096 {
				t.Fatal("larger than allowed")
			}
			var refused *RefusedError
			if err != nil && !errors.As(err, &refused) {
				return
			}
		}
	})
}
