package window

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/exec/exectest"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// Columns of the tests' input. colLow and colHigh are the limits of RANGE frames, of the type of colKey.
const (
	colPartition = iota
	colKey
	colInt
	colFloat
	colText
	colBits
	colRow // unique
	colLow
	colHigh
)

// outputColumns of them are passed on.
const outputColumns = colRow + 1

// spec is a window with functions.
type spec struct {
	desc  bool
	funcs []Function
}

// table says how the input is made.
type table struct {
	rows       int
	partitions int
	keys       int // different ones
	textBytes  int
	texts      int // different ones
	low, high  int64
}

var columnTypes = []types.Type{
	types.NewInt(), types.NewBigInt(), types.NewBigInt(), types.NewDouble(),
	types.NewText(types.MediumText, collation.UTF8MB4GeneralCI), types.NewUBigInt(), types.NewBigInt(),
	types.NewBigInt(), types.NewBigInt(),
}

// make makes rows in order of partition and key.
func (x table) make(r *rand.Rand, desc bool) []exectest.Row {
	gen := []exectest.Gen{
		{Type: columnTypes[colPartition], Distinct: x.partitions, Nulls: 5},
		{Type: columnTypes[colKey], Distinct: x.keys, Nulls: 10},
		{Type: columnTypes[colInt], Distinct: 1000, Nulls: 10},
		{Type: columnTypes[colFloat], Distinct: 1000, Nulls: 10},
		{Type: columnTypes[colText], Distinct: x.texts, Nulls: 10, Length: x.textBytes},
		{Type: columnTypes[colBits], Distinct: 1 << 40, Nulls: 10},
	}
	if x.partitions == 1 {
		gen[colPartition].Nulls = 0
	}
	rows := exectest.Make(r, x.rows, gen)
	slices.SortStableFunc(rows, func(a, b exectest.Row) int {
		if c := exectest.Compare(a[colPartition], b[colPartition]); c != 0 {
			return c
		}
		c := exectest.Compare(a[colKey], b[colKey])
		if desc {
			return -c
		}
		return c
	})
	for i := range rows {
		rows[i] = append(rows[i], types.NewIntDatum(types.NewBigInt(), int64(i)))
		for _, by := range []int64{-x.low, x.high} {
			if desc {
				by = -by
			}
			d := rows[i][colKey]
			d.I += by
			rows[i] = append(rows[i], d)
		}
	}
	return rows
}

// test is the test of a spec.
func (s spec) test(t testing.TB, x table) *exectest.Test {
	rows := x.make(testutil.Rand(t), s.desc)
	o := Options{
		Types: columnTypes, Output: outputColumns, Partition: []int{colPartition}, Order: []int{colKey}, Funcs: s.funcs,
	}
	want := s.reference(rows)
	return &exectest.Test{
		Types: columnTypes, Rows: rows, Ordered: true, Short: true,
		MinBytes: func(int) int64 { return MinBytes(o) },
		New: func(acct *memory.Account, _ *memory.Statement, _ int) (*exectest.Subject, error) {
			o.Account = acct
			return exectest.Step(New(o)), nil
		},
		Check: func(t testing.TB, got []exectest.Row) {
			require.Len(t, got, len(rows))
			for i, r := range got {
				for c := range outputColumns {
					require.True(t, exectest.Same(rows[i][c], r[c]), "row %d, column %d", i, c)
				}
				for k, w := range want[i] {
					if !same(w, r[outputColumns+k]) {
						require.Fail(t, "wrong", "row %d, %s: want %s, got %s", i, s.funcs[k], show(w),
							show(r[outputColumns+k]))
					}
				}
			}
		},
	}
}

func show(d types.Datum) string {
	if d.IsNull() {
		return "NULL"
	}
	text := d.AppendText(nil, nil)
	return fmt.Sprintf("%.40q (%d bytes)", text, len(text))
}

// same compares results; doubles need not be the same to the last bit.
func same(a, b types.Datum) bool {
	if a.Kind == types.PhysFloat64 && b.Kind == types.PhysFloat64 {
		return math.Abs(a.F-b.F) <= 1e-9*max(1, math.Abs(a.F))
	}
	a.Type = b.Type
	return exectest.Same(a, b)
}

// String describes a function for failures.
func (f Function) String() string {
	out := fmt.Sprintf("%s(%v, %d)", f.Name, f.Args, f.N)
	if f.Frame != nil {
		out += fmt.Sprintf(" %+v", *f.Frame)
	}
	return out
}

