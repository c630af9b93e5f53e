package table

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// An index is built, and a table copied, in this way: a scan of the rows, which are converted where the table is a new
// one; an external sort of the keys and values that they have in the index; and a sorted run of the store. Memory is
// that of the sort, whatever the table's size. A copy whose rows keep their keys needs no sort for them.

// BuildMemory is where a build has its pages.
type BuildMemory struct {
	Account   *memory.Account // BuildBytes of its minimum are the build's
	PageBytes int             // of the sort's blocks, as wanted; see rows.PageBytes
}

// BuildOptions are how a whole table is read. Location and Progress may be nil.
type BuildOptions struct {
	Reader   kv.Reader // the rows that there are; nobody writes the table meanwhile
	Memory   BuildMemory
	Location *time.Location // for the texts of errors
	// Progress is called now and then with the number of rows read; an error ends the build.
	Progress func(rows int64) error
}

// Convert fills the row of a new table from one of the old. Its results live until the next call.
type Convert func(old, row []types.Datum) error

// Build says what is built.
type Build struct {
	From, To *Codec // the table as it is, and as it will be
	Index    *schema.Index
	// Convert makes what converts the rows, in order, from the first; it is called for each time that they are read.
	// nil: rows stay as they are.
	Convert func() Convert
	// Ingest takes the index's pairs in order.
	Ingest func(ctx context.Context, src kv.SortedSource) error
}

const (
	// buildPageBytes is the page through which the rows of a table go.
	buildPageBytes = 64 << 10
	// buildPairs is the most rows of one step.
	buildPairs = 512
	// buildBatchRows is the number of pairs that go into the sort, and come out of it, at once.
	buildBatchRows = 512
)

// longestKey is more than what the columns of an index, of 3,072 bytes, and of the primary key make.
const longestKey = 16 << 10

// buildTypes are the columns that are sorted: an index's keys, without their prefix, and values.
func buildTypes() []types.Type {
	key := types.NewVarBinary(longestKey).WithNullable(false)
	return []types.Type{key, types.NewBlob(types.LongBlob).WithNullable(false)}
}

func buildSpec(pageBytes int) rows.SortSpec {
	return rows.SortSpec{Types: buildTypes(), Order: []rows.Order{{Column: 0}}, Workers: 1, PageBytes: pageBytes}
}

// BuildBytes is the minimum of a build.
func BuildBytes(pageBytes int) int64 {
	return rows.SortBytes(buildSpec(pageBytes)) + buildPageBytes + vector.BatchBytes(buildTypes(), buildBatchRows, 0)
}

// BuildIndex builds one index of a table, the primary key's being the rows, and returns the number of rows. Error 1062
// for a duplicate.
func BuildIndex(ctx context.Context, o BuildOptions, b Build) (int64, error) {
	p := &pairs{o: &o, b: &b, prefix: AppendPrefix(nil, b.To.table.ID, b.Index.ID)}
	if !b.Index.Primary {
		p.x = b.To.index(b.Index)
	}
	var err error
	if BuildSorts(b.From.table, b.To.table, b.Index) {
		err = p.sorted(ctx)
	} else {
		err = p.straight(ctx)
	}
	var dup *duplicateKey
	if errors.As(err, &dup) {
		err = p.duplicate(ctx, dup.key)
	}
	return p.count, err
}

// BuildSorts says if an index is built through a sort; else the rows have its order already.
func BuildSorts(from, to *schema.Table, x *schema.Index) bool {
	return !x.Primary || !sameKeys(from, to)
}

// BuildRowBytes is what the sort keeps of a row, with guesses of the lengths of strings.
func BuildRowBytes(to *schema.Table, x *schema.Index) int {
	n := sortedRowBytes
	part := func(column int) {
		t := to.Columns[column].Type
		if t.Phys() == types.PhysString {
			n += min(t.MaxBytes()/guessedShare, guessedString)
			return
		}
		n += vector.RowBytes(t)
	}
	if x.Primary {
		for i := range to.Columns {
			part(i)
		}
		return n
	}
	for _, c := range append(x.Columns[:len(x.Columns):len(x.Columns)], to.Primary.Columns...) {
		part(c.Column)
	}
	return n
}

// What a row of the sort takes beside its columns, and how long its strings are taken to be.
const (
	sortedRowBytes = 2*16 + 40
	guessedShare   = 8
	guessedString  = 64
)

// sameKeys says if rows of one table, as they are in the other, have the same order.
func sameKeys(a, b *schema.Table) bool {
	if len(a.Primary.Columns) != len(b.Primary.Columns) {
		return false
	}
	for i, x := range a.Primary.Columns {
		y := b.Primary.Columns[i]
		was, is := &a.Columns[x.Column], &b.Columns[y.Column]
		if was.ID != is.ID || x.Prefix != y.Prefix || x.Desc != y.Desc || !SameStorage(was.Type, is.Type, true) {
			return false
		}
	}
	return true
}

// pairs gives what the rows of a table have in an index, in the order of the rows.
type pairs struct {
	o      *BuildOptions
	b      *Build
	x      *indexCodec // nil: the rows themselves
	prefix []byte      // of the keys
	count  int64

	reader  *rowReader
	convert Convert
	row     []types.Datum
	key     []byte
	val     []byte
	value   buffer
}

