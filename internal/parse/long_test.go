package parse

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLongLiterals: they are cut off where an expression stands, and read from the text.
func TestLongLiterals(t *testing.T) {
	text := strings.Repeat(`it''s\n\%"`, longLiteral/8)
	value := strings.Repeat("it's\n\\%\"", longLiteral/8)
	digits := strings.Repeat("4a", longLiteral)
	bytes := strings.Repeat("J", longLiteral)
	type want struct {
		value, introducer string
		kind              Kind
	}
	for _, test := range []struct {
		name, sql string
		want      []want
		params    int
	}{
		{"row", "INSERT INTO t VALUES (?, '" + text + "', ?, x'" + digits + "', 0x4" + digits + ")", []want{
			{value, "", KindString}, {bytes, "", KindHex}, {"\x04" + bytes, "", KindHex}}, 2},
		{"introducer", "INSERT INTO t SET a=_binary'" + text + "', b = _latin1 x'" + digits + "'", []want{
			{value, "binary", KindString}, {bytes, "latin1", KindHex}}, 0},
		{"among others", "SELECT a FROM t WHERE a IN (" + strings.Repeat("1,", longList) + "2) AND b LIKE '" + text +
			"' AND c = ?", []want{{value, "", KindString}}, 1},
		{"argument", "UPDATE t SET a = CONCAT(\"" + digits + "\", 'x')", []want{{digits, "", KindString}}, 0},
		{"name of a column", "SELECT 1, '" + text + "'", nil, 0},
		{"joined", "INSERT INTO t VALUES ('" + text + "' 'a')", nil, 0},
		{"joined behind", "INSERT INTO t VALUES ('a' '" + text + "')", nil, 0},
		{"definition", "CREATE TABLE t (a INT DEFAULT ('" + text + "'))", nil, 0},
		{"bits", "INSERT INTO t VALUES (b'" + strings.Repeat("1", longLiteral) + "')", nil, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			found, st := placesOf(t, test.sql)
			require.Equal(t, test.params, st.Params)
			require.True(t, test.sql == st.Text)
			order := 0
			for _, p := range found {
				switch {
				case p.Long != nil:
					require.NotEmpty(t, test.want)
					w := test.want[0]
					test.want = test.want[1:]
					require.Equal(t, w.kind, p.Long.Kind())
					require.Equal(t, w.introducer, p.Long.Introducer())
					got, err := p.Long.Read(make([]byte, 0, p.Long.Size()))
					require.NoError(t, err)
					require.True(t, w.value == string(got), "%.40q", got)
					require.LessOrEqual(t, len(got), p.Long.Size())
				case p.List == nil:
					require.Equal(t, order, p.Order)
					order++
				}
			}
			require.Empty(t, test.want)
			require.Equal(t, test.params, order)
		})
	}
	st := one(t, "INSERT INTO t VALUES ('"+text+"'), ('"+text+"')")
	require.Equal(t, 2, st.Rows.Count(), "rows are read from the text")
	require.Less(t, one(t, "INSERT INTO t VALUES ('"+text+"')").Bytes, int64(longLiteral), "it costs no heap")
}

func TestBrokenLongLiteral(t *testing.T) {
	found, _ := placesOf(t, "INSERT INTO t VALUES (x'"+strings.Repeat("4g", longLiteral)+"')")
	require.Len(t, found, 1)
	_, err := found[0].Long.Read(nil)
	require.Error(t, err)
}

// TestLongRows: long literals of the rows that are read from the text stay there, plain rows or not; what is read at
// once is bounded by its bytes.
func TestLongRows(t *testing.T) {
	plain, escaped := strings.Repeat("y", 8*longLiteral), strings.Repeat(`it''s\n`, longLiteral)
	value := strings.Repeat("it's\n", longLiteral)
	digits := strings.Repeat("4a", longLiteral)
	row := "('" + plain + "', _latin1'" + escaped + "', x'" + digits + "')"
	budget := &limited{left: 2 << 20}
	list, err := Parse([]byte("INSERT INTO t VALUES "+row+", "+row+", (CONCAT('"+plain+"', '"+escaped+"'), NULL, '"+
		plain+"' COLLATE utf8mb4_bin), (1, 2, 3), (4, 5, 6)"), Options{Budget: budget})
	require.NoError(t, err)
	var counts []int
	for rows := list[0].Rows; ; {
		got, err := rows.Next(nil, 100)
		require.NoError(t, err)
		if len(got) == 0 {
			break
		}
		for _, row := range got {
			for _, n := range row {
				var c paramCollector
				n.Accept(&c)
				for _, p := range c.params {
					text, ok := p.Long.Plain()
					if ok {
						require.True(t, text == plain)
						continue
					}
					b, err := p.Long.Read(make([]byte, 0, p.Long.Size()))
					require.NoError(t, err)
					require.True(t, string(b) == value || string(b) == strings.Repeat("J", longLiteral))
				}
				counts = append(counts, len(c.params))
			}
		}
		require.LessOrEqual(t, len(got), 3)
	}
	require.Equal(t, []int{1, 1, 1, 1, 1, 1, 2, 0, 1, 0, 0, 0, 0, 0, 0}, counts)
	require.Less(t, budget.asked, int64(1<<20), "long literals cost no heap")
}
