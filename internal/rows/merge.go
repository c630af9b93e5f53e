package rows

import (
	"math"
	"math/bits"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// run is a sorted collection, or what is left of it: rows carry the prefix of their key in front.
type run struct {
	rows *Collection
	from Position
	left int64 // rows; an upper bound while a merge is under way
}

// segment is an array of elements in a page of its own. The rows lie in pinned blocks. Sorted segments form a chain, in
// order.
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
	row memory.Ref // the current one; its prefix is in the tree

	// A chain: the elements of its first segment, and the current one.
	chain []*segment
	all   []element
	at    int

	run    *run
	reader *Reader
}

// match is a cursor's current row in the tree. One that has ended has the largest prefix.
type match struct {
	prefix
	cursor int32
	ended  bool
}

// merge is a k-way merge by a loser tree (Knuth, vol. 3, 5.4.1): a row costs one comparison a level, of numbers that
// lie in the tree. It can be closed at any row; its inputs then begin where it stopped.
type merge struct {
	base    memory.Base
	cursors []cursor
	tree    []match // tree[0]: the winner; tree[p]: the loser of the match at p
	compare *comparer
	waiting int // the cursor whose block is at its end, -1: none
}

// openMerge opens the inputs. Blocks of the first held runs are pinned within the minimum, those of further runs
// leased, as long as spare bytes of surplus are left. It returns how many inputs could be opened; on an error all are
// closed again.
func openMerge(c *comparer, runs []*run, chains [][]*segment, held int, spare int64,
) (m *merge, opened int, err error) {
	m = &merge{base: c.base, compare: c, waiting: -1}
	k := len(runs) + len(chains)
	m.cursors = make([]cursor, k)
	first := make([]match, k)
	for i, chain := range chains {
		m.cursors[i] = cursor{chain: chain}
		first[i] = match{cursor: int32(i)}
		m.enter(&m.cursors[i], &first[i])
	}
	for i, r := range runs {
		at := len(chains) + i
		kind := memory.Held
		if i >= held {
			kind = memory.Leased
		}
		m.cursors[at] = cursor{run: r, reader: r.rows.ReadFrom(r.from, kind, true)}
		first[at] = match{cursor: int32(at)}
		if kind == memory.Leased && !spares(c.acct, int64(r.rows.pageBytes), spare) {
			m.close()
			return nil, i, sqlerr.ErrNoSurplus
		}
		if err := m.advance(&m.cursors[at], &first[at]); err != nil {
			m.close()
			return nil, i, err
		}
	}
	m.build(first)
	return m, k, nil
}

// build plays all matches of a new tree: a cursor stays where it finds no opponent.
func (m *merge) build(first []match) {
	k := len(first)
	m.tree = make([]match, max(k, 1))
	for i := range m.tree {
		m.tree[i].cursor = -1
	}
next:
	for i, x := range first {
		for p := (i + k) / 2; p > 0; p /= 2 {
			o := &m.tree[p]
			if o.cursor < 0 {
				*o = x
				continue next
			}
			if m.before(o, &x) {
				*o, x = x, *o
			}
		}
		m.tree[0] = x
	}
}

// before says if a comes before b.
func (m *merge) before(a, b *match) bool {
	if a.prefix != b.prefix {
		return a.less(b.prefix)
	}
	return m.tie(a, b)
}

// tie decides between equal prefixes.
func (m *merge) tie(a, b *match) bool {
	if a.ended || b.ended {
		return !a.ended
	}
	return m.compare.rows(m.cursors[a.cursor].row, m.cursors[b.cursor].row) < 0
}

// close lets go of all inputs.
func (m *merge) close() {
	for i := range m.cursors {
		c := &m.cursors[i]
		if len(c.chain) > 0 {
			c.chain[0].next = c.at
		}
		if c.reader != nil {
			c.run.from = c.reader.Position()
			c.reader.Close()
		}
	}
	m.cursors = nil
}

