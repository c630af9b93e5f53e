package dml

import (
	"context"

	"github.com/spillwaydb/spillway/internal/catalog"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// auto gives AUTO_INCREMENT values and hidden row ids to one statement.
type auto struct {
	o       *Options
	column  int // AUTO_INCREMENT; -1: none
	hidden  int // row id; -1: none
	counter *catalog.Counter
	rowIDs  *catalog.Counter

	next, left     uint64 // AUTO_INCREMENT values reserved
	nextID, leftID uint64 // row ids reserved
	batchID        int
	forced         uint64 // SET INSERT_ID; 0: none, or used
}

// rowIDBatch is the most row ids reserved at once.
const rowIDBatch = 1024

func newAuto(ctx context.Context, o *Options, t *schema.Table) (auto, error) {
	a := auto{o: o, column: t.AutoIncrement(), hidden: -1, forced: o.InsertID, batchID: 1}
	var err error
	if a.column >= 0 {
		if a.counter, err = o.Catalog.Counter(ctx, t, a.column); err != nil {
			return a, err
		}
	}
	if last := len(t.Columns) - 1; t.Columns[last].Hidden {
		a.hidden = last
		a.rowIDs, err = o.Catalog.Counter(ctx, t, last)
	}
	return a, err
}

// wants says if the value asks for the next number.
func (a *auto) wants(d *types.Datum) bool {
	if d.IsNull() {
		return true
	}
	if a.o.Env.SQLMode.Has(types.ModeNoAutoValueOnZero) {
		return false
	}
	return d.Kind == types.PhysInt64 && d.I == 0 || d.Kind == types.PhysUint64 && d.U == 0 ||
		d.Kind == types.PhysFloat64 && d.F == 0
}

// generate returns the next number; rows is how many rows may still want one, so that a statement's numbers follow each
// other.
func (a *auto) generate(ctx context.Context, t types.Type, rows int) (types.Datum, uint64, error) {
	var v uint64
	switch {
	case a.forced != 0:
		v, a.forced = a.forced, 0
		if err := a.counter.Push(ctx, v); err != nil {
			return types.Datum{}, 0, err
		}
	default:
		if a.left == 0 {
			n := max(rows, 1)
			first, err := a.counter.Reserve(ctx, n, a.o.Increment, a.o.Offset)
			if err != nil {
				return types.Datum{}, 0, err
			}
			a.next, a.left = first, uint64(n)
		}
		v = a.next
		a.next += max(a.o.Increment, 1)
		a.left--
	}
	d, err := types.Convert(types.NewUintDatum(types.NewUBigInt(), v), t, &types.ConvContext{Strict: true})
	if err != nil {
		return d, 0, sqlerr.Wrap(err, sqlerr.ErrAutoincReadFailed)
	}
	d.Type = t
	return d, v, nil
}

// explicit pushes the counter behind a value that the statement gave, and returns it as a number; 0 for negative ones.
func (a *auto) explicit(ctx context.Context, d *types.Datum) (uint64, error) {
	var v uint64
	switch d.Kind {
	case types.PhysUint64:
		v = d.U
	case types.PhysInt64:
		v = uint64(max(d.I, 0))
	case types.PhysFloat64:
		v = uint64(max(d.F, 0))
	}
	if v == 0 {
		return 0, nil
	}
	return v, a.counter.Push(ctx, v)
}

// rowID returns the next hidden row id.
func (a *auto) rowID(ctx context.Context, t types.Type) (types.Datum, error) {
	if a.leftID == 0 {
		first, err := a.rowIDs.Reserve(ctx, a.batchID, 1, 1)
		if err != nil {
			return types.Datum{}, err
		}
		a.nextID, a.leftID = first, uint64(a.batchID)
		a.batchID = min(2*a.batchID, rowIDBatch)
	}
	a.nextID++
	a.leftID--
	return types.NewUintDatum(t, a.nextID-1), nil
}
