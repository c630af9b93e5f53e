package rows

import (
	"crypto/sha256"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// RowKeys makes normalized keys of whole rows, by which equal rows are found; see keyEncoder. Not for concurrent use.
type RowKeys struct {
	acct *memory.Account
	e    *keyEncoder
	loan memory.Loan // for long keys
}

// NewRowKeys returns one for rows of these types. Long keys are made on the Go heap, which acct pays for meanwhile.
func NewRowKeys(acct *memory.Account, columns []types.Type) *RowKeys {
	order := make([]Order, len(columns))
	for i := range order {
		order[i].Column = i
	}
	return &RowKeys{acct: acct, e: newKeyEncoder(columns, order)}
}

// RowKeyBytes is the longest key; all that are shorter are kept as they are, in the order of the columns.
const RowKeyBytes = 256

// Key returns the key of one row: the same for equal rows, different for others. It lives until the next call. A long
// key is cut and gets its SHA-256 behind it; no shorter key can be equal to that, as it is as long as no other is.
// Error: 1041 for a long value for which there is no memory.
func (k *RowKeys) Key(b memory.Base, cols []*vector.Vector, row uint16) ([]byte, error) {
	defer k.loan.Return(k.acct)
	if n := k.e.guess(b, cols, row); n > memory.LoanFree {
		if err := k.loan.Take(k.acct, int64(n)); err != nil {
			return nil, Final(err)
		}
		k.e.text = make([]byte, 0, n)
	}
	key := k.e.encode(b, cols, row)
	if len(key) < RowKeyBytes {
		return key, nil
	}
	sum := sha256.Sum256(key)
	short := append(append(make([]byte, 0, RowKeyBytes), key[:RowKeyBytes-len(sum)]...), sum[:]...)
	k.e.trim()
	return short, nil
}
