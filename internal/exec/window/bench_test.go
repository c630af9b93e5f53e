package window

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/exec/exectest"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
)

// BenchmarkSliding takes the maximum of frames that slide over one partition, whose states are two stacks.
func BenchmarkSliding(b *testing.B) {
	gen := []exectest.Gen{{Type: types.NewBigInt(), Distinct: 1 << 30}}
	column := &expr.Column{Index: 0, T: gen[0].Type}
	w, err := expr.NewWindowFunction("max", []expr.Expr{column}, 0, &expr.Env{})
	require.NoError(b, err)
	f := Function{Name: w.Name, Args: []int{0}, Type: w.T, Frame: rowsFrame(expr.Preceding, 1000, expr.CurrentRow, 0)}
	f.Agg, _ = expr.NewAccumulator(w.Agg)
	o := Options{Types: exectest.Types(gen), Output: 1, Funcs: []Function{f}}
	exectest.Bench(b, exectest.BenchOptions{
		Columns: gen, Rows: 1 << 20, Workers: 1,
		MinBytes: func(int) int64 { return MinBytes(o) },
		New: func(acct *memory.Account, _ *memory.Statement, _ int) (*exectest.Subject, error) {
			o.Account = acct
			return exectest.Step(New(o)), nil
		},
	})
}
