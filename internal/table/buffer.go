package table

import (
	"errors"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/vector"
)

// smallRow is the size up to which a row is encoded on the heap; longer ones take a leased page.
const smallRow = 16 << 10

// HeldRow is what the writer of a table holds for a row that is not small, 0 if all are: rows of up to 64 KiB need no
// surplus.
func HeldRow(t *schema.Table) int64 {
	n := 0
	for i := range t.Columns {
		n += max(vector.RowBytes(t.Columns[i].Type), vector.HeldText(t.Columns[i].Type))
	}
	if n <= smallRow/2 {
		return 0
	}
	return int64(memory.PageSize(min(n, longRow)))
}

// longRow is 64 KiB of strings with what belongs to them.
const longRow = 128 << 10

// buffer is room for one encoded row at a time.
type buffer struct {
	acct  *memory.Account
	held  int64 // so large a page is within the minimum
	small []byte
	page  memory.Page
}

// room returns n bytes, valid until the next call.
func (b *buffer) room(n int) ([]byte, error) {
	b.free()
	if n <= smallRow {
		if cap(b.small) < n {
			b.small = make([]byte, max(512, min(smallRow, 2*n)))
		}
		return b.small[:n], nil
	}
	p, err := b.acct.Alloc(n, kindOfRow(n, b.held))
	if err != nil {
		return nil, tooLarge(err)
	}
	b.page = p
	return memory.Bytes(b.acct.Base(), p.Ref, n), nil
}

// kindOfRow is what a page for a row of n bytes counts on, where held bytes are within the minimum.
func kindOfRow(n int, held int64) memory.Kind {
	if int64(memory.PageSize(n)) <= held {
		return memory.Held
	}
	return memory.Leased
}

func (b *buffer) free() {
	if b.page != (memory.Page{}) {
		b.acct.Free(b.page)
		b.page = memory.Page{}
	}
}

// tooLarge makes a statement's error of the refusal of surplus for a single row.
func tooLarge(err error) error {
	if errors.Is(err, sqlerr.ErrNoSurplus) {
		return sqlerr.Newf(sqlerr.ErrOutOfResources, "Out of memory; a row needs pages that are not free")
	}
	return err
}
