package join

import (
	"context"
	"errors"
	"unsafe"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// scratch is what a prober knows of the rows of a chunk, by their position in it, and of pairs. It lies in a page.
type scratch struct {
	hash  [rows.ChunkRows]uint64
	node  [rows.ChunkRows]uint32 // of the chain, where to go on
	part  [rows.ChunkRows]uint8  // its table
	match [rows.ChunkRows]uint8  // noMatch, matched or perhaps
	null  [rows.ChunkRows]uint8  // a key is NULL
	away  [rows.ChunkRows]uint8  // set aside

	active [rows.ChunkRows]uint16 // positions whose chains are not at their ends
	pairAt [rows.ChunkRows]uint16 // position of each candidate
	pairTo [rows.ChunkRows]memory.Ref
	pair   [rows.ChunkRows]uint16 // its row
	equal  [rows.ChunkRows]uint16 // candidates whose keys are equal
	takeTo [rows.ChunkRows]memory.Ref
	sel    [rows.ChunkRows]uint16 // of the tail, or of rows set aside
	some   [rows.ChunkRows]uint64 // hashes of those
}

// What is known of a row's matches.
const (
	noMatch uint8 = iota
	matched
	perhaps // none, but one that is unknown; see HashOptions.Maybe
)

// marksBytes is room for LeftOuterSemi's column over a batch.
const marksBytes = 9 * vector.MaxRows

// tail says what becomes of the rows of a chunk once their pairs are known.
type tail uint8

const (
	tailDecide tail = iota // the join type says, by their matches
	tailKeep               // further right rows follow: rows without a match go to rest, of outer joins others to again
	tailNone               // nothing: pairs are all there is to give
)

// prober joins chunks of left rows with resident right rows. Each chunk is begun with rows, then asked for batches to
// the end. It works in passes over the chunk: walk chains, compare keys, gather pairs, evaluate conditions.
type prober struct {
	h     *Hash
	page  memory.Page
	s     *scratch
	left  *vector.Batch // left columns of pairs
	right *vector.Batch // right columns of pairs
	out   *vector.Batch // without vectors of its own
	cols  []vector.Vector
	marks memory.Page
	value []int64
	unk   []uint8

	keys    []vector.Vector
	keyCols []*vector.Vector
	hasher  rows.Hasher
	matcher *rows.KeyMatcher
	eval    *expr.Evaluator
	maybe   *expr.Evaluator // nil: Conds are never unknown

	tables [fanOut]*rows.Chains // by scratch.part
	in     *vector.Batch
	sel    []uint16 // the chunk's rows of in
	active []uint16 // of s.active
	equal  []uint16 // pairs that are still to be given
	most   int      // so many at a time: fewer where surplus for the conditions' strings is refused
	mode   tail
	ended  bool // the tail was given
	rest   *rows.Collection
	again  *rows.Collection
	doubt  *rows.Collection // rows that perhaps have a match
}

func newProber(h *Hash) (*prober, error) {
	acct := h.o.Account
	p := &prober{
		h: h, keys: make([]vector.Vector, len(h.o.Keys)), keyCols: make([]*vector.Vector, len(h.o.Keys)),
		cols:    make([]vector.Vector, h.o.LeftOut+max(len(h.outputTypes), 1)),
		hasher:  rows.Hasher{Seed: h.o.Seed, Zero: h.o.HashZero},
		matcher: rows.NewKeyMatcher(acct, h.right, len(h.o.Keys)),
	}
	if err := p.open(acct); err != nil {
		p.close()
		return nil, err
	}
	for i := range p.keys {
		p.keyCols[i] = &p.keys[i]
	}
	return p, nil
}

func (p *prober) open(acct *memory.Account) (err error) {
	o := &p.h.o
	if p.page, err = acct.Alloc(int(unsafe.Sizeof(scratch{})), memory.Held); err != nil {
		return err
	}
	p.s = (*scratch)(acct.Base().At(p.page.Ref))
	if p.left, err = vector.NewBatch(acct, o.Left[:o.LeftOut], p.h.capacity, arenaBytes); err != nil {
		return err
	}
	if p.right, err = vector.NewBatch(acct, p.h.outputTypes, p.h.capacity, arenaBytes); err != nil {
		return err
	}
	if p.out, err = vector.NewBatch(acct, nil, rows.ChunkRows, 0); err != nil {
		return err
	}
	if o.Type == physical.LeftOuterSemi {
		if p.marks, err = acct.Alloc(marksBytes, memory.Held); err != nil {
			return err
		}
		p.value = memory.Slice[int64](acct.Base(), p.marks.Ref, vector.MaxRows)
		p.unk = memory.Bytes(acct.Base(), p.marks.Ref+8*vector.MaxRows, vector.MaxRows)
	}
	if p.eval, err = expr.NewEvaluator(acct, o.Conds, p.h.capacity, o.Env); err == nil && len(o.Maybe) > 0 {
		p.maybe, err = expr.NewEvaluator(acct, o.Maybe, p.h.capacity, o.Env)
	}
	return err
}

// close gives everything back. Repeatable.
func (p *prober) close() {
	if p.eval != nil {
		p.eval.Close()
	}
	if p.maybe != nil {
		p.maybe.Close()
	}
	p.left.Close()
	p.right.Close()
	p.out.Close()
	p.h.o.Account.Free(p.page)
	p.h.o.Account.Free(p.marks)
	p.page, p.marks = memory.Page{}, memory.Page{}
}

// begin hashes the rows of a chunk: rows sel of in, at most ChunkRows. The caller starts those that have tables.
func (p *prober) begin(in *vector.Batch, sel []uint16, mode tail) {
	s := p.s
	p.in, p.sel, p.mode, p.ended = in, sel, mode, false
	p.active, p.equal, p.most = s.active[:0], nil, p.h.capacity
	n := len(sel)
	clear(s.match[:n])
	clear(s.null[:n])
	clear(s.away[:n])
	for i, k := range p.h.o.Keys {
		v := &p.keys[i]
		*v = *in.Cols[k.Left]
		v.Type = k.Type
		if k.NullSafe || v.NoNulls {
			continue
		}
		for j, row := range sel {
			s.null[j] |= v.Null[v.Index(int(row))]
		}
	}
	p.hasher.Hash(in.Base(), p.keyCols, sel, s.hash[:])
}

// start looks the row at position j up in table t.
func (p *prober) start(j int, t int) {
	node := p.tables[t].First(p.s.hash[j])
	if node == 0 {
		return
	}
	p.s.node[j], p.s.part[j] = node, uint8(t)
	p.active = append(p.active, uint16(j))
}

// next returns the next batch, which may be nil; more: there may be others. It is valid until the next call.
func (p *prober) next(ctx context.Context) (out *vector.Batch, more bool, err error) {
	for !p.ended {
		if len(p.equal) > 0 {
			if err := p.give(); err != nil {
				return nil, false, err
			}
			if p.h.emits() && p.out.Rows() > 0 {
				return p.out, true, nil
			}
			continue
		}
		if len(p.active) == 0 {
			p.ended = true
			p.right.Reset() // pins of what the last batch of pairs referred to
			out, err := p.tail()
			return out, out != nil, err
		}
		if ctx.Err() != nil {
			return nil, false, context.Cause(ctx)
		}
		if err := p.collect(); err != nil {
			return nil, false, err
		}
	}
	return nil, false, nil
}

// first says that one match of a row is enough.
func (p *prober) first() bool { return !p.h.emits() }

// collect walks on in the chains and finds pairs with equal keys. Each turn takes at least a step in one chain.
func (p *prober) collect() error {
	s := p.s
	per := max(1, p.h.capacity/len(p.active))
	if p.first() {
		per = 1
	}
	n := 0
	keep := p.active[:0]
	for a, j := range p.active {
		if p.first() && s.match[j] == matched {
			continue
		}
		if n == p.h.capacity {
			keep = append(keep, p.active[a:]...)
			break
		}
		t, node := p.tables[s.part[j]], s.node[j]
		for k := 0; k < per && n < p.h.capacity && node != 0; k++ {
			var row memory.Ref
			if row, node = t.Walk(node, s.hash[j]); row == 0 {
				break
			}
			s.pairAt[n], s.pairTo[n], s.pair[n], s.equal[n] = j, row, p.sel[j], uint16(n)
			n++
		}
		if s.node[j] = node; node != 0 {
			keep = append(keep, j)
		}
	}
	p.active = keep
	equal, err := p.matcher.Equal(p.in.Base(), p.keyCols, s.pair[:n], s.pairTo[:n], s.equal[:n])
	if err != nil {
		return err
	}
	if p.h.pairs() {
		p.equal = equal
		return nil
	}
	for _, i := range equal {
		s.match[s.pairAt[i]] = matched
	}
	return nil
}

// give makes a batch of the next pairs that satisfy the conditions.
func (p *prober) give() error {
	n, err := p.candidates()
	for errors.Is(err, sqlerr.ErrNoSurplus) && n > 1 {
		p.most = (n + 1) / 2
		n, err = p.candidates()
	}
	if err != nil {
		return rows.Final(err)
	}
	s := p.s
	done := p.equal[:n]
	p.equal = p.equal[n:]
	if p.h.o.Type == physical.InnerJoin {
		return nil
	}
	p.each(done, func(j uint16) { s.match[j] = matched })
	return nil
}

// each calls f with the positions of the rows of those pairs that are selected in out.
func (p *prober) each(pairs []uint16, f func(j uint16)) {
	if p.out.Sel == nil {
		for _, e := range pairs {
			f(p.s.pairAt[e])
		}
	}
	for _, i := range p.out.Sel {
		f(p.s.pairAt[pairs[i]])
	}
}

// candidates puts the next n pairs into out, with those selected that satisfy the conditions.
func (p *prober) candidates() (n int, err error) {
	s, o := p.s, &p.h.o
	p.right.Reset()
	n = min(len(p.equal), p.most)
	for i, e := range p.equal[:n] {
		s.takeTo[i] = s.pairTo[e]
		s.sel[i] = s.pair[e]
	}
	if n, err = p.h.right.Gather(s.takeTo[:n], p.right, 0, p.h.output); err != nil {
		return 0, err
	}
	p.out.Cols, p.out.Len, p.out.Sel = p.out.Cols[:0], n, nil
	for c := range o.LeftOut {
		v := p.left.Own(c)
		v.Take(p.in.Cols[c], s.sel[:n])
		p.out.Cols = append(p.out.Cols, v)
	}
	p.out.Cols = append(p.out.Cols, p.right.Cols...)
	if p.maybe != nil {
		if err := p.maybe.Filter(p.out); err != nil {
			return n, err
		}
		p.each(p.equal[:n], func(j uint16) {
			if s.match[j] == noMatch {
				s.match[j] = perhaps
			}
		})
	}
	if len(o.Conds) > 0 {
		err = p.eval.Filter(p.out)
	}
	return n, err
}

// tail gives the rows of the chunk that their matches decide; nil: none. Others are kept.
func (p *prober) tail() (*vector.Batch, error) {
	if p.mode == tailNone || p.h.o.Type == physical.InnerJoin {
		return nil, nil
	}
	if p.mode == tailKeep {
		if err := p.keep(p.rest, noMatch); err != nil {
			return nil, err
		}
		if p.h.o.Type == physical.LeftJoin {
			return nil, p.keep(p.again, matched)
		}
		if p.maybe != nil {
			if err := p.keep(p.doubt, perhaps); err != nil {
				return nil, err
			}
		}
	}
	n := 0
	for j, row := range p.sel {
		if p.s.away[j] == 0 && p.wanted(j) {
			p.s.sel[n] = row
			n++
		}
	}
	if n == 0 {
		return nil, nil
	}
	o := &p.h.o
	p.out.Cols = p.out.Cols[:0]
	for c := range o.LeftOut {
		p.cols[c] = *p.in.Cols[c]
		p.out.Cols = append(p.out.Cols, &p.cols[c])
	}
	extra := p.cols[o.LeftOut:]
	switch o.Type {
	case physical.LeftJoin:
		p.right.Reset()
		for c := range p.h.outputTypes {
			extra[c] = vector.NullRow(p.right.Own(c))
			p.out.Cols = append(p.out.Cols, &extra[c])
		}
	case physical.LeftOuterSemi:
		p.verdicts()
		extra[0] = vector.Vector{Type: types.NewBigInt(), I64: p.value[:p.in.Len], Null: p.unk[:p.in.Len]}
		p.out.Cols = append(p.out.Cols, &extra[0])
	}
	p.out.Len, p.out.Sel = p.in.Len, p.s.sel[:n]
	return p.out, nil
}

// wanted says if the row at position j is given as it is.
func (p *prober) wanted(j int) bool {
	s, o := p.s, &p.h.o
	if p.mode == tailKeep {
		return s.match[j] == matched && o.Type != physical.AntiJoin
	}
	switch o.Type {
	case physical.SemiJoin:
		return s.match[j] != 0
	case physical.AntiJoin:
		return s.match[j] == 0 && !p.unknown(j)
	case physical.LeftJoin:
		return s.match[j] == 0
	}
	return true
}

// unknown says that it cannot be known if a row without a match has one, for NULLs.
func (p *prober) unknown(j int) bool {
	h := p.h
	return h.o.NullAware && (h.nulls.Load() || p.s.null[j] != 0 && h.total.Load() > 0)
}

// verdicts fills in LeftOuterSemi's column.
func (p *prober) verdicts() {
	for j, row := range p.sel {
		p.value[row], p.unk[row] = 0, 0
		switch m := p.s.match[j]; {
		case m == matched:
			p.value[row] = 1
		case m == perhaps || p.unknown(j):
			p.unk[row] = 1
		}
	}
}

// keep appends the rows with that match to a collection.
func (p *prober) keep(to *rows.Collection, match uint8) error {
	n := 0
	for j, row := range p.sel {
		if p.s.match[j] == match {
			p.s.sel[n] = row
			n++
		}
	}
	if n == 0 {
		return nil
	}
	_, err := to.Append(p.in.Cols, p.s.sel[:n], p.s.takeTo[:])
	return rows.Final(err)
}