func (p *pairs) open() error {
	var err error
	if p.reader, err = newRowReader(p.o, p.b.From); err != nil {
		return err
	}
	p.value.acct = p.o.Memory.Account
	p.count = 0
	if p.b.Convert != nil {
		p.convert, p.row = p.b.Convert(), make([]types.Datum, len(p.b.To.table.Columns))
	}
	return nil
}

func (p *pairs) close() error {
	p.value.free()
	return p.reader.close()
}

// next reads a row, in the new form; nil at the end.
func (p *pairs) next(ctx context.Context) ([]types.Datum, error) {
	_, row, err := p.reader.next(ctx)
	if err != nil || row == nil {
		return nil, err
	}
	p.count++
	if p.convert == nil {
		return row, nil
	}
	return p.row, p.convert(row, p.row)
}

// encode makes a row's key, without prefix, and its value. They live until the next call.
func (p *pairs) encode(row []types.Datum) (key, value []byte, err error) {
	c := p.b.To
	if p.x == nil {
		p.key = c.appendPrimary(p.key[:0], row)
		size, ends, err := c.row.size(row)
		if err != nil {
			return nil, nil, err
		}
		if value, err = p.value.room(size); err != nil {
			return nil, nil, err
		}
		c.row.put(value, row, ends)
		return p.key, value, nil
	}
	whole, unique := c.entryKey(p.key[:0], p.x, row)
	p.key = whole
	if p.val, err = c.entryValue(p.val[:0], p.x, row, unique); err != nil {
		return nil, nil, err
	}
	return whole[PrefixBytes:], p.val, nil
}

// straight builds from rows that are in order.
func (p *pairs) straight(ctx context.Context) error {
	if err := p.open(); err != nil {
		return err
	}
	return errors.Join(p.b.Ingest(ctx, &straightPairs{p: p}), p.close())
}

type straightPairs struct {
	p   *pairs
	key []byte
}

var _ kv.SortedSource = (*straightPairs)(nil)

// Next implements kv.SortedSource.
func (s *straightPairs) Next(ctx context.Context) (kv.Key, kv.Value, bool, error) {
	row, err := s.p.next(ctx)
	if err != nil || row == nil {
		return nil, nil, false, err
	}
	key, value, err := s.p.encode(row)
	if err != nil {
		return nil, nil, false, err
	}
	s.key = append(append(s.key[:0], s.p.prefix...), key...)
	return s.key, value, true, nil
}

// sorted builds through a sort.
func (p *pairs) sorted(ctx context.Context) error {
	batch, err := vector.NewBatch(p.o.Memory.Account, buildTypes(), buildBatchRows, 0)
	if err != nil {
		return err
	}
	defer batch.Close()
	sorter := rows.NewSorter(p.o.Memory.Account, buildSpec(p.o.Memory.PageBytes))
	defer sorter.Close()
	if err := p.fill(ctx, sorter, batch); err != nil {
		return err
	}
	return p.b.Ingest(ctx, &sortedPairs{
		sorter: sorter, batch: batch, refs: make([]memory.Ref, buildBatchRows), prefix: p.prefix,
	})
}

