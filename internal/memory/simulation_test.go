package memory_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/memory/memorytest"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
)

// simulation runs a random schedule of statements in one goroutine and checks the pool after every step.
type simulation struct {
	t          *testing.T
	r          *rand.Rand
	p          *memory.Pool
	statements []*actor
	refused    map[memory.Op]int // chance in a hundred
	trace      []string
	done       map[string]int
}

// actor is a statement with what it holds; every page is full of its stamp.
type actor struct {
	s       *memory.Statement
	a       *memory.Account
	minimum int64
	held    int64
	pages   []heldPage
	blocks  []heldBlock
	parked  bool
	sink    context.CancelFunc
}

type heldPage struct {
	page  memory.Page
	kind  memory.Kind
	stamp uint32
}

type heldBlock struct {
	id    memory.BlockID
	size  int
	pins  int
	kind  memory.Kind
	ref   memory.Ref
	stamp uint32
}

var errRefused = errors.New("refused by the test")

func (sim *simulation) refuse(op memory.Op, _ string, _ int) error {
	if sim.r.IntN(1000) >= sim.refused[op] {
		return nil
	}
	if op == memory.OpSurplus {
		return sqlerr.ErrNoSurplus
	}
	return errRefused
}

func (sim *simulation) log(format string, args ...any) {
	sim.trace = append(sim.trace, fmt.Sprintf(format, args...))
	if len(sim.trace) > 40 {
		sim.trace = sim.trace[1:]
	}
}

func (sim *simulation) fatal(format string, args ...any) {
	for _, line := range sim.trace {
		sim.t.Log(line)
	}
	sim.t.Fatalf(format, args...)
}

func TestSimulation(t *testing.T) {
	steps := 4000
	switch {
	case testutil.Long():
		steps = 200_000
	case testing.Short():
		steps = 2000
	}
	for _, faults := range []map[memory.Op]int{
		{},
		{memory.OpSurplus: 300, memory.OpMinimum: 10},
		{memory.OpWrite: 5, memory.OpRead: 5},
	} {
		t.Run(fmt.Sprint(faults), func(t *testing.T) {
			r := testutil.Rand(t)
			sim := &simulation{t: t, r: r, refused: faults, done: map[string]int{}}
			sim.p = memorytest.NewPoolWith(t, memory.Options{
				LimitBytes: 4 << 20, Evictors: -1, Hooks: &memory.Hooks{Refuse: sim.refuse},
			})
			for range steps {
				sim.step()
				if err := sim.p.Check(); err != nil {
					sim.fatal("%v", err)
				}
			}
			for len(sim.statements) > 0 {
				sim.close(0)
			}
			if err := sim.p.Check(); err != nil {
				sim.fatal("%v", err)
			}
			for _, what := range []string{"admitted", "parked", "unparked", "evict", "pin", "lease"} {
				require.Positive(t, sim.done[what], what)
			}
			st := sim.p.Stats()
			require.Positive(t, st.Evictions)
			require.Positive(t, st.Reloads)
		})
	}
}

func (sim *simulation) step() {
	r := sim.r
	if len(sim.statements) == 0 || r.IntN(50) == 0 && len(sim.statements) < 8 {
		sim.open()
		return
	}
	i := r.IntN(len(sim.statements))
	x := sim.statements[i]
	if x.parked {
		switch r.IntN(10) {
		case 0:
			sim.unpark(i)
		case 1, 2, 3:
			sim.p.EvictSome()
			sim.done["evict"]++
		}
		return
	}
	if x.s.Err() != nil || r.IntN(200) == 0 {
		sim.close(i)
		return
	}
	sim.work(i, x)
}

