package protocol

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

func TestLenenc(t *testing.T) {
	for _, n := range []uint64{0, 1, 250, 251, 65535, 65536, 1<<24 - 1, 1 << 24, 1<<64 - 1} {
		b := AppendLenenc(nil, n)
		require.Len(t, b, LenencSize(n))
		c := newCursor(b)
		require.Equal(t, n, c.lenenc())
		require.True(t, c.ok)
		require.Empty(t, c.b)
		for i := range b {
			c := newCursor(b[:i])
			c.lenenc()
			require.False(t, c.ok)
		}
	}
}

func exampleResponse() []byte {
	caps := Protocol41 | SecureConnection | PluginAuth | PluginAuthLenencData | ConnectWithDB | ConnectAttrs
	b := binary.LittleEndian.AppendUint32(nil, uint32(caps))
	b = binary.LittleEndian.AppendUint32(b, 1<<24)
	b = append(append(b, 255), make([]byte, 23)...)
	b = append(b, "user\x00"...)
	b = AppendLenencString(b, "scramble")
	b = append(b, "db\x00plugin\x00"...)
	attrs := AppendLenencString(AppendLenencString(nil, "_os"), "Linux")
	return AppendLenencString(b, attrs)
}

func TestHandshakeResponse(t *testing.T) {
	b := exampleResponse()
	h, err := DecodeHandshakeResponse(b, ServerCapabilities)
	require.NoError(t, err)
	require.Equal(t, "user", h.User)
	require.Equal(t, "scramble", string(h.Auth))
	require.Equal(t, "db", h.Database)
	require.Equal(t, "plugin", h.Plugin)
	require.EqualValues(t, 255, h.Collation)
	require.Equal(t, map[string]string{"_os": "Linux"}, h.Attributes)
	for i := range 36 {
		_, err := DecodeHandshakeResponse(b[:i], ServerCapabilities)
		require.True(t, sqlerr.Is(err, sqlerr.ErrHandshake), i)
	}
}

func TestQueryAttributes(t *testing.T) {
	b := []byte{2, 1, 1, 1, 0xfe, 0, 1, 'a', 3, 0, 1, 'b', 1, 2, 3, 4}
	// Attribute a is NULL, b is an INT.
	sql, err := DecodeQuery(append(b, "SELECT 1"...), QueryAttributes)
	require.NoError(t, err)
	require.Equal(t, "SELECT 1", string(sql))
	sql, err = DecodeQuery([]byte("\x00\x01SELECT 1"), QueryAttributes)
	require.NoError(t, err)
	require.Equal(t, "SELECT 1", string(sql))
	sql, err = DecodeQuery([]byte("SELECT 1"), 0)
	require.NoError(t, err)
	require.Equal(t, "SELECT 1", string(sql))
	_, err = DecodeQuery(b[:10], QueryAttributes)
	require.True(t, sqlerr.Is(err, sqlerr.ErrMalformedPacket))
}

// params builds COM_STMT_EXECUTE's packet without the command.
func params(nulls []byte, kinds []byte, values ...byte) []byte {
	b := []byte{1, 0, 0, 0, 0, 1, 0, 0, 0}
	b = append(b, nulls...)
	if kinds == nil {
		b = append(b, 0)
	} else {
		b = append(append(b, 1), kinds...)
	}
	return append(b, values...)
}

func TestParams(t *testing.T) {
	kinds := []byte{1, 0, 1, 0x80, 2, 0, 3, 0, 8, 0x80, 4, 0, 5, 0, 0xfe, 0, 0xfc, 0, 3, 0}
	values := []byte{0xff, 0xff, 0xfe, 0xff, 1, 0, 0, 0x80, 1, 2, 3, 4, 5, 6, 7, 0x88, 0, 0, 0x80, 0x3f}
	values = append(values, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 2, 'a', 'b', 1, 'c')
	e, err := DecodeExecute(params([]byte{0, 2}, kinds, values...))
	require.NoError(t, err)
	p := Params{Count: 10, Collation: collation.UTF8MB4GeneralCI}
	d := make([]types.Datum, 10)
	require.NoError(t, p.Decode(e, 0, d))
	check := func() {
		require.EqualValues(t, -1, d[0].I)
		require.EqualValues(t, 255, d[1].U)
		require.EqualValues(t, -2, d[2].I)
		require.EqualValues(t, -1<<31+1, d[3].I)
		require.EqualValues(t, uint64(0x8807060504030201), d[4].U)
		require.Equal(t, 1.0, d[5].F)
		require.Equal(t, 1.5, d[6].F)
		require.Equal(t, "ab", string(d[7].S))
		require.Equal(t, collation.UTF8MB4GeneralCI, d[7].Type.Collation)
		require.Equal(t, "c", string(d[8].S))
		require.Equal(t, collation.Binary, d[8].Type.Collation)
		require.True(t, d[9].IsNull())
	}
	check()
	// Again without types.
	e, err = DecodeExecute(params([]byte{0, 2}, nil, values...))
	require.NoError(t, err)
	clear(d)
	require.NoError(t, p.Decode(e, 0, d))
	check()
	// Long data replaces a value, which is not in the packet then.
	long := make([][]byte, 10)
	long[7] = []byte("long")
	p.Long = long
	without := bytes.Replace(values, []byte{2, 'a', 'b'}, nil, 1)
	e, err = DecodeExecute(params([]byte{0, 2}, nil, without...))
	require.NoError(t, err)
	require.NoError(t, p.Decode(e, 0, d))
	require.Equal(t, "long", string(d[7].S))
	require.Equal(t, "c", string(d[8].S))
	// With a value missing, or types never sent.
	p.Long = nil
	require.True(t, sqlerr.Is(p.Decode(e, 0, d), sqlerr.ErrMalformedPacket))
	p.Types = nil
	require.True(t, sqlerr.Is(p.Decode(e, 0, d), sqlerr.ErrWrongArguments))
	_, err = DecodeExecute([]byte{1, 2, 3})
	require.True(t, sqlerr.Is(err, sqlerr.ErrMalformedPacket))
}