// reference computes all functions, row by row.
func (s spec) reference(rows []exectest.Row) [][]types.Datum {
	out := make([][]types.Datum, len(rows))
	for start := 0; start < len(rows); {
		end := start
		for end < len(rows) && exectest.Compare(rows[end][colPartition], rows[start][colPartition]) == 0 {
			end++
		}
		part := rows[start:end]
		for i := range part {
			for _, f := range s.funcs {
				out[start+i] = append(out[start+i], s.result(f, part, i))
			}
		}
		start = end
	}
	return out
}

func isPeer(a, b exectest.Row) bool { return exectest.Compare(a[colKey], b[colKey]) == 0 }

// inFrame says if row k is in the frame of row i.
func (s spec) inFrame(f *Frame, part []exectest.Row, i, k int) bool {
	if f.Rows {
		at := func(b Bound) int64 {
			switch b.Kind {
			case expr.Preceding:
				return int64(i) - b.Rows
			case expr.Following:
				return int64(i) + b.Rows
			}
			return int64(i)
		}
		return (f.Start.Kind == expr.UnboundedPreceding || int64(k) >= at(f.Start)) &&
			(f.End.Kind == expr.UnboundedFollowing || int64(k) <= at(f.End))
	}
	// order is less than 0 if row k comes before the bound's value.
	order := func(b Bound) int {
		limit := part[i][colKey]
		if b.Limited && !limit.IsNull() {
			limit = part[i][b.Limit]
		}
		c := exectest.Compare(part[k][colKey], limit)
		if s.desc {
			c = -c
		}
		return c
	}
	return (f.Start.Kind == expr.UnboundedPreceding || order(f.Start) >= 0) &&
		(f.End.Kind == expr.UnboundedFollowing || order(f.End) <= 0)
}

func uintDatum(v int) types.Datum { return types.NewUintDatum(types.NewUBigInt(), uint64(v)) }

func doubleDatum(v float64) types.Datum { return types.NewFloatDatum(types.NewDouble(), v) }

// result is a function's result for row i of a partition.
func (s spec) result(f Function, part []exectest.Row, i int) types.Datum {
	first, last := i, i
	for first > 0 && isPeer(part[first-1], part[i]) {
		first--
	}
	for last < len(part)-1 && isPeer(part[last+1], part[i]) {
		last++
	}
	null := types.NullDatum(f.Type)
	switch f.Name {
	case "row_number":
		return uintDatum(i + 1)
	case "rank":
		return uintDatum(first + 1)
	case "dense_rank":
		n := 1
		for k := 1; k <= i; k++ {
			if !isPeer(part[k-1], part[k]) {
				n++
			}
		}
		return uintDatum(n)
	case "percent_rank":
		if len(part) == 1 {
			return doubleDatum(0)
		}
		return doubleDatum(float64(first) / float64(len(part)-1))
	case "cume_dist":
		return doubleDatum(float64(last+1) / float64(len(part)))
	case "ntile":
		// Deal rows out, one group after the other, in the sizes that dealing one by one gives.
		sizes := make([]int, f.N)
		for k := range part {
			sizes[k%int(f.N)]++
		}
		for g, left := 0, i; ; g++ {
			if left < sizes[g] {
				return uintDatum(g + 1)
			}
			left -= sizes[g]
		}
	case "lag", "lead":
		at := i + int(f.N)
		if f.Name == "lag" {
			at = i - int(f.N)
		}
		switch {
		case at >= 0 && at < len(part):
			return part[at][f.Args[0]]
		case len(f.Args) > 1:
			return part[i][f.Args[1]]
		}
		return null
	}
	var in []exectest.Row
	for k := range part {
		if s.inFrame(f.Frame, part, i, k) {
			in = append(in, part[k])
		}
	}
	switch f.Name {
	case "first_value":
		return nth(in, 0, f)
	case "last_value":
		return nth(in, len(in)-1, f)
	case "nth_value":
		return nth(in, int(f.N)-1, f)
	}
	return aggregate(f, in)
}

func nth(in []exectest.Row, i int, f Function) types.Datum {
	if i < 0 || i >= len(in) {
		return types.NullDatum(f.Type)
	}
	return in[i][f.Args[0]]
}