// end marks a cursor's row as none.
func (x *match) end() {
	x.hi, x.lo, x.ended = math.MaxUint64, math.MaxUint64, true
}

// enter goes to the first row that is left in a chain.
func (m *merge) enter(c *cursor, x *match) {
	for len(c.chain) > 0 {
		s := c.chain[0]
		if s.next < s.n {
			c.all, c.at = s.elements(m.base)[:s.n], s.next
			x.prefix, c.row = c.all[c.at].prefix, c.all[c.at].row
			return
		}
		c.chain = c.chain[1:]
	}
	x.end()
}

// advance goes to the first row of a run's next block.
func (m *merge) advance(c *cursor, x *match) error {
	more, err := c.reader.Advance()
	for err == nil && more && c.reader.rows == 0 {
		more, err = c.reader.Advance()
	}
	if err != nil {
		return err
	}
	if more {
		m.at(c, x)
	} else {
		x.end()
	}
	return nil
}

// at reads the current row of a run.
func (m *merge) at(c *cursor, x *match) {
	c.row = c.reader.at(c.reader.row)
	x.prefix = *prefixAt(m.base, c.row)
}

// step goes to the next row; false if that is in another block.
func (m *merge) step(c *cursor, x *match) bool {
	if c.reader == nil {
		if c.at++; c.at < len(c.all) {
			e := &c.all[c.at]
			x.prefix, c.row = e.prefix, e.row
			return true
		}
		c.chain[0].next = c.at
		m.enter(c, x)
		return true
	}
	c.run.left--
	c.reader.row++
	if c.reader.row >= c.reader.rows {
		return false
	}
	m.at(c, x)
	return true
}

// fill writes places of the next rows to refs and says how many; 0 at the end. They live until the next call. It ends
// early where the block of a run ends. After sqlerr.ErrNoSurplus the merge is to be closed and opened with fewer
// inputs.
func (m *merge) fill(refs []memory.Ref) (int, error) {
	if m.waiting >= 0 {
		x := &m.tree[0]
		if err := m.advance(&m.cursors[m.waiting], x); err != nil {
			return 0, err
		}
		m.play()
		m.waiting = -1
	}
	n := 0
	if len(m.cursors) == 0 {
		return 0, nil
	}
	x := &m.tree[0]
	for n < len(refs) && !x.ended {
		c := &m.cursors[x.cursor]
		if len(m.cursors) == 1 && c.reader == nil {
			n += m.copy(c, x, refs[n:])
			continue
		}
		refs[n] = c.row
		n++
		if !m.step(c, x) {
			m.waiting = int(x.cursor)
			break
		}
		m.play()
	}
	return n, m.compare.err
}

// copy is fill for the only input.
func (m *merge) copy(c *cursor, x *match, refs []memory.Ref) int {
	e := c.all[c.at:]
	e = e[:min(len(e), len(refs))]
	for i := range e {
		refs[i] = e[i].row
	}
	c.at += len(e) - 1
	m.step(c, x)
	return len(e)
}

// play lets the last winner, with its new row, play the matches from its leaf to the root. Who wins a match is not to
// be foretold, so winner and loser change places by masks, without a branch.
func (m *merge) play() {
	x := m.tree[0]
	for p := (int(x.cursor) + len(m.cursors)) / 2; p > 0; p /= 2 {
		o := &m.tree[p]
		if o.hi == x.hi {
			if m.before(o, &x) {
				*o, x = x, *o
			}
			continue
		}
		_, less := bits.Sub64(o.hi, x.hi, 0)
		mask := -less
		hi, lo := (o.hi^x.hi)&mask, (o.lo^x.lo)&mask
		o.hi ^= hi
		x.hi ^= hi
		o.lo ^= lo
		x.lo ^= lo
		cursor := (o.cursor ^ x.cursor) & int32(mask)
		o.cursor ^= cursor
		x.cursor ^= cursor
		if o.ended != x.ended && less != 0 {
			o.ended, x.ended = x.ended, o.ended
		}
	}
	m.tree[0] = x
}
