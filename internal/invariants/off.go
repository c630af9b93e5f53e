//go:build !invariants && !race

package invariants

// Enabled tells if the costly checks run.
const Enabled = false

// Sometimes is true for that percentage of calls, at random; always false when the checks are off.
func Sometimes(percent int) bool { return false }

// Assertf panics when ok is false and the checks are on.
func Assertf(ok bool, format string, args ...any) {}

// Mangle overwrites bytes that nobody may read any longer.
func Mangle(b []byte) {}

// A CloseChecker finds a second Close and use after Close. It is embedded in what must be closed exactly once; the zero
// value is open. Safe for concurrent use.
type CloseChecker struct{}

// Close panics at the second call.
func (c *CloseChecker) Close() {}

// AssertNotClosed panics after Close.
func (c *CloseChecker) AssertNotClosed() {}
