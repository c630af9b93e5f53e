package collation

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/testutil"
)

// TestWeightParts compares the parts of weight strings, put together, with the whole.
func TestWeightParts(t *testing.T) {
	pieces := []string{
		"a", "B", "ch", "ll", "dz", " ", "   ", "\t", "\x00", ".", "9",
		"\u00e4", "e\u0301", "\u0301", "\u00df", "\u4e2d",
		"\u3042\u3099", "\u30fc", "\u0e40\u0e01",
		"\uac00", "\U0001F600", "\u0410", "\u1e9e", "l\u00b7", "\xff", "\xe4\xb8",
	}
	r := rand.New(rand.NewPCG(1, 2))
	var texts []string
	for n := range 6 {
		var b strings.Builder
		for b.Len() < 3*weightPart+n {
			piece := pieces[r.IntN(len(pieces)-2*(n%2))]
			b.WriteString(piece)
			if n == 2 || n == 3 {
				b.WriteString("x ")
			}
		}
		texts = append(texts, b.String())
	}
	texts = append(texts, strings.Repeat(" ", 3*weightPart), strings.Repeat("\u4e2d", 2*weightPart),
		strings.Repeat("x", 2*weightPart)+strings.Repeat(" ", weightPart)+"y",
		strings.Repeat("x", weightPart+1)+"e\u0301",
		strings.Repeat("\u0301", 2*weightPart))
	seen := map[string]bool{}
	for _, info := range All() {
		c := rulesOf(info.ID).ready()
		class := c.charset + string(rune('0'+int(c.kind)))
		if c.kind != kindUCA && c.kind != kindRunes && seen[class] && !strings.Contains(c.name, "spanish") {
			continue // the others differ in their tables
		}
		seen[class] = true
		for i, text := range texts {
			// Languages make their tables, which takes its time.
			if !testutil.Long() && (i > 1 && i != 7 && c.kind == kindUCA || i > 0 && strings.Count(c.name, "_") > 3) {
				continue
			}
			want := WeightString(info.ID, nil, []byte(text))
			var got []byte
			most := 0
			_, err := WeightParts(info.ID, nil, []byte(text), func(part []byte) error {
				got = append(got, part...)
				most = max(most, len(part))
				return nil
			})
			require.NoError(t, err)
			require.True(t, bytes.Equal(want, got), "%s, text %d", c.name, i)
		}
	}
}
