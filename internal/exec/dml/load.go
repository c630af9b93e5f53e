package dml

import (
	"context"
	"errors"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

const (
	// loadPageBytes is the input buffer, and the first buffer of a row.
	loadPageBytes = 64 << 10
	// loadRowMax is the longest row if max_allowed_packet is not known.
	loadRowMax = 64 << 20
)

// Load is the source of LOAD DATA's rows: one column a field, strings or NULL. Fields that are read into user variables
// are columns only if the node has as many columns as fields.
type Load struct {
	o      LoadOptions
	fields int
	out    []int // column of each field; -1: none
	types  []types.Type
	rows   int
}

var _ exec.Source = (*Load)(nil)

// NewLoad returns the source of a file's rows.
func NewLoad(o LoadOptions) (*Load, error) {
	if err := checkFormat(&o.Node.Fields); err != nil {
		return nil, err
	}
	l := &Load{o: o, types: o.Node.Types(), fields: len(o.Node.Columns)}
	if len(o.Node.Variables) > 0 {
		l.fields = len(o.Node.Variables)
	}
	all := l.fields == len(l.types)
	next := 0
	for f := range l.fields {
		out := -1
		if all || o.Node.Variables[f] == "" {
			out = next
			next++
		}
		l.out = append(l.out, out)
	}
	if next != len(l.types) {
		return nil, sqlerr.AssertionError("LOAD DATA: %d columns for %d fields", len(l.types), next)
	}
	l.rows = loadCapacity(o.Node, o.BatchRows)
	return l, nil
}

func loadCapacity(n *physical.Load, batchRows int) int {
	width := 0
	for _, t := range n.Types() {
		width += vector.RowBytes(t)
	}
	rows := vector.CapacityFor(width)
	if batchRows > 0 {
		rows = min(rows, batchRows)
	}
	return rows
}

// LoadMinBytes is what the source holds.
func LoadMinBytes(n *physical.Load, batchRows int) int64 {
	return 2*int64(memory.PageSize(loadPageBytes)) + vector.BatchBytes(n.Types(), loadCapacity(n, batchRows), 0)
}

// MaxWorkers implements exec.Source.
func (l *Load) MaxWorkers() int { return 1 }

// Close implements exec.Source.
func (l *Load) Close() error { return nil }

// NewLocal implements exec.Source.
func (l *Load) NewLocal(*exec.Worker) (exec.LocalSource, error) {
	ll := &localLoad{l: l, acct: l.o.Account, skip: l.o.Node.SkipLines}
	if err := ll.open(); err != nil {
		ll.Close()
		return nil, err
	}
	return ll, nil
}

// localLoad is the parser with its pages.
type localLoad struct {
	l       *Load
	acct    *memory.Account
	input   memory.Page
	row     memory.Page
	large   memory.Page // of a row that does not fit row; leased
	batch   *vector.Batch
	parser  parser
	skip    uint64
	line    uint64
	pending bool // the parser's row did not fit the last batch
	conv    []byte
	loan    memory.Loan // for conv
	ended   bool
}

func (l *localLoad) open() error {
	var err error
	if l.input, err = l.acct.Alloc(loadPageBytes, memory.Held); err != nil {
		return err
	}
	if l.row, err = l.acct.Alloc(loadPageBytes, memory.Held); err != nil {
		return err
	}
	if l.batch, err = vector.NewBatch(l.acct, l.l.types, l.l.rows, 0); err != nil {
		return err
	}
	n := l.l.o.Node
	base := l.acct.Base()
	l.parser = parser{
		in:     byteReader{src: l.l.o.File, buf: memory.Bytes(base, l.input.Ref, l.input.Size())},
		format: n.Fields, rows: l, buf: memory.Bytes(base, l.row.Ref, l.row.Size()),
	}
	switch n.Charset {
	case "gbk", "big5", "sjis", "cp932", "gb18030", "euckr", "gb2312":
		l.parser.wide = true
	}
	l.parser.prepare()
	return nil
}

// more implements rowBuffer: a leased page of twice the size.
func (l *localLoad) more(b []byte) ([]byte, error) {
	limit := int64(loadRowMax)
	if m := l.l.o.Env.MaxPacket; m > 0 {
		limit = m
	}
	if int64(len(b)) >= min(limit, memory.MaxPageBytes) {
		return nil, sqlerr.New(sqlerr.ErrNetPacketTooLarge)
	}
	p, err := l.acct.Alloc(2*len(b), memory.Leased)
	if err != nil {
		return nil, errLongValue(err)
	}
	out := memory.Bytes(l.acct.Base(), p.Ref, p.Size())
	copy(out, b)
	l.release()
	l.large = p
	return out, nil
}

func (l *localLoad) release() {
	if l.large != (memory.Page{}) {
		l.acct.Free(l.large)
		l.large = memory.Page{}
	}
}

// Next implements exec.LocalSource.
func (l *localLoad) Next(ctx context.Context) (*vector.Batch, error) {
	if l.ended {
		return nil, nil
	}
	l.batch.Reset()
	for ; l.skip > 0; l.skip-- {
		l.parser.skipLine()
		if err := l.parser.in.failure(); err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	for l.batch.Len < l.batch.Cap() {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if !l.pending {
			ok, err := l.read()
			if err != nil {
				return nil, err
			}
			if !ok {
				l.ended = true
				break
			}
		}
		l.pending = false
		if err := l.put(); err != nil {
			if errors.Is(err, sqlerr.ErrNoSurplus) && l.batch.Len > 0 {
				l.pending = true
				break
			}
			return nil, errLongValue(err)
		}
		l.batch.Len++
	}
	if l.batch.Len == 0 {
		return nil, nil
	}
	return l.batch, nil
}

// read parses the next line and complains about its number of fields.
func (l *localLoad) read() (bool, error) {
	if l.large != (memory.Page{}) {
		l.release()
		l.parser.buf = memory.Bytes(l.acct.Base(), l.row.Ref, l.row.Size())
	}
	ok, cut, err := l.parser.line(l.l.fields)
	if err != nil || !ok {
		return false, err
	}
	l.line++
	if len(l.parser.fields) < l.l.fields {
		if err := l.complain(sqlerr.ErrWarnTooFewRecords); err != nil {
			return false, err
		}
	}
	if cut {
		return true, l.complain(sqlerr.ErrWarnTooManyRecords)
	}
	return true, nil
}

// complain is a warning, or an error in strict mode; of a client's file always a warning, as in MySQL: the server could
// not stop the client from sending the rest.
func (l *localLoad) complain(code sqlerr.Code) error {
	env := l.l.o.Env
	e := sqlerr.New(code, l.line)
	if env.Strict && !l.l.o.Node.Local {
		return e
	}
	if env.Warn != nil {
		env.Warn(e.Warning())
	}
	return nil
}

// put copies the parser's row to the batch.
func (l *localLoad) put() error {
	n := l.l.o.Node
	for f, out := range l.l.out {
		d := types.Datum{}
		if f < len(l.parser.fields) && !l.parser.fields[f].null {
			p := l.parser.fields[f]
			d.Kind, d.S = types.PhysString, l.parser.buf[p.start:p.end]
		}
		if f < len(n.Variables) && n.Variables[f] != "" && l.l.o.SetUserVar != nil {
			if err := l.setVariable(n.Variables[f], d); err != nil {
				return err
			}
		}
		if out < 0 {
			continue
		}
		if err := l.putColumn(out, d); err != nil {
			return err
		}
	}
	return nil
}

func (l *localLoad) putColumn(out int, d types.Datum) error {
	t := l.l.types[out]
	if !l.recodes(t) || d.IsNull() {
		return l.batch.Cols[out].SetDatum(l.batch.Len, d, l.batch.Arena())
	}
	if err := l.loan.Take(l.acct, convertGrowth*int64(len(d.S))); err != nil {
		return err
	}
	l.conv, _ = collation.Convert(l.conv[:0], d.S, l.l.o.Node.Charset, collation.Charset(t.Collation))
	d.S = l.conv
	err := l.batch.Cols[out].SetDatum(l.batch.Len, d, l.batch.Arena())
	if l.loan.Taken() {
		d.S, l.conv = nil, nil
		l.loan.Return(l.acct)
	}
	return err
}

// convertGrowth is how much longer than a text it may be in another charset, as a buffer that grows.
const convertGrowth = 4

// recodes says if values are brought from the file's charset to the column's.
func (l *localLoad) recodes(t types.Type) bool {
	from, to := l.l.o.Node.Charset, collation.Charset(t.Collation)
	return from != to && from != "" && from != "binary" && to != "binary" && to != ""
}

func (l *localLoad) setVariable(name string, d types.Datum) error {
	c, ok := collation.DefaultOf(l.l.o.Node.Charset)
	if !ok {
		c = collation.Default
	}
	d.Type = types.NewVarChar(len(d.S), c)
	return l.l.o.SetUserVar(name, d)
}

// Pause implements exec.LocalSource.
func (l *localLoad) Pause() error { return nil }

// Close implements exec.LocalSource.
func (l *localLoad) Close() error {
	l.ended = true
	l.release()
	l.batch.Close()
	l.batch = nil
	for _, p := range []*memory.Page{&l.input, &l.row} {
		if *p != (memory.Page{}) {
			l.acct.Free(*p)
			*p = memory.Page{}
		}
	}
	return nil
}
