package parse

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
)

func one(t *testing.T, sql string) *Statement {
	t.Helper()
	st, err := Parse([]byte(sql), Options{})
	require.NoError(t, err, sql)
	require.Len(t, st, 1, sql)
	return st[0]
}

// TestStatements are what clients and dump tools say.
func TestStatements(t *testing.T) {
	for _, sql := range []string{
		"BEGIN", "BEGIN WORK", "COMMIT WORK", "ROLLBACK WORK", "ROLLBACK TO SAVEPOINT a", "RELEASE SAVEPOINT a",
		"START TRANSACTION WITH CONSISTENT SNAPSHOT", "START TRANSACTION /*!40100 WITH CONSISTENT SNAPSHOT */",
		"START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", "START TRANSACTION READ ONLY",
		"LOCK TABLES t READ LOCAL, u WRITE", "LOCK TABLES `a` AS b WRITE, c READ", "LOCK TABLES t LOW_PRIORITY WRITE",
		"UNLOCK TABLES", "FLUSH TABLES WITH READ LOCK", "FLUSH TABLES t FOR EXPORT", "FLUSH LOCAL TABLES",
		"SHOW STORAGE ENGINES", "SHOW MASTER STATUS", "SHOW BINARY LOG STATUS", "SHOW SLAVE STATUS",
		"SHOW REPLICA STATUS",
		"SHOW FUNCTION STATUS WHERE Db = 'x'", "SHOW EVENTS", "SET SESSION x = 1", "SET PERSIST x = 1",
		"/*!40101 SET @OLD_CS=@@CHARACTER_SET_CLIENT */", "/*!40000 ALTER TABLE `t` DISABLE KEYS */",
		"EXPLAIN FORMAT=TREE SELECT 1", "SELECT 1 INTO @a", "SELECT a, b INTO @x, @y FROM t WHERE c = 'INTO @z'",
		"INSERT INTO t VALUES (1, DEFAULT) AS new ON DUPLICATE KEY UPDATE a = new.a",
	} {
		require.NotNil(t, one(t, sql).Node, sql)
	}
}

func TestExtra(t *testing.T) {
	for sql, want := range map[string]Extra{
		"SHOW ENGINE INNODB STATUS":   {Kind: ExtraShowEngine, Word: "STATUS", Name: [2]string{"", "INNODB"}},
		"SHOW BINARY LOGS":            {Kind: ExtraShowBinaryLogs},
		"SHOW MASTER LOGS":            {Kind: ExtraShowBinaryLogs},
		"SHOW REPLICAS":               {Kind: ExtraShowReplicas},
		"SHOW WARNINGS LIMIT 2, 3":    {Kind: ExtraShowWarnings, Word: "WARNINGS", Offset: 2, Count: 3},
		"SHOW CREATE TRIGGER d.`t r`": {Kind: ExtraShowCreate, Word: "TRIGGER", Name: [2]string{"d", "t r"}},
		"CHECK TABLE a, d.b":          {Kind: ExtraCheckTable, Names: [][2]string{{"", "a"}, {"d", "b"}}},
		"REPAIR LOCAL TABLE a":        {Kind: ExtraRepairTable, Names: [][2]string{{"", "a"}}},
		"CHECKSUM TABLE a":            {Kind: ExtraChecksumTable, Names: [][2]string{{"", "a"}}},
		"create or replace definer=`a`@`%` procedure d.p() select 1": {
			Kind: ExtraProgram, Word: "CREATE", ProgramKind: "PROCEDURE", Name: [2]string{"d", "p"},
		},
		"/*!50003 CREATE*/ /*!50017 DEFINER='a'@'h'*/ /*!50003 TRIGGER t AFTER DELETE ON u FOR EACH ROW DO 1 */": {
			Kind: ExtraProgram, Word: "CREATE", ProgramKind: "TRIGGER", Name: [2]string{"", "t"},
		},
		"CREATE DEFINER = CURRENT_USER() AGGREGATE FUNCTION IF NOT EXISTS f(a INT) RETURNS INT RETURN 1": {
			Kind: ExtraProgram, Word: "CREATE", ProgramKind: "FUNCTION", Name: [2]string{"", "f"},
		},
		"ALTER DEFINER = a EVENT e DISABLE": {
			Kind: ExtraProgram, Word: "ALTER", ProgramKind: "EVENT", Name: [2]string{"", "e"},
		},
		"DROP TRIGGER t": {Kind: ExtraProgram, Word: "DROP", ProgramKind: "TRIGGER", Name: [2]string{"", "t"}},
		"/*!50003 DROP FUNCTION IF EXISTS d.f */": {
			Kind: ExtraDropIfExists, Word: "DROP", ProgramKind: "FUNCTION", Name: [2]string{"d", "f"},
		},
		"LOCK INSTANCE FOR BACKUP": {Kind: ExtraLockInstance},
		"KILL CONNECTION CONNECTION_ID()": {
			Kind: ExtraKill, Word: "CONNECTION", Name: [2]string{"", "CONNECTION_ID()"},
		},
	} {
		st := one(t, sql)
		require.Nil(t, st.Node, sql)
		require.Equal(t, want, *st.Extra, sql)
	}
}

