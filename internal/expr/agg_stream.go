package expr

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"strings"

	"github.com/spillwaydb/spillway/internal/invariants"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Streaming forms: one group at a time.

var (
	_ GroupState = (*fixedState)(nil)
	_ GroupState = (*variableState)(nil)
	_ GroupState = (*distinctState)(nil)
	_ Lender     = (*variableState)(nil)
	_ Lender     = (*distinctState)(nil)
)

// fixedState streams through an Accumulator: one state in a page, behind room for row numbers.
type fixedState struct {
	acct *memory.Account
	acc  Accumulator
	page memory.Page
	ref  [1]memory.Ref
	rows []uint16
}

const fixedStateBytes = 2*vector.MaxRows + 64

func newFixedState(acct *memory.Account, acc Accumulator) (GroupState, error) {
	p, err := acct.Alloc(fixedStateBytes, memory.Held)
	if err != nil {
		return nil, err
	}
	s := &fixedState{acct: acct, acc: acc, page: p}
	s.rows = memory.Slice[uint16](acct.Base(), p.Ref, vector.MaxRows)
	s.ref[0] = p.Ref + 2*vector.MaxRows
	return s, s.Reset()
}

func (s *fixedState) Reset() error {
	s.acc.Init(s.acct.Base(), s.ref[:])
	return nil
}

func (s *fixedState) Update(rows []uint16, lo, hi int, args []*vector.Vector) error {
	n := hi
	if rows == nil && lo > 0 {
		rows = rangeRows(s.rows, lo, hi)
	}
	return s.acc.UpdateOne(s.acct.Base(), s.ref[0], rows, n, args)
}

func rangeRows(dst []uint16, lo, hi int) []uint16 {
	dst = dst[:max(hi-lo, 0)]
	for k := range dst {
		dst[k] = uint16(lo + k)
	}
	return dst
}

func (s *fixedState) Result(out *vector.Vector, i int, _ *vector.Arena) error {
	return s.acc.Result(s.acct.Base(), s.ref[:], shifted(out, i))
}

// shifted is out from row i on, as Accumulator.Result writes from row 0.
func shifted(out *vector.Vector, i int) *vector.Vector {
	v := *out
	v.Null = v.Null[i:]
	switch {
	case v.I64 != nil:
		v.I64 = v.I64[i:]
	case v.U64 != nil:
		v.U64 = v.U64[i:]
	case v.F64 != nil:
		v.F64 = v.F64[i:]
	case v.Dec != nil:
		v.Dec = v.Dec[i:]
	}
	return &v
}

func (s *fixedState) Close() {
	if s.acct != nil {
		s.acct.Free(s.page)
		s.acct, s.page, s.rows = nil, memory.Page{}, nil
	}
}

// pageBuffer is a growing buffer in a page: the first one held, larger ones leased.
type pageBuffer struct {
	acct *memory.Account
	page memory.Page
	n    int
	held int // bytes of the held page
}

// variableStateBytes is the buffer that a state holds: a value of up to 64 KiB if it is one.
func variableStateBytes(a *Aggregate) int {
	n := 16 << 10
	switch a.Name {
	case "min", "max", "any_value":
		n = max(n, vector.HeldText(a.T))
	}
	return n
}

func (b *pageBuffer) init(acct *memory.Account, n int) error {
	p, err := acct.Alloc(n, memory.Held)
	b.acct, b.page, b.n, b.held = acct, p, 0, memory.PageSize(n)
	return err
}

// shrink goes back to an empty page that is held.
func (b *pageBuffer) shrink() error {
	acct := b.acct
	b.free()
	return b.init(acct, b.held)
}

// clear empties the buffer.
func (b *pageBuffer) clear() error {
	if b.n = 0; b.page.Size() > max(b.held, vector.ArenaPageBytes) {
		return b.shrink()
	}
	return nil
}

func (b *pageBuffer) bytes() []byte { return memory.Bytes(b.acct.Base(), b.page.Ref, b.n) }

