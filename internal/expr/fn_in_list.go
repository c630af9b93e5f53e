package expr

import (
	"cmp"
	"context"
	"slices"
	"sort"

	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// IN with a long list of literals. They are read twice: to see how they compare with the value, and to be put into
// sorted tables, one for each way of comparison, which are as large as they must be.

// Literals are the elements of a long list.
type Literals interface {
	Rewind()
	// Next fills dst with the next element, which lives until the call after; false at the end.
	Next(dst []Const) (bool, error)
}

// ListRoom gives long lists their memory.
type ListRoom interface {
	// Reserve charges Go heap for elements that do not fit a table.
	Reserve(n int64) error
	// Page gives memory without Go pointers that lives as long as the plan and begins at a multiple of 8.
	Page(n int) ([]byte, error)
}

// elementBytes is the Go heap of an element that is a comparison of its own.
const elementBytes = 800

// maxListGroups bounds the ways of comparison that have a table.
const maxListGroups = 16

// listGroup is the elements that are compared in one way.
type listGroup struct {
	heads []Expr // the values as compared
	types []types.Type
	n     int
	text  int
	list  *List
}

// listBuilder makes value IN (list).
type listBuilder struct {
	b      *builder
	values []Expr
	src    Literals
	room   ListRoom
	groups []*listGroup
	others []Expr // comparisons of single elements
	null   bool
	heads  []Expr
	row    []*Const
}

// NewInList is values IN (elements); source names the elements for Equal. Errors are those of the comparisons.
func NewInList(values []Expr, src Literals, source any, room ListRoom, env *Env) (Expr, error) {
	l := &listBuilder{
		b: &builder{env: env, name: "in"}, values: values, src: src, room: room,
		heads: make([]Expr, len(values)), row: make([]*Const, len(values)),
	}
	if err := l.each(l.count); err != nil {
		return nil, err
	}
	for _, g := range l.groups {
		g.list = newList(g.types, source)
		page, err := room.Page(g.list.bytes(g.n, g.text))
		if err != nil {
			return nil, err
		}
		g.list.place(page, g.n)
	}
	if err := l.each(l.put); err != nil {
		return nil, err
	}
	return l.result()
}

// each calls f for every element: with its group, or nil if it is to be compared on its own.
func (l *listBuilder) each(f func(elements []Const, g *listGroup) error) error {
	l.src.Rewind()
	elements := make([]Const, len(l.values))
	for {
		ok, err := l.src.Next(elements)
		if err != nil || !ok {
			return err
		}
		if len(elements) == 1 && elements[0].D.IsNull() {
			l.null = true
			continue
		}
		g, err := l.group(elements)
		if err != nil {
			return err
		}
		if err := f(elements, g); err != nil {
			return err
		}
	}
}

// group finds how an element compares, and leaves what it is compared as in l.row.
func (l *listBuilder) group(elements []Const) (*listGroup, error) {
	for i := range elements {
		x, y, err := l.b.comparable(l.values[i], &elements[i])
		if err != nil {
			return nil, err
		}
		c, ok := y.(*Const)
		if !ok || c.D.IsNull() || c.D.Type.ID == types.JSON {
			return nil, nil
		}
		l.heads[i], l.row[i] = x, c
	}
	for _, g := range l.groups {
		if l.fits(g) {
			return g, nil
		}
	}
	if len(l.groups) == maxListGroups {
		return nil, nil
	}
	g := &listGroup{heads: slices.Clone(l.heads), types: make([]types.Type, len(l.row))}
	for i, c := range l.row {
		g.types[i] = c.D.Type
	}
	l.groups = append(l.groups, g)
	return g, nil
}

func (l *listBuilder) fits(g *listGroup) bool {
	for i, c := range l.row {
		t, u := c.D.Type, g.types[i]
		if t.Phys() != u.Phys() || t.Collation != u.Collation || t.IsTemporal() != u.IsTemporal() ||
			t.Phys() == types.PhysDecimal && t.Scale != u.Scale || !Equal(l.heads[i], g.heads[i]) {
			return false
		}
	}
	return true
}

func (l *listBuilder) count(_ []Const, g *listGroup) error {
	if g == nil {
		return l.room.Reserve(int64(elementBytes * len(l.values)))
	}
	g.n++
	for _, c := range l.row {
		g.text += len(c.D.S)
	}
	return nil
}

func (l *listBuilder) put(elements []Const, g *listGroup) error {
	if g != nil {
		g.list.add(l.row)
		return nil
	}
	parts := make([]Expr, len(elements))
	for i := range elements {
		c := elements[i]
		eq, err := NewCall("=", []Expr{l.values[i], &c}, l.b.env)
		if err != nil {
			return err
		}
		parts[i] = eq
	}
	e := parts[0]
	if len(parts) > 1 {
		var err error
		if e, err = NewCall("and", parts, l.b.env); err != nil {
			return err
		}
	}
	l.others = append(l.others, e)
	return nil
}

func (l *listBuilder) result() (Expr, error) {
	var parts []Expr
	for _, g := range l.groups {
		g.list.finish()
		c := l.b.call(inListFunction, append(g.heads, g.list), types.NewBool(), 0, 0)
		c.t.Nullable = false
		for _, h := range g.heads {
			c.t.Nullable = c.t.Nullable || h.Type().Nullable
		}
		parts = append(parts, c)
	}
	parts = append(parts, l.others...)
	if l.null {
		eq, err := NewCall("=", []Expr{l.values[0], NewNull()}, l.b.env)
		if err != nil {
			return nil, err
		}
		parts = append(parts, eq)
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return NewCall("or", parts, l.b.env)
}

var inListFunction = &function{name: "in", flags: boolean | seesNull, vec: evalInList}

// InTable gives the values and the literals of an IN with a long list of literals; ok is false for all else.
func InTable(e Expr) (values []Expr, list *List, ok bool) {
	c, is := e.(*Call)
	if !is || c.fn != inListFunction {
		return nil, nil, false
	}
	last := len(c.args) - 1
	return c.args[:last], c.args[last].(*List), true
}

func evalInList(ev *Evaluator, nd *node, rs rows) error {
	last := len(nd.av) - 1
	l := nd.e.(*Call).args[last].(*List)
	values := nd.av[:last]
	out, null := nd.out.I64, nd.out.Null
	orNulls(null, values, rs)
	if ints := l.words(types.PhysInt64); ints != nil && values[0].Type.Phys() == types.PhysInt64 {
		x, m := values[0].I64, mask(values[0])
		for k := range rs.n {
			i := rs.at(k)
			_, found := slices.BinarySearch(ints, x[i&m])
			out[i] = int64(b2i(found))
		}
		return nil
	}
	p := probe{ev: ev, list: l, values: values}
	for k := range rs.n {
		p.at = rs.at(k)
		switch {
		case null[p.at] == 0:
			out[p.at] = int64(b2i(p.search()))
		case last > 1:
			// A row with NULLs is not equal to any; if all else of it agrees with an element, the result is NULL.
			if ev.context().Err() != nil {
				return context.Cause(ev.context())
			}
			out[p.at] = 0
			null[p.at] = uint8(b2i(p.resembles()))
		}
	}
	return nil
}

// probe is a row of values to look up.
type probe struct {
	ev     *Evaluator
	list   *List
	values []*vector.Vector
	at     int
}

func (p *probe) search() bool {
	low, high := 0, p.list.n
	for low < high {
		mid := int(uint(low+high) >> 1)
		c := 0
		for col := 0; col < len(p.values) && c == 0; col++ {
			c = p.compare(mid, col)
		}
		switch {
		case c == 0:
			return true
		case c < 0:
			low = mid + 1
		default:
			high = mid
		}
	}
	return false
}

// resembles says if an element agrees in all columns where the row is not NULL: one of those that agree in the columns
// before the first NULL, which lie together.
func (p *probe) resembles() bool {
	first := 0
	for !p.null(first) {
		first++
	}
	from := sort.Search(p.list.n, func(i int) bool { return p.agrees(i, 0, first) >= 0 })
	for i := from; i < p.list.n && p.agrees(i, 0, first) == 0; i++ {
		if p.agrees(i, first, len(p.values)) == 0 {
			return true
		}
	}
	return false
}

func (p *probe) null(col int) bool {
	v := p.values[col]
	return !v.NoNulls && v.Null[p.at&mask(v)] != 0
}

// agrees compares some columns of an element with those of the row that are not NULL.
func (p *probe) agrees(i, from, to int) int {
	for col := from; col < to; col++ {
		if p.null(col) {
			continue
		}
		if c := p.compare(i, col); c != 0 {
			return c
		}
	}
	return 0
}

// compare orders a cell of the list and the row's value.
func (p *probe) compare(i, col int) int {
	l, v := p.list, p.values[col]
	at := p.at & mask(v)
	cell := l.cell(i, col)
	switch t := &l.types[col]; t.Phys() {
	case types.PhysInt64:
		if v.Type.Phys() == types.PhysUint64 {
			return -compareMixed(v.U64[at], *(*int64)(cell))
		}
		return cmp.Compare(*(*int64)(cell), v.I64[at])
	case types.PhysUint64:
		if v.Type.Phys() == types.PhysInt64 {
			return compareMixed(*(*uint64)(cell), v.I64[at])
		}
		return cmp.Compare(*(*uint64)(cell), v.U64[at])
	case types.PhysFloat64:
		return compareFloat(*(*float64)(cell), v.F64[at])
	case types.PhysDecimal:
		return types.DecCmp(*(*types.Dec)(cell), t.Scale, v.Dec[at], v.Type.Scale)
	default:
		return compareText(t.Collation, l.bytesAt(i, col), p.ev.bytes(&v.Str[at]))
	}
}

func compareMixed(u uint64, i int64) int {
	if i < 0 {
		return 1
	}
	return cmp.Compare(u, uint64(i))
}
