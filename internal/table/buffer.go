package table

import (
	"errors"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// smallRow is the size up to which a row is encoded on the heap; longer ones take a leased page.
const smallRow = 16 << 10

// buffer is room for one encoded row at a time.
type buffer struct {
	acct  *memory.Account
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
	p, err := b.acct.Alloc(n, memory.Leased)
	if err != nil {
		return nil, tooLarge(err)
	}
	b.page = p
	return memory.Bytes(b.acct.Base(), p.Ref, n), nil
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
