package protocol

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// collector is a sink that keeps everything.
type collector struct {
	bytes.Buffer
	failAfter int // bytes; 0: never
	err       error
}

func (c *collector) Send(b []byte) (int, error) {
	if c.err != nil && c.Len()+len(b) > c.failAfter {
		n := max(c.failAfter-c.Len(), 0)
		c.Write(b[:n])
		return n, c.err
	}
	return c.Write(b)
}

// discard is a sink that counts.
type discard struct{ n int }

func (d *discard) Send(b []byte) (int, error) { d.n += len(b); return len(b), nil }

// fixedBuffers lends buffers of one size.
type fixedBuffers int

func (n fixedBuffers) Take() []byte { return make([]byte, n) }
func (n fixedBuffers) Give([]byte)  {}

func account(t testing.TB) *memory.Account {
	p, err := memory.NewPool(memory.Options{LimitBytes: 256 << 20})
	require.NoError(t, err)
	a := p.Server().Child("session")
	t.Cleanup(func() {
		a.Close()
		require.NoError(t, p.Close())
	})
	return a
}

// packets takes a stream apart, packets that continue joined.
func packets(t testing.TB, stream []byte) [][]byte {
	t.Helper()
	var all [][]byte
	var open []byte
	for seq := byte(0); len(stream) > 0; seq++ {
		require.GreaterOrEqual(t, len(stream), 4)
		n := int(stream[0]) | int(stream[1])<<8 | int(stream[2])<<16
		require.Equal(t, seq, stream[3], "sequence")
		require.GreaterOrEqual(t, len(stream), 4+n)
		open = append(open, stream[4:4+n]...)
		if stream = stream[4+n:]; n < maxFrame {
			all = append(all, open)
			open = nil
		}
	}
	require.Nil(t, open)
	return all
}

// textBatch has a number, a text and a nullable text in each row.
func textBatch(t testing.TB, a *memory.Account, texts ...string) *vector.Batch {
	cols := []types.Type{types.NewBigInt(), types.NewVarChar(1<<20, collation.Default), types.NewBlob(types.LongBlob)}
	b, err := vector.NewBatch(a, cols, max(len(texts), 16), 0)
	require.NoError(t, err)
	t.Cleanup(b.Close)
	b.Len = len(texts)
	for i, text := range texts {
		for _, c := range b.Cols {
			c.Null[i] = 0
		}
		b.Cols[0].I64[i] = int64(i) - 1
		b.Cols[1].Str[i], err = b.Arena().Put([]byte(text))
		require.NoError(t, err)
		b.Cols[2].Null[i] = uint8(i % 2)
		b.Cols[2].Str[i] = b.Cols[1].Str[i]
	}
	return b
}

// wantText is what textBatch's rows are on the wire.
func wantText(texts ...string) (want [][]byte) {
	for i, text := range texts {
		row := AppendLenencString(nil, fmt.Sprint(i-1))
		row = AppendLenencString(row, text)
		if i%2 == 1 {
			row = append(row, 0xfb)
		} else {
			row = AppendLenencString(row, text)
		}
		want = append(want, row)
	}
	return want
}

func TestTextRows(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 1<<21) // 32 MiB
	sizes := []int{512, 4096, 16384}
	if testing.Short() {
		sizes = sizes[:1]
	}
	texts := []string{
		"", "a", "twelve bytes", "thirteen byte", big[:250], big[:251], big[:3000], big[:65535], big[:65536],
		big[:300_000], big[:copyMax], big[:maxFrame/2], big[:maxFrame/2-8], big[:maxFrame-6], big[:maxFrame-5], big,
	}
	if testing.Short() {
		texts = texts[:10]
	}
	for _, paid := range []bool{false, true} {
		for _, size := range sizes {
			t.Run(fmt.Sprint(paid, size), func(t *testing.T) {
				a := account(t)
				var sink collector
				var seq uint8
				w := NewWriter(&sink, fixedBuffers(size), &seq)
				if paid {
					w.Account = a
				}
				e := &RowEncoder{}
				b := textBatch(t, a, texts...)
				require.NoError(t, w.Rows(e, b))
				require.NoError(t, w.Flush())
				require.False(t, w.Broken())
				got := packets(t, sink.Bytes())
				for i, want := range wantText(texts...) {
					require.True(t, bytes.Equal(want, got[i]), "row %d", i)
				}
				require.Len(t, got, len(texts))
			})
		}
	}
}

