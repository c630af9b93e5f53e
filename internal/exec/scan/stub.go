package scan

import (
	"errors"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/plan/physical"
)

var errStub = errors.New("not implemented")

// Table is the source of a table scan.
type Table struct{}

// New returns the source of a table scan.
func New(o Options) (*Table, error) { return nil, errStub }

// MinBytes is what New's source holds with that many workers.
func MinBytes(n *physical.Scan, workers, batchRows int) int64 { return 0 }

// NewLocal implements exec.Source.
func (t *Table) NewLocal(w *exec.Worker) (exec.LocalSource, error) { return nil, errStub }

// MaxWorkers implements exec.Source.
func (t *Table) MaxWorkers() int { return 1 }

// Close implements exec.Source.
func (t *Table) Close() error { return nil }

// NewVirtual returns the source of a virtual table.
func NewVirtual(o VirtualOptions) (exec.Source, error) { return nil, errStub }

// MinBytesVirtual is what NewVirtual's source holds.
func MinBytesVirtual(n *physical.VirtualScan, batchRows int) int64 { return 0 }
