package rows

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

// keyOf is a row's values at the keys, for a plain comparison.
type plainRow struct {
	key  []types.Datum
	text string
}

func comparePlain(order []Order, a, b plainRow) int {
	for i, o := range order {
		c := compareDatums(a.key[i], b.key[i])
		if o.Desc {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

func compareDatums(a, b types.Datum) int {
	switch {
	case a.IsNull() || b.IsNull():
		return cmp.Compare(btoi(!a.IsNull()), btoi(!b.IsNull()))
	case a.Kind == types.PhysString:
		return collation.Collate(a.Type.Collation, a.S, b.S)
	case a.Kind == types.PhysDecimal:
		if int64(a.D[3]) != int64(b.D[3]) {
			return cmp.Compare(int64(a.D[3]), int64(b.D[3]))
		}
		return cmp.Or(cmp.Compare(a.D[2], b.D[2]), cmp.Compare(a.D[1], b.D[1]), cmp.Compare(a.D[0], b.D[0]))
	}
	return cmp.Or(cmp.Compare(a.I, b.I), cmp.Compare(a.U, b.U), cmp.Compare(a.F, b.F))
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func cloneDatum(d types.Datum) types.Datum {
	d.S = bytes.Clone(d.S)
	return d
}

// sortCase is one run of the sorter.
type sortCase struct {
	order   []Order
	limit   uint64
	batches int
	longest int
	limitMB int64
	tight   bool // no surplus at all
	force   bool
}

func TestSorter(t *testing.T) {
	keys := map[string][]Order{
		"int":     {{Column: 3}},
		"mixed":   {{Column: 0, Desc: true}, {Column: 7}, {Column: 5}},
		"decimal": {{Column: 8}, {Column: 9, Desc: true}},
		"string":  {{Column: 10}, {Column: 3, Desc: true}},
		"desc":    {{Column: 10, Desc: true}, {Column: 14}},
		"text":    {{Column: 11}},
	}
	for name, order := range keys {
		for _, c := range []sortCase{
			{batches: 1, limitMB: 64},
			{batches: 20, limitMB: 64},
			{batches: 25, limitMB: 64, tight: true},
			{batches: 20, limitMB: 64, tight: true, force: true, longest: 5000},
			{batches: 60, limitMB: 12},
			{batches: 40, limitMB: 64, limit: 10},
			{batches: 40, limitMB: 64, limit: 3000, tight: true},
			{batches: 0, limitMB: 64},
			{batches: 10, limitMB: 64, longest: 6000, tight: true},
			{batches: 10, limitMB: 64, longest: 100_000},
		} {
			if testing.Short() && (c.batches > 20 || c.longest > 50_000) {
				continue
			}
			c.order = order
			t.Run(fmt.Sprintf("%s/%+v", name, c), func(t *testing.T) { runSort(t, c) })
		}
	}
}

func runSort(t *testing.T, c sortCase) {
	r := testutil.Rand(t)
	if c.longest == 0 {
		c.longest = 300
	}
	in := allTypes()
	spec := SortSpec{Types: in, Order: c.order, Limit: c.limit, Workers: 2, PageBytes: MinPageBytes}
	minimum := SortBytes(spec) + vector.BatchBytes(in, 500, 4096)
	var hooks *memory.Hooks
	if c.tight {
		hooks = &memory.Hooks{Refuse: func(op memory.Op, account string, bytes int) error {
			if op == memory.OpSurplus && account == "test" {
				return sqlerr.ErrNoSurplus
			}
			return nil
		}}
	}
	w := newWorld(t, c.limitMB<<20, minimum, memory.StatementOptions{ForceSpill: c.force}, hooks)
	s := NewSorter(w.acct, spec)
	var want []plainRow
	var builders []*Builder
	for range 2 {
		b, err := s.NewBuilder()
		require.NoError(t, err)
		builders = append(builders, b)
	}
	for i := range c.batches {
		batch, err := vector.NewBatch(w.input, in, 700, 1<<20)
		require.NoError(t, err)
		fill(t, r, batch, 1+r.IntN(700), c.longest)
		batch.Sel = selection(r, batch.Len)
		lines := texts(batch)
		for j, row := range batch.Sel {
			p := plainRow{text: lines[j]}
			for _, o := range c.order {
				p.key = append(p.key, cloneDatum(batch.Cols[o.Column].Datum(batch.Base(), int(row))))
			}
			want = append(want, p)
		}
		require.NoError(t, builders[i%2].Append(batch.Cols, batch.Sel, nil))
		batch.Close()
	}
	for _, b := range builders {
		require.NoError(t, b.Finish())
		b.Close()
	}
	if c.tight && c.batches >= 20 && c.limit == 0 {
		require.NotEmpty(t, s.runs)
	}
	slices.SortStableFunc(want, func(a, b plainRow) int { return comparePlain(c.order, a, b) })
	all := len(want)
	if c.limit > 0 {
		want = want[:min(len(want), int(c.limit))]
	}
	out, err := vector.NewBatch(w.acct, in, 500, 4096)
	require.NoError(t, err)
	var got []plainRow
	var refs [500]memory.Ref
	for {
		out.Reset()
		n, err := s.Next(refs[:])
		require.NoError(t, err)
		if n == 0 {
			break
		}
		for done := 0; done < n; {
			out.Reset()
			m, err := s.Layout().Gather(refs[done:n], out, 0, allColumns(len(in)))
			require.NoError(t, err)
			out.Len = m
			lines := texts(out)
			for i := range m {
				p := plainRow{text: lines[i]}
				for _, o := range c.order {
					p.key = append(p.key, cloneDatum(out.Cols[o.Column].Datum(out.Base(), i)))
				}
				got = append(got, p)
			}
			done += m
		}
		if r.IntN(50) == 0 && !c.tight {
			out.Reset()
			s.tighten()
		}
	}
	out.Close()
	s.Close()
	require.Len(t, got, len(want))
	for i := range got {
		require.Zero(t, comparePlain(c.order, got[i], want[i]), "row %d", i)
	}
	if c.limit == 0 {
		require.Equal(t, all, len(got))
		byText := func(a, b plainRow) int { return cmp.Compare(a.text, b.text) }
		slices.SortFunc(got, byText)
		slices.SortFunc(want, byText)
		for i := range got {
			require.Equal(t, want[i].text, got[i].text)
		}
	}
}

// TestSorterClose closes a sorter in all states.
func TestSorterClose(t *testing.T) {
	r := testutil.Rand(t)
	in := allTypes()
	spec := SortSpec{Types: in, Order: []Order{{Column: 10}}, Workers: 1, PageBytes: MinPageBytes}
	for stop := range 4 {
		w := newWorld(t, 64<<20, SortBytes(spec), memory.StatementOptions{}, nil)
		s := NewSorter(w.acct, spec)
		b, err := s.NewBuilder()
		require.NoError(t, err)
		if stop > 0 {
			batch, err := vector.NewBatch(w.input, in, 700, 1<<20)
			require.NoError(t, err)
			fill(t, r, batch, 700, 300)
			require.NoError(t, b.Append(batch.Cols, All(700), nil))
			if stop > 1 {
				require.NoError(t, b.write())
				require.NoError(t, b.Append(batch.Cols, All(700), nil))
				require.NoError(t, b.Finish())
			}
			batch.Close()
		}
		if stop > 2 {
			var refs [100]memory.Ref
			_, err := s.Next(refs[:])
			require.NoError(t, err)
		}
		b.Close()
		b.Close()
		s.Close()
		s.Close()
	}
}

// TestSorterReadError loses a block: the error is the statement's, and nothing is left.
func TestSorterReadError(t *testing.T) {
	r := testutil.Rand(t)
	in := allTypes()
	spec := SortSpec{Types: in, Order: []Order{{Column: 10}}, Workers: 1, PageBytes: MinPageBytes}
	broken := errors.New("broken")
	fail := false
	hooks := &memory.Hooks{Refuse: func(op memory.Op, _ string, _ int) error {
		if op == memory.OpRead && fail {
			return broken
		}
		return nil
	}}
	w := newWorld(t, 64<<20, SortBytes(spec), memory.StatementOptions{ForceSpill: true}, hooks)
	s := NewSorter(w.acct, spec)
	b, err := s.NewBuilder()
	require.NoError(t, err)
	batch, err := vector.NewBatch(w.input, in, 700, 1<<20)
	require.NoError(t, err)
	for range 3 {
		fill(t, r, batch, 700, 3000)
		require.NoError(t, b.Append(batch.Cols, All(700), nil))
		require.NoError(t, b.write())
	}
	batch.Close()
	require.NoError(t, b.Finish())
	fail = true
	var refs [100]memory.Ref
	for err == nil {
		_, err = s.Next(refs[:])
	}
	require.ErrorIs(t, err, broken)
	b.Close()
	s.Close()
}

func BenchmarkSort(b *testing.B) {
	for _, quota := range []int64{0, 64 << 20} {
		b.Run(fmt.Sprintf("quota=%d", quota), func(b *testing.B) {
			in := []types.Type{types.NewBigInt(), types.NewBigInt()}
			spec := SortSpec{Types: in, Order: []Order{{Column: 0}}, Workers: 1, PageBytes: PageBytes(quota, 1)}
			r := testutil.Rand(b)
			const total = 4 << 20
			for b.Loop() {
				w := newWorld(b, 4<<30, SortBytes(spec), memory.StatementOptions{QuotaBytes: quota}, nil)
				s := NewSorter(w.acct, spec)
				bd, err := s.NewBuilder()
				require.NoError(b, err)
				batch, err := vector.NewBatch(w.input, in, 1024, 4096)
				require.NoError(b, err)
				batch.Len = 1024
				for range total / 1024 {
					for i := range 1024 {
						batch.Cols[0].I64[i] = int64(r.Uint64())
						batch.Cols[0].Null[i], batch.Cols[1].Null[i] = 0, 0
					}
					require.NoError(b, bd.Append(batch.Cols, All(1024), nil))
				}
				require.NoError(b, bd.Finish())
				n := 0
				var refs [1024]memory.Ref
				for {
					batch.Reset()
					m, err := s.Next(refs[:])
					require.NoError(b, err)
					if m == 0 {
						break
					}
					_, err = s.Layout().Gather(refs[:m], batch, 0, nil)
					require.NoError(b, err)
					n += m
				}
				require.Equal(b, total, n)
				batch.Close()
				bd.Close()
				s.Close()
			}
			b.ReportMetric(float64(total)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}