func (sim *simulation) work(i int, x *actor) {
	r := sim.r
	switch op := r.IntN(100); {
	case op < 25:
		sim.newBlock(i, x)
	case op < 40:
		sim.newPage(i, x)
	case op < 50 && len(x.pages) > 0:
		j := r.IntN(len(x.pages))
		sim.verify(x, x.pages[j].page.Ref, x.pages[j].page.Size(), x.pages[j].stamp, "page")
		sim.freePage(x, j)
	case op < 70 && len(x.blocks) > 0:
		sim.pin(i, x, r.IntN(len(x.blocks)))
	case op < 90 && len(x.blocks) > 0:
		sim.unpin(x, r.IntN(len(x.blocks)))
	case op < 94 && len(x.blocks) > 0:
		if j := r.IntN(len(x.blocks)); x.blocks[j].pins <= 1 {
			sim.freeBlock(x, j)
		}
	case op < 96:
		sim.p.EvictSome()
		sim.done["evict"]++
	case op < 98:
		if x.parked = x.s.ParkNow(); x.parked {
			sim.done["parked"]++
			sim.log("%d parked", i)
		}
	case op == 98 && r.IntN(10) == 0:
		sim.log("%d fails", i)
		x.s.Fail(errRefused)
	case op == 99 && r.IntN(5) == 0:
		sim.log("%d is killed", i)
		x.sink()
	}
}

func (sim *simulation) open() {
	r := sim.r
	o := memory.StatementOptions{
		Name: fmt.Sprint("s", sim.done["admitted"]), Spill: r.IntN(4) > 0, CancelAtQuota: r.IntN(2) == 0,
		ForceSpill: r.IntN(8) == 0,
	}
	x := &actor{minimum: int64(1+r.IntN(64)) << 14}
	if r.IntN(2) == 0 {
		o.QuotaBytes = x.minimum + int64(r.IntN(64))<<14
	}
	x.s = sim.p.NewStatement(sim.p.Server(), o)
	ctx, cancel := context.WithCancel(context.Background())
	x.sink = cancel
	if sim.p.Stats().Waiting > 0 || sim.p.MaxMinimum()-x.minimum < sim.p.Stats().Minimums+sim.p.Stats().Leases {
		cancel() // it would wait, and nobody else goes on meanwhile
	}
	err := x.s.Admit(ctx, x.minimum)
	if err != nil {
		sim.log("not admitted: %v", err)
		cancel()
		x.s.Close()
		return
	}
	x.a, err = x.s.Operator("op", x.minimum)
	require.NoError(sim.t, err)
	sim.done["admitted"]++
	sim.log("%d opened: minimum %d, %+v", len(sim.statements), x.minimum, o)
	sim.statements = append(sim.statements, x)
}

func (sim *simulation) close(i int) {
	x := sim.statements[i]
	sim.log("%d closes: %v", i, x.s.Err())
	if x.parked {
		sim.unpark(i)
	}
	for len(x.pages) > 0 {
		sim.freePage(x, 0)
	}
	for len(x.blocks) > 0 {
		for x.blocks[0].pins > 1 {
			sim.unpin(x, 0)
		}
		sim.freeBlock(x, 0)
	}
	x.a.Close()
	x.s.Close()
	x.sink()
	sim.statements = append(sim.statements[:i], sim.statements[i+1:]...)
}

func (sim *simulation) unpark(i int) {
	x := sim.statements[i]
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	st := sim.p.Stats()
	if st.Minimums+st.Leases+sim.p.Need(x.s) > sim.p.MaxMinimum() || sim.r.IntN(20) == 0 {
		cancel()
	}
	err := x.s.Unpark(ctx)
	sim.log("%d unparked: %v", i, err)
	x.parked = false
	sim.done["unparked"]++
	if err != nil {
		require.Error(sim.t, x.s.Err())
		return
	}
	for _, p := range x.pages {
		sim.verify(x, p.page.Ref, p.page.Size(), p.stamp, "page that was parked")
	}
	for _, b := range x.blocks {
		if b.pins > 0 {
			sim.verify(x, b.ref, b.size, b.stamp, "block that was parked")
		}
	}
}

func (sim *simulation) kind(x *actor, n int) memory.Kind {
	if x.held+int64(n) <= x.minimum && sim.r.IntN(3) > 0 {
		return memory.Held
	}
	return memory.Leased
}

