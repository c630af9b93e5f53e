package exectest

import (
	"bytes"
	"context"
	"math/rand/v2"
	"sync"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Row is a row outside of the pool.
type Row []types.Datum

// Shape says how rows are put into batches.
type Shape struct {
	Rows   int  // of a batch, those that do not count included
	Select bool // rows that count lie between others, random values
	Const  bool // a column whose rows of a batch are all equal is a constant vector
	Seed   uint64
}

// input is a source of rows that its workers share.
type input struct {
	acct  *memory.Account
	types []types.Type
	shape Shape
	limit int // workers
	arena int // bytes; 0: standardArena

	mu sync.Mutex
	// mu protects following.
	rows    []Row
	batches int
	before  func(batch int) // called before each batch
}

// standardArena has room for the strings of most tests' batches.
const standardArena = 1 << 20

// fit makes the arena large enough for the strings of any batch, and no larger.
func (s *input) fit() {
	longest := 0
	for _, r := range s.rows {
		n := 0
		for _, d := range r {
			n += len(d.S)
		}
		longest = max(longest, n)
	}
	s.arena = max(MinArena, longest*min(s.shape.Rows, len(s.rows)))
}

func (s *input) arenaBytes() int {
	if s.arena == 0 {
		return standardArena
	}
	return s.arena
}

func (s *input) minBytes() int64 {
	return int64(s.limit) * vector.BatchBytes(s.types, s.shape.Rows, s.arenaBytes())
}

func (s *input) NewLocal(w *exec.Worker) (exec.LocalSource, error) {
	b, err := vector.NewBatch(s.acct, s.types, s.shape.Rows, s.arenaBytes())
	if err != nil {
		return nil, err
	}
	return &localInput{s, b, rand.New(rand.NewPCG(s.shape.Seed, uint64(w.ID)))}, nil
}

func (s *input) MaxWorkers() int { return s.limit }
func (s *input) Close() error    { return nil }

// take removes the next n rows.
func (s *input) take(n int) []Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	n = min(n, len(s.rows))
	out := s.rows[:n]
	s.rows = s.rows[n:]
	if n > 0 && s.before != nil {
		s.before(s.batches)
	}
	s.batches++
	return out
}

type localInput struct {
	s   *input
	b   *vector.Batch
	rnd *rand.Rand
}

func (l *localInput) Next(context.Context) (*vector.Batch, error) {
	l.b.Reset()
	shape := l.s.shape
	n := shape.Rows
	var sel []uint16
	if shape.Select {
		n = 0
		room := l.b.SelRoom()
		for i := range shape.Rows {
			if l.rnd.IntN(2) == 0 {
				room[n] = uint16(i)
				n++
			}
		}
		if n == 0 {
			room[0], n = 0, 1
		}
		sel = room[:n]
	}
	rows := l.s.take(n)
	if len(rows) == 0 {
		return nil, nil
	}
	l.b.Len = len(rows)
	if shape.Select {
		l.b.Sel = sel[:len(rows)]
		l.b.Len = int(l.b.Sel[len(rows)-1]) + 1
	}
	for c, v := range l.b.Cols {
		if err := l.column(c, v, rows); err != nil {
			return nil, err
		}
	}
	return l.b, nil
}

func (l *localInput) column(c int, v *vector.Vector, rows []Row) error {
	if l.s.shape.Const {
		equal := true
		for _, r := range rows[1:] {
			equal = equal && Same(r[c], rows[0][c])
		}
		if equal {
			v.Const = true
			return v.SetDatum(0, rows[0][c], l.b.Arena())
		}
	}
	nulls := false
	if l.b.Sel != nil {
		for i := range l.b.Len { // values that must not be looked at
			v.SetNull(i)
		}
	}
	for i, r := range rows {
		at := i
		if l.b.Sel != nil {
			at = int(l.b.Sel[i])
		}
		nulls = nulls || r[c].IsNull()
		if err := v.SetDatum(at, r[c], l.b.Arena()); err != nil {
			return err
		}
	}
	v.NoNulls = !nulls && l.rnd.IntN(2) == 0
	return nil
}

func (l *localInput) Pause() error { return nil }

func (l *localInput) Close() error {
	l.b.Close()
	return nil
}

// Same says if two values are identical.
func Same(a, b types.Datum) bool {
	return a.Kind == b.Kind && a.I == b.I && a.U == b.U && a.F == b.F && a.D == b.D && bytes.Equal(a.S, b.S)
}

// output collects rows.
type output struct {
	mu   sync.Mutex
	rows []Row // protected by mu
	most int   // rows that are wanted; 0: all
}

func (o *output) NewLocal(*exec.Worker) (exec.LocalSink, error) { return localOutput{o}, nil }
func (o *output) Finish(context.Context) error                  { return nil }
func (o *output) Close() error                                  { return nil }

type localOutput struct{ o *output }

func (l localOutput) Consume(_ context.Context, b *vector.Batch) (exec.OpResult, error) {
	l.o.mu.Lock()
	defer l.o.mu.Unlock()
	add := func(i int) {
		row := make(Row, len(b.Cols))
		for c, v := range b.Cols {
			row[c] = v.Datum(b.Base(), i)
			row[c].S = bytes.Clone(row[c].S)
		}
		l.o.rows = append(l.o.rows, row)
	}
	if b.Sel == nil {
		for i := range b.Len {
			add(i)
		}
	}
	for _, i := range b.Sel {
		add(int(i))
	}
	if l.o.most > 0 && len(l.o.rows) >= l.o.most {
		return exec.Finished, nil
	}
	return exec.NeedMore, nil
}

func (l localOutput) Combine(context.Context) error { return nil }
func (l localOutput) Close() error                  { return nil }
