package exectest

import (
	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
)

// NewSource gives rows, for operators with more inputs than the one that Test makes. It takes SourceBytes of acct.
func NewSource(acct *memory.Account, t []types.Type, rows []Row, shape Shape, workers int) exec.Source {
	return newSource(acct, t, rows, shape, workers)
}

// SourceBytes is what a source of those rows takes.
func SourceBytes(t []types.Type, rows []Row, shape Shape, workers int) int64 {
	return newSource(nil, t, rows, shape, workers).minBytes()
}

func newSource(acct *memory.Account, t []types.Type, rows []Row, shape Shape, workers int) *input {
	s := &input{acct: acct, types: t, shape: shape, limit: workers, rows: rows}
	s.fit()
	return s
}
