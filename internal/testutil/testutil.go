// Package testutil holds what tests of all packages share: the goroutine leak check, random numbers that can be
// repeated, and the size of the heap. Only test files and the test support packages import it.
package testutil

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// SeedVariable names the environment variable that repeats a failed random test.
const SeedVariable = "SPILLWAY_SEED"

// LongVariable names the environment variable that makes random tests run longer (see Long).
const LongVariable = "SPILLWAY_LONG"

// Patience is how long a test waits for what must happen, on the slowest machine; passing tests do not wait that long.
const Patience = time.Minute

// goleakOptions names goroutines that libraries start on import and never end.
func goleakOptions() []goleak.Option {
	return []goleak.Option{
		goleak.IgnoreTopFunction("github.com/golang/glog.(*fileSink).flushDaemon"), // through the collation tables
	}
}

// Main runs a package's tests and fails when goroutines outlive them:
//
//	func TestMain(m *testing.M) { testutil.Main(m) }
func Main(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := leaks(goleakOptions()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// leaks looks for goroutines that do not end, each time for a second.
func leaks(options []goleak.Option) (err error) {
	for start := time.Now(); time.Since(start) < Patience/4; {
		if err = goleak.Find(options...); err == nil {
			return nil
		}
	}
	return err
}

// NoLeaks fails the test when goroutines that it started outlive it. Not for parallel tests.
func NoLeaks(t testing.TB) {
	options := append(goleakOptions(), goleak.IgnoreCurrent())
	t.Cleanup(func() {
		if err := leaks(options); err != nil {
			t.Error(err)
		}
	})
}

// Seed returns the seed of a random test: SPILLWAY_SEED's, else a new one. When the test fails it prints the seed and
// how to repeat the run.
func Seed(t testing.TB) uint64 {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv(SeedVariable); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s: %v", SeedVariable, err)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("repeat with: %s=%d go test -run '^%s$'", SeedVariable, seed, t.Name())
		}
	})
	return seed
}

// Rand returns a source of random numbers for one test, from Seed and the test's name, so that a subtest can be
// repeated alone. It is not safe for concurrent use; give each goroutine its own by rand.New(rand.NewPCG(...)).
func Rand(t testing.TB) *rand.Rand {
	name := fnv.New64a()
	name.Write([]byte(t.Name()))
	return rand.New(rand.NewPCG(Seed(t), name.Sum64()))
}

// LiveHeap is how many bytes of the Go heap are reachable.
func LiveHeap() int64 {
	runtime.GC()
	runtime.GC() // what the first one took out of a sync.Pool
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Long tells if random tests should use their long settings (make test-long).
func Long() bool { return os.Getenv(LongVariable) != "" }
