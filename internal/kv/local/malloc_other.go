//go:build !cgo || !linux

package local

// MallocTrim does nothing: without cgo the engine's memory is on the Go heap.
func MallocTrim() {}

// MallocBytes is 0: there is no C memory.
func MallocBytes() MallocFigures { return MallocFigures{} }
