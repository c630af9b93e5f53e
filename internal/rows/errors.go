package rows

import (
	"errors"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// noSurplus says that err only asks for the smaller algorithm.
func noSurplus(err error) bool { return errors.Is(err, sqlerr.ErrNoSurplus) }

// Final turns a refusal of surplus to which there is no smaller algorithm into the statement's error: a value is longer
// than what every operator holds.
func Final(err error) error {
	if noSurplus(err) {
		return sqlerr.Newf(sqlerr.ErrOutOfResources,
			"Out of memory; a value of more than %d bytes needs pages that are not free", sharedOverflowBytes)
	}
	return err
}

// errRowTooLong is for rows whose strings no block can hold.
func errRowTooLong(n int) error {
	return sqlerr.Newf(sqlerr.ErrUnknown, "a row of %d bytes is too long to be kept", n)
}