// aggregate is an aggregate of some rows.
func aggregate(f Function, in []exectest.Row) types.Datum {
	var values []types.Datum
	for _, r := range in {
		if len(f.Args) == 0 || !r[f.Args[0]].IsNull() {
			d := types.Datum{}
			if len(f.Args) > 0 {
				d = r[f.Args[0]]
			}
			values = append(values, d)
		}
	}
	switch f.Name {
	case "count":
		return types.NewIntDatum(types.NewBigInt(), int64(len(values)))
	case "bit_xor", "bit_or":
		n := uint64(0)
		for _, v := range values {
			if f.Name == "bit_or" {
				n |= v.U
			} else {
				n ^= v.U
			}
		}
		return types.NewUintDatum(types.NewUBigInt(), n)
	}
	if len(values) == 0 {
		return types.NullDatum(f.Type)
	}
	best, whole, real := values[0], int64(0), 0.0
	for _, v := range values {
		c := exectest.Compare(v, best)
		if f.Name == "max" && c > 0 || f.Name == "min" && c < 0 {
			best = v
		}
		whole += v.I
		real += v.F
	}
	switch f.Name {
	case "min", "max":
		return best
	case "sum":
		if f.Type.IsFloat() {
			return doubleDatum(real)
		}
		return types.NewDecDatum(f.Type, types.DecFromInt64(whole, 0))
	}
	mean, sum := real/float64(len(values)), 0.0
	for _, v := range values {
		sum += (v.F - mean) * (v.F - mean)
	}
	return doubleDatum(sum / float64(len(values))) // var_pop
}

// newFunction makes a function over columns of the tests' input.
func newFunction(t testing.TB, name string, n int64, frame *Frame, args ...int) Function {
	exprs := make([]expr.Expr, len(args))
	for i, c := range args {
		exprs[i] = &expr.Column{Index: c, T: columnTypes[c]}
	}
	w, err := expr.NewWindowFunction(name, exprs, n, &expr.Env{})
	require.NoError(t, err)
	f := Function{Name: w.Name, Args: args, N: n, Type: w.T}
	if w.Framed() {
		f.Frame = frame
	}
	if w.Agg != nil {
		f.Agg, _ = expr.NewAccumulator(w.Agg)
	}
	return f
}

// rowsFrame and rangeFrame are frames between two bounds.
func rowsFrame(start expr.BoundKind, n int64, end expr.BoundKind, m int64) *Frame {
	return &Frame{Rows: true, Start: Bound{Kind: start, Rows: n}, End: Bound{Kind: end, Rows: m}}
}

func rangeFrame(start, end expr.BoundKind, desc bool) *Frame {
	bound := func(k expr.BoundKind) Bound {
		switch k {
		case expr.Preceding:
			return Bound{Kind: k, Limited: true, Limit: colLow}
		case expr.Following:
			return Bound{Kind: k, Limited: true, Limit: colHigh}
		}
		return Bound{Kind: k}
	}
	f := &Frame{Start: bound(start), End: bound(end), Desc: desc}
	if f.limited() {
		f.Key = colKey
	}
	return f
}

// framed are all kinds of functions over a frame.
func framed(t testing.TB, f *Frame) []Function {
	return []Function{
		newFunction(t, "count", 0, f), newFunction(t, "count", 0, f, colText),
		newFunction(t, "sum", 0, f, colInt),
		newFunction(t, "sum", 0, f, colFloat), newFunction(t, "max", 0, f, colInt),
		newFunction(t, "min", 0, f, colFloat),
		newFunction(t, "bit_xor", 0, f, colBits), newFunction(t, "bit_or", 0, f, colBits),
		newFunction(t, "var_pop", 0, f, colFloat), newFunction(t, "min", 0, f, colText),
		newFunction(t, "max", 0, f, colText),
		newFunction(t, "first_value", 0, f, colText), newFunction(t, "last_value", 0, f, colInt),
		newFunction(t, "nth_value", 3, f, colText),
	}
}

// ranked are the functions without frames, from those that look least ahead on.
func ranked(t testing.TB) []Function {
	return []Function{
		newFunction(t, "row_number", 0, nil), newFunction(t, "rank", 0, nil), newFunction(t, "dense_rank", 0, nil),
		newFunction(t, "lag", 2, nil, colText), newFunction(t, "lag", 30, nil, colInt, colKey),
		newFunction(t, "lead", 5, nil, colText, colText), newFunction(t, "lead", 0, nil, colFloat),
		newFunction(t, "percent_rank", 0, nil), newFunction(t, "cume_dist", 0, nil), newFunction(t, "ntile", 7, nil),
	}
}

// randomFrame is any frame.
func randomFrame(r *rand.Rand, desc bool) *Frame {
	start := expr.BoundKind(r.IntN(4))
	end := max(start, 1) + expr.BoundKind(r.IntN(int(expr.UnboundedFollowing-max(start, 1))+1))
	if r.IntN(2) == 0 {
		return rangeFrame(start, end, desc)
	}
	return rowsFrame(start, int64(r.IntN(40)), end, int64(r.IntN(40)))
}

