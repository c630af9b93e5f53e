package rows

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/vector"
)

// TestCollection appends random rows and reads them back, before and after they were evicted, and once they were copied
// to another collection.
func TestCollection(t *testing.T) {
	for _, force := range []bool{false, true} {
		r := testutil.Rand(t)
		w := newWorld(t, 64<<20, 4<<20, memory.StatementOptions{ForceSpill: force}, nil)
		l := NewLayout(allTypes(), 8)
		page := l.PageBytes(MinPageBytes)
		in, err := vector.NewBatch(w.acct, l.Types(), 300, 1<<20)
		require.NoError(t, err)
		out, err := vector.NewBatch(w.acct, l.Types(), 300, 4096)
		require.NoError(t, err)
		c, d := NewCollection(w.acct, l, page), NewCollection(w.acct, l, page)
		var want []string
		var refs [vector.MaxRows]memory.Ref
		for range 20 {
			fill(t, r, in, 1+r.IntN(300), 100_000)
			in.Sel = selection(r, in.Len)
			if len(in.Sel) == 0 {
				continue
			}
			n, err := c.Append(in.Cols, in.Sel, refs[:])
			require.NoError(t, err)
			require.Equal(t, len(in.Sel), n)
			want = append(want, texts(in)...)
			if r.IntN(3) == 0 {
				c.Release(memory.ReuseUnknown)
			}
		}
		require.EqualValues(t, len(want), c.Rows())
		read := func(c *Collection, once bool) (got []string) {
			rd := c.Read(memory.Held, once)
			defer rd.Close()
			for {
				more, err := rd.Next(out, refs[:])
				require.NoError(t, err)
				if !more {
					return got
				}
				got = append(got, texts(out)...)
				if r.IntN(10) == 0 { // a reader goes on where another one stopped
					out.Reset()
					rd.Close()
					rd = c.ReadFrom(rd.Position(), memory.Held, once)
				}
			}
		}
		require.Equal(t, want, read(c, false))
		rd := c.Read(memory.Held, true)
		for {
			n, err := rd.Rows(refs[:100])
			require.NoError(t, err)
			if n == 0 {
				break
			}
			_, err = d.AppendRows(refs[:n], nil)
			require.NoError(t, err)
		}
		require.Equal(t, want, read(d, true))
		rd.Close()
		in.Close()
		out.Close()
		c.Close()
		d.Close()
		d.Close()
	}
}

func BenchmarkAppend(b *testing.B) {
	w := newWorld(b, 1<<30, 4<<20, memory.StatementOptions{}, nil)
	l := NewLayout(allTypes()[2:5], 0)
	in, err := vector.NewBatch(w.acct, l.Types(), 1024, 4096)
	require.NoError(b, err)
	fill(b, testutil.Rand(b), in, 1024, 0)
	var refs [vector.MaxRows]memory.Ref
	n := 0
	for b.Loop() {
		c := NewCollection(w.acct, l, MaxPageBytes)
		for range 256 {
			if _, err := c.Append(in.Cols, All(1024), refs[:]); err != nil {
				b.Fatal(err)
			}
			n += 1024
		}
		c.Close()
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e6, "Mrows/s")
	in.Close()
}
