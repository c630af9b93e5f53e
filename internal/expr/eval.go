package expr

import (
	"context"

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
	// late: a constant of each run, which is not known when the plan is made: never folded.
	late
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
	loan    memory.Loan // for scratch memory; see scratch.go
	backs   []func()
	closed  bool
}

// scratchKeep is the largest scratch buffer kept between values.
const scratchKeep = 64 << 10

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

// Release gives back what is leased for the last results, which end.
func (ev *Evaluator) Release() { ev.arena.Reset() }

// Close gives the pages back. Repeatable.
func (ev *Evaluator) Close() {
	if ev == nil || ev.closed || ev.acct == nil {
		return
	}
	ev.closed = true
	ev.giveBack()
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
	case *Const, *List:
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
		return ev.keep(b), ev.borrow(len(b))
	}
	return ev.arena.Put(b)
}

// alloc returns room for a result of n bytes and its reference, for ev.str once it is filled.
func (ev *Evaluator) alloc(n int) ([]byte, memory.Ref, error) {
	if ev.acct == nil {
		if err := ev.borrow(n); err != nil {
			return nil, 0, err
		}
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
	q.quiet = true
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
	defer ev.giveBack()
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