// extend makes room for n more bytes and returns it.
func (b *pageBuffer) extend(n int) ([]byte, error) {
	if b.n+n > b.page.Size() {
		if b.n+n > memory.MaxPageBytes {
			return nil, sqlerr.New(sqlerr.ErrWarnAllowedPacketOverflowed, "aggregate", memory.MaxPageBytes)
		}
		if b.n == 0 && b.page.Size() > b.held {
			if err := b.shrink(); err != nil { // not two long values at a time
				return nil, err
			}
		}
		p, err := b.acct.Alloc(max(b.n+n, min(2*b.page.Size(), memory.MaxPageBytes)), memory.Leased)
		if err != nil {
			return nil, err
		}
		copy(memory.Bytes(b.acct.Base(), p.Ref, b.n), b.bytes())
		b.acct.Free(b.page)
		b.page = p
	}
	at := b.n
	b.n += n
	return b.bytes()[at:], nil
}

func (b *pageBuffer) append(v []byte) error {
	dst, err := b.extend(len(v))
	copy(dst, v)
	return err
}

func (b *pageBuffer) free() {
	if b.acct != nil {
		b.acct.Free(b.page)
		b.acct, b.page = nil, memory.Page{}
	}
}

// variableState is an aggregate whose state is bytes: MIN, MAX and ANY_VALUE of strings, GROUP_CONCAT, JSON_ARRAYAGG
// and JSON_OBJECTAGG. The JSON ones keep their elements, each behind its length, and are put together at the end.
type variableState struct {
	a    *Aggregate
	env  *Env
	base memory.Base
	buf  pageBuffer
	set  bool // there is a value
	null bool // ANY_VALUE: it is NULL
	cut  bool // GROUP_CONCAT: something was cut off
	rows int  // GROUP_CONCAT: of all groups so far, up to where they were cut
	json []byte
}

func newVariableState(acct *memory.Account, a *Aggregate, env *Env) (GroupState, error) {
	s := &variableState{a: a, env: env, base: acct.Base()}
	if err := s.buf.init(acct, variableStateBytes(a)); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *variableState) Reset() error {
	s.set, s.null, s.cut = false, false, false
	return s.buf.clear()
}

func (s *variableState) Update(rows []uint16, lo, hi int, args []*vector.Vector) error {
	n := rowCount(rows, hi-lo)
	for k := range n {
		i := lo + k
		if rows != nil {
			i = int(rows[k])
		}
		if err := s.add(args, i); err != nil {
			return err
		}
	}
	return nil
}

func (s *variableState) add(args []*vector.Vector, i int) error {
	v := args[0]
	j := v.Index(i)
	switch s.a.Name {
	case "min", "max":
		if v.Null[j] != 0 {
			return nil
		}
		b := v.Str[j].Bytes(s.base)
		if s.set {
			c := compareStringsOf(v.Type, b, s.buf.bytes())
			if s.a.Name == "min" && c >= 0 || s.a.Name == "max" && c <= 0 {
				return nil
			}
		}
		s.set, s.buf.n = true, 0
		return s.buf.append(b)
	case "any_value":
		if s.set {
			return nil
		}
		s.set, s.null = true, v.Null[j] != 0
		if s.null {
			return nil
		}
		return s.buf.append(v.Str[j].Bytes(s.base))
	case "bit_and", "bit_or", "bit_xor":
		if v.Null[j] != 0 {
			return nil
		}
		return s.bits(v.Str[j].Bytes(s.base))
	case "group_concat":
		return s.concat(args, i)
	case "json_arrayagg":
		s.set = true
		if v.Null[j] != 0 {
			s.json = types.AppendJSONNull(s.json[:0])
			return s.element(s.json)
		}
		return s.element(v.Str[j].Bytes(s.base))
	case "json_objectagg":
		if v.Null[j] != 0 {
			return sqlerr.New(sqlerr.ErrJSONDocumentNULLKey)
		}
		s.set = true
		if err := s.element(v.Str[j].Bytes(s.base)); err != nil {
			return err
		}
		w := args[1]
		j = w.Index(i)
		if w.Null[j] != 0 {
			s.json = types.AppendJSONNull(s.json[:0])
			return s.element(s.json)
		}
		return s.element(w.Str[j].Bytes(s.base))
	}
	return sqlerr.AssertionError("aggregate %s has no streaming form", s.a.Name)
}

