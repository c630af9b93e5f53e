package exec

import (
	"context"

	"github.com/spillwaydb/spillway/internal/vector"
)

// OpResult is an operator's answer.
type OpResult uint8

const (
	// NeedMore: call again with the next input batch.
	NeedMore OpResult = iota
	// HaveMore: call again with the same input batch; there is more output for it.
	HaveMore
	// Finished: no further input is wanted; what was returned with it still counts.
	Finished
)

// Source gives the batches of a pipeline. NewLocal is called once a worker, in parallel.
type Source interface {
	NewLocal(w *Worker) (LocalSource, error)
	// MaxWorkers is the parallelism that the source has to offer; at least 1. Called when the pipeline starts, after
	// the pipelines it depends on have ended.
	MaxWorkers() int
	Close() error
}

// LocalSource is one worker's share of a source.
type LocalSource interface {
	// Next returns the next batch, nil at the end. The batch is the source's.
	Next(ctx context.Context) (*vector.Batch, error)
	// Pause gives back what must not outlive a wait (iterators); the next Next goes on. The batch that Next returned
	// last stays valid.
	Pause() error
	Close() error
}

// Operator is a streaming operator of a pipeline.
type Operator interface {
	NewLocal(w *Worker) (LocalOperator, error)
	Close() error
}

// LocalOperator is one worker's state of an operator.
type LocalOperator interface {
	// Execute handles in. It returns a batch (nil: no rows), which may be in itself. The operator may change in's
	// selection, and its columns' pointers, but not the values of its vectors.
	Execute(ctx context.Context, in *vector.Batch) (*vector.Batch, OpResult, error)
	// Flush is called after the last input until it returns a nil batch.
	Flush(ctx context.Context) (*vector.Batch, error)
	Close() error
}

// Sink consumes the batches of a pipeline.
type Sink interface {
	NewLocal(w *Worker) (LocalSink, error)
	// Finish is called once, after the Combine of every worker.
	Finish(ctx context.Context) error
	Close() error
}

// LocalSink is one worker's state of a sink.
type LocalSink interface {
	// Consume handles a batch: NeedMore, or Finished if no further rows are wanted (LIMIT).
	Consume(ctx context.Context, b *vector.Batch) (OpResult, error)
	// Combine hands the worker's state to the sink; the last call but Close. Calls of several workers may be parallel.
	Combine(ctx context.Context) error
	Close() error
}
