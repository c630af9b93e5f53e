package memory

import "runtime/debug"

// A Loan pays for bytes of the Go heap that a long value takes for a while, with pages that are leased and not used:
// what is taken from the pool is what the heap may have. The zero Loan has nothing. Not for concurrent use.
type Loan struct {
	pages []Page
}

const (
	// LoanFree is what a value may take without a loan.
	LoanFree = 256 << 10
	// loanPage is the size of the pages that are leased.
	loanPage = 1 << 20
	// loanCollect is what is collected at once when it is given back: other pages take its place.
	loanCollect = 8 << 20
)

// Take pays for n bytes more; nothing if they are no more than LoanFree. Error: sqlerr.ErrNoSurplus; what was paid so
// far stays.
func (l *Loan) Take(a *Account, n int64) error {
	if n <= LoanFree {
		return nil
	}
	for ; n > 0; n -= loanPage {
		p, err := a.Alloc(loanPage, Leased)
		if err != nil {
			return err
		}
		l.pages = append(l.pages, p)
	}
	return nil
}

// Return ends what was taken, of which nothing may be referred to any more. Repeatable.
func (l *Loan) Return(a *Account) {
	if len(l.pages) == 0 {
		return
	}
	if len(l.pages)*loanPage >= loanCollect {
		debug.FreeOSMemory()
	}
	for _, p := range l.pages {
		a.Free(p)
	}
	l.pages = l.pages[:0]
}

// Taken says if there is something to return.
func (l *Loan) Taken() bool { return len(l.pages) > 0 }
