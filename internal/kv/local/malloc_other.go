//go:build !cgo || !linux

package local

// MallocTrim does nothing: without cgo the engine's memory is on the Go heap.
func MallocTrim() {}

// MallocBytes is 0: there is no C memory.
func MallocBytes() (total, idle int64) { return 0, 0 }
