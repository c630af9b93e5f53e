package rows

import (
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/vector"
)

// KeyMatcher compares keys in vectors with the keys of rows, whose first columns they are. Not for concurrent use.
type KeyMatcher struct{ m matcher }

// NewKeyMatcher returns a matcher for pinned rows of collections of that account.
func NewKeyMatcher(acct *memory.Account, l *Layout, keys int) *KeyMatcher {
	return &KeyMatcher{makeMatcher(acct, l, keys)}
}

// Equal keeps those of the pairs, in place, whose keys are equal: row sel[i] of cols and refs[i] for each i of pairs.
// NULL is equal to NULL.
func (k *KeyMatcher) Equal(b memory.Base, cols []*vector.Vector, sel []uint16, refs []memory.Ref,
	pairs []uint16) ([]uint16, error) {
	return k.m.match(b, cols, sel, refs, pairs)
}
