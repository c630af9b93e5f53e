package rows

import (
	"context"
	"slices"
	"sync"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
)

// SortSpec says what is sorted and how.
type SortSpec struct {
	Types     []types.Type // of the input's columns
	Order     []Order      // over them
	Output    []int        // the input's columns that are kept; nil: all
	Limit     uint64       // so many first rows are wanted; 0: all
	Reserved  int          // bytes of each row, behind SortReserved, that Append's fill writes; excludes Limit
	Workers   int          // builders at a time, at least 1
	PageBytes int          // of a block, as wanted; see Layout.PageBytes
	// HeldPages is how many pages of rows each builder holds, at least 2; 0: 8. Without surplus, runs are that long.
	HeldPages int
}

// SortReserved is where the reserved bytes of a sorted row begin.
const SortReserved = prefixBytes

const (
	// sourcePages are held by the merge besides what builders held: two inputs and one output.
	sourceInputs = 2
	sourcePages  = sourceInputs + 1
	// fanInMost bounds the inputs of a merge: more cost more comparisons than a further pass costs transfers.
	fanInMost = 64
	// runsMost bounds the list of runs: beyond it, builders merge the smallest.
	runsMost = 256
)

// Sorter sorts rows outside of memory: builders make runs, in parallel; then one goroutine reads the merged rows.
//
// What fits is never written: the last rows of each builder stay where they are, and are merged from there. More runs
// than pages are merged in passes, the smallest first, so that the last pass reads as many as it can. Without any
// surplus, a merge has what builders held before.
type Sorter struct {
	acct      *memory.Account
	spec      SortSpec
	layout    *Layout
	output    []int
	keys      *keyEncoder // never used to encode: builders have their own
	pageBytes int
	held      int  // pages of rows of each builder
	long      bool // strings may overflow
	cutoff    *cutoff

	mu sync.Mutex
	// mu protects following while builders work.
	runs     []*run
	resident []resident
	figures  SortFigures
	spare    int64 // surplus that leases leave to others

	merge *merge
	tight bool // no leases any more: one was refused or asked back in mid-merge
	given uint64
	ended bool
}

// resident is what a builder handed over: rows in pinned blocks and their elements, sorted over all segments.
type resident struct {
	rows     *Collection
	segments []*segment
}

// NewSorter takes nothing of the account yet.
func NewSorter(acct *memory.Account, spec SortSpec) *Sorter {
	s := &Sorter{acct: acct, spec: spec, output: spec.Output, keys: newKeyEncoder(spec.Types, spec.Order)}
	if s.output == nil {
		s.output = allColumns(len(spec.Types))
	}
	var columns []types.Type
	for _, i := range s.output {
		columns = append(columns, spec.Types[i])
	}
	if !s.keys.exact {
		columns = append(columns, restType())
	}
	s.layout = NewLayout(columns, prefixBytes+spec.Reserved)
	if !s.keys.exact {
		s.layout.parted = len(columns) - 1
	}
	s.pageBytes = s.layout.PageBytes(spec.PageBytes)
	s.long = s.longKeys()
	s.held = builderPages
	if spec.HeldPages > 0 {
		s.held = max(spec.HeldPages, 2)
	}
	if spec.Limit > 0 {
		s.cutoff = &cutoff{limit: spec.Limit}
	}
	return s
}

// longKeys says if the rest of a key can be longer than a small page.
func (s *Sorter) longKeys() bool {
	for _, o := range s.spec.Order {
		if t := s.spec.Types[o.Column]; t.Phys() == types.PhysString && t.MaxBytes() > MinPageBytes/weightGrowth {
			return true
		}
	}
	return false
}

// weightGrowth is how much longer than its string a weight string may be, with escapes.
const weightGrowth = 8

// SortBytes is the minimum of a sorter.
func SortBytes(spec SortSpec) int64 {
	s := NewSorter(nil, spec)
	return int64(max(spec.Workers, 1))*s.builderBytes() + sourcePages*int64(s.pageBytes) +
		s.layout.OverflowBytes(s.pageBytes)
}

// SortFigures are what a sorter has done so far.
type SortFigures struct {
	Runs   int64 // written
	Merges int64 // of runs into one that is written again
}

// Figures may be called at any time.
func (s *Sorter) Figures() SortFigures {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.figures
}