func TestTemporalParams(t *testing.T) {
	one := func(kind byte, value ...byte) (types.Datum, error) {
		e, err := DecodeExecute(params([]byte{0}, []byte{kind, 0}, value...))
		require.NoError(t, err)
		d := make([]types.Datum, 1)
		p := Params{Count: 1}
		err = p.Decode(e, 0, d)
		return d[0], err
	}
	for _, good := range [][]byte{
		{12, 0}, {12, 4, 0xe8, 7, 2, 29}, {12, 7, 0xe8, 7, 2, 29, 23, 59, 59},
		{7, 11, 0xe8, 7, 2, 29, 23, 59, 59, 1, 0, 0, 0},
		{10, 4, 0xe8, 7, 2, 29}, {11, 0}, {11, 8, 1, 1, 0, 0, 0, 23, 59, 59},
		{11, 12, 0, 34, 0, 0, 0, 22, 59, 59, 0, 0, 0, 0},
	} {
		d, err := one(good[0], good[1:]...)
		require.NoError(t, err, good)
		require.Equal(t, types.PhysInt64, d.Kind)
	}
	for _, bad := range [][]byte{
		{12, 5, 1, 1, 1, 1, 1}, {12, 4, 0xff, 0xff, 1, 1}, {12, 4, 1, 1, 13, 1}, {12, 7, 0, 0, 1, 1, 24, 0, 0},
		{11, 8, 0, 35, 0, 0, 0, 0, 0, 0}, {11, 4, 1, 1, 1, 1}, {12}, {12, 11, 1}, {0x0e, 1, 1},
	} {
		_, err := one(bad[0], bad[1:]...)
		require.True(t, sqlerr.Is(err, sqlerr.ErrMalformedPacket), bad)
	}
}

func TestErrPacketIsBounded(t *testing.T) {
	var sink collector
	var seq uint8
	w := NewWriter(&sink, fixedBuffers(512), &seq)
	require.NoError(t, w.Err(sqlerr.Newf(sqlerr.ErrParse, "%s", strings.Repeat("ä", 1000))))
	require.NoError(t, w.Flush())
	b := packets(t, sink.Bytes())[0]
	require.Equal(t, "#42000", string(b[3:9]))
	require.LessOrEqual(t, len(b), 9+maxErrorText)
	require.True(t, strings.HasSuffix(string(b), "ä"))
}

func FuzzHandshakeResponse(f *testing.F) {
	f.Add(exampleResponse())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		DecodeSSLRequest(data)
		h, err := DecodeHandshakeResponse(data, ServerCapabilities)
		if (h == nil) == (err == nil) {
			t.Fatal("neither or both")
		}
		h, err = DecodeChangeUser(data, ServerCapabilities, 45)
		if (h == nil) == (err == nil) {
			t.Fatal("neither or both")
		}
	})
}

func FuzzQuery(f *testing.F) {
	f.Add([]byte("\x00\x01SELECT 1"))
	f.Add([]byte{2, 1, 1, 1, 0xfe, 0, 1, 'a', 3, 0, 1, 'b', 1, 2, 3, 4, 'S'})
	f.Fuzz(func(t *testing.T, data []byte) {
		sql, err := DecodeQuery(data, QueryAttributes)
		if err == nil && len(sql) > len(data) {
			t.Fatal("longer than the packet")
		}
	})
}

func FuzzParams(f *testing.F) {
	f.Add(uint8(1), uint8(0), params([]byte{0}, []byte{12, 0}, 4, 0xe8, 7, 2, 29))
	f.Add(uint8(2), uint8(1), params([]byte{1}, []byte{3, 0, 0xfe, 0}, 2, 'a', 'b'))
	f.Fuzz(func(t *testing.T, count, named uint8, data []byte) {
		e, err := DecodeExecute(data)
		if err != nil {
			return
		}
		caps := Capability(0)
		if named&1 != 0 {
			caps = QueryAttributes
		}
		p := Params{Count: int(count), Collation: collation.Default}
		d := make([]types.Datum, count)
		if err := p.Decode(e, caps, d); err != nil {
			if c := sqlerr.CodeOf(err); c != sqlerr.ErrMalformedPacket && c != sqlerr.ErrWrongArguments {
				t.Fatal(err)
			}
			return
		}
		for _, v := range d {
			if v.Kind == types.PhysString && len(v.S) > len(data) {
				t.Fatal("longer than the packet")
			}
		}
	})
}
