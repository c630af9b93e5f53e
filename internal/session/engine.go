package session

import (
	"strings"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// engines are the storage engines of a MySQL server as it is installed. Tables are the same here whatever they ask for.
var engines = map[string]bool{
	"innodb": true, "myisam": true, "memory": true, "heap": true, "csv": true, "archive": true, "blackhole": true,
	"mrg_myisam": true, "merge": true, "performance_schema": true,
}

// engine is the ENGINE option of a table: another engine than InnoDB is replaced, with warning 1266; an unknown one is
// error 1286, or also replaced without NO_ENGINE_SUBSTITUTION.
func (s *Session) engine(name, table string) error {
	lower := strings.ToLower(name)
	if lower == "innodb" {
		return nil
	}
	if !engines[lower] {
		if s.sqlMode().Has(types.ModeNoEngineSubstitution) {
			return sqlerr.New(sqlerr.ErrUnknownStorageEngine, name)
		}
		s.warn(sqlerr.NewWarning(sqlerr.ErrUnknownStorageEngine, name))
	}
	s.warn(sqlerr.NewWarning(sqlerr.ErrWarnUsingOtherHandler, "InnoDB", table))
	return nil
}

// unchecked warns of a constraint of a kind that is read and not kept.
func (s *Session) unchecked(kind string) {
	s.warn(sqlerr.Newf(sqlerr.ErrNotSupportedYet, "%s constraints are not checked", kind).Warning())
}