func TestClauses(t *testing.T) {
	st := one(t, "SELECT a, b FROM t INTO @X, @`y z`")
	require.Equal(t, []string{"x", "y z"}, st.IntoVars)
	st = one(t, "INSERT INTO t VALUES (1, 2) AS n (p, q) ON DUPLICATE KEY UPDATE a = p")
	require.Equal(t, "n", st.RowAlias)
	require.Equal(t, []string{"p", "q"}, st.RowColumns)
	require.Len(t, st.Node.(*ast.InsertStmt).OnDuplicate, 1)
	require.True(t, one(t, "SET PERSIST x = 1").Persist)
	require.Equal(t, 3, one(t, "SELECT ?, a FROM t WHERE b = ? LIMIT ?").Params)
}

func TestScript(t *testing.T) {
	st, err := Parse([]byte("SELECT 1; ; SELECT ';' -- x;y\n; /* ; */ SELECT `a;`;"), Options{})
	require.NoError(t, err)
	var texts []string
	for _, s := range st {
		texts = append(texts, s.Text)
	}
	require.Equal(t, []string{"SELECT 1", "SELECT ';' -- x;y", "/* ; */ SELECT `a;`"}, texts)

	s := NewScript([]byte("SELECT 1; SELECT FROM; SELECT 2"), Options{})
	_, err = s.Next()
	require.NoError(t, err)
	require.True(t, s.More())
	_, err = s.Next()
	require.True(t, sqlerr.Is(err, sqlerr.ErrParse))
	last, err := s.Next()
	require.NoError(t, err)
	require.Nil(t, last)

	_, err = Parse([]byte(" -- nothing"), Options{})
	require.True(t, sqlerr.Is(err, sqlerr.ErrEmptyQuery))
}

func TestErrors(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT FROM t":           "near 'FROM t' at line 1",
		"SELECT 1\nFROM t\nWHERE": "near '' at line 3",
		"SELECT 'abc":             "near ''abc' at line 1",
		"SELEC 1":                 "near 'SELEC 1' at line 1",
		"SELECT \"a\" FRO x y":    "near 'x y' at line 1",
	} {
		_, err := Parse([]byte(sql), Options{})
		e := sqlerr.From(err)
		require.Equal(t, uint16(1064), e.Code, sql)
		require.Equal(t, "42000", e.State)
		require.Contains(t, e.Message, "You have an error in your SQL syntax; check the manual")
		require.Contains(t, e.Message, want, sql)
	}
}

