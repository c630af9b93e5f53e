package dml

import (
	"context"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/table"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Delete is the sink of DELETE.
type Delete struct {
	o      Options
	n      *physical.Delete
	writer *table.Writer
	res    Result
}

var _ exec.Sink = (*Delete)(nil)

// NewDelete returns the sink of a DELETE.
func NewDelete(o Options, n *physical.Delete) (*Delete, error) {
	return &Delete{o: o, n: n, res: Result{Kind: KindDelete}, writer: table.NewWriter(table.WriterOptions{
		Codec: table.NewCodec(n.Table), Txn: o.Txn, Account: o.Account, Lock: o.Lock, Location: o.Env.Location,
	})}, nil
}

// DeleteMinBytes is what the sink holds.
func DeleteMinBytes(*physical.Delete) int64 { return minBytes }

// Result is valid once the pipeline has ended.
func (d *Delete) Result() Result { return d.res }

// NewLocal implements exec.Sink. One worker.
func (d *Delete) NewLocal(*exec.Worker) (exec.LocalSink, error) { return &localDelete{d: d}, nil }

// Finish implements exec.Sink.
func (d *Delete) Finish(context.Context) error {
	d.o.Catalog.AddRows(d.n.Table, -int64(d.res.Affected))
	return nil
}

// Close implements exec.Sink.
func (d *Delete) Close() error { return d.writer.Close() }

type localDelete struct {
	d   *Delete
	row []types.Datum
}

// Consume implements exec.LocalSink.
func (l *localDelete) Consume(ctx context.Context, b *vector.Batch) (exec.OpResult, error) {
	base, columns := b.Base(), len(l.d.n.Table.Columns)
	for k := range b.Rows() {
		i := k
		if b.Sel != nil {
			i = int(b.Sel[k])
		}
		l.row = l.row[:0]
		for c := range columns {
			l.row = append(l.row, b.Cols[c].Datum(base, i))
		}
		if err := l.d.writer.Delete(ctx, b.Cols[columns].Datum(base, i).S, l.row); err != nil {
			return exec.Finished, err
		}
		l.d.res.Affected++
	}
	return exec.NeedMore, nil
}

// Combine implements exec.LocalSink.
func (l *localDelete) Combine(context.Context) error { return nil }

// Close implements exec.LocalSink.
func (l *localDelete) Close() error { return nil }
