package catalog

import (
	"encoding/binary"
	"encoding/json"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// The key space of the catalog; see the package comment.
const (
	spaceMeta = 'm'

	metaDatabase = 0x01
	metaTable    = 0x02
	metaNextID   = 0x03
	metaCounter  = 0x04
	metaEntry    = 0x05
	metaRows     = 0x06

	descriptorVersion = 1
)

func idKey(kind byte, id schema.ID) kv.Key {
	return binary.BigEndian.AppendUint32([]byte{spaceMeta, kind}, uint32(id))
}

func kindSpan(kind byte) kv.Span {
	return kv.Span{Start: []byte{spaceMeta, kind}, End: []byte{spaceMeta, kind + 1}}
}

func nextIDKey() kv.Key { return []byte{spaceMeta, metaNextID} }

func counterKey(t schema.ID, column schema.ID) kv.Key {
	return binary.BigEndian.AppendUint32(idKey(metaCounter, t), uint32(column))
}

func entryKey(name string) kv.Key { return append([]byte{spaceMeta, metaEntry}, name...) }

// The stored forms. Names of types and collations are stored, not our numbers.
type (
	storedDatabase struct {
		ID        schema.ID
		Name      string
		Collation string
	}
	storedTable struct {
		ID        schema.ID
		NextID    schema.ID
		Version   uint32
		DB        string
		Name      string
		Columns   []storedColumn
		Primary   schema.Index
		Indexes   []*schema.Index `json:",omitempty"`
		Collation string
		Comment   string `json:",omitempty"`
		Created   int64
		ViewText  string `json:",omitempty"`
	}
	storedColumn struct {
		ID          schema.ID
		Name        string
		Type        storedType
		DefaultKind schema.DefaultKind `json:",omitempty"`
		Default     *storedDatum       `json:",omitempty"`
		DefaultText string             `json:",omitempty"`
		OnUpdateNow bool               `json:",omitempty"`
		Hidden      bool               `json:",omitempty"`
		Comment     string             `json:",omitempty"`
		Initial     *storedDatum       `json:",omitempty"`
	}
	storedType struct {
		Name      string
		Unsigned  bool     `json:",omitempty"`
		ZeroFill  bool     `json:",omitempty"`
		Nullable  bool     `json:",omitempty"`
		Length    int32    `json:",omitempty"`
		Precision uint8    `json:",omitempty"`
		Scale     uint8    `json:",omitempty"`
		Collation string   `json:",omitempty"`
		Members   [][]byte `json:",omitempty"` // bytes: they are in the charset of the type
	}
	// storedDatum is a value that is not NULL; the type is the column's.
	storedDatum struct {
		I int64      `json:",omitempty"`
		U uint64     `json:",omitempty"`
		F float64    `json:",omitempty"`
		D *types.Dec `json:",omitempty"`
		S []byte     `json:",omitempty"`
	}
)

func encode(v any) (kv.Value, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, sqlerr.AssertionError("descriptor: %v", err)
	}
	return append([]byte{descriptorVersion}, b...), nil
}

func decode(b kv.Value, v any) error {
	if len(b) == 0 || b[0] != descriptorVersion {
		return sqlerr.Newf(sqlerr.ErrUnknown, "descriptor of an unknown version")
	}
	if err := json.Unmarshal(b[1:], v); err != nil {
		return sqlerr.Newf(sqlerr.ErrUnknown, "corrupt descriptor: %v", err)
	}
	return nil
}

func encodeDatabase(d *schema.Database) (kv.Value, error) {
	return encode(storedDatabase{d.ID, d.Name, collation.Name(d.Collation)})
}

func decodeDatabase(b kv.Value) (*schema.Database, error) {
	var s storedDatabase
	if err := decode(b, &s); err != nil {
		return nil, err
	}
	c, err := collationNamed(s.Collation)
	return &schema.Database{ID: s.ID, Name: s.Name, Collation: c}, err
}

// collationNamed is the inverse of collation.Name, for which "" is no collation.
func collationNamed(name string) (collation.ID, error) {
	if name == "" {
		return 0, nil
	}
	id, ok := collation.ByName(name)
	if !ok {
		return 0, sqlerr.New(sqlerr.ErrUnknownCollation, name)
	}
	return id, nil
}