func TestSelectionAndConstants(t *testing.T) {
	a := account(t)
	b := textBatch(t, a, "a", "b", "c", "d")
	sel := b.SelRoom()[:2]
	sel[0], sel[1] = 1, 3
	b.Sel = sel
	b.Cols[1].Const = true
	b.Cols[0].NoNulls = true
	var sink collector
	var seq uint8
	w := NewWriter(&sink, fixedBuffers(512), &seq)
	require.NoError(t, w.Rows(&RowEncoder{}, b))
	require.NoError(t, w.Flush())
	require.Equal(t, [][]byte{[]byte("\x010\x01a\xfb"), []byte("\x012\x01a\xfb")}, packets(t, sink.Bytes()))
}

func TestBinaryRow(t *testing.T) {
	a := account(t)
	b := textBatch(t, a, "x", "y")
	var sink collector
	var seq uint8
	w := NewWriter(&sink, fixedBuffers(512), &seq)
	require.NoError(t, w.Rows(&RowEncoder{Binary: true}, b))
	require.NoError(t, w.Flush())
	minus := strings.Repeat("\xff", 8)
	zero := strings.Repeat("\x00", 8)
	want := [][]byte{[]byte("\x00\x00" + minus + "\x01x\x01x"), []byte("\x00\x10" + zero + "\x01y")}
	require.Equal(t, want, packets(t, sink.Bytes()))
}

func TestRowLargerThanMaxAllowedPacket(t *testing.T) {
	a := account(t)
	for _, n := range []int{100, 20000, 2 << 20} {
		var sink collector
		var seq uint8
		w := NewWriter(&sink, fixedBuffers(16384), &seq)
		w.Account, w.MaxPayload = a, n
		err := w.Rows(&RowEncoder{}, textBatch(t, a, "fits", strings.Repeat("x", n)))
		require.ErrorContains(t, err, "max_allowed_packet")
		require.False(t, w.Broken())
		require.NoError(t, w.Flush())
		require.Len(t, packets(t, sink.Bytes()), 1)
	}
}

// A send that is given up leaves the connection in order, unless a row was under way that nobody has any longer.
func TestSendGivenUp(t *testing.T) {
	a := account(t)
	for _, test := range []struct {
		width, after int
		broken       bool
	}{
		{width: 100, after: 1000}, {width: 100, after: 0}, {width: 100, after: 1},
		{width: 30000, after: 100, broken: true},
	} {
		sink := &collector{failAfter: test.after, err: fmt.Errorf("interrupted")}
		var seq uint8
		w := NewWriter(sink, fixedBuffers(4096), &seq)
		w.Account = a
		texts := make([]string, 40)
		for i := range texts {
			texts[i] = strings.Repeat("x", test.width)
		}
		require.ErrorContains(t, w.Rows(&RowEncoder{}, textBatch(t, a, texts...)), "interrupted")
		require.Equal(t, test.broken, w.Broken())
		if test.broken {
			continue
		}
		sink.err = nil
		require.NoError(t, w.EOF(0, 0))
		require.NoError(t, w.Flush())
		got := packets(t, sink.Bytes())
		require.Equal(t, byte(headerEOF), got[len(got)-1][0])
		require.Greater(t, len(got), 10)
	}
}

