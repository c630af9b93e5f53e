package expr

import (
	"encoding/binary"
	"strings"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// row is the view that a function of single rows has of its arguments and its result. Functions that take a few
// nanoseconds are loops over slices instead (function.vec).
type row struct {
	ev  *Evaluator
	nd  *node
	av  []*vector.Vector
	out *vector.Vector
	i   int
}

// evalRows calls the function for each row.
func (ev *Evaluator) evalRows(nd *node, rs rows) error {
	r := &nd.row
	strict := nd.fn.flags&seesNull == 0
	isString := nd.out.Type.Phys() == types.PhysString
	if strict {
		orNulls(nd.out.Null, nd.av, rs)
	}
	_, isLong := scratchFactors[nd.fn.name]
	isLong = isLong || strings.HasPrefix(nd.fn.name, "json_")
	for k := range rs.n {
		i := rs.at(k)
		if isString {
			nd.out.Str[i] = vector.Str{}
		}
		if strict && nd.out.Null[i] != 0 {
			continue
		}
		nd.out.Null[i] = 0
		r.i = i
		if isLong {
			if err := ev.borrow(r.scratchOf()); err != nil {
				ev.giveBackLoans()
				return err
			}
		}
		if err := nd.fn.row(r); err != nil {
			ev.giveBackLoans()
			return err
		}
		ev.giveBackLoans()
	}
	return nil
}

// orNulls sets out to 1 where any argument is NULL, to 0 elsewhere.
func orNulls(out []uint8, av []*vector.Vector, rs rows) {
	clearNulls(out, rs)
	for _, v := range av {
		switch {
		case v.NoNulls:
		case v.Const:
			if v.Null[0] != 0 {
				setNulls(out, rs)
			}
		case rs.sel == nil:
			orBytes(out[:rs.n], v.Null)
		default:
			x := v.Null
			for _, i := range rs.sel {
				out[i] |= x[i]
			}
		}
	}
}

// orBytes sets o[i] |= x[i], eight at a time.
func orBytes(o, x []uint8) {
	x = x[:len(o)]
	for len(o) >= 8 {
		binary.LittleEndian.PutUint64(o, binary.LittleEndian.Uint64(o)|binary.LittleEndian.Uint64(x))
		o, x = o[8:], x[8:]
	}
	for i := range o {
		o[i] |= x[i]
	}
}

func clearNulls(out []uint8, rs rows) {
	if rs.sel == nil {
		clear(out[:rs.n])
		return
	}
	for _, i := range rs.sel {
		out[i] = 0
	}
}

func setNulls(out []uint8, rs rows) {
	for k := range rs.n {
		out[rs.at(k)] = 1
	}
}

func (r *row) nargs() int { return len(r.av) }

func (r *row) idx(k int) int {
	if r.av[k].Const {
		return 0
	}
	return r.i
}

func (r *row) isNull(k int) bool { return r.av[k].Null[r.idx(k)] != 0 }

func (r *row) argType(k int) *types.Type { return &r.nd.args[k].t }

func (r *row) i64(k int) int64 { return r.av[k].I64[r.idx(k)] }

func (r *row) u64(k int) uint64 { return r.av[k].U64[r.idx(k)] }

func (r *row) f64(k int) float64 { return r.av[k].F64[r.idx(k)] }

func (r *row) dec(k int) types.Dec { return r.av[k].Dec[r.idx(k)] }

func (r *row) str(k int) []byte { return r.ev.bytes(&r.av[k].Str[r.idx(k)]) }

func (r *row) datum(k int) types.Datum {
	d := r.ev.datum(r.av[k], r.i)
	d.Type = r.nd.args[k].t
	return d
}

func (r *row) setNull() error {
	r.out.Null[r.i] = 1
	return nil
}

func (r *row) setI64(v int64) error {
	r.out.I64[r.i] = v
	return nil
}

func (r *row) setBool(v bool) error {
	r.out.I64[r.i] = int64(b2i(v))
	return nil
}

func (r *row) setU64(v uint64) error {
	r.out.U64[r.i] = v
	return nil
}

func (r *row) setF64(v float64) error {
	r.out.F64[r.i] = v
	return nil
}

func (r *row) setDec(v types.Dec) error {
	r.out.Dec[r.i] = v
	return nil
}

// setStr copies b to the result.
func (r *row) setStr(b []byte) error {
	if r.tooLong(int64(len(b))) {
		return r.setNull()
	}
	s, err := r.ev.put(b)
	if err != nil {
		return err
	}
	r.out.Str[r.i] = s
	return nil
}

// setSub makes the result bytes lo..hi-1 of argument k, sharing them: no copy for long strings.
func (r *row) setSub(k, lo, hi int) error {
	s := &r.av[k].Str[r.idx(k)]
	if lo == 0 && hi == s.Len() {
		r.out.Str[r.i] = *s
		return nil
	}
	b := r.ev.bytes(s)[lo:hi]
	if r.ev.acct == nil || s.IsInline() {
		return r.setStr(b)
	}
	r.out.Str[r.i] = vector.MakeStr(b, s.Ref()+refOf(lo))
	return nil
}

// build makes a result of exactly n bytes, which fill writes; NULL and a warning if that is more than allowed.
func (r *row) build(n int64, fill func(dst []byte)) error {
	if r.tooLong(n) {
		return r.setNull()
	}
	if n <= vector.InlineBytes {
		var b [vector.InlineBytes]byte
		fill(b[:n])
		r.out.Str[r.i] = vector.MakeInline(b[:n])
		return nil
	}
	b, ref, err := r.ev.alloc(int(n))
	if err != nil {
		return err
	}
	fill(b)
	r.out.Str[r.i] = vector.MakeStr(b, ref)
	return nil
}

// buf is an empty scratch buffer; setBuf ends its use.
func (r *row) buf() []byte { return r.ev.scratch[:0] }

// bufFor is buf with room for n bytes, so that long results do not double.
func (r *row) bufFor(n int) []byte {
	if n <= cap(r.ev.scratch) || n <= scratchKeep {
		return r.buf()
	}
	return make([]byte, 0, n)
}

// setBuf is setStr of what was built in buf.
func (r *row) setBuf(b []byte) error {
	if cap(b) <= scratchKeep {
		r.ev.scratch = b[:0]
	}
	return r.setStr(b)
}

// maxPacketDefault holds where the session did not set max_allowed_packet.
const maxPacketDefault = 64 << 20

func (ev *Evaluator) maxPacket() int64 {
	if ev.env.MaxPacket > 0 {
		return ev.env.MaxPacket
	}
	return maxPacketDefault
}

// tooLong says if a result of n bytes is longer than allowed, and warns.
func (r *row) tooLong(n int64) bool {
	limit := r.ev.maxPacket()
	if n <= limit {
		return false
	}
	r.ev.note(sqlerr.New(sqlerr.ErrWarnAllowedPacketOverflowed, r.nd.fn.name, limit))
	return true
}

// set stores a single value of the result's type.
func (r *row) set(d types.Datum) error {
	if d.IsNull() {
		return r.setNull()
	}
	switch r.out.Type.Phys() {
	case types.PhysInt64:
		return r.setI64(d.I)
	case types.PhysUint64:
		return r.setU64(d.U)
	case types.PhysFloat64:
		return r.setF64(d.F)
	case types.PhysDecimal:
		return r.setDec(d.D)
	default:
		return r.setStr(d.S)
	}
}

// outOfRange is error 1690 for the row's expression.
func (r *row) outOfRange() error { return outOfRange(r.nd) }

func outOfRange(nd *node) error {
	return sqlerr.New(sqlerr.ErrDataOutOfRange, typeName(nd.out.Type), errorText(nd.e))
}

// copyRows copies rows of src to the same rows of dst.
func copyRows(dst, src *vector.Vector, rs rows) {
	m := mask(src)
	for k := range rs.n {
		i := rs.at(k)
		dst.Null[i] = src.Null[i&m]
	}
	switch dst.Type.Phys() {
	case types.PhysInt64:
		copyValues(dst.I64, src.I64, m, rs)
	case types.PhysUint64:
		copyValues(dst.U64, src.U64, m, rs)
	case types.PhysFloat64:
		copyValues(dst.F64, src.F64, m, rs)
	case types.PhysDecimal:
		copyValues(dst.Dec, src.Dec, m, rs)
	case types.PhysString:
		copyValues(dst.Str, src.Str, m, rs)
	}
}

func copyValues[T any](dst, src []T, m int, rs rows) {
	if rs.sel == nil && m != 0 {
		copy(dst[:rs.n], src)
		return
	}
	for k := range rs.n {
		i := rs.at(k)
		dst[i] = src[i&m]
	}
}
