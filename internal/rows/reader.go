package rows

import (
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Reader walks a collection in order, with one block pinned. A read-once reader frees what is behind it; its position
// is where a later reader begins. The collection must not be appended to meanwhile.
type Reader struct {
	c    *Collection
	kind memory.Kind
	once bool

	block int            // the next block by its place in the list
	id    memory.BlockID // the pinned one; 0: none
	ref   memory.Ref
	row   int // the next row in the pinned block
	rows  int // of the pinned block
	first int // rows of the first block that were read before
}

// Position is a row of a collection by block and number. It says where a reader stopped.
type Position struct{ Block, Row int }

// Read returns a reader that pins blocks of that kind, from the start on. The caller closes it.
func (c *Collection) Read(kind memory.Kind, once bool) *Reader {
	return c.ReadFrom(Position{}, kind, once)
}

// ReadFrom is Read from a position on.
func (c *Collection) ReadFrom(p Position, kind memory.Kind, once bool) *Reader {
	c.Release(memory.ReuseUnknown)
	if p.Block < c.blocks.freed {
		p = Position{Block: c.blocks.freed}
	}
	return &Reader{c: c, kind: kind, once: once, block: p.Block, first: p.Row}
}

// End is the position of the row that is appended next.
func (c *Collection) End() Position {
	if c.tail.id == 0 {
		return Position{Block: c.blocks.len()}
	}
	return Position{Block: c.blocks.len() - 1, Row: int(c.tail.rows)}
}

// Rows returns places of the next rows, at most len(refs) and those of one block; none at the end. They live until the
// call after the last row of the block was returned.
func (r *Reader) Rows(refs []memory.Ref) (int, error) {
	for r.row >= r.rows {
		more, err := r.Advance()
		if err != nil || !more {
			return 0, err
		}
	}
	n := min(len(refs), r.rows-r.row)
	at := r.at(r.row)
	for i := range refs[:n] {
		refs[i] = at
		at += memory.Ref(r.c.layout.width)
	}
	r.row += n
	return n, nil
}

func (r *Reader) at(row int) memory.Ref {
	return r.ref + headerBytes + memory.Ref(row*r.c.layout.width)
}

// Back makes the last n rows that Rows returned the next ones again.
func (r *Reader) Back(n int) { r.row -= n }

// Collection is what is read.
func (r *Reader) Collection() *Collection { return r.c }

// Advance lets go of the pinned block and pins the next; false at the end. On an error the position is kept.
func (r *Reader) Advance() (bool, error) {
	if err := r.letGo(); err != nil {
		return false, err
	}
	if r.block >= r.c.blocks.len() {
		return false, nil
	}
	id, err := r.c.blocks.at(r.block, r.kind)
	if err != nil {
		return false, err
	}
	var ids [aheadBlocks]memory.BlockID
	most := min(max(aheadBytes/r.c.pageBytes, 1), aheadBlocks)
	// Before the pin: an index block may need the same page.
	ahead, err := r.c.blocks.from(r.block+1, ids[:most], r.kind)
	if err != nil {
		return false, err
	}
	ref, err := r.c.acct.Pin(id, r.kind, ahead...)
	if err != nil {
		return false, err
	}
	h := headerAt(r.c.acct.Base(), ref)
	r.id, r.ref, r.rows, r.row = id, ref, int(h.rows), r.first
	r.first = 0
	r.block++
	if r.once {
		return true, r.c.overflow.list.freeTo(int(h.overflow))
	}
	return true, nil
}

const (
	// aheadBytes of blocks are read ahead of need, or aheadBlocks if these are less, but one at least.
	aheadBytes  = 256 << 10
	aheadBlocks = 16
)

// letGo ends the pin of a block that was read to its end.
func (r *Reader) letGo() error {
	if r.id == 0 {
		return nil
	}
	r.c.acct.Unpin(r.id, memory.ReuseUnknown)
	r.id, r.row, r.rows = 0, 0, 0
	if r.once {
		return r.c.blocks.freeTo(r.block)
	}
	return nil
}

// Position is where the next row is.
func (r *Reader) Position() Position {
	if r.id != 0 && r.row < r.rows {
		return Position{r.block - 1, r.row}
	}
	return Position{r.block, r.first}
}

// Close ends the pin. What a read-once reader did not reach stays. Repeatable.
func (r *Reader) Close() {
	if r == nil || r.id == 0 {
		return
	}
	p := r.Position()
	r.c.acct.Unpin(r.id, memory.ReuseUnknown)
	r.id, r.row, r.rows = 0, 0, 0
	r.block, r.first = p.Block, p.Row
}

// Next resets out and fills it with the next rows of one block, up to its capacity; false at the end. Strings lie where
// they are: the batch is valid until the next call.
func (r *Reader) Next(out *vector.Batch, refs []memory.Ref) (bool, error) {
	out.Reset()
	n, err := r.Rows(refs[:min(len(refs), out.Cap())])
	if err != nil || n == 0 {
		return false, err
	}
	m, err := r.c.layout.Gather(refs[:n], out, 0, nil)
	if err != nil {
		return false, err
	}
	r.Back(n - m)
	out.Len = m
	return true, nil
}

// Gather reads columns (nil: all) of rows into out's rows at, at+1, ..., column i of the list into out.Cols[i]. Blocks
// of overflow strings are pinned for the batch. Where surplus for that is refused, or little of it would be left to
// those who get the rows, fewer rows are read, at least one; it returns how many. at must be 0 if there can be overflow
// strings: the first of them is pinned within the minimum.
func (l *Layout) Gather(refs []memory.Ref, out *vector.Batch, at int, columns []int) (int, error) {
	b := out.Base()
	if columns == nil {
		columns = allColumns(len(l.columns))
	}
	overflows := false
	for to, i := range columns {
		if l.gather(b, refs, i, out.Cols[to], at) {
			overflows = true
		}
	}
	if !overflows {
		return len(refs), nil
	}
	pins := MakePins(out.Account())
	var err error
	n := 0
	for ; n < len(refs) && err == nil && (n == 0 || pins.few()); n++ {
		err = l.resolveRow(&pins, out, at+n, columns)
	}
	if err != nil {
		n--
	}
	for _, id := range pins.blocks {
		out.AddPin(out.Account(), id, memory.ReuseUnknown)
	}
	if err != nil && (n == 0 || !noSurplus(err)) {
		return 0, Final(err)
	}
	return n, nil
}

// GatherSome gathers the first columns of rows into those of out; see Gather.
func (l *Layout) GatherSome(refs []memory.Ref, out *vector.Batch, columns int) (int, error) {
	return l.Gather(refs, out, 0, allColumns(columns))
}

// resolveRow makes the overflow references of one row of a batch absolute.
func (l *Layout) resolveRow(pins *Pins, out *vector.Batch, row int, columns []int) error {
	for to, i := range columns {
		if l.columns[i].kind != kindString || out.Cols[to].Null[row] != 0 {
			continue
		}
		s := asStr(&out.Cols[to].Str[row])
		if !s.overflows() {
			continue
		}
		ref, err := pins.resolve(s)
		if err != nil {
			return err
		}
		s.ref = uint64(ref)
	}
	return nil
}

func allColumns(n int) []int {
	if n <= len(firstColumns) {
		return firstColumns[:n]
	}
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

var firstColumns = func() (out [64]int) {
	for i := range out {
		out[i] = i
	}
	return out
}()
