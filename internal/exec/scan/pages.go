package scan

import (
	"errors"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// pairPage is a held page for pairs, and another for a pair that does not fit it: held too for rows of up to 64 KiB,
// else leased.
type pairPage struct {
	acct  *memory.Account
	long  func(n int) bool // says whether a row of n bytes must wait for the worker's turn; nil: it need not
	row   int64            // so large a page for one pair is within the minimum
	page  memory.Page
	large memory.Page
	pairs kv.Pairs
}

// open takes the page, with room for the ends of that many pairs.
func (p *pairPage) open(acct *memory.Account, bytes, pairs int) error {
	page, err := acct.Alloc(bytes, memory.Held)
	if err != nil {
		return err
	}
	p.acct, p.page = acct, page
	p.pairs = kv.Pairs{
		Buf: memory.Bytes(acct.Base(), page.Ref, page.Size()), Ends: make([]int32, 2*pairs),
		Of: make([]int32, pairs), Large: p.grow,
	}
	return nil
}

// grow gives the store a page for one large pair.
func (p *pairPage) grow(n int) ([]byte, error) {
	p.release()
	kind := memory.Leased
	if int64(memory.PageSize(n)) <= p.row {
		kind = memory.Held
	} else if p.long != nil && p.long(memory.PageSize(n)) {
		return nil, kv.ErrLater
	}
	page, err := p.acct.Alloc(n, kind)
	if err != nil {
		return nil, refused(err)
	}
	p.large = page
	return memory.Bytes(p.acct.Base(), page.Ref, n), nil
}

// ref is where the pairs lie.
func (p *pairPage) ref() memory.Ref {
	if p.large != (memory.Page{}) {
		return p.large.Ref
	}
	return p.page.Ref
}

// release gives the large page back; the pairs in it are gone.
func (p *pairPage) release() {
	if p.large != (memory.Page{}) {
		p.pairs.SetBig(nil)
		p.acct.Free(p.large)
		p.large = memory.Page{}
	}
}

func (p *pairPage) close() {
	p.release()
	if p.page != (memory.Page{}) {
		p.acct.Free(p.page)
		p.page = memory.Page{}
	}
}

// refused makes a statement's error of the refusal of surplus for a single row.
func refused(err error) error {
	if !errors.Is(err, sqlerr.ErrNoSurplus) {
		return err
	}
	return sqlerr.Newf(sqlerr.ErrOutOfResources, "Out of memory; a row needs pages that are not free")
}
