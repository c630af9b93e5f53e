// Package invariants switches the checks that are too costly for production.
//
// They are on when the build tag invariants is set, and always under the race detector: tests run that way. Off, every
// name here is a constant or an empty function, so the compiler removes the call and what only feeds it:
//
//	if invariants.Enabled {
//		p.checkFreeLists()
//	}
//
// What it is for: a bug is returned as an error in production and panics here (Assertf); a rare path is taken at random
// so that tests see it, while the usual path is still tested (Sometimes); memory that nobody may read any longer is
// overwritten (Mangle); closing twice and use after closing are found (CloseChecker).
//
// Checks that are cheap belong in the code, always on, without this package.
package invariants
