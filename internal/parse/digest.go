package parse

import "github.com/pingcap/tidb/pkg/parser"

// Digest identifies the form of a statement: its text without literals, as TiDB makes it. It takes memory in proportion
// to the text.
func Digest(text string) string {
	_, digest := parser.NormalizeDigest(text)
	return digest.String()
}
