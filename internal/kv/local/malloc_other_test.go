//go:build !cgo || !linux

package local

const mallocKnown = false