// failed looks at an error: held memory within the minimum is refused only for a reason.
func (sim *simulation) failed(i int, x *actor, kind memory.Kind, err error) {
	sim.log("%d: refused (%d): %v", i, kind, err)
	if kind == memory.Leased && errors.Is(err, sqlerr.ErrNoSurplus) || errors.Is(err, errRefused) {
		return
	}
	if x.s.Err() == nil {
		sim.fatal("M4: %v", err)
	}
}

func (sim *simulation) newPage(i int, x *actor) {
	size := memory.MinPageBytes << sim.r.IntN(6)
	kind := sim.kind(x, size)
	page, err := x.a.Alloc(size, kind)
	if err != nil {
		sim.failed(i, x, kind, err)
		return
	}
	p := heldPage{page, kind, sim.r.Uint32()}
	stamp(x, page.Ref, size, p.stamp)
	x.pages = append(x.pages, p)
	x.count(kind, size)
	if kind == memory.Leased {
		sim.done["lease"]++
	}
}

func (sim *simulation) newBlock(i int, x *actor) {
	size := memory.MinPageBytes << sim.r.IntN(6)
	kind := sim.kind(x, size)
	id, ref, err := x.a.NewBlock(size, kind)
	if err != nil {
		sim.failed(i, x, kind, err)
		return
	}
	b := heldBlock{id: id, size: size, pins: 1, kind: kind, ref: ref, stamp: sim.r.Uint32()}
	stamp(x, ref, size, b.stamp)
	x.blocks = append(x.blocks, b)
	x.count(kind, size)
}

func (sim *simulation) pin(i int, x *actor, j int) {
	b := &x.blocks[j]
	kind := b.kind
	if b.pins == 0 {
		kind = sim.kind(x, b.size)
	}
	ref, err := x.a.Pin(b.id, kind)
	if err != nil {
		sim.failed(i, x, kind, err)
		return
	}
	sim.done["pin"]++
	if b.pins == 0 {
		b.kind = kind
		x.count(kind, b.size)
	}
	b.pins++
	b.ref = ref
	sim.verify(x, ref, b.size, b.stamp, "block")
	if sim.r.IntN(5) == 0 {
		x.a.MarkDirty(b.id)
		b.stamp++
		stamp(x, ref, b.size, b.stamp)
	}
}

func (sim *simulation) unpin(x *actor, j int) {
	b := &x.blocks[j]
	if b.pins == 0 {
		return
	}
	b.pins--
	if b.pins == 0 {
		x.count(b.kind, -b.size)
	}
	x.a.Unpin(b.id, memory.Reuse(sim.r.IntN(3)))
}

func (sim *simulation) freePage(x *actor, j int) {
	x.count(x.pages[j].kind, -x.pages[j].page.Size())
	x.a.Free(x.pages[j].page)
	x.pages = append(x.pages[:j], x.pages[j+1:]...)
}

func (sim *simulation) freeBlock(x *actor, j int) {
	if x.blocks[j].pins > 0 {
		x.count(x.blocks[j].kind, -x.blocks[j].size)
	}
	x.a.FreeBlock(x.blocks[j].id)
	x.blocks = append(x.blocks[:j], x.blocks[j+1:]...)
}

func (x *actor) count(kind memory.Kind, n int) {
	if kind == memory.Held {
		x.held += int64(n)
	}
}

func stamp(x *actor, ref memory.Ref, size int, v uint32) {
	for i, s := 0, memory.Slice[uint32](x.a.Base(), ref, size/4); i < len(s); i += 97 {
		s[i] = v
	}
}

func (sim *simulation) verify(x *actor, ref memory.Ref, size int, v uint32, what string) {
	for i, s := 0, memory.Slice[uint32](x.a.Base(), ref, size/4); i < len(s); i += 97 {
		if s[i] != v && x.s.Err() == nil {
			sim.fatal("%s: %d at %d, stamped %d", what, s[i], i*4, v)
		}
	}
}