func compareStringsOf(t types.Type, a, b []byte) int {
	if t.ID == types.JSON {
		return types.JSONCompare(a, b)
	}
	return collation.Collate(t.Collation, a, b)
}

func (s *variableState) concat(args []*vector.Vector, i int) error {
	if s.cut || anyNull(args, i) {
		return nil
	}
	limit := int(groupConcatMax(s.env))
	s.rows++
	if s.set {
		if err := s.concatPart([]byte(s.a.Separator), limit); err != nil {
			return err
		}
	}
	s.set = true
	for _, v := range args {
		if err := s.concatPart(v.Str[v.Index(i)].Bytes(s.base), limit); err != nil {
			return err
		}
	}
	return nil
}

func (s *variableState) concatPart(b []byte, limit int) error {
	if room := limit - s.buf.n; len(b) > room && !s.cut {
		s.cut = true
		b = b[:collation.ValidPrefix(s.a.T.Collation, b[:room])]
	} else if s.cut {
		return nil
	}
	return s.buf.append(b)
}

func (s *variableState) element(b []byte) error {
	if int64(s.buf.n+len(b)) > (&Evaluator{env: s.env}).maxPacket() {
		return sqlerr.New(sqlerr.ErrJSONValueTooBig)
	}
	dst, err := s.buf.extend(4 + len(b))
	if err != nil {
		return err
	}
	binary.LittleEndian.PutUint32(dst, uint32(len(b)))
	copy(dst[4:], b)
	return nil
}

// elements are the slices that element kept.
func (s *variableState) elements() [][]byte {
	var out [][]byte
	for b := s.buf.bytes(); len(b) >= 4; {
		n := 4 + int(binary.LittleEndian.Uint32(b))
		out = append(out, b[4:n])
		b = b[n:]
	}
	return out
}

func (s *variableState) Result(out *vector.Vector, i int, arena *vector.Arena) error {
	out.Str[i] = vector.Str{}
	if !s.set && strings.HasPrefix(s.a.Name, "bit_") {
		s.set = true
		if err := s.buf.append(s.a.neutralBytes()); err != nil {
			return err
		}
	}
	out.Null[i] = uint8(b2i(!s.set || s.null))
	if out.Null[i] != 0 {
		return nil
	}
	b := s.buf.bytes()
	switch s.a.Name {
	case "json_arrayagg":
		s.json = types.AppendJSONArray(s.json[:0], s.elements())
		b = s.json
	case "json_objectagg":
		var keys, values [][]byte
		for k, e := range s.elements() {
			if k%2 == 0 {
				keys = append(keys, e)
			} else {
				values = append(values, e)
			}
		}
		s.json = types.AppendJSONObject(s.json[:0], keys, values)
		b = s.json
	}
	if s.cut && s.env.Warn != nil {
		s.env.Warn(sqlerr.NewWarning(sqlerr.ErrCutValueGroupConcat, s.rows, "GROUP_CONCAT()"))
	}
	v, err := arena.Put(b)
	out.Str[i] = v
	return err
}

// Lend implements Lender.
func (s *variableState) Lend(out *vector.Vector, i int) bool {
	switch s.a.Name {
	case "json_arrayagg", "json_objectagg":
		return false
	}
	if !s.set || s.null || s.cut || s.buf.n <= vector.ArenaPageBytes {
		return false
	}
	out.Str[i], out.Null[i] = vector.MakeStr(s.buf.bytes(), s.buf.page.Ref), 0
	return true
}

func (s *variableState) Close() { s.buf.free() }

