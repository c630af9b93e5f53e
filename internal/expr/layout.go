package expr

import (
	"sync/atomic"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// The pages of an evaluator: what each node needs of them, how that is laid out, and the making of nodes.

// nodeRoom is what a node takes of the pages, piece by piece.
type nodeRoom struct{ values, nulls, sels, extra int }

func roomOf(e Expr, capacity int) nodeRoom {
	width := e.Type().Phys().Width()
	switch e := e.(type) {
	case *Const:
		r := nodeRoom{values: width, nulls: 1}
		if len(e.D.S) > vector.InlineBytes {
			r.extra = len(e.D.S)
		}
		return r
	case *Call:
		r := nodeRoom{values: width * capacity, nulls: capacity, sels: e.fn.selections * capacity * 2}
		if e.fn.room != nil {
			r.extra = e.fn.room(e)
		}
		return r
	}
	return nodeRoom{}
}

func align8(n int) int { return (n + 7) &^ 7 }

// placer lays pieces over pages. The sizes are gone through twice: counted, then placed, which makes the last page no
// larger than it must be.
type placer struct {
	left  int // bytes still to be placed
	pages []int
	free  int // of the last page
}

// evalPageBytes is the size of an evaluator's pages unless a piece is larger.
const evalPageBytes = 128 << 10

// take returns the page and offset of a piece of n bytes, n a multiple of 8.
func (p *placer) take(n int) (page, off int) {
	if n == 0 {
		return 0, 0
	}
	if n > p.free {
		size := memory.PageSize(max(n, min(p.left, evalPageBytes)))
		p.pages = append(p.pages, size)
		p.free = size
	}
	p.left -= n
	page = len(p.pages) - 1
	off = p.pages[page] - p.free
	p.free -= n
	return page, off
}

// pieces calls f for all nodes of e that will exist, in the order in which they are made.
func eachNode(e Expr, f func(Expr)) {
	f(e)
	args := e.Args()
	if c, ok := e.(*Call); ok && c.fn.nodes > 0 {
		args = args[:min(c.fn.nodes, len(args))]
	}
	for _, a := range args {
		eachNode(a, f)
	}
}

// plan counts the pages. strings: some call has a string result, so an arena is needed.
func plan(exprs []Expr, capacity int) (p placer, strings bool) {
	common := align8(2*capacity)*2 + align8(2*capacity)
	p.left = common
	var sizes []int
	sizes = append(sizes, align8(2*capacity), align8(2*capacity), align8(2*capacity))
	for _, e := range exprs {
		eachNode(e, func(e Expr) {
			r := roomOf(e, capacity)
			for _, n := range [...]int{r.values, r.nulls, r.sels, r.extra} {
				sizes = append(sizes, align8(n))
				p.left += align8(n)
			}
			if _, ok := e.(*Call); ok && e.Type().Phys() == types.PhysString {
				strings = true
			}
		})
	}
	total := p.left
	for _, n := range sizes {
		p.take(n)
	}
	pages := p.pages
	return placer{left: total, pages: pages}, strings
}

// EvalBytes is the minimum that NewEvaluator takes from its account.
func EvalBytes(exprs []Expr, capacity int) int64 {
	p, strings := plan(exprs, capacity)
	var n int64
	for _, size := range p.pages {
		n += int64(size)
	}
	if strings {
		n += int64(memory.PageSize(vector.ArenaPageBytes))
	}
	return n
}

// maker makes the nodes of an evaluator.
type maker struct {
	ev       *Evaluator
	capacity int
	p        placer
}

func (m *maker) piece(n int) memory.Ref {
	n = align8(n)
	if n == 0 {
		return 0
	}
	page, off := m.p.take(n)
	return m.ev.pages[page].Ref + memory.Ref(off)
}

// NewEvaluator takes EvalBytes(exprs, capacity) of acct's minimum.
func NewEvaluator(acct *memory.Account, exprs []Expr, capacity int, env *Env) (*Evaluator, error) {
	p, _ := plan(exprs, capacity)
	ev := &Evaluator{env: env, acct: acct, base: acct.Base(), arena: vector.MakeArena(acct, vector.ArenaPageBytes)}
	ev.random = seedOf(env)
	for _, size := range p.pages {
		page, err := acct.Alloc(size, memory.Held)
		if err != nil {
			ev.Close()
			return nil, err
		}
		ev.pages = append(ev.pages, page)
	}
	m := &maker{ev: ev, capacity: capacity, p: placer{left: p.left}}
	ev.all = memory.Slice[uint16](ev.base, m.piece(2*capacity), capacity)
	for i := range ev.all {
		ev.all[i] = uint16(i)
	}
	for i := range ev.sel {
		ev.sel[i] = memory.Slice[uint16](ev.base, m.piece(2*capacity), capacity)
	}
	for _, e := range exprs {
		nd, err := m.node(e)
		if err != nil {
			ev.Close()
			return nil, err
		}
		ev.roots = append(ev.roots, nd)
	}
	ev.out = make([]*vector.Vector, len(exprs))
	return ev, nil
}

// evaluators numbers evaluators, so that those of one statement do not all draw the same random numbers.
var evaluators atomic.Uint64

func seedOf(env *Env) uint64 { return env.Seed ^ hashWord(evaluators.Add(1)) }

// node makes the nodes of e, in the order of eachNode.
func (m *maker) node(e Expr) (*node, error) {
	t := e.Type()
	nd := &node{e: e, t: t}
	r := roomOf(e, m.capacity)
	nd.out.Type = t
	var extra memory.Ref
	if m.ev.acct != nil {
		if r.values > 0 {
			n := r.values / t.Phys().Width()
			m.bind(&nd.out, m.piece(r.values), n)
			nd.out.Null = memory.Bytes(m.ev.base, m.piece(r.nulls), n)
		}
		if r.sels > 0 {
			ref := m.piece(r.sels)
			for i := range r.sels / (2 * m.capacity) {
				nd.sels = append(nd.sels, memory.Slice[uint16](m.ev.base, ref+memory.Ref(2*i*m.capacity), m.capacity))
			}
		}
		extra = m.piece(r.extra)
	} else {
		heapVector(&nd.out, 1)
		if c, ok := e.(*Call); ok {
			for range c.fn.selections {
				nd.sels = append(nd.sels, make([]uint16, 1))
			}
		}
	}
	nd.res = &nd.out
	if _, ok := e.(*List); ok {
		return nd, nil
	}
	switch e := e.(type) {
	case *Const:
		m.constant(nd, e, extra)
	case *Default:
		return nil, sqlerr.AssertionError("DEFAULT in an expression to evaluate")
	case *Call:
		return nd, m.call(nd, e, extra, r.extra)
	}
	return nd, nil
}

func (m *maker) bind(v *vector.Vector, r memory.Ref, n int) {
	switch v.Type.Phys() {
	case types.PhysInt64:
		v.I64 = memory.Slice[int64](m.ev.base, r, n)
	case types.PhysUint64:
		v.U64 = memory.Slice[uint64](m.ev.base, r, n)
	case types.PhysFloat64:
		v.F64 = memory.Slice[float64](m.ev.base, r, n)
	case types.PhysDecimal:
		v.Dec = memory.Slice[types.Dec](m.ev.base, r, n)
	case types.PhysString:
		v.Str = memory.Slice[vector.Str](m.ev.base, r, n)
	}
}

func heapVector(v *vector.Vector, n int) {
	v.Null = make([]uint8, n)
	switch v.Type.Phys() {
	case types.PhysInt64:
		v.I64 = make([]int64, n)
	case types.PhysUint64:
		v.U64 = make([]uint64, n)
	case types.PhysFloat64:
		v.F64 = make([]float64, n)
	case types.PhysDecimal:
		v.Dec = make([]types.Dec, n)
	case types.PhysString:
		v.Str = make([]vector.Str, n)
	}
}

// constant fills the vector of a literal, once and for all.
func (m *maker) constant(nd *node, c *Const, extra memory.Ref) {
	v := &nd.out
	v.Const = true
	if v.Type.Phys() == types.PhysString {
		v.Str[0] = vector.Str{}
	}
	if c.D.IsNull() {
		v.Null[0] = 1
		return
	}
	v.Null[0], v.NoNulls = 0, true
	switch v.Type.Phys() {
	case types.PhysInt64:
		v.I64[0] = c.D.I
	case types.PhysUint64:
		v.U64[0] = c.D.U
	case types.PhysFloat64:
		v.F64[0] = c.D.F
	case types.PhysDecimal:
		v.Dec[0] = c.D.D
	case types.PhysString:
		v.Str[0] = m.string(c.D.S, extra)
	}
}

// string puts a literal's bytes at ref, which has room for them if they are not inline.
func (m *maker) string(s []byte, ref memory.Ref) vector.Str {
	switch {
	case len(s) <= vector.InlineBytes:
		return vector.MakeInline(s)
	case m.ev.acct == nil:
		return m.ev.keep(s)
	}
	copy(memory.Bytes(m.ev.base, ref, len(s)), s)
	return vector.MakeStr(s, ref)
}

func (m *maker) call(nd *node, c *Call, extra memory.Ref, extraBytes int) error {
	nd.fn = c.fn
	args := c.args
	if c.fn.nodes > 0 {
		args = args[:min(c.fn.nodes, len(args))]
	}
	for _, a := range args {
		n, err := m.node(a)
		if err != nil {
			return err
		}
		nd.args = append(nd.args, n)
	}
	nd.av = make([]*vector.Vector, len(nd.args))
	nd.row = row{ev: m.ev, nd: nd, out: &nd.out, av: nd.av}
	if c.fn.init == nil {
		return nil
	}
	var room []byte
	if m.ev.acct == nil {
		room = make([]byte, extraBytes)
	} else if extraBytes > 0 {
		room = memory.Bytes(m.ev.base, extra, extraBytes)
	}
	return c.fn.init(m.ev, nd, room, extra)
}