func quick(n, short int) int {
	if testing.Short() {
		return short
	}
	return n
}

// TestConditions runs all functions under all conditions of the harness.
func TestConditions(t *testing.T) {
	sliding := rowsFrame(expr.Preceding, 20, expr.Following, 3)
	for name, s := range map[string]spec{
		"ranked":  {funcs: ranked(t)},
		"running": {funcs: ranked(t)[:5]},
		"rows":    {funcs: framed(t, sliding)},
		"range":   {desc: true, funcs: framed(t, rangeFrame(expr.Preceding, expr.CurrentRow, true))},
	} {
		t.Run(name, func(t *testing.T) {
			s.test(t, table{rows: quick(600, 150), partitions: 5, keys: 50, texts: 60, textBytes: 100, low: 5}).Run(t)
		})
	}
}

// TestFrames tries many frames with and without memory.
func TestFrames(t *testing.T) {
	r := testutil.Rand(t)
	for range quick(50, 10) {
		desc := r.IntN(2) == 0
		x := table{
			rows: 1 + r.IntN(700), partitions: 1 + r.IntN(10), keys: 1 + r.IntN(300), texts: 1 + r.IntN(100),
			textBytes: r.IntN(60), low: int64(r.IntN(20)), high: int64(r.IntN(20)),
		}
		s := spec{desc: desc, funcs: framed(t, randomFrame(r, desc))}
		s.funcs = append(s.funcs, framed(t, randomFrame(r, desc))[2:6]...)
		if r.IntN(3) == 0 {
			s.funcs = append(s.funcs, ranked(t)[:1+r.IntN(10)]...)
		}
		test := s.test(t, x)
		for _, c := range []exectest.Conditions{
			{Shape: exectest.Shape{Rows: 1 + r.IntN(300), Select: r.IntN(2) == 0, Seed: r.Uint64()}},
			{Shape: exectest.Shape{Rows: 64}, NoSurplus: true, ForceSpill: true},
		} {
			got := test.Do(t, c)
			require.NoError(t, got.Err)
			test.Check(t, got.Rows)
		}
	}
}

// TestTiny has partitions of a row or two.
func TestTiny(t *testing.T) {
	s := spec{funcs: append(ranked(t), framed(t, rangeFrame(expr.UnboundedPreceding, expr.CurrentRow, false))...)}
	test := s.test(t, table{rows: 3000, partitions: 2500, keys: 100, texts: 100})
	for _, c := range []exectest.Conditions{
		{Shape: exectest.Shape{Rows: 2048}}, {Shape: exectest.Shape{Rows: 100}, NoSurplus: true, ForceSpill: true},
	} {
		got := test.Do(t, c)
		require.NoError(t, got.Err)
		test.Check(t, got.Rows)
	}
}

// TestLong has strings of 64 KiB, at the minimum.
func TestLong(t *testing.T) {
	s := spec{funcs: []Function{
		newFunction(t, "lag", 1, nil, colText), newFunction(t, "lead", 2, nil, colText, colText),
		newFunction(t, "max", 0, rowsFrame(expr.Preceding, 3, expr.CurrentRow, 0), colText),
		newFunction(t, "min", 0, rangeFrame(expr.UnboundedPreceding, expr.UnboundedFollowing, false), colText),
		newFunction(t, "last_value", 0, rowsFrame(expr.CurrentRow, 0, expr.Following, 2), colText),
	}}
	test := s.test(t, table{rows: 40, partitions: 2, keys: 100, texts: 30, textBytes: 64 << 10})
	for _, c := range []exectest.Conditions{
		{Shape: exectest.Shape{Rows: 7}}, {Shape: exectest.Shape{Rows: 3}, NoSurplus: true, ForceSpill: true},
	} {
		got := test.Do(t, c)
		require.NoError(t, got.Err)
		test.Check(t, got.Rows)
	}
}

