package parse

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
)

// explained takes EXPLAIN off from a statement that the grammar does not know behind it: CREATE INDEX and LOAD DATA.
// nil: that is not what it is.
func explained(text string, like scanner) (*ast.ExplainStmt, string) {
	w := newWords(text, like)
	if w.any("EXPLAIN", "DESCRIBE", "DESC") == "" {
		return nil, text
	}
	out := &ast.ExplainStmt{Format: "row", Analyze: w.take("ANALYZE")}
	if w.take("FORMAT") {
		if !w.s.punct(w.t, '=') {
			return nil, text
		}
		w.t = w.s.next()
		out.Format = strings.Trim(text[w.t.start:w.t.end], "'\"")
		w.t = w.s.next()
	}
	rest := text[w.t.start:]
	if w.take("LOAD", "DATA") {
		return out, rest
	}
	if w.take("CREATE") {
		w.any("UNIQUE")
		if w.take("INDEX") {
			return out, rest
		}
	}
	return nil, text
}