func TestWritePacket(t *testing.T) {
	for _, n := range []int{0, 1, 507, 508, 509, 5000, maxFrame - 1, maxFrame, maxFrame + 1, 2 * maxFrame} {
		var sink collector
		var seq uint8
		w := NewWriter(&sink, fixedBuffers(512), &seq)
		payload := bytes.Repeat([]byte{7}, n)
		require.NoError(t, w.WritePacket(payload))
		require.NoError(t, w.Flush())
		got := packets(t, sink.Bytes())
		require.Len(t, got, 1)
		require.True(t, bytes.Equal(payload, got[0]))
	}
}

func TestEveryTypeIsEncoded(t *testing.T) {
	a := account(t)
	m := types.NewMembers("red", "green", "blue")
	for _, typ := range []types.Type{
		types.NewNull(), types.NewTinyInt(), types.NewInteger(types.SmallInt, true), types.NewInt(), types.NewUInt(),
		types.NewBigInt(), types.NewUBigInt(), types.NewFloat(), types.NewDouble(), types.NewDecimal(10, 2),
		types.NewDate(),
		types.NewDateTime(6), types.NewTimestamp(0), types.NewTime(3), types.NewYear(),
		types.NewEnum(m, collation.Default),
		types.NewSet(m, collation.Default), types.NewBit(12), types.NewBinary(4),
		types.NewVarChar(10, collation.Latin1SwedishCI),
	} {
		b, err := vector.NewBatch(a, []types.Type{typ}, 16, 0)
		require.NoError(t, err)
		b.Len = 2
		clear(b.Cols[0].Null)
		clear(b.Cols[0].I64)
		clear(b.Cols[0].U64)
		clear(b.Cols[0].F64)
		clear(b.Cols[0].Dec)
		clear(b.Cols[0].Str)
		b.Cols[0].Null[1] = 1
		zone := time.FixedZone("x", 3600)
		for _, e := range []*RowEncoder{{}, {Binary: true, Zone: zone, Results: collation.UTF8MB4GeneralCI}} {
			var sink collector
			var seq uint8
			w := NewWriter(&sink, fixedBuffers(4096), &seq)
			require.NoError(t, w.Rows(e, b), typ)
			require.NoError(t, w.Flush())
			require.Len(t, packets(t, sink.Bytes()), 2, typ)
			e.bind(b)
			require.LessOrEqual(t, len(e.appendRow(nil, 0))+packetHeader, e.bound(0), typ)
		}
		b.Close()
	}
}

func BenchmarkRows(b *testing.B) {
	for _, binary := range []bool{false, true} {
		for _, shape := range []struct {
			name         string
			ints, strs   int
			stringLength int
		}{{"ints10", 10, 0, 0}, {"strings10", 0, 10, 10}, {"mixed10", 5, 5, 10}, {"long10", 0, 10, 100}} {
			b.Run(fmt.Sprintf("binary=%v/%s", binary, shape.name), func(b *testing.B) {
				a := account(b)
				var cols []types.Type
				for range shape.ints {
					cols = append(cols, types.NewBigInt())
				}
				for range shape.strs {
					cols = append(cols, types.NewVarChar(100, collation.Default))
				}
				const rows = 1000
				batch, err := vector.NewBatch(a, cols, rows, 0)
				require.NoError(b, err)
				defer batch.Close()
				batch.Len = rows
				for i := range rows {
					for k, c := range batch.Cols {
						c.Null[i] = 0
						if k < shape.ints {
							c.I64[i] = int64(i * 7919 * (k + 1))
						} else {
							s, err := batch.Arena().Put(bytes.Repeat([]byte{'x'}, shape.stringLength))
							require.NoError(b, err)
							c.Str[i] = s
						}
					}
				}
				var sink discard
				var seq uint8
				w := NewWriter(&sink, fixedBuffers(16384), &seq)
				e := &RowEncoder{Binary: binary}
				require.NoError(b, w.Rows(e, batch))
				b.ReportAllocs()
				b.ResetTimer()
				for b.Loop() {
					if err := w.Rows(e, batch); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
			})
		}
	}
}
