package scan

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/types"
)

// BenchmarkScan reads rows of a table of four columns; ns/row is the figure.
func BenchmarkScan(b *testing.B) {
	e := newEnv(b)
	for _, c := range []struct {
		name string
		node *physical.Scan
		rows int
	}{
		{"number", e.node(e.table.Primary, 1), testRows},
		{"numbers and text", e.node(e.table.Primary, 0, 1, 2), testRows},
		{"covering index", e.node(e.table.Indexes[0], 0, 1), testRows},
		{"lookup", func() *physical.Scan {
			n := e.node(e.table.Indexes[0], 0, 1, 2)
			n.Ranges = e.between(1, 10, 20)
			return n
		}(), testRows / 10},
		{"point", func() *physical.Scan {
			n := e.node(e.table.Primary, 0, 1, 2)
			v := physical.Bound{Values: []types.Datum{types.NewIntDatum(e.table.Columns[0].Type, 77)}, Inclusive: true}
			n.Ranges = []physical.Range{{Low: v, High: v}}
			return n
		}(), 1},
	} {
		b.Run(c.name, func(b *testing.B) {
			tx := e.begin()
			defer tx.Rollback()
			for b.Loop() {
				require.Equal(b, c.rows, e.count(tx, c.node))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*c.rows), "ns/row")
		})
	}
}

// count is run without the texts.
func (e *env) count(tx kv.Txn, n *physical.Scan) int {
	min := MinBytes(n, 1, 0)
	st := e.pool.NewStatement(e.pool.Server(), memory.StatementOptions{Spill: true})
	defer st.Close()
	require.NoError(e.t, st.Admit(ctx, min))
	acct, err := st.Operator("scan", min)
	require.NoError(e.t, err)
	defer acct.Close()
	src, err := New(Options{Account: acct, Node: n, Txn: tx, Env: e.expr})
	require.NoError(e.t, err)
	defer src.Close()
	l, err := src.NewLocal(nil)
	require.NoError(e.t, err)
	defer l.Close()
	rows := 0
	for {
		b, err := l.Next(ctx)
		require.NoError(e.t, err)
		if b == nil {
			return rows
		}
		rows += b.Rows()
	}
}
