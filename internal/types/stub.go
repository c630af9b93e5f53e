package types

import "errors"

var errStub = errors.New("not implemented")

// --- JSON (json*.go)

// ParseJSON appends the binary form of a text to dst. Errors: *JSONSyntaxError, sqlerr 3157, 3150.
func ParseJSON(src, dst []byte) ([]byte, error) { return dst, errStub }

// AppendJSONText appends MySQL's text of a value: {"a": 1, "b": [1, 2]}.
func AppendJSONText(dst, bin []byte) []byte { return dst }
