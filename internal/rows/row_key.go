package rows

import (
	"crypto/sha256"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// RowKeys makes normalized keys of whole rows, by which equal rows are found; see keyEncoder. Not for concurrent use.
type RowKeys struct {
	e *keyEncoder
}

// NewRowKeys returns one for rows of these types. Long keys are made in parts.
func NewRowKeys(columns []types.Type) *RowKeys {
	order := make([]Order, len(columns))
	for i := range order {
		order[i].Column = i
	}
	return &RowKeys{e: newKeyEncoder(columns, order)}
}

// RowKeyBytes is the longest key; all that are shorter are kept as they are, in the order of the columns.
const RowKeyBytes = 256

// Key returns the key of one row: the same for equal rows, different for others. It lives until the next call. A long
// key is cut and gets its SHA-256 behind it; no shorter key can be equal to that, as it is as long as no other is.
func (k *RowKeys) Key(b memory.Base, cols []*vector.Vector, row uint16) ([]byte, error) {
	if k.e.guess(b, cols, row) > sharedOverflowBytes {
		return k.long(b, cols, row)
	}
	key := k.e.encode(b, cols, row)
	if len(key) < RowKeyBytes {
		return key, nil
	}
	sum := sha256.Sum256(key)
	return append(append(make([]byte, 0, RowKeyBytes), key[:RowKeyBytes-len(sum)]...), sum[:]...), nil
}

// long is Key for a row whose key may be long: no more than a part of it is in memory.
func (k *RowKeys) long(b memory.Base, cols []*vector.Vector, row uint16) ([]byte, error) {
	defer k.e.trim()
	first := make([]byte, 0, RowKeyBytes)
	sum := sha256.New()
	err := k.e.stream(b, cols, row, func(part []byte) error {
		first = append(first, part[:min(len(part), RowKeyBytes-len(first))]...)
		_, err := sum.Write(part)
		return err
	})
	if err != nil || len(first) < RowKeyBytes {
		return first, err
	}
	return sum.Sum(first[:RowKeyBytes-sha256.Size]), nil
}
