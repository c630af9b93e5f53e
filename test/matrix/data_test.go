package matrix

import (
	"cmp"
	"crypto/md5"
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/spillwaydb/spillway/test/harness"
)

// Tables t and u have the key of each shape in a column of its own; x and y have strings. All have id from 0 and v.
const (
	tableKeys = 4         // rows of t with the same uniform key, and rows of u
	strideT   = 7919      // makes the order of keys differ from that of ids
	strideU   = 104_729   // likewise
	valueMod  = 1_000_003 // v is below it
	mostBytes = 64 << 10  // longest string
	null      = int32(-1) // code of NULL
	emptyEach = 50        // every so many strings is empty
)

// shape is a distribution of keys. A key is named by its code: codes are ordered as keys are, NULL is -1.
type shape struct {
	name    string
	t, u    string // tables
	key     string // column
	rows    int    // of each table
	fewRows int    // ids of u below it: a side so small that its product with t can be counted
	strings bool

	load  sync.Once
	kt    []int32 // codes by id
	ku    []int32
	vt    []int64
	vu    []int64
	texts []uint32 // strings: the number whose text a code stands for
	byT   []int32  // ids of t by (key, v, id)
	byU   []int32
}

func (s *shape) keyT(i int) int32 {
	uniform := int32(i * strideT % (s.rows / tableKeys))
	switch s.name {
	case "uniform":
		return uniform
	case "skew":
		if i*strideT%10 < 3 {
			return 0
		}
		return uniform
	case "equal":
		return 7
	}
	return null
}

func (s *shape) keyU(i int) int32 {
	uniform := int32(i * strideU % (s.rows / tableKeys))
	switch s.name {
	case "uniform":
		return uniform + int32(s.rows/tableKeys/2) // half of the keys are in t
	case "skew":
		if i*strideU%10 < 3 {
			return 0
		}
		return uniform
	case "equal":
		return 7
	}
	return null
}

// keyColumns are the SQL forms of keyT and keyU, of i.
func keyColumns(stride, rows, shift int) string {
	uniform := fmt.Sprintf("i * %d %% %d", stride, rows/tableKeys)
	return fmt.Sprintf("%s + %d, IF(i * %d %% 10 < 3, 0, %s), 7, NULL", uniform, shift, stride, uniform)
}

func valueT(i int) int64 { return int64(i*40_503+12_345) % valueMod }
func valueU(i int) int64 { return int64(i*30_011+777) % valueMod }

const (
	valueTSQL = "(i * 40503 + 12345) % 1000003"
	valueUSQL = "(i * 30011 + 777) % 1000003"
)

// textSQL is the string of number j; appendText is the same. Two thirds differ in their first bytes, one third behind
// what is up to 64 KiB of the same.
const textSQL = `CASE WHEN j % 50 = 0 THEN '' WHEN j % 3 = 0 THEN CONCAT(REPEAT('x', j * 7919 % 65504), MD5(j))
	ELSE LEFT(REPEAT(MD5(j), 2048), j * 7919 % 65537) END`

func appendText(b []byte, j int) []byte {
	if j%emptyEach == 0 {
		return b
	}
	sum := md5.Sum(strconv.AppendInt(nil, int64(j), 10))
	digest := []byte(hex.EncodeToString(sum[:]))
	if j%3 == 0 {
		for range j * strideT % (mostBytes - len(digest)) {
			b = append(b, 'x')
		}
		return append(b, digest...)
	}
	n := j * strideT % (mostBytes + 1)
	for ; n > len(digest); n -= len(digest) {
		b = append(b, digest...)
	}
	return append(b, digest[:n]...)
}

// appendKey appends a key as SQL prints it; not for NULL.
func (s *shape) appendKey(b []byte, code int32) []byte {
	if s.strings {
		return appendText(b, int(s.texts[code]))
	}
	return strconv.AppendInt(b, int64(code), 10)
}

// fill computes what the tables hold.
func (s *shape) fill() {
	s.load.Do(func() {
		if s.strings {
			s.fillText()
		}
		for i := range s.rows {
			if !s.strings {
				s.kt = append(s.kt, s.keyT(i))
				s.ku = append(s.ku, s.keyU(i))
			}
			s.vt = append(s.vt, valueT(i))
			s.vu = append(s.vu, valueU(i))
		}
		s.byT, s.byU = order(s.kt, s.vt), order(s.ku, s.vu)
	})
}