// fill puts all pairs into the sort.
func (p *pairs) fill(ctx context.Context, sorter *rows.Sorter, batch *vector.Batch) (err error) {
	builder, err := sorter.NewBuilder()
	if err != nil {
		return err
	}
	defer builder.Close()
	if err := p.open(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	flush := func() error {
		defer batch.Reset()
		return builder.Append(batch.Cols, rows.All(batch.Len), nil)
	}
	for {
		row, err := p.next(ctx)
		if err != nil {
			return err
		}
		if row == nil {
			break
		}
		key, value, err := p.encode(row)
		if err != nil {
			return err
		}
		if batch.Len > 0 && (batch.Len == batch.Cap() || batch.Arena().Left() < len(key)+len(value)) {
			if err := flush(); err != nil {
				return err
			}
		}
		i := batch.Len
		for c, b := range [][]byte{key, value} {
			s, err := batch.Arena().Put(b)
			if err != nil {
				return tooLarge(err)
			}
			batch.Cols[c].Str[i], batch.Cols[c].Null[i] = s, 0
		}
		batch.Len++
	}
	if err := flush(); err != nil {
		return err
	}
	return builder.Finish()
}

// sortedPairs gives what a sort has, and fails at the first key that comes twice.
type sortedPairs struct {
	sorter *rows.Sorter
	batch  *vector.Batch
	refs   []memory.Ref
	next   []memory.Ref // of refs, those not gathered yet
	at     int          // next of the batch
	prefix []byte
	key    []byte
	begun  bool
}

var _ kv.SortedSource = (*sortedPairs)(nil)

// duplicateKey is a key, without prefix, that two rows have.
type duplicateKey struct{ key []byte }

func (d *duplicateKey) Error() string { return "table: two rows have the same key" }

// Next implements kv.SortedSource.
func (s *sortedPairs) Next(ctx context.Context) (kv.Key, kv.Value, bool, error) {
	if s.at == s.batch.Len {
		if more, err := s.gather(ctx); err != nil || !more {
			return nil, nil, false, err
		}
	}
	base := s.batch.Base()
	key, value := s.batch.Cols[0].Str[s.at].Bytes(base), s.batch.Cols[1].Str[s.at].Bytes(base)
	if s.begun && bytes.Equal(s.key[len(s.prefix):], key) {
		return nil, nil, false, &duplicateKey{bytes.Clone(key)}
	}
	s.begun = true
	s.key = append(append(s.key[:0], s.prefix...), key...)
	s.at++
	return s.key, value, true, nil
}

func (s *sortedPairs) gather(ctx context.Context) (bool, error) {
	s.batch.Reset()
	s.at = 0
	if len(s.next) == 0 {
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		n, err := s.sorter.Next(s.refs)
		if err != nil || n == 0 {
			return false, err
		}
		s.next = s.refs[:n]
	}
	n, err := s.sorter.Layout().GatherSome(s.next, s.batch, len(s.batch.Cols))
	if err != nil {
		return false, err
	}
	s.next = s.next[n:]
	s.batch.Len = n
	return true, nil
}

// duplicate is error 1062 about a key: its text is that of the second row that has it. Keys do not tell values.
func (p *pairs) duplicate(ctx context.Context, key []byte) (err error) {
	if err := p.open(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	first := true
	for {
		row, err := p.next(ctx)
		if err != nil {
			return err
		}
		if row == nil {
			return corrupt("rows: a key that was there twice", slices.Concat(p.prefix, key))
		}
		own, _, err := p.encode(row)
		if err != nil {
			return err
		}
		switch {
		case !bytes.Equal(own, key):
			continue
		case first:
			first = false
			continue
		}
		parts := p.b.To.primary
		if p.x != nil {
			parts = p.x.parts
		}
		d := &Duplicate{Index: p.b.Index, table: p.b.To.table, entry: entryText(parts, row, p.o.Location)}
		return d.Error()
	}
}

// rowReader reads all rows of a table, in the order of the primary key.
type rowReader struct {
	o     *BuildOptions
	codec *Codec
	page  memory.Page
	large memory.Page
	pairs kv.Pairs
	it    kv.Iterator
	row   []types.Datum
	buf   []byte
	at    int
	done  int64
}

func newRowReader(o *BuildOptions, c *Codec) (*rowReader, error) {
	acct := o.Memory.Account
	page, err := acct.Alloc(buildPageBytes, memory.Held)
	if err != nil {
		return nil, err
	}
	r := &rowReader{o: o, codec: c, page: page, row: make([]types.Datum, len(c.table.Columns))}
	r.pairs = kv.Pairs{
		Buf: memory.Bytes(acct.Base(), page.Ref, page.Size()), Ends: make([]int32, 2*buildPairs), Large: r.grow,
	}
	r.it, err = o.Reader.Scan(acct, IndexSpan(c.table, c.table.Primary), kv.ScanOptions{Once: true})
	if err != nil {
		acct.Free(page)
		return nil, err
	}
	return r, nil
}

// grow gives the store a page for one large row.
func (r *rowReader) grow(n int) ([]byte, error) {
	r.release()
	p, err := r.o.Memory.Account.Alloc(n, memory.Leased)
	if err != nil {
		return nil, tooLarge(err)
	}
	r.large = p
	return memory.Bytes(r.o.Memory.Account.Base(), p.Ref, n), nil
}

func (r *rowReader) release() {
	if r.large != (memory.Page{}) {
		r.o.Memory.Account.Free(r.large)
		r.large = memory.Page{}
	}
}

// next gives a key and its row, which live until the next call; nil at the end.
func (r *rowReader) next(ctx context.Context) (key []byte, row []types.Datum, err error) {
	if r.at == r.pairs.N {
		if r.o.Progress != nil {
			if err := r.o.Progress(r.done); err != nil {
				return nil, nil, err
			}
		}
		r.at = 0
		more, err := r.it.NextBatch(ctx, &r.pairs, buildPairs)
		if err != nil || !more {
			return nil, nil, err
		}
		r.done += int64(r.pairs.N)
	}
	key = r.pairs.Key(r.at)
	if r.buf, err = r.codec.DecodeRow(key, r.pairs.Value(r.at), r.row, r.buf[:0]); err != nil {
		return nil, nil, err
	}
	r.at++
	return key, r.row, nil
}

func (r *rowReader) close() error {
	r.release()
	r.o.Memory.Account.Free(r.page)
	return r.it.Close()
}

// EachRow calls f for all rows of a table, in the order of the primary key. Key and row live until f returns.
func EachRow(ctx context.Context, o BuildOptions, c *Codec, f func(key []byte, row []types.Datum) error) (n int64,
	err error) {
	r, err := newRowReader(&o, c)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	for ; ; n++ {
		key, row, err := r.next(ctx)
		if err != nil || row == nil {
			return n, err
		}
		if err := f(key, row); err != nil {
			return n, err
		}
	}
}
