package join

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/exec/exectest"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

// keyed is an inner side in memory, by the first column.
type keyed struct {
	acct  *memory.Account
	types []types.Type
	byKey map[string][]exectest.Row
	// apart gives the rows of some keys in another order, as rows that are fetched by an index come.
	apart bool
}

var _ Inner = (*keyed)(nil)

func newKeyed(s *side, apart bool) *keyed {
	k := &keyed{types: exectest.Types(s.columns), byKey: map[string][]exectest.Row{}, apart: apart}
	for _, r := range s.rows {
		if !r[0].IsNull() {
			key := string(appendTestKey(nil, r[0]))
			k.byKey[key] = append(k.byKey[key], r)
		}
	}
	return k
}

// appendTestKey orders as the value does.
func appendTestKey(dst []byte, d types.Datum) []byte {
	if d.Kind == types.PhysString {
		return append(collation.WeightString(d.Type.Collation, dst, d.S), 0)
	}
	return binary.BigEndian.AppendUint64(dst, uint64(d.I)^1<<63)
}

func (k *keyed) NewLocal(*exec.Worker) (LocalInner, error) { return &localKeyed{k: k}, nil }
func (k *keyed) Close() error                              { return nil }

// given counts the rows that inner sides gave.
var given atomic.Int64

// inMemory is how inner rows come.
var inMemory = exectest.Shape{Rows: 50, Select: true}

type localKeyed struct {
	k     *keyed
	list  []exectest.Row
	of    []int32 // the key of each
	local exec.LocalSource
	ofRow [vector.MaxRows]int32
}

func (l *localKeyed) AppendKey(dst []byte, _ int, d types.Datum) ([]byte, bool) {
	if d.Kind == types.PhysInt64 && d.I%7 == 3 && len(l.k.byKey[string(appendTestKey(nil, d))]) == 0 {
		return dst, false // one that cannot be in the table
	}
	return appendTestKey(dst, d), true
}

func (l *localKeyed) Start(keys Keys, first int) {
	l.list, l.of = nil, nil
	last := ""
	for i := range keys.Len() {
		key := string(keys.Key(i))
		if i > 0 && key <= last {
			panic("keys are not in order")
		}
		last = key
		for n, r := range l.k.byKey[key] {
			if first > 0 && n == first {
				break
			}
			l.list, l.of = append(l.list, r), append(l.of, int32(i))
		}
	}
	if l.k.apart {
		r := rand.New(rand.NewPCG(1, 2))
		for at := 0; at < len(l.list); at += 100 {
			end := min(at+100, len(l.list))
			r.Shuffle(end-at, func(i, j int) {
				i, j = at+i, at+j
				l.list[i], l.list[j], l.of[i], l.of[j] = l.list[j], l.list[i], l.of[j], l.of[i]
			})
		}
	}
}

func (l *localKeyed) open() (err error) {
	if l.local == nil && len(l.list) > 0 {
		src := exectest.NewSource(l.k.acct, l.k.types, l.list, inMemory, 1)
		l.local, err = src.NewLocal(&exec.Worker{})
	}
	return err
}

func (l *localKeyed) Next(ctx context.Context) (*vector.Batch, []int32, error) {
	if err := l.open(); err != nil || l.local == nil {
		return nil, nil, err
	}
	b, err := l.local.Next(ctx)
	if err != nil {
		return nil, nil, err
	}
	if b == nil {
		err := l.local.Close()
		l.local, l.list = nil, nil
		return nil, nil, err
	}
	for i := range b.Rows() {
		l.ofRow[rowOf(b, i)] = l.of[i]
	}
	l.list, l.of = l.list[b.Rows():], l.of[b.Rows():]
	given.Add(int64(b.Rows()))
	return b, l.ofRow[:b.Len], nil
}

func (l *localKeyed) Skip(to int) error {
	if l.k.apart {
		return nil
	}
	for len(l.of) > 0 && int(l.of[0]) < to {
		l.list, l.of = l.list[1:], l.of[1:]
	}
	return l.Close()
}

func (l *localKeyed) Pause() error { return nil }

func (l *localKeyed) Close() error {
	if l.local == nil {
		return nil
	}
	local := l.local
	l.local = nil
	return local.Close()
}

