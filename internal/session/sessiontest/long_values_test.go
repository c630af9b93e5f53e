package sessiontest

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// TestLongValues: functions that build long values have them right, or are refused with an error of memory; either way
// the heap stays within what the pool has.
func TestLongValues(t *testing.T) {
	const limit = 48 << 20
	r := New(t, Options{LimitBytes: limit})
	c := r.Connect(t, "")
	c.Must("create database d")
	c.Must("use d")
	c.Must("create table n (a int primary key)")
	c.Must("insert into n values (0), (1), (2), (3)")
	var peak atomic.Uint64
	stop, done := make(chan struct{}), make(chan struct{})
	defer func() { close(stop); <-done }()
	go func() {
		defer close(done)
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		for tick := time.Tick(time.Millisecond); ; {
			select {
			case <-stop:
				return
			case <-tick:
			}
			metrics.Read(sample)
			peak.Store(max(peak.Load(), sample[0].Value.Uint64()))
		}
	}()
	const m = 1 << 20
	right, refused := 0, 0
	for sql, want := range map[string]string{
		fmt.Sprintf("select length(repeat('x', %d))", 60*m):                                     fmt.Sprint(60 * m),
		fmt.Sprintf("select length(repeat('x', %d))", 4*m):                                      fmt.Sprint(4 * m),
		fmt.Sprintf("select length(replace(repeat('x', %d), 'x', 'yyyy'))", 8*m):                fmt.Sprint(32 * m),
		fmt.Sprintf("select length(upper(repeat('x', %d)))", 4*m):                               fmt.Sprint(4 * m),
		fmt.Sprintf("select length(hex(repeat('x', %d)))", 3*m):                                 fmt.Sprint(6 * m),
		fmt.Sprintf("select length(quote(repeat('x', %d)))", 30*m):                              fmt.Sprint(30*m + 2),
		fmt.Sprintf("select length(regexp_replace(repeat('x', %d), 'x', 'yy'))", 2*m):           fmt.Sprint(4 * m),
		fmt.Sprintf("select length(regexp_replace(repeat('xy', %d), '(x)', '$1$1'))", m/8):      fmt.Sprint(3 * m / 8),
		fmt.Sprintf("select length(regexp_replace(repeat('x', %d), '(x)', '$1$1'))", 4*m):       fmt.Sprint(8 * m),
		fmt.Sprintf("select json_length(concat('[', repeat('1,', %d), '1]'))", m/4):             fmt.Sprint(m/4 + 1),
		fmt.Sprintf("select json_length(concat('[', repeat('1,', %d), '1]'))", 8*m):             fmt.Sprint(8*m + 1),
		fmt.Sprintf("select json_length(concat('{', repeat('\"a\":1,', %d), '\"a\":1}'))", 4*m): "1",
		fmt.Sprintf("select concat(repeat('x', %d), 'a') = concat(repeat('X', %d), 'b')", m, m): "0",
		fmt.Sprintf("select repeat('xy', %d) like repeat('xY', %d)", m, m):                      "1",
		fmt.Sprintf("select repeat('xy', %d) like repeat('x_', %d)", m, m):                      "1",
		fmt.Sprintf("select length(export_set(3, repeat('x', %d), 'n'))", 8*m):                  fmt.Sprint(16*m + 125),
		fmt.Sprintf("select length(make_set(3, repeat('x', %d), 'n'))", 4*m):                    fmt.Sprint(4*m + 2),
		fmt.Sprintf("select length(cast(concat('[', repeat('1,', %d), '1]') as json))", m/4):    fmt.Sprint(3*m/4 + 3),
		fmt.Sprintf("select length(cast(concat('[', repeat('1,', %d), '1]') as json))", 8*m):    fmt.Sprint(24*m + 3),
		fmt.Sprintf("select repeat('é', %d) = repeat('E', %d)", m, m):                           "1",
		fmt.Sprintf("select count(*), sum(length(s)) from (select concat(a %% 2, repeat('aB', %d)) s from n "+
			"order by s limit 9) d", m): fmt.Sprint("4|", 4*(2*m+1)),
		fmt.Sprintf("select count(*) from (select distinct concat(a %% 2, repeat('aé', %d)) from n) d", m): "2",
		fmt.Sprintf("select count(*) from (select count(*) from n group by concat(a %% 3, repeat('a', %d))) d",
			4*m): "3",
		fmt.Sprintf("select count(*) from n x join n y "+
			"on concat(x.a, repeat('a', %d)) = concat(y.a, repeat('A', %d))", m, m): "4",
	} {
		rows, err := c.Run(t.Context(), sql)
		if err != nil {
			refused++
			code := sqlerr.CodeOf(err)
			require.Contains(t, []sqlerr.Code{
				sqlerr.ErrOutOfResources, sqlerr.ErrMemoryExceedForInstance, sqlerr.ErrUnknown,
			}, code, "%s: %v", sql, err)
			require.NotContains(t, err.Error(), "surplus", sql)
		} else {
			right++
			require.Equal(t, []string{want}, rows, sql)
		}
		require.Equal(t, []string{"1"}, c.Must("select 1"))
	}
	require.Positive(t, right)
	require.Positive(t, refused)
	t.Logf("%d right, %d refused, the heap's peak is %d MiB", right, refused, peak.Load()>>20)
	require.Less(t, peak.Load(), uint64(2*limit))
}

