package catalog

import (
	"slices"

	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/table"
	"github.com/spillwaydb/spillway/internal/types"
)

// altered is a table on its way from one descriptor to the next. Keys name columns by ID, as ordinals move.
type altered struct {
	cat  *Catalog
	d    *DDL
	old  *schema.Table
	t    *schema.Table // Columns are changed in place; Primary and Indexes come from keys, at the end
	keys []alteredKey

	copies  bool // the rows must be written anew
	renamed bool
	next    uint64 // AUTO_INCREMENT =
	added   []*schema.Index
	dropped []*schema.Index

	rowIDs  uint64 // hidden row ids given out by the copy
	maxAuto uint64 // largest AUTO_INCREMENT value of the copy
}

type alteredKey struct {
	primary, unique, hidden bool
	name, comment           string
	id                      schema.ID // 0: new
	parts                   []alteredPart
}

type alteredPart struct {
	column schema.ID
	prefix int
	desc   bool
}

func newAltered(c *Catalog, d *DDL, old *schema.Table) *altered {
	t := *old
	t.Columns = slices.Clone(old.Columns)
	a := &altered{cat: c, d: d, old: old, t: &t}
	for _, x := range append([]*schema.Index{old.Primary}, old.Indexes...) {
		k := alteredKey{primary: x.Primary, unique: x.Unique, name: x.Name, comment: x.Comment, id: x.ID}
		for _, p := range x.Columns {
			k.parts = append(k.parts, alteredPart{old.Columns[p.Column].ID, p.Prefix, p.Desc})
			k.hidden = k.hidden || old.Columns[p.Column].Hidden
		}
		a.keys = append(a.keys, k)
	}
	return a
}

func (a *altered) key(name string) *alteredKey {
	for i := range a.keys {
		if !a.keys[i].hidden && schema.EqualName(a.keys[i].name, name) {
			return &a.keys[i]
		}
	}
	return nil
}

// visible is the number of columns but the hidden one, which is the last.
func (a *altered) visible() int { return len(a.t.Visible()) }

// place puts a column where the clause wants it. Error 1054.
func (a *altered) place(c schema.Column, p Position) error {
	at := a.visible()
	switch {
	case p.First:
		at = 0
	case p.After != "":
		i := a.t.ColumnByName(p.After)
		if i < 0 || a.t.Columns[i].Hidden {
			return sqlerr.New(sqlerr.ErrBadField, p.After, a.t.Name)
		}
		at = i + 1
	}
	a.t.Columns = slices.Insert(a.t.Columns, at, c)
	return nil
}

// addColumn adds a column without touching rows, if its value for them is known now.
func (a *altered) addColumn(s AddColumn) error {
	if a.t.ColumnByName(s.Column.Name) >= 0 {
		return sqlerr.New(sqlerr.ErrDupFieldName, s.Column.Name)
	}
	c, err := newColumn(a.d, &s.Column)
	if err != nil {
		return err
	}
	c.ID = a.t.NextID
	a.t.NextID++
	switch c.DefaultKind {
	case schema.DefaultNow:
		c.SetInitial(a.now(c.Type))
	case schema.DefaultExpression:
		return sqlerr.New(sqlerr.ErrNotSupportedYet, "ALTER TABLE ... ADD COLUMN ... DEFAULT (expression)")
	case schema.DefaultAutoIncr:
		a.copies = true
	case schema.DefaultValue:
		c.SetInitial(c.Default())
	default:
		if !c.Type.Nullable {
			c.SetInitial(implicitDefault(c.Type))
		}
	}
	if err := a.place(c, s.Position); err != nil {
		return err
	}
	for _, k := range columnKeys([]ColumnSpec{s.Column}) {
		if err := a.addKey(k); err != nil {
			return err
		}
	}
	return nil
}

// now is CURRENT_TIMESTAMP as a value of the type.
func (a *altered) now(t types.Type) types.Datum {
	now := a.cat.now().UTC()
	if t.ID == types.DateTime && a.d.Conv.Loc != nil {
		now = now.In(a.d.Conv.Loc)
	}
	return types.NewIntDatum(t, types.TruncateDateTime(types.DateTimeFromTime(now), t.Scale))
}

// dropColumn drops a column, and takes it out of its keys. Errors 1091, 1090.
func (a *altered) dropColumn(s DropColumn) error {
	i := a.t.ColumnByName(s.Name)
	if i < 0 || a.t.Columns[i].Hidden {
		if s.IfExists {
			a.d.note(sqlerr.ErrCantDropFieldOrKey, s.Name)
			return nil
		}
		return sqlerr.New(sqlerr.ErrCantDropFieldOrKey, s.Name)
	}
	if a.visible() == 1 {
		return sqlerr.New(sqlerr.ErrCantRemoveAllFields)
	}
	id := a.t.Columns[i].ID
	a.t.Columns = slices.Delete(a.t.Columns, i, i+1)
	a.copies = true
	for j := range a.keys {
		a.keys[j].parts = slices.DeleteFunc(a.keys[j].parts, func(p alteredPart) bool { return p.column == id })
	}
	a.keys = slices.DeleteFunc(a.keys, func(k alteredKey) bool { return len(k.parts) == 0 })
	return nil
}