// Layout is that of the rows that Next returns: the output columns first.
func (s *Sorter) Layout() *Layout { return s.layout }

// KeyEqual says if two rows that Next returned, both pinned, have equal keys. Errors: reading an overflow block.
func (s *Sorter) KeyEqual(a, b memory.Ref) (bool, error) {
	base := s.acct.Base()
	if *prefixAt(base, a) != *prefixAt(base, b) {
		return false, nil
	}
	c := s.comparer()
	return c.rows(a, b) == 0 && c.err == nil, c.err
}

func (s *Sorter) comparer() *comparer {
	c := &comparer{base: s.acct.Base(), acct: s.acct}
	if !s.keys.exact {
		c.rest = s.layout.columns[len(s.layout.columns)-1].off
	}
	return c
}

func (s *Sorter) addRun(r *run) {
	s.mu.Lock()
	s.runs = append(s.runs, r)
	s.mu.Unlock()
}

func (s *Sorter) addResident(rows *Collection, segments []*segment) {
	s.mu.Lock()
	s.resident = append(s.resident, resident{rows, segments})
	s.mu.Unlock()
}

// left is the surplus that leases leave to others.
func (s *Sorter) left() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spare
}

// writeRun merges chains of sorted segments into a run, of at most the limit's rows.
func (s *Sorter) writeRun(chains [][]*segment) (*run, error) {
	left := 0
	for _, chain := range chains {
		for _, g := range chain {
			left += g.n - g.next
		}
	}
	m, _, err := openMerge(s.comparer(), nil, chains, 0, 0)
	if err != nil {
		return nil, err
	}
	defer m.close()
	var sample *sampler
	if s.cutoff != nil {
		sample = newSampler(min(uint64(left), s.spec.Limit))
	}
	r, err := s.drain(m, sample)
	if err != nil {
		if r != nil {
			r.rows.Close()
		}
		return nil, err
	}
	if sample != nil {
		s.cutoff.add(sample.buckets)
	}
	s.mu.Lock()
	s.figures.Runs++
	s.mu.Unlock()
	return r, nil
}

// drain writes the rows of a merge to a new run. Where the merge is refused a lease, or asked to give its leases back,
// the run with what was merged so far is returned with sqlerr.ErrNoSurplus.
func (s *Sorter) drain(m *merge, sample *sampler) (*run, error) {
	r := &run{rows: NewCollection(s.acct, s.layout, s.pageBytes)}
	var refs [step]memory.Ref
	ctx := s.acct.Context()
	for {
		if err := ctx.Err(); err != nil {
			r.rows.Close()
			return nil, context.Cause(ctx)
		}
		n, err := m.fill(refs[:])
		refused := noSurplus(err)
		if err == nil && n > 0 {
			if limit := s.spec.Limit; limit > 0 {
				n = int(min(uint64(n), limit-uint64(r.left)))
			}
			if sample != nil {
				for _, row := range refs[:n] {
					sample.row(*prefixAt(m.base, row))
				}
			}
			_, err = r.rows.AppendRows(refs[:n], nil)
			r.left += int64(n)
		}
		if err != nil && !refused {
			r.rows.Close()
			return nil, Final(err)
		}
		if err != nil || n == 0 || s.spec.Limit > 0 && uint64(r.left) == s.spec.Limit {
			r.rows.Release(memory.ReuseLate)
			return r, err
		}
	}
}

// thin merges the smallest runs if there are too many for the list, with the pages of the builder that calls it.
func (s *Sorter) thin() error {
	s.mu.Lock()
	if len(s.runs) <= runsMost {
		s.mu.Unlock()
		return nil
	}
	few := s.takeSmallest(s.held)
	s.mu.Unlock()
	_, err := s.mergeRuns(few, s.held)
	return err
}

// takeSmallest takes n runs out of the list.
func (s *Sorter) takeSmallest(n int) []*run {
	slices.SortFunc(s.runs, func(a, b *run) int { return int(b.left - a.left) })
	at := len(s.runs) - n
	few := slices.Clone(s.runs[at:])
	clear(s.runs[at:])
	s.runs = s.runs[:at]
	return few
}

