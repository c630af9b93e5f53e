package expr

import (
	"context"
	"sync/atomic"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// flags of a function.
type flags uint8

const (
	// volatile: random, waiting, or with effects: never folded, evaluated once a row.
	volatile flags = 1 << iota
	// seesNull: row gets NULL arguments; otherwise one NULL makes the result NULL.
	seesNull
	// mayNull: the result may be NULL though no argument is.
	mayNull
	// boolean: the result is 0, 1 or NULL.
	boolean
)

// function is an implementation. Exactly one of lazy, vec and row is set.
type function struct {
	name  string
	flags flags
	// lazy evaluates the arguments itself, each for the rows that need it.
	lazy func(ev *Evaluator, nd *node, rs rows) error
	// vec computes rs of nd.out from nd.av. It owns the null bytes too.
	vec func(ev *Evaluator, nd *node, rs rows) error
	// row computes one row, for functions that cost more than the call.
	row func(r *row) error
	// selections is the number of selection buffers that lazy needs.
	selections int
	// room is the number of bytes of the evaluator's pages that init needs; nil: 0.
	room func(c *Call) int
	// init prepares nd.state when an evaluator is made: compiled patterns, sets. nil: nothing.
	init func(ev *Evaluator, nd *node, room []byte, ref memory.Ref) error
	// nodes is how many of the arguments are evaluated, 0: all. The rest is read by init.
	nodes int
}

// rows are those that an evaluation is for: sel ascending, or 0..n-1 if sel is nil. n is their number in both cases.
type rows struct {
	sel []uint16
	n   int
}

func selected(sel []uint16) rows { return rows{sel: sel, n: len(sel)} }

// at is the k-th row.
func (rs rows) at(k int) int {
	if rs.sel != nil {
		return int(rs.sel[k])
	}
	return k
}

// node is an expression within an evaluator: a result vector and what the function keeps between batches.
type node struct {
	e     Expr
	t     types.Type // of e; a column's vector may be labelled with another collation
	fn    *function  // of calls
	args  []*node
	av    []*vector.Vector // the arguments' results
	out   vector.Vector    // the node's own vector; unused for columns in batches
	res   *vector.Vector   // the latest result
	sels  [][]uint16
	state any
	row   row
}

// Evaluator computes expressions over batches of one worker. Not for concurrent use.
type Evaluator struct {
	env   *Env
	acct  *memory.Account // nil: single values on the heap
	base  memory.Base
	arena vector.Arena
	pages []memory.Page
	roots []*node
	out   []*vector.Vector
	all   []uint16 // 0, 1, 2, ..., for kernels that want a selection always
	sel   [2][]uint16
	turn  int
	cols  []*vector.Vector // of the current batch
	row   []types.Datum    // of the current row, in single-value evaluation
	// heap has the long strings of single-value evaluation; a Str's reference is an index into it.
	heap    [][]byte
	scratch []byte
	conv    []byte
	random  uint64
	closed  bool
}

// scratchKeep is the largest scratch buffer kept between values.
const scratchKeep = 64 << 10

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

// Eval computes the expressions for the rows of b that count: one vector each, at the rows' own positions. A column's
// vector is the batch's own, a constant's is Const. They live until the next Eval or Filter and as long as b's values.
func (ev *Evaluator) Eval(b *vector.Batch) ([]*vector.Vector, error) {
	ev.arena.Reset()
	ev.cols = b.Cols
	rs := rows{n: b.Len}
	if b.Sel != nil {
		rs = selected(b.Sel)
	}
	for i, nd := range ev.roots {
		if err := ev.eval(nd, rs); err != nil {
			return nil, err
		}
		ev.out[i] = nd.res
	}
	return ev.out, nil
}

// Filter keeps in b.Sel the rows for which all expressions are true; the selection is the evaluator's and lives until
// the second Filter after this one. A row for which one expression is not true is not seen by the next ones.
func (ev *Evaluator) Filter(b *vector.Batch) error {
	ev.arena.Reset()
	ev.cols = b.Cols
	rs := rows{n: b.Len}
	if b.Sel != nil {
		rs = selected(b.Sel)
	}
	dst := ev.sel[ev.turn]
	ev.turn ^= 1
	for _, nd := range ev.roots {
		if rs.n == 0 {
			break
		}
		if err := ev.eval(nd, rs); err != nil {
			return err
		}
		if nd.res.Const && isTrue(nd.res, 0) {
			continue
		}
		// In place is fine: what is written never overtakes what is read.
		rs = selected(dst[:trueRows(nd.res, rs, dst)])
	}
	if rs.sel != nil || rs.n != b.Len {
		b.Sel = rs.sel
		if rs.sel == nil {
			b.Sel = dst[:0]
		}
	}
	return nil
}

// Close gives the pages back. Repeatable.
func (ev *Evaluator) Close() {
	if ev == nil || ev.closed || ev.acct == nil {
		return
	}
	ev.closed = true
	ev.arena.Free()
	for _, p := range ev.pages {
		ev.acct.Free(p)
	}
	ev.pages, ev.roots, ev.out, ev.all, ev.cols, ev.scratch = nil, nil, nil, nil, nil, nil
}

// eval computes nd for rs; the result is nd.res.
func (ev *Evaluator) eval(nd *node, rs rows) error {
	switch e := nd.e.(type) {
	case *Column:
		return ev.evalColumn(nd, e)
	case *Const:
		return nil
	}
	nd.res = &nd.out
	nd.out.Const, nd.out.NoNulls = false, false
	if rs.n == 0 {
		return nil
	}
	if nd.fn.lazy != nil {
		return nd.fn.lazy(ev, nd, rs)
	}
	constant := nd.fn.flags&volatile == 0
	for i, a := range nd.args {
		if err := ev.eval(a, rs); err != nil {
			return err
		}
		nd.av[i] = a.res
		constant = constant && a.res.Const
	}
	if constant {
		nd.out.Const, rs = true, rows{n: 1}
	}
	if nd.fn.vec != nil {
		return nd.fn.vec(ev, nd, rs)
	}
	return ev.evalRows(nd, rs)
}

func (ev *Evaluator) evalColumn(nd *node, c *Column) error {
	if ev.acct != nil {
		if c.Index >= len(ev.cols) {
			return sqlerr.AssertionError("column %d (%s) of %d", c.Index, c.Name, len(ev.cols))
		}
		nd.res = ev.cols[c.Index]
		return nil
	}
	if c.Index >= len(ev.row) {
		return sqlerr.AssertionError("column %d (%s) of a row of %d", c.Index, c.Name, len(ev.row))
	}
	m := maker{ev: ev}
	nd.out.NoNulls = false
	m.constant(nd, &Const{D: ev.row[c.Index]}, 0)
	return nil
}

// isTrue says if row i of a condition counts as true.
func isTrue(v *vector.Vector, i int) bool {
	if v.Null[i] != 0 {
		return false
	}
	switch v.Type.Phys() {
	case types.PhysInt64:
		return v.I64[i] != 0
	case types.PhysUint64:
		return v.U64[i] != 0
	case types.PhysFloat64:
		return v.F64[i] != 0
	case types.PhysDecimal:
		return !v.Dec[i].IsZero()
	}
	return false
}

// trueRows writes the rows of rs for which v is true to dst and returns their number.
func trueRows(v *vector.Vector, rs rows, dst []uint16) int {
	m := 0
	switch {
	case v.Const:
		if !isTrue(v, 0) {
			return 0
		}
		for k := range rs.n {
			dst[k] = uint16(rs.at(k))
		}
		return rs.n
	case v.Type.Phys() != types.PhysInt64:
		for k := range rs.n {
			i := rs.at(k)
			if isTrue(v, i) {
				dst[m] = uint16(i)
				m++
			}
		}
	case rs.sel == nil:
		x, null := v.I64[:rs.n], v.Null[:rs.n]
		for i := range x {
			dst[m] = uint16(i) // written always, kept if it counts: no branch to mispredict
			m += b2i(x[i] != 0) & int(null[i]^1)
		}
	default:
		x, null := v.I64, v.Null
		for _, i := range rs.sel {
			dst[m] = i
			m += b2i(x[i] != 0) & int(null[i]^1)
		}
	}
	return m
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// mask is what a row number is and-ed with to index v: 0 for constants, all ones otherwise.
func mask(v *vector.Vector) int {
	if v.Const {
		return 0
	}
	return -1
}

// bytes returns a string's bytes.
func (ev *Evaluator) bytes(s *vector.Str) []byte {
	if ev.acct != nil || s.IsInline() {
		return s.Bytes(ev.base)
	}
	return ev.heap[s.Ref()]
}

// keep makes a string of single-value evaluation.
func (ev *Evaluator) keep(b []byte) vector.Str {
	if len(b) <= vector.InlineBytes {
		return vector.MakeInline(b)
	}
	ev.heap = append(ev.heap, append([]byte(nil), b...))
	return vector.MakeStr(b, memory.Ref(len(ev.heap)-1))
}

// put copies b to where results live.
func (ev *Evaluator) put(b []byte) (vector.Str, error) {
	if ev.acct == nil {
		return ev.keep(b), nil
	}
	return ev.arena.Put(b)
}

// alloc returns room for a result of n bytes and its reference, for ev.str once it is filled.
func (ev *Evaluator) alloc(n int) ([]byte, memory.Ref, error) {
	if ev.acct == nil {
		b := make([]byte, n)
		ev.heap = append(ev.heap, b)
		return b, memory.Ref(len(ev.heap) - 1), nil
	}
	return ev.arena.Alloc(n)
}

// warn reports e, or returns it where the statement is strict.
func (ev *Evaluator) warn(e *sqlerr.Error) error {
	if ev.env.Strict {
		return e
	}
	ev.note(e)
	return nil
}

// note reports e as a warning in any mode.
func (ev *Evaluator) note(e *sqlerr.Error) {
	if ev.env.Warn != nil {
		ev.env.Warn(e.Warning())
	}
}

func (ev *Evaluator) context() context.Context {
	if ev.env.Ctx != nil {
		return ev.env.Ctx
	}
	return context.Background()
}

// quietEnv is env with warnings counted instead of reported.
func quietEnv(env *Env) (*Env, *bool) {
	q, warned := *env, new(bool)
	q.Warn = func(sqlerr.Warning) { *warned = true }
	return &q, warned
}

// EvalConst evaluates a single value without pool pages. The result's bytes are the caller's.
func EvalConst(e Expr, env *Env) (types.Datum, error) { return EvalRow(e, nil, env) }

// EvalRow is EvalConst with values for the columns.
func EvalRow(e Expr, row []types.Datum, env *Env) (types.Datum, error) {
	if c, ok := e.(*Const); ok {
		return c.D, nil
	}
	ev := &Evaluator{env: env, all: []uint16{0}, row: row, random: seedOf(env)}
	m := maker{ev: ev, capacity: 1}
	nd, err := m.node(e)
	if err != nil {
		return types.Datum{}, err
	}
	if err := ev.eval(nd, rows{n: 1}); err != nil {
		return types.Datum{}, err
	}
	return ev.datum(nd.res, 0), nil
}

// datum reads a row as a single value; its bytes live as long as the vector's.
func (ev *Evaluator) datum(v *vector.Vector, i int) types.Datum {
	if v.Type.Phys() != types.PhysString {
		return v.Datum(ev.base, i)
	}
	i = v.Index(i)
	if v.Null[i] != 0 {
		return types.NullDatum(v.Type)
	}
	return types.NewStringDatum(v.Type, ev.bytes(&v.Str[i]))
}
