package matrix

import (
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// check is the fingerprint of a result that does not depend on the order of its rows: their number, sums of two
// columns, and the checksums of all, by XOR.
type check struct {
	s    *shape
	n    int64
	a, b int64
	xor  uint32
	buf  []byte
}

// sums asks for the fingerprint of a query; fields are what the checksum is made of.
func sums(a, b, fields, query string) string {
	return fmt.Sprintf("SELECT COUNT(*), COALESCE(SUM(%s), 0), COALESCE(SUM(%s), 0), "+
		"BIT_XOR(CRC32(CONCAT_WS(',', %s))) FROM (%s) q", a, b, fields, query)
}

// row adds a row whose first field is a key.
func (c *check) row(a, b int64, key int32, fields ...int64) {
	c.buf = c.buf[:0]
	if key != null {
		c.buf = c.s.appendKey(c.buf, key)
	}
	c.add(a, b, key == null, fields)
}

// numbers adds a row without a key.
func (c *check) numbers(a, b int64, fields ...int64) {
	c.buf = c.buf[:0]
	c.add(a, b, true, fields)
}

func (c *check) add(a, b int64, first bool, fields []int64) {
	for i, f := range fields {
		if i > 0 || !first {
			c.buf = append(c.buf, ',')
		}
		c.buf = strconv.AppendInt(c.buf, f, 10)
	}
	c.n++
	c.a += a
	c.b += b
	c.xor ^= crc32.ChecksumIEEE(c.buf)
}

func (c *check) String() string { return line(c.n, c.a, c.b, int64(c.xor)) }

// line is a row of numbers as the tests read it.
func line(numbers ...int64) string {
	var b strings.Builder
	for i, n := range numbers {
		if i > 0 {
			b.WriteByte('|')
		}
		b.WriteString(strconv.FormatInt(n, 10))
	}
	return b.String()
}
