package rows

import (
	"bytes"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

// matcher compares keys in vectors with keys in rows, one column at a time.
type matcher struct {
	acct   *memory.Account
	layout *Layout
	equals []equality // of string columns
	miss   []uint16   // candidates whose keys differ
}

// makeMatcher returns a matcher for the first keys columns of rows.
func makeMatcher(acct *memory.Account, l *Layout, keys int) matcher {
	m := matcher{acct: acct, layout: l, equals: make([]equality, keys)}
	for i, t := range l.types[:keys] {
		m.equals[i] = equalityOf(t)
	}
	return m
}

// match compares the keys of candidates: row sel[i] of cols with refs[i]. It returns those that are equal, in place;
// m.miss lists the others.
func (m *matcher) match(b memory.Base, cols []*vector.Vector, sel []uint16, refs []memory.Ref,
	candidates []uint16) ([]uint16, error) {
	m.miss = m.miss[:0]
	for i := range m.equals {
		if len(candidates) == 0 {
			break
		}
		var err error
		if candidates, err = m.column(b, i, cols[i], sel, refs, candidates); err != nil {
			return nil, err
		}
	}
	return candidates, nil
}

// column is match for one column.
func (m *matcher) column(b memory.Base, i int, v *vector.Vector, sel []uint16, refs []memory.Ref,
	candidates []uint16) ([]uint16, error) {
	c := &m.layout.columns[i]
	s := pick(v, sel)
	off := memory.Ref(c.off)
	switch c.kind {
	case kindInt8:
		candidates = matchInts[int8](m, b, c, v.I64, v.Null, s, refs, candidates)
	case kindInt16:
		candidates = matchInts[int16](m, b, c, v.I64, v.Null, s, refs, candidates)
	case kindInt32:
		candidates = matchInts[int32](m, b, c, v.I64, v.Null, s, refs, candidates)
	case kindInt64:
		candidates = matchInts[int64](m, b, c, v.I64, v.Null, s, refs, candidates)
	case kindUint8:
		candidates = matchInts[uint8](m, b, c, v.U64, v.Null, s, refs, candidates)
	case kindUint16:
		candidates = matchInts[uint16](m, b, c, v.U64, v.Null, s, refs, candidates)
	case kindUint32:
		candidates = matchInts[uint32](m, b, c, v.U64, v.Null, s, refs, candidates)
	case kindUint64:
		candidates = matchInts[uint64](m, b, c, v.U64, v.Null, s, refs, candidates)
	case kindFloat32, kindFloat64:
		candidates = m.each(b, c, v, s, refs, candidates, func(r memory.Ref, k uint16) bool {
			x := *(*float64)(b.At(r + off))
			if c.kind == kindFloat32 {
				x = float64(*(*float32)(b.At(r + off)))
			}
			return x == v.F64[k] || x != x && v.F64[k] != v.F64[k]
		})
	case kindDec64, kindDec128, kindDec256:
		candidates = m.each(b, c, v, s, refs, candidates, func(r memory.Ref, k uint16) bool {
			return v.Dec[k] == decAt(b, c.kind, r+off)
		})
	case kindString:
		var err error
		candidates = m.each(b, c, v, s, refs, candidates, func(r memory.Ref, k uint16) bool {
			equal, e := m.strings(b, i, r, v.Str[k].Bytes(b))
			if err == nil {
				err = e
			}
			return equal
		})
		if err != nil {
			return nil, err
		}
	}
	return candidates, nil
}

func decAt(b memory.Base, k kind, at memory.Ref) types.Dec {
	switch k {
	case kindDec64:
		return wideDec(*(*uint64)(b.At(at)))
	case kindDec128:
		return wideDec2(*(*[2]uint64)(b.At(at)))
	}
	return *(*types.Dec)(b.At(at))
}

func matchInts[S, V integer](m *matcher, b memory.Base, c *column, vals []V, null []uint8, sel []uint16,
	refs []memory.Ref, candidates []uint16) []uint16 {
	n := 0
	off, nulls := memory.Ref(c.off), memory.Ref(c.null)
	for _, i := range candidates {
		r, k := refs[i], sel[i]
		isNull := *(*uint8)(b.At(r + nulls)) >> c.bit & 1
		if isNull == null[k] && (V(*(*S)(b.At(r + off))) == vals[k] || isNull != 0) {
			candidates[n] = i
			n++
		} else {
			m.miss = append(m.miss, i)
		}
	}
	return candidates[:n]
}

// each is the form for values whose comparison costs more than a call.
func (m *matcher) each(b memory.Base, c *column, v *vector.Vector, sel []uint16, refs []memory.Ref, candidates []uint16,
	equal func(memory.Ref, uint16) bool) []uint16 {
	n := 0
	for _, i := range candidates {
		r, k := refs[i], sel[i]
		isNull := *(*uint8)(b.At(r + memory.Ref(c.null))) >> c.bit & 1
		if isNull == v.Null[k] && (isNull != 0 || equal(r, k)) {
			candidates[n] = i
			n++
		} else {
			m.miss = append(m.miss, i)
		}
	}
	return candidates[:n]
}

// strings compares column i of a row with a text.
func (m *matcher) strings(b memory.Base, i int, row memory.Ref, text []byte) (bool, error) {
	s := strAt(b, row, m.layout.columns[i].off)
	var own []byte
	if s.overflows() {
		if m.equals[i] == equalBytes && int(s.n) != len(text) {
			return false, nil
		}
		pins := MakePins(m.acct)
		defer pins.Release()
		ref, err := pins.resolve(s)
		if err != nil {
			return false, Final(err)
		}
		own = memory.Bytes(b, ref, int(s.n))
	} else {
		own = s.bytes(b, row)
	}
	switch {
	case bytes.Equal(own, text):
		return true, nil
	case m.equals[i] == equalBytes:
		return false, nil
	}
	return collation.Collate(m.layout.types[i].Collation, own, text) == 0, nil
}

// Matcher compares rows of vectors with one row of a layout, whose columns are the key.
type Matcher struct {
	m          matcher
	candidates []uint16
	refs       []memory.Ref
}

// NewMatcher returns a matcher for pinned rows of collections of that account.
func NewMatcher(acct *memory.Account, l *Layout) *Matcher {
	return &Matcher{m: makeMatcher(acct, l, len(l.columns))}
}

// Prefix says how many of the first rows of sel, of cols, have the key of a row.
func (p *Matcher) Prefix(b memory.Base, cols []*vector.Vector, sel []uint16, row memory.Ref) (int, error) {
	done := 0
	for look := prefixFirst; done < len(sel); look *= 2 { // small groups are not to cost a batch each
		part := sel[done:min(done+look, len(sel))]
		p.candidates = append(p.candidates[:0], All(len(part))...)
		p.refs = p.refs[:0]
		for range part {
			p.refs = append(p.refs, row)
		}
		equal, err := p.m.match(b, cols, part, p.refs, p.candidates)
		if err != nil {
			return 0, err
		}
		if len(equal) < len(part) {
			n := len(part)
			for _, i := range p.m.miss {
				n = min(n, int(i))
			}
			return done + n, nil
		}
		done += len(part)
	}
	return done, nil
}

const prefixFirst = 8

// Differs is the first column in which a row of cols, which does not have the key of ref, differs from it.
func (p *Matcher) Differs(b memory.Base, cols []*vector.Vector, row uint16, ref memory.Ref) (int, error) {
	for i := range p.m.equals {
		p.m.miss, p.candidates = p.m.miss[:0], append(p.candidates[:0], 0)
		equal, err := p.m.column(b, i, cols[i], []uint16{row}, []memory.Ref{ref}, p.candidates)
		if err != nil || len(equal) == 0 {
			return i, err
		}
	}
	return 0, sqlerr.AssertionError("no column of a key differs")
}

// CopyRow writes a row to row i of out, with its strings copied to the batch's arena. Errors: the arena's.
func (l *Layout) CopyRow(acct *memory.Account, row memory.Ref, out *vector.Batch, i int) error {
	b := out.Base()
	refs := [1]memory.Ref{row}
	for c := range l.columns {
		l.gather(b, refs[:], c, out.Cols[c], i)
		if l.columns[c].kind != kindString || out.Cols[c].Null[i] != 0 {
			continue
		}
		s := asStr(&out.Cols[c].Str[i])
		if s.n <= vector.InlineBytes {
			continue
		}
		pins := MakePins(acct)
		at := memory.Ref(s.ref)
		if s.overflows() {
			var err error
			if at, err = pins.resolve(s); err != nil {
				return err
			}
		}
		text, err := out.Arena().Put(memory.Bytes(b, at, int(s.n)))
		pins.Release()
		if err != nil {
			return err
		}
		out.Cols[c].Str[i] = text
	}
	return nil
}
