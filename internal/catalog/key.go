package catalog

import (
	"slices"
	"strconv"

	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// InnoDB's limits.
const (
	maxKeys     = 64
	maxKeyParts = 16
	maxKeyBytes = 3072
)

const primaryName = "PRIMARY"

// newIndex makes the index of a key; its ID and, if it has none, name are the caller's to set.
func newIndex(t *schema.Table, k *KeySpec) (*schema.Index, error) {
	x := &schema.Index{Name: k.Name, Unique: k.Kind != KeyIndex, Primary: k.Kind == KeyPrimary, Comment: k.Comment}
	if x.Primary {
		x.Name = primaryName
	} else if schema.EqualName(x.Name, primaryName) {
		return nil, sqlerr.New(sqlerr.ErrWrongNameForIndex, x.Name)
	}
	if len(k.Parts) > maxKeyParts {
		return nil, sqlerr.New(sqlerr.ErrTooManyKeyParts, maxKeyParts)
	}
	total := 0
	for _, p := range k.Parts {
		o := t.ColumnByName(p.Column)
		if o < 0 || t.Columns[o].Hidden {
			return nil, sqlerr.New(sqlerr.ErrKeyColumnDoesNotExits, p.Column)
		}
		if x.Part(o) >= 0 {
			return nil, sqlerr.New(sqlerr.ErrDupFieldName, p.Column)
		}
		prefix, bytes, err := keyPart(&t.Columns[o], p.Prefix)
		if err != nil {
			return nil, err
		}
		total += bytes
		x.Columns = append(x.Columns, schema.IndexColumn{Column: o, Prefix: prefix, Desc: p.Desc})
	}
	if total > maxKeyBytes {
		return nil, sqlerr.New(sqlerr.ErrTooLongKey, total, maxKeyBytes)
	}
	return x, nil
}

// keyPart checks one part: its prefix, 0 if it is as long as the column, and the bytes it counts.
func keyPart(c *schema.Column, prefix int) (int, int, error) {
	t := c.Type
	if t.ID == types.JSON {
		return 0, 0, sqlerr.New(sqlerr.ErrJSONUsedAsKey, c.Name)
	}
	if !t.IsString() {
		if prefix > 0 {
			return 0, 0, sqlerr.New(sqlerr.ErrWrongSubKey)
		}
		return 0, t.Phys().Width(), nil
	}
	width := max(1, collation.MaxWidth(t.Collation))
	if t.IsBlob() {
		if prefix == 0 {
			return 0, 0, sqlerr.New(sqlerr.ErrBlobKeyWithoutLength, c.Name)
		}
	} else if prefix > int(t.Length) {
		return 0, 0, sqlerr.New(sqlerr.ErrWrongSubKey)
	} else if prefix == int(t.Length) {
		prefix = 0
	}
	bytes := prefix * width
	if prefix == 0 {
		bytes = t.MaxBytes()
	}
	if bytes > maxKeyBytes {
		return 0, 0, sqlerr.New(sqlerr.ErrTooLongKey, bytes, maxKeyBytes)
	}
	return prefix, bytes, nil
}

// nameIndexes gives names to indexes that have none, after their first column, and checks that names differ.
func nameIndexes(t *schema.Table) error {
	for i, x := range t.Indexes {
		if x.Name == "" {
			continue
		}
		if slices.ContainsFunc(t.Indexes[:i], func(y *schema.Index) bool { return schema.EqualName(x.Name, y.Name) }) {
			return sqlerr.New(sqlerr.ErrDupKeyName, x.Name)
		}
	}
	for _, x := range t.Indexes {
		if x.Name != "" {
			continue
		}
		base := t.Columns[x.Columns[0].Column].Name
		x.Name = base
		for n := 2; slices.ContainsFunc(t.Indexes, func(y *schema.Index) bool {
			return x != y && schema.EqualName(x.Name, y.Name)
		}) || schema.EqualName(x.Name, primaryName); n++ {
			x.Name = base + "_" + strconv.Itoa(n)
		}
	}
	if len(t.Indexes) > maxKeys {
		return sqlerr.New(sqlerr.ErrTooManyKeys, maxKeys)
	}
	return nil
}

// sortIndexes brings indexes into MySQL's order: unique ones first, those without NULLs before the others.
func sortIndexes(t *schema.Table) {
	rank := func(x *schema.Index) int {
		switch {
		case !x.Unique:
			return 2
		case t.Nullable(x):
			return 1
		}
		return 0
	}
	slices.SortStableFunc(t.Indexes, func(a, b *schema.Index) int { return rank(a) - rank(b) })
}

// setPrimary makes the primary key, of the hidden row id if k is nil. The hidden column comes or goes.
func setPrimary(t *schema.Table, k *KeySpec) error {
	last := len(t.Columns) - 1
	if last >= 0 && t.Columns[last].Hidden {
		t.Columns = t.Columns[:last]
	}
	if k == nil {
		t.Columns = append(t.Columns, schema.Column{
			ID: t.NextID, Name: schema.RowIDColumn, Type: types.NewUBigInt().WithNullable(false), Hidden: true,
			DefaultKind: schema.DefaultAutoIncr,
		})
		t.Primary = &schema.Index{
			ID: t.NextID + 1, Name: primaryName, Unique: true, Primary: true,
			Columns: []schema.IndexColumn{{Column: len(t.Columns) - 1}},
		}
		t.NextID += 2
		return nil
	}
	x, err := newIndex(t, k)
	if err != nil {
		return err
	}
	for _, p := range x.Columns {
		c := &t.Columns[p.Column]
		if c.Type.Nullable && c.DefaultKind == schema.DefaultValue && c.Default().IsNull() {
			// MySQL takes an explicit DEFAULT NULL for an explicit NULL.
			return sqlerr.New(sqlerr.ErrPrimaryCantHaveNull)
		}
		c.Type.Nullable = false
	}
	x.ID = t.NextID
	t.NextID++
	t.Primary = x
	return nil
}

// checkAutoIncrement: at most one such column, which is the first of some key. Error 1075.
func checkAutoIncrement(t *schema.Table) error {
	column := -1
	for i := range t.Columns {
		if t.Columns[i].DefaultKind != schema.DefaultAutoIncr || t.Columns[i].Hidden {
			continue
		}
		if column >= 0 {
			return sqlerr.New(sqlerr.ErrWrongAutoKey)
		}
		column = i
	}
	if column < 0 || t.Primary.Columns[0].Column == column {
		return nil
	}
	for _, x := range t.Indexes {
		if x.Columns[0].Column == column {
			return nil
		}
	}
	return sqlerr.New(sqlerr.ErrWrongAutoKey)
}

// newTable makes the descriptor of a CREATE TABLE, without IDs of the catalog.
func newTable(d *DDL, spec TableSpec) (*schema.Table, error) {
	t := &schema.Table{DB: spec.DB, Name: spec.Name, Collation: spec.Collation, Comment: spec.Comment, NextID: 1}
	if len(spec.Columns) == 0 {
		return nil, sqlerr.New(sqlerr.ErrTableMustHaveColumns)
	}
	keys := columnKeys(spec.Columns)
	keys = append(keys, spec.Keys...)
	for i := range spec.Columns {
		if t.ColumnByName(spec.Columns[i].Name) >= 0 {
			return nil, sqlerr.New(sqlerr.ErrDupFieldName, spec.Columns[i].Name)
		}
		c, err := newColumn(d, &spec.Columns[i])
		if err != nil {
			return nil, err
		}
		c.ID = t.NextID
		t.NextID++
		t.Columns = append(t.Columns, c)
	}
	if len(t.Columns) > maxColumns {
		return nil, sqlerr.New(sqlerr.ErrTooManyFields)
	}
	var primary *KeySpec
	for i := range keys {
		if keys[i].Kind != KeyPrimary {
			continue
		}
		if primary != nil {
			return nil, sqlerr.New(sqlerr.ErrMultiplePriKey)
		}
		primary = &keys[i]
	}
	if err := setPrimary(t, primary); err != nil {
		return nil, err
	}
	for i := range keys {
		if keys[i].Kind == KeyPrimary {
			continue
		}
		x, err := newIndex(t, &keys[i])
		if err != nil {
			return nil, err
		}
		x.ID = t.NextID
		t.NextID++
		t.Indexes = append(t.Indexes, x)
	}
	sortIndexes(t)
	if err := nameIndexes(t); err != nil {
		return nil, err
	}
	return t, checkAutoIncrement(t)
}

// columnKeys are the keys that columns declare themselves.
func columnKeys(columns []ColumnSpec) []KeySpec {
	var keys []KeySpec
	for i := range columns {
		c := &columns[i]
		part := []KeyPart{{Column: c.Name}}
		if c.PrimaryKey {
			keys = append(keys, KeySpec{Kind: KeyPrimary, Parts: part})
		}
		if c.Unique {
			keys = append(keys, KeySpec{Kind: KeyUnique, Parts: part})
		}
	}
	return keys
}