func TestDepth(t *testing.T) {
	for _, sql := range []string{
		"SELECT " + strings.Repeat("(", 10000) + "1" + strings.Repeat(")", 10000),
		"SELECT 1" + strings.Repeat("+1", 100000),
		"SELECT " + strings.Repeat("- ", 100000) + "1",
		"SELECT " + strings.Repeat("NOT ", 100000) + "1",
		"SELECT * FROM a" + strings.Repeat(" JOIN a", 100000),
	} {
		before := testutil.LiveHeap()
		_, err := Parse([]byte(sql), Options{})
		require.True(t, sqlerr.Is(err, sqlerr.ErrStackOverrunNeedMore), "%v", err)
		require.Less(t, testutil.LiveHeap()-before, int64(1<<20))
	}
	one(t, "SELECT "+strings.Repeat("(", 900)+"1"+strings.Repeat(")", 900))
	one(t, "SELECT 1"+strings.Repeat("+1", 10000))
	one(t, "SELECT a = 1"+strings.Repeat(" OR a = 2", 9000))
}

var errBudget = errors.New("over budget")

type limited struct{ left, asked int64 }

func (l *limited) Reserve(n int64) error {
	l.asked += n
	if n > l.left {
		return errBudget
	}
	l.left -= n
	return nil
}

func TestBudget(t *testing.T) {
	sql := []byte("SELECT a FROM t WHERE a IN (a" + strings.Repeat(", 1", 100000) + ")")
	before := testutil.LiveHeap()
	_, err := Parse(sql, Options{Budget: &limited{left: 1 << 20}})
	require.ErrorIs(t, err, errBudget)
	require.Less(t, testutil.LiveHeap()-before, int64(64<<10))

	// The charge covers what is kept alive.
	b := &limited{left: 1 << 30}
	before = testutil.LiveHeap()
	st, err := Parse(sql, Options{Budget: b})
	require.NoError(t, err)
	grown := testutil.LiveHeap() - before
	require.Less(t, grown, b.asked)
	runtime.KeepAlive(st)
}

// longInsert is an INSERT of at least size bytes.
func longInsert(size int, tail string) ([]byte, int) {
	var b strings.Builder
	b.WriteString("INSERT INTO t (a, b, c) VALUES (1,'first',NULL)")
	n := 1
	for ; b.Len() < size; n++ {
		fmt.Fprintf(&b, ",(%d,'it''s row \\'%d\\'; (x),',%d.5)", n, n, n)
	}
	b.WriteString(tail)
	return []byte(b.String()), n
}

func TestLongInsert(t *testing.T) {
	sql, n := longInsert(60<<20, " ON DUPLICATE KEY UPDATE b = VALUES(b)")
	before := testutil.LiveHeap()
	b := &limited{left: 2 << 20}
	st, err := Parse(sql, Options{Budget: b})
	require.NoError(t, err)
	require.Less(t, testutil.LiveHeap()-before, b.asked)
	r := st[0].Rows
	require.Equal(t, n, r.Count())
	insert := st[0].Node.(*ast.InsertStmt)
	require.Len(t, insert.Lists, 1)
	require.Len(t, insert.OnDuplicate, 1)
	for range 2 {
		seen, high := 0, int64(0)
		var rows [][]ast.ExprNode
		for chunk := 0; ; chunk++ {
			rows, err = r.Next(rows[:0], 64)
			require.NoError(t, err)
			if len(rows) == 0 {
				break
			}
			for _, row := range rows {
				if len(row) != 3 || seen > 0 && (row[0].(*Value).Int() != int64(seen) ||
					row[1].(*Value).Literal() != "it's row '"+strconv.Itoa(seen)+"'; (x),") {
					t.Fatalf("row %d: %v", seen, row)
				}
				seen++
			}
			if chunk%5000 == 0 {
				high = max(high, testutil.LiveHeap()-before)
			}
		}
		require.Equal(t, n, seen)
		require.Less(t, high, b.asked)
		r.Rewind()
	}
}

