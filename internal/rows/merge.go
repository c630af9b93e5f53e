package rows

import (
	"github.com/spillwaydb/spillway/internal/memory"
)

// run is a sorted collection, or what is left of it: rows carry the prefix of their key in front.
type run struct {
	rows *Collection
	from Position
	left int64 // rows; an upper bound while a merge is under way
}

// segment is a sorted array of elements in a page of its own. The rows lie in pinned blocks.
type segment struct {
	page memory.Page
	n    int // elements
	next int // the first that is left
}

func (s *segment) elements(b memory.Base) []element {
	return memory.Slice[element](b, s.page.Ref, s.page.Size()/elementBytes)
}

// prefixAt is the prefix that a row of a run begins with.
func prefixAt(b memory.Base, row memory.Ref) *prefix { return (*prefix)(b.At(row)) }

// cursor is where a merge is in one of its inputs.
type cursor struct {
	prefix
	row   memory.Ref
	ended bool

	segment *segment
	all     []element // of the segment

	run    *run
	reader *Reader
}

// merge is a k-way merge by a loser tree (Knuth, vol. 3, 5.4.1): a row costs one comparison a level. It can be closed
// at any row; its inputs then begin where it stopped.
type merge struct {
	base    memory.Base
	cursors []cursor
	tree    []int32 // tree[0]: the winner; tree[p]: the loser of the match at p
	compare *comparer
	waiting int // the cursor whose block is at its end, -1: none
}

// openMerge opens the inputs. Blocks of the first held runs are pinned within the minimum, those of further runs
// leased. It returns how many inputs could be opened; on an error all are closed again.
func openMerge(c *comparer, runs []*run, segments []*segment, held int) (m *merge, opened int, err error) {
	m = &merge{base: c.base, compare: c, waiting: -1}
	k := len(runs) + len(segments)
	m.cursors = make([]cursor, k)
	for i, s := range segments {
		m.cursors[i] = cursor{segment: s, all: s.elements(c.base)}
		m.load(&m.cursors[i])
	}
	for i, r := range runs {
		at := &m.cursors[len(segments)+i]
		kind := memory.Held
		if i >= held {
			kind = memory.Leased
		}
		*at = cursor{run: r, reader: r.rows.ReadFrom(r.from, kind, true), ended: true}
		if err := m.advance(at); err != nil {
			m.close()
			return nil, i, err
		}
	}
	m.tree = make([]int32, max(k, 1))
	for i := range m.tree {
		m.tree[i] = -1
	}
	for i := range k {
		m.play(int32(i))
	}
	return m, k, nil
}

// close lets go of all inputs.
func (m *merge) close() {
	for i := range m.cursors {
		c := &m.cursors[i]
		if c.reader != nil {
			c.run.from = c.reader.Position()
			c.reader.Close()
		}
	}
	m.cursors = nil
}

// load reads the current element of a segment.
func (m *merge) load(c *cursor) {
	if c.segment.next >= c.segment.n {
		c.ended = true
		return
	}
	e := &c.all[c.segment.next]
	c.prefix, c.row = e.prefix, e.row
}

// advance goes to the first row of a run's next block.
func (m *merge) advance(c *cursor) error {
	more, err := c.reader.Advance()
	for err == nil && more && c.reader.rows == 0 {
		more, err = c.reader.Advance()
	}
	if err != nil {
		return err
	}
	c.ended = !more
	if more {
		m.at(c)
	}
	return nil
}

// at reads the current row of a run.
func (m *merge) at(c *cursor) {
	c.row = c.reader.at(c.reader.row)
	c.prefix = *prefixAt(m.base, c.row)
}

// step goes to the next row; false if that is in another block.
func (m *merge) step(c *cursor) bool {
	if c.segment != nil {
		c.segment.next++
		m.load(c)
		return true
	}
	c.run.left--
	c.reader.row++
	if c.reader.row >= c.reader.rows {
		return false
	}
	m.at(c)
	return true
}

// fill writes places of the next rows to refs and says how many; 0 at the end. They live until the next call. It ends
// early where the block of a run ends. After sqlerr.ErrNoSurplus the merge is to be closed and opened with fewer
// inputs.
func (m *merge) fill(refs []memory.Ref) (int, error) {
	if m.waiting >= 0 {
		if err := m.advance(&m.cursors[m.waiting]); err != nil {
			return 0, err
		}
		m.play(int32(m.waiting))
		m.waiting = -1
	}
	n := 0
	if len(m.cursors) == 0 {
		return 0, nil
	}
	for n < len(refs) {
		w := m.tree[0]
		c := &m.cursors[w]
		if c.ended {
			break
		}
		refs[n] = c.row
		n++
		if !m.step(c) {
			m.waiting = int(w)
			break
		}
		m.play(w)
	}
	return n, m.compare.err
}

// play lets a cursor with a new row play its matches from its leaf to the root. While the tree is built, it stays at
// the first match without an opponent.
func (m *merge) play(w int32) {
	for p := (int(w) + len(m.cursors)) / 2; p > 0; p /= 2 {
		o := m.tree[p]
		if o < 0 {
			m.tree[p] = w
			return
		}
		if m.less(o, w) {
			m.tree[p], w = w, o
		}
	}
	m.tree[0] = w
}

func (m *merge) less(i, j int32) bool {
	a, b := &m.cursors[i], &m.cursors[j]
	switch {
	case a.ended || b.ended:
		return !a.ended
	case a.hi != b.hi:
		return a.hi < b.hi
	case a.lo != b.lo:
		return a.lo < b.lo
	}
	return m.compare.rows(a.row, b.row) < 0
}
