package expr

import (
	"math"
	"unsafe"

	"github.com/zeebo/xxh3"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

// IN with a list of constants is a look-up in a hash set, which lies in the evaluator's pages. Whatever else is in the
// list is compared one by one.

var inFunction = &function{name: "in", flags: boolean, nodes: 1, vec: evalIn, room: inRoom, init: initIn}

func buildIn(b *builder, args []Expr) (Expr, error) {
	value := args[0]
	var literals, others []Expr // literals: as compared with value
	var head Expr               // value as compared with literals
	hasNull := false
	for _, a := range args[1:] {
		c, ok := b.fold(a).(*Const)
		if !ok {
			others = append(others, a)
			continue
		}
		if c.D.IsNull() {
			hasNull = true
			continue
		}
		x, y, err := b.comparable(value, c)
		if err != nil {
			return nil, err
		}
		l, ok := y.(*Const)
		if !ok || l.D.IsNull() || head != nil && !sameComparison(head, x, literals[0], y) {
			others = append(others, a)
			continue
		}
		if head == nil {
			head = x
		}
		literals = append(literals, y)
	}
	var parts []Expr
	switch {
	case len(literals) == 1:
		others = append(literals, others...)
	case len(literals) > 1:
		c := b.call(inFunction, append([]Expr{head}, literals...), types.NewBool(), 0, 0)
		c.t.Nullable = head.Type().Nullable
		parts = append(parts, c)
	}
	if hasNull {
		others = append(others, NewNull())
	}
	for _, o := range others {
		eq, err := NewCall("=", []Expr{value, o}, b.env)
		if err != nil {
			return nil, err
		}
		parts = append(parts, eq)
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return NewCall("or", parts, b.env)
}

// sameComparison says if two comparisons with one value are done in the same way.
func sameComparison(x1, x2, y1, y2 Expr) bool {
	t1, t2 := y1.Type(), y2.Type()
	if t1.Phys() != t2.Phys() || t1.Collation != t2.Collation || !Equal(x1, x2) {
		return false
	}
	return t1.Phys() != types.PhysDecimal || t1.Scale == t2.Scale
}

// InList gives the value and the literals of an IN list that is looked up as a set; ok is false for all else.
func InList(e Expr) (value Expr, list []*Const, ok bool) {
	c, is := e.(*Call)
	if !is || c.fn != inFunction {
		return nil, nil, false
	}
	for _, a := range c.args[1:] {
		list = append(list, a.(*Const))
	}
	return c.args[0], list, true
}

// The set is a table of uint32 entry numbers (from 1, 0 is empty), open addressing, at most half full, then the values,
// 8, 32 or 16 bytes each, then the bytes of strings that are not inline.

type inSet struct {
	slots []uint32
	i64   []int64
	u64   []uint64
	f64   []float64
	dec   []types.Dec
	str   []vector.Str
	coll  collation.ID
	json  bool
}

func inSlots(n int) int {
	size := 16
	for size < 2*n {
		size *= 2
	}
	return size
}

func inRoom(c *Call) int {
	list := c.args[1:]
	n := inSlots(len(list))*4 + len(list)*list[0].Type().Phys().Width()
	for _, a := range list {
		if l := len(a.(*Const).D.S); l > vector.InlineBytes {
			n += l
		}
	}
	return n
}

func overlay[T any](b []byte, n int) ([]T, []byte) {
	var t T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n), b[n*int(unsafe.Sizeof(t)):]
}

func initIn(ev *Evaluator, nd *node, room []byte, ref memory.Ref) error {
	list := nd.e.(*Call).args[1:]
	total := len(room)
	s := &inSet{coll: list[0].Type().Collation, json: list[0].Type().ID == types.JSON}
	s.slots, room = overlay[uint32](room, inSlots(len(list)))
	clear(s.slots)
	switch list[0].Type().Phys() {
	case types.PhysInt64:
		s.i64, room = overlay[int64](room, len(list))
	case types.PhysUint64:
		s.u64, room = overlay[uint64](room, len(list))
	case types.PhysFloat64:
		s.f64, room = overlay[float64](room, len(list))
	case types.PhysDecimal:
		s.dec, room = overlay[types.Dec](room, len(list))
	case types.PhysString:
		s.str, room = overlay[vector.Str](room, len(list))
	}
	mask := uint64(len(s.slots) - 1)
	for k, a := range list {
		d := &a.(*Const).D
		var h uint64
		switch {
		case s.i64 != nil:
			s.i64[k], h = d.I, hashWord(uint64(d.I))
		case s.u64 != nil:
			s.u64[k], h = d.U, hashWord(d.U)
		case s.f64 != nil:
			s.f64[k], h = d.F, hashFloat(d.F)
		case s.dec != nil:
			s.dec[k], h = d.D, hashDec(&d.D)
		default:
			h = ev.hashString(s, d.S)
			switch {
			case ev.acct == nil || len(d.S) <= vector.InlineBytes:
				s.str[k] = ev.keep(d.S)
			default:
				at := ref + memory.Ref(total-len(room))
				copy(room, d.S)
				s.str[k] = vector.MakeStr(d.S, at)
				room = room[len(d.S):]
			}
		}
		for slot := h & mask; ; slot = (slot + 1) & mask {
			if s.slots[slot] == 0 {
				s.slots[slot] = uint32(k + 1)
				break
			}
		}
	}
	nd.state = s
	return nil
}

// hashWord is the finalizer of MurmurHash3.
func hashWord(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

func hashFloat(f float64) uint64 {
	if f == 0 {
		f = 0 // -0 equals 0
	}
	return hashWord(math.Float64bits(f))
}

func hashDec(d *types.Dec) uint64 {
	return hashWord(d[0] ^ d[1]*0x9e3779b97f4a7c15 ^ d[2]<<1 ^ d[3]<<2)
}

func (ev *Evaluator) hashString(s *inSet, b []byte) uint64 {
	if s.json {
		ev.scratch = types.AppendJSONSortKey(ev.scratch[:0], b)
	} else {
		ev.scratch = collation.WeightPrefix(s.coll, ev.scratch[:0], b, scratchKeep)
	}
	return xxh3.Hash(ev.scratch)
}

func evalIn(ev *Evaluator, nd *node, rs rows) error {
	s := nd.state.(*inSet)
	orNulls(nd.out.Null, nd.av, rs)
	v, out := nd.av[0], nd.out.I64
	m := mask(v)
	switch v.Type.Phys() {
	case types.PhysInt64:
		if s.u64 != nil {
			inMixed(out, v.I64, s, m, rs)
		} else {
			inWords(out, v.I64, s.i64, s.slots, m, rs)
		}
	case types.PhysUint64:
		if s.i64 != nil {
			inMixed(out, v.U64, s, m, rs)
		} else {
			inWords(out, v.U64, s.u64, s.slots, m, rs)
		}
	case types.PhysFloat64:
		for k := range rs.n {
			i := rs.at(k)
			out[i] = inFloat(s, v.F64[i&m])
		}
	case types.PhysDecimal:
		for k := range rs.n {
			i := rs.at(k)
			out[i] = s.findDec(v.Dec[i&m], v.Type.Scale, nd.e.(*Call).args[1].Type().Scale)
		}
	default:
		for k := range rs.n {
			if i := rs.at(k); nd.out.Null[i] == 0 {
				out[i] = ev.findString(s, ev.bytes(&v.Str[i&m]))
			}
		}
	}
	return nil
}

func inWords[T int64 | uint64](out []int64, x, list []T, slots []uint32, m int, rs rows) {
	mask := uint64(len(slots) - 1)
	for k := range rs.n {
		i := rs.at(k)
		v := x[i&m]
		out[i] = 0
		for slot := hashWord(uint64(v)) & mask; slots[slot] != 0; slot = (slot + 1) & mask {
			if list[slots[slot]-1] == v {
				out[i] = 1
				break
			}
		}
	}
}

// inMixed is for values of the other signedness: those outside of the common range are in no list.
func inMixed[T int64 | uint64](out []int64, x []T, s *inSet, m int, rs rows) {
	mask := uint64(len(s.slots) - 1)
	for k := range rs.n {
		i := rs.at(k)
		v := uint64(x[i&m])
		out[i] = 0
		if int64(v) < 0 {
			continue
		}
		for slot := hashWord(v) & mask; s.slots[slot] != 0; slot = (slot + 1) & mask {
			e := s.slots[slot] - 1
			if s.i64 != nil && s.i64[e] == int64(v) || s.u64 != nil && s.u64[e] == v {
				out[i] = 1
				break
			}
		}
	}
}

func inFloat(s *inSet, v float64) int64 {
	mask := uint64(len(s.slots) - 1)
	for slot := hashFloat(v) & mask; s.slots[slot] != 0; slot = (slot + 1) & mask {
		if s.f64[s.slots[slot]-1] == v {
			return 1
		}
	}
	return 0
}

func (s *inSet) findDec(v types.Dec, scale, listScale uint8) int64 {
	if scale != listScale {
		r, ok := v.Rescale(scale, listScale)
		if !ok || types.DecCmp(v, scale, r, listScale) != 0 {
			return 0
		}
		v = r
	}
	mask := uint64(len(s.slots) - 1)
	for slot := hashDec(&v) & mask; s.slots[slot] != 0; slot = (slot + 1) & mask {
		if s.dec[s.slots[slot]-1] == v {
			return 1
		}
	}
	return 0
}

func (ev *Evaluator) findString(s *inSet, v []byte) int64 {
	mask := uint64(len(s.slots) - 1)
	for slot := ev.hashString(s, v) & mask; s.slots[slot] != 0; slot = (slot + 1) & mask {
		e := ev.bytes(&s.str[s.slots[slot]-1])
		if s.json && types.JSONCompare(e, v) == 0 || !s.json && collation.Collate(s.coll, e, v) == 0 {
			return 1
		}
	}
	return 0
}
