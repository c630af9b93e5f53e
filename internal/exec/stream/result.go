package stream

import (
	"context"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Consumer takes the result's rows. It may wait, through w.
type Consumer interface {
	Rows(ctx context.Context, w *exec.Worker, b *vector.Batch) error
}

// Result is the sink that hands rows to a consumer, one batch at a time whatever the number of workers.
type Result struct {
	turn     chan struct{} // holds one token while a worker is at the consumer
	consumer Consumer
}

var _ exec.Sink = (*Result)(nil)

// NewResult returns a sink for c.
func NewResult(c Consumer) *Result { return &Result{turn: make(chan struct{}, 1), consumer: c} }

// NewLocal implements exec.Sink.
func (r *Result) NewLocal(w *exec.Worker) (exec.LocalSink, error) { return &localResult{r, w}, nil }

// Finish implements exec.Sink.
func (r *Result) Finish(context.Context) error { return nil }

// Close implements exec.Sink.
func (r *Result) Close() error { return nil }

type localResult struct {
	shared *Result
	worker *exec.Worker
}

// Consume hands b on. A worker that finds another one at the consumer waits for its turn as that one waits for the
// client, so that the statement can be parked while all of them do.
func (l *localResult) Consume(ctx context.Context, b *vector.Batch) (exec.OpResult, error) {
	select {
	case l.shared.turn <- struct{}{}:
	default:
		if err := l.awaitTurn(ctx); err != nil {
			return exec.NeedMore, err
		}
	}
	defer func() { <-l.shared.turn }()
	return exec.NeedMore, l.shared.consumer.Rows(ctx, l.worker, b)
}

func (l *localResult) awaitTurn(ctx context.Context) error {
	mine := false
	err := l.worker.Wait(ctx, "", func(ctx context.Context) error {
		select {
		case l.shared.turn <- struct{}{}:
			mine = true
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	if err != nil && mine {
		<-l.shared.turn
	}
	return err
}

func (l *localResult) Combine(context.Context) error { return nil }
func (l *localResult) Close() error                  { return nil }