// TestLongLiterals: a long value in the text of a statement takes pages and not the heap, wherever it stands.
func TestLongLiterals(t *testing.T) {
	c := New(t, Options{LimitBytes: 48 << 20}).Connect(t, "")
	c.Must("create database d")
	c.Must("use d")
	c.Must("create table t (id int primary key, v longblob)")
	text := strings.Repeat(`it''s\n`, 100<<10)
	value := strings.Repeat("it's\n", 100<<10)
	sum := fmt.Sprintf("%x", md5.Sum([]byte(value)))
	c.Must("insert into t values (1, _binary'" + text + "')")
	c.Must("replace into t (id, v) values (1 + 1, '" + text + "')")
	c.Must("insert into t set id = 3, v = x'" + hex.EncodeToString([]byte(value)) + "'")
	c.Must("insert into t values (4, ''), (5, '" + text + "'), (6, concat('" + text + "', ''))")
	c.Must("update t set v = '" + text + "' where id = 4 and v <> '" + text + "'")
	require.Equal(t, []string{"6|1|" + sum}, c.Must("select count(*), count(distinct v), md5(min(v)) from t"))
	require.Equal(t, []string{"6"}, c.Must("select count(*) from t where v = '"+text+"' and v in (1, '"+text+"')"))
	escaped := strings.ReplaceAll(text, `\`, `\\`)
	c.Must("prepare s from \"delete from t where id = ? and v = '" + escaped + "' and id < ?\"")
	c.Must("set @a = 6, @b = 9")
	for range 2 {
		c.Must("execute s using @a, @b")
		require.Equal(t, []string{"5"}, c.Must("select count(*) from t"))
	}
	require.Equal(t, []string{value}, c.Must("select '"+text+"'"))
}

// TestLongValuesInRows: an INSERT of rows with long values takes pages for one row at a time, and no heap.
func TestLongValuesInRows(t *testing.T) {
	const n, size = 16, 256 << 10
	c := New(t, Options{LimitBytes: 24 << 20}).Connect(t, "")
	c.Must("create database d")
	c.Must("use d")
	c.Must("create table t (id int primary key, v longtext, w longblob)")
	c.Must("insert into t values (1, 'v', 'w')")
	for _, literal := range []string{
		"'" + strings.Repeat("y", size) + "'",
		"_utf8mb4'" + strings.Repeat(`\'`, size) + "'",
		"x'" + strings.Repeat("4a", size) + "'",
	} {
		row := "(1, " + literal + ", " + literal + ")"
		sql := []byte("insert ignore into t values " + strings.Repeat(row+", ", n-1) + row)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		require.NoError(t, c.Query(t.Context(), sql, &Rows{}))
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(n*size/8), "%.10s", literal)
		require.Equal(t, []string{"1|v|w"}, c.Must("select * from t"))
		text := strings.Repeat("(2, "+literal+", "+literal+"), ", 2) + "(3, '', '')"
		c.Must("replace into t values " + text)
		require.Equal(t, []string{fmt.Sprint("1|", size, "|", size)},
			c.Must("select count(distinct v, w), length(v), length(w) from t where id = 2"))
		c.Must("delete from t where id > 1")
	}
}
