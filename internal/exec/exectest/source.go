package exectest

import (
	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
)

// NewSource gives rows, for operators with more inputs than the one that Test makes. It takes SourceBytes of acct.
func NewSource(acct *memory.Account, t []types.Type, rows []Row, shape Shape, workers int) exec.Source {
	s := &input{acct: acct, types: t, shape: shape, limit: workers, rows: rows}
	s.minBytes() // measures the rows
	return s
}

// SourceBytes is what a source of those rows takes.
func SourceBytes(t []types.Type, rows []Row, shape Shape, workers int) int64 {
	return (&input{types: t, shape: shape, limit: workers, rows: rows}).minBytes()
}
