//go:build invariants || race

package invariants

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
)

// Enabled tells if the costly checks run.
const Enabled = true

// mangled is what Mangle writes: no valid length, offset or text.
const mangled = 0xCC

// assertionError is the value that a failed check panics with, so that recovery at the statement border can tell it
// from a runtime error.
type assertionError struct{ text string }

func (e assertionError) Error() string { return "assertion failed: " + e.text }

// Sometimes is true for that percentage of calls, at random; always false when the checks are off.
func Sometimes(percent int) bool { return rand.IntN(100) < percent }

// Assertf panics when ok is false and the checks are on.
func Assertf(ok bool, format string, args ...any) {
	if !ok {
		panic(assertionError{text: fmt.Sprintf(format, args...)})
	}
}

// Mangle overwrites bytes that nobody may read any longer.
func Mangle(b []byte) {
	for i := range b {
		b[i] = mangled
	}
}

// A CloseChecker finds a second Close and use after Close. It is embedded in what must be closed exactly once; the zero
// value is open. Safe for concurrent use.
type CloseChecker struct {
	closed atomic.Bool
}

// Close panics at the second call.
func (c *CloseChecker) Close() {
	Assertf(!c.closed.Swap(true), "closed twice")
}

// AssertNotClosed panics after Close.
func (c *CloseChecker) AssertNotClosed() {
	Assertf(!c.closed.Load(), "used after close")
}