// modifyColumn is MODIFY and CHANGE.
func (a *altered) modifyColumn(s ModifyColumn) error {
	i := a.t.ColumnByName(s.OldName)
	if i < 0 || a.t.Columns[i].Hidden {
		return sqlerr.New(sqlerr.ErrBadField, s.OldName, a.t.Name)
	}
	if other := a.t.ColumnByName(s.Column.Name); other >= 0 && other != i {
		return sqlerr.New(sqlerr.ErrDupFieldName, s.Column.Name)
	}
	was := a.t.Columns[i]
	if a.inPrimary(was.ID) {
		s.Column.Type.Nullable = false
	}
	c, err := newColumn(a.d, &s.Column)
	if err != nil {
		return err
	}
	c.ID = was.ID
	c.SetInitial(was.Initial())
	if !table.SameStorage(was.Type, c.Type, a.inKey(was.ID)) {
		a.copies = true
	}
	a.t.Columns[i] = c
	if s.Moved {
		a.t.Columns = slices.Delete(a.t.Columns, i, i+1)
		if err := a.place(c, s.Position); err != nil {
			return err
		}
	}
	for _, k := range columnKeys([]ColumnSpec{s.Column}) {
		if k.Kind == KeyPrimary && a.inPrimary(c.ID) {
			continue
		}
		if err := a.addKey(k); err != nil {
			return err
		}
	}
	return nil
}

func (a *altered) inPrimary(id schema.ID) bool {
	return slices.ContainsFunc(a.keys, func(k alteredKey) bool { return k.primary && k.has(id) })
}

func (a *altered) inKey(id schema.ID) bool {
	return slices.ContainsFunc(a.keys, func(k alteredKey) bool { return k.has(id) })
}

func (k *alteredKey) has(id schema.ID) bool {
	return slices.ContainsFunc(k.parts, func(p alteredPart) bool { return p.column == id })
}

// addKey adds a key. Errors 1061, 1068 and those of its parts.
func (a *altered) addKey(s KeySpec) error {
	if s.Name != "" && s.Kind != KeyPrimary && a.key(s.Name) != nil {
		if s.IfNotExists {
			a.d.note(sqlerr.ErrDupKeyName, s.Name)
			return nil
		}
		return sqlerr.New(sqlerr.ErrDupKeyName, s.Name)
	}
	x, err := newIndex(a.t, &s)
	if err != nil {
		return err
	}
	k := alteredKey{primary: x.Primary, unique: x.Unique, name: x.Name, comment: x.Comment}
	for _, p := range x.Columns {
		k.parts = append(k.parts, alteredPart{a.t.Columns[p.Column].ID, p.Prefix, p.Desc})
	}
	if x.Primary {
		if a.key(primaryName) != nil {
			return sqlerr.New(sqlerr.ErrMultiplePriKey)
		}
		for _, p := range x.Columns {
			a.t.Columns[p.Column].Type.Nullable = false
		}
		a.keys = slices.DeleteFunc(a.keys, func(k alteredKey) bool { return k.primary })
		a.copies = true
	}
	a.keys = append(a.keys, k)
	return nil
}

// dropKey is DROP INDEX and DROP PRIMARY KEY. Error 1091.
func (a *altered) dropKey(s DropKey) error {
	for i := range a.keys {
		k := &a.keys[i]
		if k.hidden || !schema.EqualName(k.name, s.Name) {
			continue
		}
		a.copies = a.copies || k.primary
		a.keys = slices.Delete(a.keys, i, i+1)
		return nil
	}
	if s.IfExists {
		a.d.note(sqlerr.ErrCantDropFieldOrKey, s.Name)
		return nil
	}
	return sqlerr.New(sqlerr.ErrCantDropFieldOrKey, s.Name)
}

