package dml

import (
	"context"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/table"
	"github.com/spillwaydb/spillway/internal/types"
)

// inserter writes the rows of one INSERT, REPLACE or LOAD DATA, whatever they come from.
type inserter struct {
	o      Options
	n      *physical.Insert
	t      *schema.Table
	conv   converter
	auto   auto
	writer *table.Writer
	codec  *table.Codec
	fetch  *table.Fetcher // made with the first duplicate that needs it
	latest kv.Reader      // as fetch

	source  []int // of each column: position in the input, or -1
	row     []types.Datum
	both    []types.Datum // existing row, then new row, for ON DUPLICATE KEY UPDATE
	changed []types.Datum
	single  bool // the statement has one row
	left    int  // rows that may still come; 0: unknown

	generated uint64 // for the row in work; 0: none
	given     uint64 // explicit AUTO_INCREMENT value of the row in work; 0: none
	added     int64  // rows more than before
	res       Result
}

func newInserter(o Options, n *physical.Insert) *inserter {
	t := n.Table
	i := &inserter{o: o, n: n, t: t, codec: table.NewCodec(t), source: make([]int, len(t.Columns)),
		row: make([]types.Datum, len(t.Columns))}
	i.conv = newConverter(&i.o, n.Ignore, n.Load)
	i.conv.conv.Table = i.t.Name
	i.writer = table.NewWriter(table.WriterOptions{
		Codec: i.codec, Txn: o.Txn, Account: o.Account, HeldRow: table.HeldRow(t), Lock: o.Lock,
		Location: o.Env.Location,
	})
	for c := range i.source {
		i.source[c] = -1
	}
	for at, c := range n.Ordinals {
		i.source[c] = at
	}
	if n.Load {
		i.res.Kind = KindLoad
	}
	return i
}

// open gets the counters.
func (i *inserter) open(ctx context.Context) error {
	var err error
	i.auto, err = newAuto(ctx, &i.o, i.t)
	return err
}

// value is one input value; isDefault: the word DEFAULT.
type value struct {
	d         types.Datum
	isDefault bool
}

// insert writes one row. get returns the input's values by position.
func (i *inserter) insert(ctx context.Context, get func(at int) (value, error)) error {
	i.res.Records++
	i.conv.conv.Row = int64(i.res.Records)
	i.generated, i.given = 0, 0
	defer i.conv.next(i.row)
	for c := range i.t.Columns {
		if err := i.column(ctx, c, get); err != nil {
			return err
		}
	}
	return i.write(ctx)
}

func (i *inserter) column(ctx context.Context, c int, get func(at int) (value, error)) error {
	col := &i.t.Columns[c]
	if c == i.auto.hidden {
		var err error
		i.row[c], err = i.auto.rowID(ctx, col.Type)
		return err
	}
	v := value{isDefault: true}
	if at := i.source[c]; at >= 0 {
		var err error
		if v, err = get(at); err != nil {
			return err
		}
	}
	if c == i.auto.column {
		return i.autoColumn(ctx, col, c, v)
	}
	var err error
	if v.isDefault {
		i.row[c], err = i.conv.defaultOf(ctx, c, col)
	} else {
		i.row[c], err = i.conv.value(col, v.d, i.single)
	}
	return err
}

func (i *inserter) autoColumn(ctx context.Context, col *schema.Column, c int, v value) error {
	d := types.Datum{}
	var err error
	if !v.isDefault && !v.d.IsNull() {
		if d, err = i.conv.value(col, v.d, i.single); err != nil {
			return err
		}
	}
	if i.auto.wants(&d) {
		i.row[c], i.generated, err = i.auto.generate(ctx, col.Type, i.left)
		return err
	}
	i.row[c] = d
	i.given, err = i.auto.explicit(ctx, &d)
	return err
}

// maxReplaced bounds the rows that one REPLACE row takes the place of: one for each unique key.
const maxReplaced = 64 + 1

// write puts the row, and does what is to be done for a duplicate.
func (i *inserter) write(ctx context.Context) error {
	for range maxReplaced {
		dup, err := i.writer.Insert(ctx, i.row)
		if err != nil {
			return err
		}
		if dup == nil {
			i.wrote()
			return nil
		}
		done, err := i.duplicate(ctx, dup)
		if err != nil || done {
			return err
		}
	}
	return sqlerr.AssertionError("a row of table %s has more duplicates than there are keys", i.t.Name)
}

// wrote counts a row that was inserted.
func (i *inserter) wrote() {
	i.res.Affected++
	i.added++
	i.note()
}

// note keeps the AUTO_INCREMENT value of a row for LAST_INSERT_ID().
func (i *inserter) note() {
	switch {
	case i.generated != 0 && i.res.LastInsertID == 0:
		i.res.LastInsertID, i.res.InsertID = i.generated, i.generated
	case i.given != 0 && i.res.LastInsertID == 0:
		i.res.InsertID = i.given
	}
}

