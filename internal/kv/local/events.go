package local

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

type noLogger struct{}

func (noLogger) Infof(string, ...any)  {}
func (noLogger) Errorf(string, ...any) {}

func exit(err error) {
	fmt.Fprintln(os.Stderr, "storage engine:", err)
	os.Exit(1)
}

// A fatal is what the engine's Fatalf unwinds the goroutine with, should Options.Fatal return.
type fatal struct {
	text  string
	cause error // may be nil
}

func (f *fatal) Error() string { return f.text }
func (f *fatal) Unwrap() error { return f.cause }

// events is what the engine tells while it works: it may hold its locks then, so nothing here blocks or calls back.
type events struct {
	logger Logger
	die    func(error)

	// flushes is the epoch of iterators (L1).
	flushes atomic.Uint64
	// failed is the first error after which nothing can be committed; nil while all is well.
	failed atomic.Pointer[fatal]
	// full is the last failure of the engine's background work for want of room; nil: it has succeeded since.
	full atomic.Pointer[noRoom]
}

func newEvents(o Options) *events {
	return &events{logger: o.Logger, die: o.Fatal}
}

func (e *events) listener() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: e.backgroundError,
		DataCorruption:  func(i pebble.DataCorruptionInfo) { e.logger.Errorf("storage: %s", i) },
		DiskSlow:        func(i pebble.DiskSlowInfo) { e.logger.Errorf("storage: %s", i) },
		WriteStallBegin: func(i pebble.WriteStallBeginInfo) { e.logger.Infof("storage: %s", i) },
		WriteStallEnd:   func() { e.logger.Infof("storage: write stall ends") },
		CompactionEnd:   func(i pebble.CompactionInfo) { e.succeeded(i.Err) },
		FlushEnd: func(i pebble.FlushInfo) {
			e.succeeded(i.Err)
			e.flushes.Add(1)
		},
	}
}

func (e *events) Infof(format string, args ...any)  { e.logger.Infof("storage: "+format, args...) }
func (e *events) Errorf(format string, args ...any) { e.logger.Errorf("storage: "+format, args...) }

// Fatalf is called when the write-ahead log or the manifest cannot be written: what is durable is in doubt, and the
// engine relies on it not to return.
func (e *events) Fatalf(format string, args ...any) {
	f := &fatal{text: fmt.Sprintf(format, args...)}
	for _, arg := range args {
		if err, ok := arg.(error); ok {
			f.cause = err
		}
	}
	e.failed.CompareAndSwap(nil, f)
	e.logger.Errorf("storage: %v", f)
	e.die(f)
	panic(f)
}

var _ pebble.Logger = (*events)(nil)

// died makes an error of what the engine panicked with in a commit, and tells Options.Fatal unless Fatalf has.
func (e *events) died(r any) error {
	var f *fatal
	err, _ := r.(error)
	if !errors.As(err, &f) {
		f = &fatal{text: fmt.Sprintf("commit: %v", r), cause: err}
		e.failed.CompareAndSwap(nil, f)
		e.die(f)
	}
	return wrap(f)
}
