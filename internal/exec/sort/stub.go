package sort

import (
	"errors"

	"github.com/spillwaydb/spillway/internal/exec"
)

var errStub = errors.New("not implemented")

// MinBytes is the minimum of a sort with these options; Account may be nil.
func MinBytes(o Options) int64 { return 0 }

// Sort is a pipeline breaker: a sink and, once it has finished, a source.
type Sort struct{}

// New takes nothing of the account yet.
func New(o Options) (*Sort, error) { return nil, errStub }

// Sink is the end of the pipeline below.
func (s *Sort) Sink() exec.Sink { return nil }

// Source is the start of the pipeline above; it has one worker.
func (s *Sort) Source() exec.Source { return nil }

// Close gives everything back, as Close of sink and source do. Repeatable.
func (s *Sort) Close() error { return nil }
