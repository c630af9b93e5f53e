package dml

import (
	"context"
	"errors"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/plan/physical"
)

var errStub = errors.New("not implemented")

// Insert is the sink of INSERT, REPLACE and LOAD DATA.
type Insert struct{ stubSink }

// NewInsert returns the sink for an insert whose input is any plan.
func NewInsert(o Options, n *physical.Insert) (*Insert, error) { return nil, errStub }

// InsertMinBytes is what the sink, or NewInsertValues' source, holds.
func InsertMinBytes(n *physical.Insert) int64 { return 0 }

// InsertValues inserts literal rows, taking each value with its own type: the source of a pipeline without rows.
type InsertValues struct{}

// NewInsertValues is for an insert whose input is *physical.Values. Its Next inserts all rows and returns no batch.
func NewInsertValues(o Options, n *physical.Insert) (*InsertValues, error) { return nil, errStub }

// Result is valid once the pipeline has ended.
func (i *InsertValues) Result() Result { return Result{} }

// NewLocal implements exec.Source.
func (i *InsertValues) NewLocal(w *exec.Worker) (exec.LocalSource, error) { return nil, errStub }

// MaxWorkers implements exec.Source.
func (i *InsertValues) MaxWorkers() int { return 1 }

// Close implements exec.Source.
func (i *InsertValues) Close() error { return nil }

// Update is the sink of UPDATE.
type Update struct{ stubSink }

// NewUpdate returns the sink of an UPDATE.
func NewUpdate(o Options, n *physical.Update) (*Update, error) { return nil, errStub }

// UpdateMinBytes is what the sink holds.
func UpdateMinBytes(n *physical.Update, batchRows int) int64 { return 0 }

// Delete is the sink of DELETE.
type Delete struct{ stubSink }

// NewDelete returns the sink of a DELETE.
func NewDelete(o Options, n *physical.Delete) (*Delete, error) { return nil, errStub }

// DeleteMinBytes is what the sink holds.
func DeleteMinBytes(n *physical.Delete) int64 { return 0 }

// NewLoad returns the source of LOAD DATA's rows: one column a field, strings or NULL.
func NewLoad(o LoadOptions) (exec.Source, error) { return nil, errStub }

// LoadMinBytes is what the source holds.
func LoadMinBytes(n *physical.Load, batchRows int) int64 { return 0 }

type stubSink struct{}

// Result is valid once the pipeline has ended.
func (stubSink) Result() Result { return Result{} }

// NewLocal implements exec.Sink.
func (stubSink) NewLocal(w *exec.Worker) (exec.LocalSink, error) { return nil, errStub }

// Finish implements exec.Sink.
func (stubSink) Finish(ctx context.Context) error { return errStub }

// Close implements exec.Sink.
func (stubSink) Close() error { return nil }