func encodeTable(t *schema.Table) (kv.Value, error) {
	s := storedTable{
		ID: t.ID, NextID: t.NextID, Version: t.Version, DB: t.DB, Name: t.Name, Primary: *t.Primary, Indexes: t.Indexes,
		Collation: collation.Name(t.Collation), Comment: t.Comment, Created: t.Created, ViewText: t.ViewText,
	}
	for i := range t.Columns {
		c := &t.Columns[i]
		s.Columns = append(s.Columns, storedColumn{
			ID: c.ID, Name: c.Name, Type: storeType(c.Type), DefaultKind: c.DefaultKind,
			Default: storeDatum(c.Default()), DefaultText: c.DefaultText(), OnUpdateNow: c.OnUpdateNow,
			Hidden: c.Hidden, Comment: c.Comment(), Initial: storeDatum(c.Initial()),
		})
	}
	return encode(s)
}

func decodeTable(b kv.Value) (*schema.Table, error) {
	var s storedTable
	if err := decode(b, &s); err != nil {
		return nil, err
	}
	t := &schema.Table{
		ID: s.ID, NextID: s.NextID, Version: s.Version, DB: s.DB, Name: s.Name, Primary: &s.Primary, Indexes: s.Indexes,
		Comment: s.Comment, Created: s.Created, ViewText: s.ViewText, Columns: make([]schema.Column, len(s.Columns)),
	}
	var err error
	if t.Collation, err = collationNamed(s.Collation); err != nil {
		return nil, err
	}
	for i := range s.Columns {
		c := &s.Columns[i]
		typ, err := loadType(c.Type)
		if err != nil {
			return nil, err
		}
		t.Columns[i] = schema.Column{
			ID: c.ID, Name: c.Name, Type: typ, DefaultKind: c.DefaultKind, OnUpdateNow: c.OnUpdateNow, Hidden: c.Hidden,
		}
		column := &t.Columns[i]
		column.SetDefault(loadDatum(typ, c.Default))
		column.SetInitial(loadDatum(typ, c.Initial))
		column.SetDefaultText(c.DefaultText)
		column.SetComment(c.Comment)
	}
	for _, x := range append([]*schema.Index{t.Primary}, t.Indexes...) {
		for _, p := range x.Columns {
			if p.Column < 0 || p.Column >= len(t.Columns) {
				return nil, sqlerr.Newf(sqlerr.ErrUnknown, "corrupt descriptor: index of table %s", t.Name)
			}
		}
	}
	return t.Pack(), nil
}

func storeType(t types.Type) storedType {
	s := storedType{
		Name: t.ID.String(), Unsigned: t.Unsigned, ZeroFill: t.ZeroFill, Nullable: t.Nullable, Length: t.Length,
		Precision: t.Precision, Scale: t.Scale, Collation: collation.Name(t.Collation),
	}
	for _, m := range t.Members.Names() {
		s.Members = append(s.Members, []byte(m))
	}
	return s
}

func loadType(s storedType) (types.Type, error) {
	id, ok := types.ParseID(s.Name)
	if !ok {
		return types.Type{}, sqlerr.Newf(sqlerr.ErrUnknown, "corrupt descriptor: type %s", s.Name)
	}
	t := types.Type{
		ID: id, Unsigned: s.Unsigned, ZeroFill: s.ZeroFill, Nullable: s.Nullable, Length: s.Length,
		Precision: s.Precision, Scale: s.Scale,
	}
	if len(s.Members) > 0 {
		names := make([]string, len(s.Members))
		for i, m := range s.Members {
			names[i] = string(m)
		}
		t.Members = types.NewMembers(names...)
	}
	var err error
	t.Collation, err = collationNamed(s.Collation)
	return t, err
}

func storeDatum(d types.Datum) *storedDatum {
	switch d.Kind {
	case types.PhysInt64:
		return &storedDatum{I: d.I}
	case types.PhysUint64:
		return &storedDatum{U: d.U}
	case types.PhysFloat64:
		return &storedDatum{F: d.F}
	case types.PhysDecimal:
		return &storedDatum{D: &d.D}
	case types.PhysString:
		return &storedDatum{S: d.S}
	}
	return nil
}

func loadDatum(t types.Type, s *storedDatum) types.Datum {
	if s == nil {
		return types.NullDatum(t)
	}
	d := types.Datum{Type: t, Kind: t.Phys(), I: s.I, U: s.U, F: s.F, S: s.S}
	if s.D != nil {
		d.D = *s.D
	}
	return d
}
