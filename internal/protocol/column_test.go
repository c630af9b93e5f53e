package protocol

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/types"
)

// TestColumnOfNumbers: computed numbers are BINARY, those of a table's column are not; a predicate is a BIGINT of one
// digit, since some clients make a boolean of TINYINT(1).
func TestColumnOfNumbers(t *testing.T) {
	const binaryFlag, primary, partOfKey = 128, 2, 16384
	for name, c := range map[string]struct {
		column Column
		kind   byte
		length uint32
		flags  uint16
	}{
		"computed":  {Column{Name: "x", Type: types.NewInt()}, 3, 11, binaryFlag},
		"predicate": {Column{Name: "x", Type: types.NewBool()}, 8, 1, binaryFlag},
		"of a table": {
			Column{
				Name: "x", Table: "a", OrgTable: "t", Type: types.NewInt(), Flags: types.FlagPriKey | types.FlagPartKey,
			}, 3, 11, primary | partOfKey,
		},
	} {
		var sink collector
		var seq uint8
		w := NewWriter(&sink, fixedBuffers(512), &seq)
		require.NoError(t, w.Column(&c.column, 0, false), name)
		require.NoError(t, w.Flush())
		p := packets(t, sink.Bytes())[0]
		p = p[len(p)-10:] // length, type, flags, decimals, two bytes of nothing
		require.Equal(t, c.length, binary.LittleEndian.Uint32(p), name)
		require.Equal(t, c.kind, p[4], name)
		require.Equal(t, c.flags, binary.LittleEndian.Uint16(p[5:]), name)
	}
}