func indexTest(t testing.TB, left, right side, kind physical.JoinType, more *condition, apart bool) *exectest.Test {
	lt, rt := exectest.Types(left.columns), exectest.Types(right.columns)
	o := IndexOptions{
		Type: kind, Outer: lt, OuterOut: len(lt), InnerRows: rt, Keys: []IndexKey{{}},
		Env: &expr.Env{MaxPacket: 1 << 20},
	}
	c := conditions[1]
	if more != nil {
		o.Conds = []expr.Expr{more.expr(t, lt, rt)}
		c = and(c, *more)
	} else {
		c = and(c)
	}
	return &exectest.Test{
		Types: lt, Rows: left.rows, Short: true,
		MinBytes: func(workers int) int64 {
			return IndexMinBytes(o, workers) + int64(workers)*exectest.SourceBytes(rt, right.rows, inMemory, 1)
		},
		New: func(acct *memory.Account, _ *memory.Statement, _ int) (*exectest.Subject, error) {
			inner := newKeyed(&right, apart)
			inner.acct, o.Account, o.Inner = acct, acct, inner
			x := NewIndex(o)
			s := exectest.Step(x.Operator())
			s.Close = x.Close
			return s, nil
		},
		Check: checkPrints(referenceJoin(&left, &right, kind, c)),
	}
}

// TestIndex joins data of all distributions by all kinds of joins, with memory from the minimum up.
func TestIndex(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	gen := func(distinct, nulls int) exectest.Gen {
		return exectest.Gen{Type: types.NewInt(), Distinct: distinct, Nulls: nulls}
	}
	text := exectest.Gen{Type: types.NewVarChar(60, collation.UTF8MB4GeneralCI), Distinct: 50, Nulls: 5}
	long := exectest.Gen{Type: types.NewText(types.MediumText, collation.UTF8MB4Bin), Distinct: 3, Length: 30000}
	data := map[string][2]side{
		"uniform":   {makeSide(r, 500, gen(200, 5), 20), makeSide(r, 700, gen(200, 5), 20)},
		"unique":    {makeSide(r, 2500, gen(1<<12, 0), 20), makeSide(r, 900, gen(1<<12, 0), 20)},
		"texts":     {makeSide(r, 200, text, 5), makeSide(r, 300, text, 40)},
		"same":      {makeSide(r, 30, gen(1, 0), 20), makeSide(r, 1200, gen(1, 0), 100)},
		"null":      {makeSide(r, 100, gen(1, 100), 20), makeSide(r, 100, gen(1, 100), 20)},
		"empty":     {makeSide(r, 100, gen(10, 5), 20), makeSide(r, 0, gen(10, 5), 20)},
		"long":      {makeSide(r, 20, gen(3, 0), 9000), makeSide(r, 30, gen(3, 0), 50000)},
		"long keys": {makeSide(r, 20, long, 10), makeSide(r, 30, long, 200)},
	}
	for _, name := range slices.Sorted(maps.Keys(data)) {
		for kind := physical.InnerJoin; kind <= physical.LeftOuterSemi; kind++ {
			for i, more := range []*condition{nil, &conditions[2], &conditions[3]} {
				if i == 2 && name != "long" {
					continue
				}
				t.Run(fmt.Sprint(name, " ", kind, " ", i), func(t *testing.T) {
					test := indexTest(t, data[name][0], data[name][1], kind, more, i == 1)
					for _, q := range []exectest.Conditions{{}, {NoSurplus: name != "long keys"}, {Surplus: 64 << 10}} {
						if name == "long keys" {
							q.Surplus = 0
						}
						shapes := []exectest.Shape{{Rows: 333, Select: true}, {Rows: 7, Select: true}, {Rows: 333}}
						if testing.Short() {
							shapes = shapes[:1]
						}
						for _, q.Shape = range shapes {
							q.Workers = 1 + i
							res := test.Do(t, q)
							require.NoError(t, res.Err, "%v", q)
							test.Check(t, res.Rows)
						}
					}
				})
			}
		}
	}
}

// TestIndexHarness holds the join to what is asked of every operator.
func TestIndexHarness(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 24))
	key := exectest.Gen{Type: types.NewInt(), Distinct: 60, Nulls: 5}
	left, right := makeSide(r, 300, key, 20), makeSide(r, 300, key, 20)
	for kind := physical.InnerJoin; kind <= physical.LeftOuterSemi; kind++ {
		t.Run(fmt.Sprint(kind), func(t *testing.T) { indexTest(t, left, right, kind, nil, false).Run(t) })
	}
}

// TestIndexSkips: where one match is enough, what is left of a key is passed over.
func TestIndexSkips(t *testing.T) {
	r := rand.New(rand.NewPCG(25, 26))
	gen := exectest.Gen{Type: types.NewInt(), Distinct: 3}
	left, right := makeSide(r, 40, gen, 20), makeSide(r, 3000, gen, 20)
	test := indexTest(t, left, right, physical.SemiJoin, &conditions[2], false)
	given.Store(0)
	res := test.Do(t, exectest.Conditions{Shape: exectest.Shape{Rows: 40}, Workers: 1})
	require.NoError(t, res.Err)
	test.Check(t, res.Rows)
	require.Less(t, given.Load(), int64(1000))
}