func TestLongInsertRows(t *testing.T) {
	pad := strings.Repeat("x", longStatement)
	sql := "INSERT INTO t VALUES ('" + pad + "', 1), (-1, +2.50), (0x41, b'101'), (_binary 'a\\0', NOW()), " +
		"(1+1, (2)), (DEFAULT, NULL), (TRUE, 1e3), (18446744073709551615, 99999999999999999999), " +
		"('a' 'b', -9223372036854775808)"
	st := one(t, sql)
	require.Equal(t, 9, st.Rows.Count())
	rows, err := st.Rows.Next(nil, 100)
	require.NoError(t, err)
	require.Len(t, rows, 9)
	require.Equal(t, int64(-1), rows[1][0].(*Value).Int())
	require.Equal(t, "2.50", rows[1][1].(*Value).Literal())
	require.Equal(t, "A", rows[2][0].(*Value).Literal())
	require.Equal(t, "\x05", rows[2][1].(*Value).Literal())
	require.Equal(t, "binary", rows[3][0].(*Value).Introducer())
	require.Equal(t, "a\x00", rows[3][0].(*Value).Literal())
	require.IsType(t, &ast.FuncCallExpr{}, rows[3][1])
	require.IsType(t, &ast.BinaryOperationExpr{}, rows[4][0])
	require.IsType(t, &ast.DefaultExpr{}, rows[5][0])
	require.Equal(t, KindFloat, rows[6][1].(*Value).Kind())
	require.Equal(t, KindUint, rows[7][0].(*Value).Kind())
	require.Equal(t, KindDecimal, rows[7][1].(*Value).Kind())
	require.Equal(t, "ab", rows[8][0].(*Value).Literal())
	require.IsType(t, &ast.UnaryOperationExpr{}, rows[8][1])

	st = one(t, "INSERT INTO t VALUES ('"+pad+"', 1), (2)")
	_, err = st.Rows.Next(nil, 100)
	require.True(t, sqlerr.Is(err, sqlerr.ErrWrongValueCountOnRow))
}

func TestLiterals(t *testing.T) {
	st := one(t, "SELECT 1, -1, 1.50, 1e2, 'a''b\\n', NULL, TRUE, x'4142', 0x1, b'11', _latin1'x', 'a' 'b', N'z'")
	var got []string
	for _, f := range st.Node.(*ast.SelectStmt).Fields.Fields {
		if v, ok := f.Expr.(*Value); ok {
			got = append(got, fmt.Sprintf("%d %q %s", v.Kind(), v.Literal(), v.Introducer()))
		}
	}
	require.Equal(t, []string{
		`1 "" `, `5 "1.50" `, `4 "100" `, `6 "a'b\n" `, `0 "" `, `3 "" `, `7 "AB" `, `7 "\x01" `, `8 "\x03" `,
		`6 "x" latin1`, `6 "ab" `, `6 "z" utf8`,
	}, got)
}

func FuzzParse(f *testing.F) {
	for _, sql := range []string{
		"SELECT 1", "INSERT INTO t VALUES (1, 'x'), (2, 'y') AS n ON DUPLICATE KEY UPDATE a = 1",
		"SELECT a INTO @x FROM t", "/*!40101 SET x = 1 */; SELECT /*+ MEMORY_QUOTA(1 MB) */ 1",
		"LOCK TABLES a AS b READ", "SHOW WARNINGS LIMIT 1", "START TRANSACTION WITH CONSISTENT SNAPSHOT, x",
		"SELECT 0x, x'1', b'2', 1e, .5, `a``b`, @`x`, @@global.y, 'a\\'b'",
		"KILL", "SELECT \"", "/*", "INSERT INTO t VALUES (", "EXPLAIN FORMAT=TREE x",
	} {
		f.Add([]byte(sql))
	}
	f.Fuzz(func(t *testing.T, sql []byte) {
		st, err := Parse(sql, Options{Budget: &limited{left: 16 << 20}})
		if err != nil {
			return
		}
		for _, s := range st {
			if s.Node == nil && s.Extra == nil {
				t.Fatal("neither tree nor extra")
			}
		}
		// Reading the whole text as rows must not fail in other ways than by an error.
		r := newRows(string(sql), &rowsShape{count: 3}, Options{})
		_, _ = r.Next(nil, 3)
	})
}
