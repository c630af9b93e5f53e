package expr

import (
	"strings"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
)

// Functions of strings whose result's length is not known before it is made build it on the Go heap, and JSON texts are
// parsed there. For long values that heap is paid for with pages that are leased meanwhile and not used: what is taken
// from the pool is what the heap may have. ErrNoSurplus if there are none.

// scratchFree is what a value may take without that: evaluators keep no more.
const scratchFree = memory.LoanFree

// scratchFactors is what functions build on the heap, in bytes for each byte of their arguments; buffers double.
var scratchFactors = map[string]int{
	"hex": 2, "unhex": 1, "to_base64": 3, "from_base64": 2, "quote": 2, "lower": 2, "ucase": 2, "upper": 2, "lcase": 2,
	"soundex": 2, "json_quote": 5, "json_unquote": 5,
}

// scratchOf is what a call takes of the heap for the present row.
func (r *row) scratchOf() int {
	fn := r.nd.fn
	json := strings.HasPrefix(fn.name, "json_")
	factor := scratchFactors[fn.name]
	if !json && factor == 0 {
		return 0
	}
	n := 0
	for k, v := range r.av {
		if v.Type.Phys() != types.PhysString || r.isNull(k) {
			continue
		}
		s := &v.Str[r.idx(k)]
		switch {
		case factor > 0:
			n += factor * s.Len()
		case s.Len() <= scratchFree/32:
			n += s.Len()
		case v.Type.ID == types.JSON:
			n += 5 * s.Len()
		default:
			n += types.JSONParseBytes(r.str(k))
		}
	}
	return n
}

// borrow pays for n bytes of the Go heap until giveBack.
func (ev *Evaluator) borrow(n int) error {
	if n <= scratchFree {
		return nil
	}
	if ev.acct == nil {
		if ev.env.Borrow == nil {
			return nil
		}
		back, err := ev.env.Borrow(int64(n))
		if err == nil {
			ev.backs = append(ev.backs, back)
		}
		return err
	}
	return ev.loan.Take(ev.acct, int64(n))
}

// giveBackLoans ends what was borrowed for a row, by evalRows or by the function itself. Values outside of pages need
// theirs until the end.
func (ev *Evaluator) giveBackLoans() {
	if ev.loan.Taken() {
		ev.giveBack()
	}
}

// giveBack ends what was borrowed.
func (ev *Evaluator) giveBack() {
	if !ev.loan.Taken() && len(ev.backs) == 0 {
		return
	}
	if cap(ev.scratch) > scratchKeep {
		ev.scratch = nil
	}
	if cap(ev.conv) > scratchKeep {
		ev.conv = nil
	}
	if ev.acct != nil {
		ev.loan.Return(ev.acct)
	}
	for _, back := range ev.backs {
		back()
	}
	ev.backs = nil
}
