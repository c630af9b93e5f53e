package rows

import (
	"math/bits"

	"github.com/spillwaydb/spillway/internal/memory"
)

// A table's entry has the highest 16 bits of a hash, the salt, and the place of a row; 0 is none. While rows of a chunk
// wait to be appended, the place is the row's number in the chunk, marked by the lowest bit, which rows' places lack.
const (
	saltShift   = 48
	refMask     = 1<<saltShift - 1
	pendingMark = 1

	entryBytes = 8
	// A table is full when two thirds of its entries are used.
	loadNumerator, loadDenominator = 2, 3
)

// Table is a pointer table: open addressing with linear probing over entries in one page. It never grows: it is dropped
// and made anew, from rows that are still pinned.
type Table struct {
	page    memory.Page
	entries []uint64 // of the page
	mask    uint64
	used    int
}

// SmallestTableBytes is a table that every operator with one holds.
const SmallestTableBytes = 32 << 10

// TableBytes is the size of a table for n rows.
func TableBytes(n int64) int64 {
	entries := uint64(max(n, 1)) * loadDenominator / loadNumerator
	return max(SmallestTableBytes, int64(entryBytes)<<bits.Len64(entries))
}

// Open takes the page of an empty table of that many bytes, a power of two.
func (t *Table) Open(acct *memory.Account, size int, kind memory.Kind) error {
	p, err := acct.Alloc(size, kind)
	if err != nil {
		return err
	}
	t.page, t.used = p, 0
	t.entries = memory.Slice[uint64](acct.Base(), p.Ref, size/entryBytes)
	t.mask = uint64(len(t.entries) - 1)
	clear(t.entries)
	return nil
}

// Size is the table's length in bytes; 0 if it is not open.
func (t *Table) Size() int { return t.page.Size() }

// Room is how many rows can be added.
func (t *Table) Room() int { return len(t.entries)*loadNumerator/loadDenominator - t.used }

// Used is how many rows there are.
func (t *Table) Used() int { return t.used }

// Reset forgets all rows.
func (t *Table) Reset() {
	clear(t.entries)
	t.used = 0
}

// Close gives the page back. Repeatable.
func (t *Table) Close(acct *memory.Account) {
	acct.Free(t.page)
	*t = Table{}
}
