package apply

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/exec/exectest"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

func TestMain(m *testing.M) { testutil.Main(m) }

var left = []exectest.Gen{
	{Type: types.NewBigInt(), Distinct: 60, Nulls: 10},
	{Type: types.NewText(types.Text, collation.UTF8MB4Bin), Distinct: 10, Length: 200},
}

var right = []types.Type{types.NewBigInt(), types.NewText(types.Text, collation.UTF8MB4Bin)}

// innerRows are what the inner plan gives for a value: as many as the value has over a multiple of 5, none for NULL.
func innerRows(v types.Datum) []exectest.Row {
	if v.IsNull() {
		return nil
	}
	var out []exectest.Row
	for i := range (v.I%5 + 5) % 5 {
		n := v.I*10 + i
		text := []byte(strings.Repeat(fmt.Sprint(n, ","), 20))
		out = append(out, exectest.Row{types.NewIntDatum(right[0], n), types.NewStringDatum(right[1], text)})
	}
	return out
}

const innerBatch = 4

// inner is a source of innerRows of a parameter.
type inner struct {
	acct *memory.Account
	env  *expr.Env
	runs *int
}

func (s *inner) MaxWorkers() int { return 1 }
func (s *inner) Close() error    { return nil }

func (s *inner) NewLocal(*exec.Worker) (exec.LocalSource, error) {
	b, err := vector.NewBatch(s.acct, right, innerBatch, 0)
	*s.runs++
	return &localInner{batch: b, rows: innerRows(s.env.Outer[1])}, err
}

type localInner struct {
	batch *vector.Batch
	rows  []exectest.Row
}

func (l *localInner) Pause() error { return nil }

func (l *localInner) Close() error {
	l.batch.Close()
	return nil
}

func (l *localInner) Next(context.Context) (*vector.Batch, error) {
	l.batch.Reset()
	for l.batch.Len < innerBatch && len(l.rows) > 0 {
		for c, d := range l.rows[0] {
			if err := l.batch.Cols[c].SetDatum(l.batch.Len, d, l.batch.Arena()); err != nil {
				return nil, err
			}
		}
		l.batch.Len++
		l.rows = l.rows[1:]
	}
	if l.batch.Len == 0 {
		return nil, nil
	}
	return l.batch, nil
}

func applyTest(t testing.TB, n int, o Options, runs *int) *exectest.Test {
	input := exectest.Make(testutil.Rand(t), n, left)
	want := map[uint64]int{}
	for _, l := range input {
		inner := innerRows(l[0])
		if len(inner) == 0 && o.OuterJoin {
			inner = []exectest.Row{{types.NullDatum(right[0]), types.NullDatum(right[1])}}
		}
		for _, r := range inner {
			want[exectest.Print(append(append(exectest.Row{}, l...), r...))]++
		}
	}
	env := &expr.Env{Location: time.UTC, Collation: collation.Default, MaxPacket: 64 << 20}
	o.Left, o.Right = exectest.Types(left), right
	o.Params, o.Slots = []expr.Expr{&expr.Column{Index: 0, T: left[0].Type}}, []int{1}
	o.LeftCapacity, o.RightCapacity, o.PageBytes = vector.MaxRows, innerBatch, rows.PageBytes(0, 1)
	o.Env, o.Inner = env, &expr.Env{Outer: make([]types.Datum, 2)}
	return &exectest.Test{
		Types:    o.Left,
		Rows:     input,
		Ordered:  true,
		MinBytes: func(int) int64 { return MinBytes(o) + vector.BatchBytes(right, innerBatch, 0) },
		New: func(acct *memory.Account, stmt *memory.Statement, _ int) (*exectest.Subject, error) {
			o := o
			*runs = 0
			o.Account = acct
			var a *Apply
			o.Run = func(ctx context.Context, w *exec.Worker) error {
				run := &exec.Run{Statement: stmt, Nested: true, Outer: w, Pipelines: []*exec.Pipeline{{
					Chains: []exec.Chain{{Source: &inner{acct, o.Inner, runs}}}, Sink: a.Sink(), Workers: 3,
				}}}
				err := run.Execute(ctx)
				if cerr := run.Close(); err == nil {
					err = cerr
				}
				return err
			}
			a = New(o)
			return exectest.Step(a), nil
		},
		Check: func(t testing.TB, got []exectest.Row) { require.Equal(t, want, exectest.Counts(got)) },
		Short: true,
	}
}

func TestApply(t *testing.T) {
	n := 1000
	if testing.Short() {
		n = 200
	}
	for name, o := range map[string]Options{
		"inner": {Keep: true}, "outer": {Keep: true, OuterJoin: true}, "each time": {OuterJoin: true},
	} {
		t.Run(name, func(t *testing.T) { applyTest(t, n, o, new(int)).Run(t) })
	}
}

// TestRuns: the inner plan runs once for each value, or for each row.
func TestRuns(t *testing.T) {
	for _, keep := range []bool{true, false} {
		var runs int
		x := applyTest(t, 1000, Options{Keep: keep}, &runs)
		values := map[string]bool{}
		for _, r := range x.Rows {
			values[fmt.Sprint(r[0].IsNull(), r[0].I)] = true
		}
		r := x.Do(t, exectest.Conditions{Shape: exectest.Shape{Rows: 100}, ForceSpill: true})
		require.NoError(t, r.Err)
		x.Check(t, r.Rows)
		if keep {
			require.Equal(t, len(values), runs)
			require.Positive(t, r.Writes)
		} else {
			require.Equal(t, 1000, runs)
		}
	}
}