// TestKept makes sure that only rows that functions can still look at are kept, and that a partition may be larger than
// memory.
func TestKept(t *testing.T) {
	x := table{rows: 20_000, partitions: 1, keys: 1 << 40, texts: 10}
	shape := exectest.Shape{Rows: 1024}
	sum := func(f *Frame) spec { return spec{funcs: []Function{newFunction(t, "sum", 0, f, colInt)}} }
	running := sum(rowsFrame(expr.UnboundedPreceding, 0, expr.CurrentRow, 0))
	running.funcs = append(running.funcs, newFunction(t, "row_number", 0, nil), newFunction(t, "lag", 50, nil, colText),
		newFunction(t, "first_value", 0, rangeFrame(expr.UnboundedPreceding, expr.CurrentRow, false), colInt))
	whole := sum(rowsFrame(expr.UnboundedPreceding, 0, expr.UnboundedFollowing, 0))
	for _, c := range []struct {
		s      spec
		spills bool
	}{{running, false}, {sum(rowsFrame(expr.Preceding, 100, expr.Following, 100)), false}, {whole, true}} {
		test := (spec{}).test(t, x)
		o := Options{
			Types: columnTypes, Output: outputColumns, Partition: []int{colPartition}, Order: []int{colKey},
			Funcs: c.s.funcs,
		}
		test.MinBytes = func(int) int64 { return MinBytes(o) }
		test.New = func(acct *memory.Account, _ *memory.Statement, _ int) (*exectest.Subject, error) {
			o.Account = acct
			return exectest.Step(New(o)), nil
		}
		got := test.Do(t, exectest.Conditions{Shape: shape, QuotaBytes: 256 << 10})
		require.NoError(t, got.Err)
		require.Equal(t, c.spills, got.Writes > 0)
		sums := make([]int64, 1, len(test.Rows)+1)
		for _, r := range test.Rows {
			sums = append(sums, sums[len(sums)-1]+r[colInt].I)
		}
		for i, r := range got.Rows {
			frame := c.s.funcs[0].Frame
			from, to := 0, len(test.Rows)
			if frame.End.Kind != expr.UnboundedFollowing {
				to = min(to, i+1+int(frame.End.Rows))
			}
			if frame.Start.Kind == expr.Preceding {
				from = max(0, i-int(frame.Start.Rows))
			}
			if total := types.DecFromInt64(sums[to]-sums[from], 0); i > 20 && r[outputColumns].D != total {
				require.Equal(t, total, r[outputColumns].D, "row %d", i)
			}
		}
	}
}

// TestRangeKept is TestKept for frames that end at a later key.
func TestRangeKept(t *testing.T) {
	s := spec{funcs: []Function{newFunction(t, "sum", 0, rangeFrame(expr.Preceding, expr.Following, false), colInt)}}
	x := table{rows: 20_000, partitions: 1, keys: 20_000, texts: 10, low: 30, high: 50}
	test := (spec{}).test(t, x)
	o := Options{
		Types: columnTypes, Output: outputColumns, Partition: []int{colPartition}, Order: []int{colKey}, Funcs: s.funcs,
	}
	for i, r := range test.Rows { // NULLs would all be peers
		if key := int64(i - 50_000); r[colKey].IsNull() {
			r[colKey] = types.NewIntDatum(columnTypes[colKey], key)
			r[colLow] = types.NewIntDatum(columnTypes[colLow], key-x.low)
			r[colHigh] = types.NewIntDatum(columnTypes[colHigh], key+x.high)
		}
	}
	test.MinBytes = func(int) int64 { return MinBytes(o) }
	test.New = func(acct *memory.Account, _ *memory.Statement, _ int) (*exectest.Subject, error) {
		o.Account = acct
		return exectest.Step(New(o)), nil
	}
	got := test.Do(t, exectest.Conditions{Shape: exectest.Shape{Rows: 1024}, QuotaBytes: 256 << 10})
	require.NoError(t, got.Err)
	require.Zero(t, got.Writes)
	from, to, sum, values := 0, 0, int64(0), 0
	for i, r := range test.Rows {
		for ; to < len(test.Rows) && test.Rows[to][colKey].I <= r[colHigh].I; to++ {
			sum, values = sum+test.Rows[to][colInt].I, values+notNull(test.Rows[to][colInt])
		}
		for ; test.Rows[from][colKey].I < r[colLow].I; from++ {
			sum, values = sum-test.Rows[from][colInt].I, values-notNull(test.Rows[from][colInt])
		}
		d := got.Rows[i][outputColumns]
		if d.IsNull() != (values == 0) || values > 0 && d.D != types.DecFromInt64(sum, 0) {
			require.Fail(t, "wrong", "row %d: want %d, got %s", i, sum, show(d))
		}
	}
}

func notNull(d types.Datum) int {
	if d.IsNull() {
		return 0
	}
	return 1
}

// TestMinBytes holds a statement with each function against its bound.
func TestMinBytes(t *testing.T) {
	for _, f := range append(ranked(t), framed(t, rangeFrame(expr.Preceding, expr.Following, false))...) {
		o := Options{
			Types: columnTypes, Output: outputColumns, Partition: []int{colPartition}, Order: []int{colKey},
			Funcs: []Function{f},
		}
		require.LessOrEqual(t, MinBytes(o), int64(1<<20), f.Name)
	}
}