// fillText makes the codes of strings: y has those of the second half of x, and as many more.
func (s *shape) fillText() {
	numbers := make([]uint32, s.rows*3/2)
	for j := range numbers {
		numbers[j] = uint32(j)
	}
	var a, b []byte
	compare := func(x, y uint32) int {
		a, b = appendText(a[:0], int(x)), appendText(b[:0], int(y))
		return slices.Compare(a, b)
	}
	slices.SortFunc(numbers, compare)
	codes := make([]int32, len(numbers))
	for i, j := range numbers {
		if i == 0 || compare(numbers[i-1], j) != 0 {
			s.texts = append(s.texts, j)
		}
		codes[j] = int32(len(s.texts) - 1)
	}
	s.kt, s.ku = codes[:s.rows], codes[s.rows/2:]
}

func order(k []int32, v []int64) []int32 {
	ids := make([]int32, len(k))
	for i := range ids {
		ids[i] = int32(i)
	}
	slices.SortFunc(ids, func(a, b int32) int {
		return cmp.Or(cmp.Compare(k[a], k[b]), cmp.Compare(v[a], v[b]), cmp.Compare(a, b))
	})
	return ids
}

// groups calls f with the ids of each key, by v and id.
func groups(by, k []int32, f func(code int32, ids []int32)) {
	for from := 0; from < len(by); {
		to := from + 1
		for to < len(by) && k[by[to]] == k[by[from]] {
			to++
		}
		f(k[by[from]], by[from:to])
		from = to
	}
}

// count is how many rows have each key; NULL has none.
func count(k []int32) []int32 {
	n := make([]int32, slices.Max(k)+2)
	for _, c := range k {
		if c != null {
			n[c]++
		}
	}
	return n
}

func at(n []int32, code int32) int32 {
	if code == null || int(code) >= len(n) {
		return 0
	}
	return n[code]
}

// createTables loads the tables through the server.
func createTables(t testing.TB, db *sql.DB, rows, texts int) {
	ids := func(n int) string {
		return fmt.Sprintf("(SELECT a.n * 1000000 + b.n * 1000 + c.n i FROM d a, d b, d c WHERE a.n < %d AND b.n < %d "+
			"AND a.n * 1000000 + b.n * 1000 + c.n < %d) q", n/1_000_000+1, min(n/1000+1, 1000), n)
	}
	columns := "(id BIGINT PRIMARY KEY, ku INT, ks INT, ke INT, kn INT, v BIGINT)"
	strings := "(id BIGINT PRIMARY KEY, k MEDIUMTEXT COLLATE utf8mb4_bin, v BIGINT)"
	uniform := rows / tableKeys
	harness.Exec(t, db,
		"CREATE TABLE d (n INT PRIMARY KEY)",
		"INSERT INTO d WITH RECURSIVE r(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM r WHERE n < 999) SELECT n FROM r",
		"CREATE TABLE t "+columns, "CREATE TABLE u "+columns, "CREATE TABLE x "+strings, "CREATE TABLE y "+strings,
		fmt.Sprintf("INSERT INTO t SELECT i, %s, %s FROM %s", keyColumns(strideT, rows, 0), valueTSQL, ids(rows)),
		fmt.Sprintf("INSERT INTO u SELECT i, %s, %s FROM %s",
			keyColumns(strideU, rows, uniform/2), valueUSQL, ids(rows)),
		fmt.Sprintf("INSERT INTO x SELECT i, %s, %s FROM (SELECT i, i j FROM %s) q",
			textSQL, valueTSQL, ids(texts)),
		fmt.Sprintf("INSERT INTO y SELECT i, %s, %s FROM (SELECT i, i + %d j FROM %s) q",
			textSQL, valueUSQL, texts/2, ids(texts)),
		"CREATE INDEX ku ON u (ku, v)", "CREATE INDEX ks ON u (ks, v)", "CREATE INDEX ke ON u (ke, v)",
		"CREATE INDEX kn ON u (kn, v)",
		"CREATE TABLE done (n INT)")
}
