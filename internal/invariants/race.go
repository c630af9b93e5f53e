//go:build race

package invariants

// RaceEnabled tells if the race detector watches this build.
const RaceEnabled = true
