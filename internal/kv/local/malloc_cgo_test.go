//go:build cgo && linux

package local

// mallocKnown: tests run on glibc.
const mallocKnown = true