// finish turns the draft into a descriptor and finds what there is to build.
func (a *altered) finish() error {
	var primary *KeySpec
	a.t.Primary, a.t.Indexes = nil, nil
	specs := make([]KeySpec, len(a.keys))
	for i := range a.keys {
		k := &a.keys[i]
		specs[i] = KeySpec{Name: k.name, Comment: k.comment}
		switch {
		case k.primary:
			specs[i].Kind = KeyPrimary
		case k.unique:
			specs[i].Kind = KeyUnique
		}
		for _, p := range k.parts {
			o := slices.IndexFunc(a.t.Columns, func(c schema.Column) bool { return c.ID == p.column })
			specs[i].Parts = append(specs[i].Parts, KeyPart{a.t.Columns[o].Name, p.prefix, p.desc})
		}
		if k.primary && !k.hidden {
			primary = &specs[i]
		}
	}
	if err := a.finishPrimary(primary); err != nil {
		return err
	}
	for i := range a.keys {
		if a.keys[i].primary {
			continue
		}
		x, err := newIndex(a.t, &specs[i])
		if err != nil {
			return err
		}
		if x.ID = a.keys[i].id; x.ID == 0 {
			x.ID = a.t.NextID
			a.t.NextID++
			a.added = append(a.added, x)
		}
		a.t.Indexes = append(a.t.Indexes, x)
	}
	for _, x := range a.old.Indexes {
		if !slices.ContainsFunc(a.t.Indexes, func(y *schema.Index) bool { return x.ID == y.ID }) {
			a.dropped = append(a.dropped, x)
		}
	}
	sortIndexes(a.t)
	if err := nameIndexes(a.t); err != nil {
		return err
	}
	if err := checkAutoIncrement(a.t); err != nil {
		return err
	}
	a.t = a.t.Pack()
	for i, x := range a.added {
		a.added[i] = a.t.IndexByID(x.ID)
	}
	return nil
}

// finishPrimary makes the primary key, or keeps the one there was.
func (a *altered) finishPrimary(primary *KeySpec) error {
	if primary == nil && !a.old.HasPrimaryKey() {
		p := *a.old.Primary
		p.Columns = []schema.IndexColumn{{Column: len(a.t.Columns) - 1}}
		a.t.Primary = &p
		return nil
	}
	if err := setPrimary(a.t, primary); err != nil {
		return err
	}
	if !a.copies {
		a.t.Primary.ID = a.old.Primary.ID
	}
	return nil
}

// converter returns what makes a row of the new table from one of the old, from the first one on.
func (a *altered) converter(conv types.ConvContext) table.Convert {
	a.rowIDs, a.maxAuto = 0, 0
	from := make([]int, len(a.t.Columns))
	for i := range a.t.Columns {
		id := a.t.Columns[i].ID
		from[i] = slices.IndexFunc(a.old.Columns, func(c schema.Column) bool { return c.ID == id })
	}
	conv.Strict = true
	auto := a.t.AutoIncrement()
	return func(old, row []types.Datum) error {
		conv.Row++
		for i := range a.t.Columns {
			col := &a.t.Columns[i]
			f := from[i]
			switch {
			case col.Hidden && f < 0:
				a.rowIDs++
				row[i] = types.NewUintDatum(col.Type, a.rowIDs)
				continue
			case f < 0 && i == auto:
				a.maxAuto++
				v, err := autoValue(col.Type, a.maxAuto)
				if err != nil {
					return err
				}
				row[i] = v
				continue
			case f < 0:
				row[i] = col.Initial()
				continue
			}
			if err := convertColumn(&conv, col, a.old.Columns[f].Type, old[f], &row[i]); err != nil {
				return err
			}
			if col.Hidden {
				a.rowIDs = max(a.rowIDs, row[i].U)
			}
			if i == auto {
				a.maxAuto = max(a.maxAuto, autoOf(row[i]))
			}
		}
		return nil
	}
}

// convertColumn makes a value of a column's new type. Error 1138 for NULL.
func convertColumn(conv *types.ConvContext, c *schema.Column, was types.Type, old types.Datum, v *types.Datum) error {
	if old.IsNull() {
		if !c.Type.Nullable {
			return sqlerr.New(sqlerr.ErrInvalidUseOfNull)
		}
		*v = types.NullDatum(c.Type)
		return nil
	}
	if was.WithNullable(c.Type.Nullable).Equal(c.Type) {
		*v = old
		v.Type = c.Type
		return nil
	}
	conv.Column = c.Name
	out, err := types.Convert(old, c.Type, conv)
	if err != nil {
		return err
	}
	*v = out
	v.Type = c.Type
	return nil
}

// autoValue is n as a value of an AUTO_INCREMENT column.
func autoValue(t types.Type, n uint64) (types.Datum, error) {
	return types.Convert(types.NewUintDatum(types.NewUBigInt(), n), t, &types.ConvContext{Strict: true})
}

// autoOf is the value of an AUTO_INCREMENT column as a number; 0 for negative ones.
func autoOf(d types.Datum) uint64 {
	switch d.Kind {
	case types.PhysUint64:
		return d.U
	case types.PhysInt64:
		return uint64(max(d.I, 0))
	case types.PhysFloat64:
		return uint64(max(d.F, 0))
	}
	return 0
}
