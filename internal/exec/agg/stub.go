package agg

import (
	"errors"

	"github.com/spillwaydb/spillway/internal/exec"
)

var errStub = errors.New("not implemented")

// HashMinBytes is the minimum of a hash aggregation with these options; Account may be nil.
func HashMinBytes(o HashOptions) int64 { return 0 }

// Hash is a pipeline breaker: a sink and, once it has finished, a source. Its output has the group columns, then the
// results of the aggregates.
type Hash struct{}

// NewHash takes nothing of the account yet.
func NewHash(o HashOptions) (*Hash, error) { return nil, errStub }

// Sink is the end of the pipeline below.
func (h *Hash) Sink() exec.Sink { return nil }

// Source is the start of the pipeline above; its workers share the partitions.
func (h *Hash) Source() exec.Source { return nil }

// Close gives everything back, as Close of sink and source do. Repeatable.
func (h *Hash) Close() error { return nil }

// ScalarMinBytes is the minimum of an aggregation without groups; Account may be nil.
func ScalarMinBytes(o ScalarOptions) int64 { return 0 }

// Scalar aggregates without groups: a sink and, once it has finished, a source of exactly one row.
type Scalar struct{}

// NewScalar takes nothing of the account yet.
func NewScalar(o ScalarOptions) (*Scalar, error) { return nil, errStub }

// Sink is the end of the pipeline below.
func (s *Scalar) Sink() exec.Sink { return nil }

// Source is the start of the pipeline above; it has one worker.
func (s *Scalar) Source() exec.Source { return nil }

// Close gives everything back, as Close of sink and source do. Repeatable.
func (s *Scalar) Close() error { return nil }

// StreamMinBytes is the minimum of an aggregation of sorted input; Account may be nil.
func StreamMinBytes(o StreamOptions) int64 { return 0 }

// NewStream returns the streaming operator; it takes its pages at NewLocal, which is called once.
func NewStream(o StreamOptions) (exec.Operator, error) { return nil, errStub }