// mergeRuns makes one run of several, held of them within the minimum. If a lease is refused on the way, the runs go
// back to the list, without the rows that went to the new one, and it says so.
func (s *Sorter) mergeRuns(few []*run, held int) (refused bool, err error) {
	m, opened, err := openMerge(s.comparer(), few, nil, held, s.left())
	if noSurplus(err) && opened >= 2 {
		for _, r := range few[opened:] {
			s.addRun(r)
		}
		refused, few = true, few[:opened]
		m, _, err = openMerge(s.comparer(), few, nil, held, s.left())
	}
	var r *run
	if err == nil {
		r, err = s.drain(m, nil)
		m.close()
	}
	if r != nil {
		s.addRun(r)
		s.mu.Lock()
		s.figures.Merges++
		s.mu.Unlock()
	}
	if noSurplus(err) {
		for _, r := range few {
			s.addRun(r)
		}
		return true, nil
	}
	for _, r := range few {
		r.rows.Close()
	}
	return refused, err
}

// heldInputs is how many runs can be read within the minimum: what builders held is free unless their rows are
// resident.
func (s *Sorter) heldInputs() int {
	if len(s.resident) > 0 {
		return sourceInputs
	}
	return sourceInputs + s.held*max(s.spec.Workers, 1)
}

// Next writes places of the next rows in order to refs and says how many; 0 at the end. They live until the next call:
// batches gathered from them are to be reset before it. Only after all builders have finished.
func (s *Sorter) Next(refs []memory.Ref) (int, error) {
	if s.ended {
		return 0, nil
	}
	if !s.tight && s.acct.Revoked() && s.acct.Stats().Leased > 0 {
		s.tighten()
	}
	for {
		if s.merge == nil {
			if err := s.open(); err != nil {
				return 0, err
			}
		}
		if s.spec.Limit > 0 {
			refs = refs[:min(uint64(len(refs)), s.spec.Limit-s.given)]
		}
		n, err := s.merge.fill(refs)
		if noSurplus(err) && n == 0 {
			s.tighten()
			continue
		}
		if err == nil && n == 0 {
			s.ended = true
			s.free()
		}
		s.given += uint64(n)
		return n, err
	}
}

// tighten closes the merge, to go on from where it is within the minimum.
func (s *Sorter) tighten() {
	s.tight = true
	if s.merge != nil {
		s.merge.close()
		s.merge = nil
	}
}

// open starts the last merge. Each turn writes what is resident, once, or leaves fewer runs; within the minimum, which
// is where it ends if leases are refused, none of its pins fails for want of memory.
func (s *Sorter) open() error {
	for {
		var chains [][]*segment
		for _, r := range s.resident {
			chains = append(chains, r.segments)
		}
		held := s.heldInputs()
		fits := len(s.runs) <= max(held, fanInMost)
		if s.tight {
			fits = len(s.runs) <= held && len(s.resident) == 0
		}
		opened := held
		if fits {
			m, n, err := openMerge(s.comparer(), s.runs, chains, held, s.left())
			if err == nil {
				s.merge = m
				return nil
			}
			if !noSurplus(err) {
				return err
			}
			s.tight, opened = true, max(opened, n)
		}
		if err := s.reduce(chains, opened); err != nil {
			return err
		}
	}
}

// reduce makes fewer inputs: it writes what is resident, or merges as many of the smallest runs as leave the next
// merges their full fan-in.
func (s *Sorter) reduce(chains [][]*segment, fan int) error {
	if len(chains) > 0 && (s.tight || len(s.runs) > fanInMost) {
		r, err := s.writeRun(chains)
		if err != nil {
			return err
		}
		s.runs = append(s.runs, r)
		s.freeResident()
		return nil
	}
	if !s.tight {
		fan = max(fan, fanInMost)
	}
	n := len(s.runs)
	k := (n-1)%(fan-1) + 1
	if k < 2 || n <= fan {
		k = min(n, fan)
	}
	refused, err := s.mergeRuns(s.takeSmallest(k), s.heldInputs())
	s.tight = s.tight || refused
	return err
}

func (s *Sorter) freeResident() {
	for _, r := range s.resident {
		for _, g := range r.segments {
			s.acct.Free(g.page)
		}
		r.rows.Close()
	}
	s.resident = nil
}

func (s *Sorter) free() {
	if s.merge != nil {
		s.merge.close()
		s.merge = nil
	}
	s.freeResident()
	for _, r := range s.runs {
		r.rows.Close()
	}
	s.runs = nil
}

// Close frees everything that builders handed over. Repeatable.
func (s *Sorter) Close() {
	s.ended = true
	s.free()
}