// duplicate handles a row whose key is there. done: the row is settled; else it is to be written again.
func (i *inserter) duplicate(ctx context.Context, dup *table.Duplicate) (done bool, err error) {
	switch i.n.Duplicates {
	case physical.DuplicateReplace:
		return i.replace(ctx, dup)
	case physical.DuplicateUpdate:
		return true, i.update(ctx, dup)
	}
	err = dup.Error()
	if i.n.Duplicates == physical.DuplicateIgnore || i.n.Ignore {
		i.res.Duplicates++
		i.res.Skipped++
		i.conv.warn(sqlerr.From(err).Warning())
		return true, nil
	}
	return false, err
}

// existing locks and reads the row that a duplicate names; nil if it is gone meanwhile.
func (i *inserter) existing(ctx context.Context, key []byte) ([]types.Datum, error) {
	lock := i.o.Lock
	lock.Mode, lock.SkipLocked = kv.LockExclusive, false
	if _, err := i.o.Txn.Lock(ctx, key, lock); err != nil {
		return nil, err
	}
	if i.fetch == nil {
		var err error
		if i.latest, err = i.o.Txn.Latest(); err != nil {
			return nil, err
		}
		i.fetch = table.NewFetcher(i.codec, i.o.Account, table.HeldRow(i.t))
	}
	row, ok, err := i.fetch.Fetch(ctx, i.latest, key)
	if err != nil || !ok {
		return nil, err
	}
	return row, nil
}

// replace deletes the row in the way. A row that is the same in all columns is left alone.
func (i *inserter) replace(ctx context.Context, dup *table.Duplicate) (done bool, err error) {
	key := append([]byte(nil), dup.Key...)
	old, err := i.existing(ctx, key)
	if err != nil || old == nil {
		return false, err
	}
	if i.auto.hidden < 0 && sameRow(old, i.row) {
		i.res.Affected++
		i.note()
		return true, nil
	}
	if err := i.writer.Delete(ctx, key, old); err != nil {
		return false, err
	}
	i.added--
	i.res.Affected++
	i.res.Duplicates++
	i.res.Deleted++
	return false, nil
}

// update is ON DUPLICATE KEY UPDATE: assignments see those before them.
func (i *inserter) update(ctx context.Context, dup *table.Duplicate) error {
	key := append([]byte(nil), dup.Key...)
	old, err := i.existing(ctx, key)
	if err != nil {
		return err
	}
	if old == nil {
		return dup.Error()
	}
	i.both = append(append(i.both[:0], old...), i.row...)
	assigned := make([]bool, len(i.t.Columns))
	for _, a := range i.n.OnDuplicate {
		col := &i.t.Columns[a.Column]
		var d types.Datum
		if _, ok := a.Expr.(*expr.Default); ok {
			d, err = i.conv.defaultOf(ctx, a.Column, col)
		} else if d, err = expr.EvalRow(a.Expr, i.both, i.o.Env); err == nil {
			d, err = i.conv.value(col, d, false)
		}
		if err != nil {
			return err
		}
		i.both[a.Column] = d
		assigned[a.Column] = true
	}
	i.changed = append(i.changed[:0], i.both[:len(old)]...)
	i.res.Duplicates++
	if sameRow(old, i.changed) {
		if i.o.FoundRows {
			i.res.Affected++
		}
		return nil
	}
	setOnUpdate(&i.conv, i.t, assigned, i.changed)
	if c := i.auto.column; c >= 0 && assigned[c] {
		if _, err := i.auto.explicit(ctx, &i.changed[c]); err != nil {
			return err
		}
	}
	again, err := i.writer.Update(ctx, key, old, i.changed)
	if err != nil {
		return err
	}
	if again != nil {
		if !i.n.Ignore {
			return again.Error()
		}
		i.conv.warn(sqlerr.From(again.Error()).Warning())
		return nil
	}
	i.res.Affected += 2
	return nil
}

// setOnUpdate gives columns with ON UPDATE CURRENT_TIMESTAMP their value in a row that changes.
func setOnUpdate(c *converter, t *schema.Table, assigned []bool, row []types.Datum) {
	for i := range t.Columns {
		if t.Columns[i].OnUpdateNow && !assigned[i] {
			row[i] = c.now(t.Columns[i].Type)
		}
	}
}

// finish tells the catalog how many rows there are more.
func (i *inserter) finish() { i.o.Catalog.AddRows(i.t, i.added) }

func (i *inserter) close() error {
	err := i.writer.Close()
	if i.fetch != nil {
		i.fetch.Close()
		if cerr := i.latest.Close(); err == nil {
			err = cerr
		}
		i.fetch, i.latest = nil, nil
	}
	return err
}