// distinctState passes on the rows whose arguments differ from those of the row before.
type distinctState struct {
	acct  *memory.Account
	inner GroupState
	page  memory.Page
	rows  []uint16
	prev  []types.Datum // bytes of its own
	sums  [][]byte      // of those that are long, in place of their bytes
	has   bool
	base  memory.Base
}

func newDistinctState(acct *memory.Account, inner GroupState, a *Aggregate) (GroupState, error) {
	p, err := acct.Alloc(2*vector.MaxRows, memory.Held)
	if err != nil {
		inner.Close()
		return nil, err
	}
	s := &distinctState{acct: acct, inner: inner, page: p, base: acct.Base(), prev: make([]types.Datum, len(a.Args)),
		sums: make([][]byte, len(a.Args))}
	s.rows = memory.Slice[uint16](acct.Base(), p.Ref, vector.MaxRows)
	return s, nil
}

func (s *distinctState) Reset() error {
	s.has = false
	return s.inner.Reset()
}

func (s *distinctState) Update(rows []uint16, lo, hi int, args []*vector.Vector) error {
	m := 0
	for k := range rowCount(rows, hi-lo) {
		i := lo + k
		if rows != nil {
			i = int(rows[k])
		}
		if s.same(args, i) {
			continue
		}
		s.rows[m] = uint16(i)
		m++
		for a, v := range args {
			d := v.Datum(s.base, i)
			if s.sums[a] = nil; longText(v.Type, d.S) {
				s.sums[a] = weightSum(v.Type, d.S)
				d.S = nil
			}
			d.S = append(s.prev[a].S[:0], d.S...)
			s.prev[a] = d
		}
		s.has = true
	}
	if m == 0 {
		return nil
	}
	return s.inner.Update(s.rows[:m], 0, 0, args)
}

func (s *distinctState) same(args []*vector.Vector, i int) bool {
	if !s.has {
		return false
	}
	for a, v := range args {
		d := v.Datum(s.base, i)
		p := s.prev[a]
		switch {
		case d.IsNull() != p.IsNull():
			return false
		case d.IsNull():
		case s.sums[a] != nil || longText(v.Type, d.S):
			sum := s.sums[a]
			if sum == nil {
				sum = weightSum(v.Type, p.S)
			}
			if !bytes.Equal(sum, weightSum(v.Type, d.S)) {
				return false
			}
		case v.Type.Phys() == types.PhysString && v.Type.ID != types.JSON && collation.IsBinary(v.Type.Collation) &&
			!collation.PadSpace(v.Type.Collation):
			if !bytes.Equal(d.S, p.S) {
				return false
			}
		case compareDatum(d, p, v.Type) != 0:
			return false
		}
	}
	return true
}

// longText says that a string is too long for the heap.
func longText(t types.Type, s []byte) bool {
	return len(s) > vector.ArenaPageBytes && t.Phys() == types.PhysString && t.ID != types.JSON
}

// weightSum stands for a string: it is the same for equal ones.
func weightSum(t types.Type, s []byte) []byte {
	id := t.Collation
	if id == 0 {
		id = collation.Binary
	}
	sum := sha256.New()
	// Neither the hash nor what hands the parts on has errors.
	_, err := collation.WeightParts(id, nil, s, func(part []byte) error {
		_, err := sum.Write(part)
		return err
	})
	invariants.Assertf(err == nil, "expr: %v", err)
	return sum.Sum(nil)
}

func (s *distinctState) Result(out *vector.Vector, i int, arena *vector.Arena) error {
	return s.inner.Result(out, i, arena)
}

// Lend implements Lender.
func (s *distinctState) Lend(out *vector.Vector, i int) bool {
	inner, ok := s.inner.(Lender)
	return ok && inner.Lend(out, i)
}

func (s *distinctState) Close() {
	s.inner.Close()
	if s.acct != nil {
		s.acct.Free(s.page)
		s.acct, s.page, s.rows = nil, memory.Page{}, nil
	}
}
