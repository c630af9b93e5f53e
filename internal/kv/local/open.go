package local

import (
	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// Open opens the store at o.Path, or makes a new one.
func Open(o Options) (kv.Store, error) {
	return nil, sqlerr.AssertionError("not written yet: %s", o.Path)
}
