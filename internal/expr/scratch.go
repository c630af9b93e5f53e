package expr

import (
	"bytes"
	"runtime/debug"
	"strings"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
)

// Functions of strings whose result's length is not known before it is made build it on the Go heap, and JSON texts are
// parsed there. For long values that heap is paid for with pages that are leased meanwhile and not used: what is taken
// from the pool is what the heap may have. ErrNoSurplus if there are none.

const (
	// scratchFree is what a value may take without that: evaluators keep no more.
	scratchFree = 256 << 10
	// scratchPage is the size of the pages that are leased.
	scratchPage = 1 << 20
	// scratchCollect is what is collected at once when it is given back: other pages take its place.
	scratchCollect = 8 << 20
)

// scratchFactors is what functions build on the heap, in bytes for each byte of their arguments; buffers double.
var scratchFactors = map[string]int{
	"hex": 2, "unhex": 1, "to_base64": 3, "from_base64": 2, "quote": 2, "lower": 2, "ucase": 2, "upper": 2, "lcase": 2,
	"soundex": 2, "make_set": 3, "export_set": 3, "json_quote": 5, "json_unquote": 5,
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
			n += 5*s.Len() + jsonScratch(r.str(k))
		}
	}
	return n
}

// jsonScratch is what parsing a JSON text takes: its binary form, and places of elements and members.
func jsonScratch(text []byte) int {
	return len(text) + 24*bytes.Count(text, []byte(",")) + 60*bytes.Count(text, []byte(":"))
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
	for ; n > 0; n -= scratchPage {
		p, err := ev.acct.Alloc(scratchPage, memory.Leased)
		if err != nil {
			return err
		}
		ev.loans = append(ev.loans, p)
	}
	return nil
}

// giveBackLoans ends what was borrowed for a row, by evalRows or by the function itself. Values outside of pages need
// theirs until the end.
func (ev *Evaluator) giveBackLoans() {
	if len(ev.loans) > 0 {
		ev.giveBack()
	}
}

// giveBack ends what was borrowed.
func (ev *Evaluator) giveBack() {
	if len(ev.loans) == 0 && len(ev.backs) == 0 {
		return
	}
	if cap(ev.scratch) > scratchKeep {
		ev.scratch = nil
	}
	if cap(ev.conv) > scratchKeep {
		ev.conv = nil
	}
	if len(ev.loans)*scratchPage >= scratchCollect {
		debug.FreeOSMemory()
	}
	for _, p := range ev.loans {
		ev.acct.Free(p)
	}
	for _, back := range ev.backs {
		back()
	}
	ev.loans, ev.backs = ev.loans[:0], nil
}
