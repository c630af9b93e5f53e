package protocol

import (
	"encoding/binary"

	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// Column is what a client is told about a column.
type Column struct {
	Name, DB, Table, OrgTable, OrgName string
	Type                               types.Type
	Flags                              uint16 // in addition to the type's
}

// ColumnCount begins a result with rows.
func (w *Writer) ColumnCount(n int) error {
	at, err := w.begin()
	if err != nil {
		return err
	}
	w.buf = AppendLenenc(w.buf, uint64(n))
	w.end(at)
	return nil
}

// Column writes a definition; results is the collation of character_set_results, 0 for strings as they are. FIELD_LIST
// has a default value behind it, which is always NULL as in MySQL 8.
func (w *Writer) Column(c *Column, results collation.ID, fieldList bool) error {
	at, err := w.begin()
	if err != nil {
		return err
	}
	p := c.Type.ProtocolType(results)
	if c.OrgTable != "" && c.Type.IsNumeric() {
		p.Flags &^= types.FlagBinary // it is for what is computed
	}
	b := AppendLenencString(w.buf, "def")
	b = AppendLenencString(b, c.DB)
	b = AppendLenencString(b, c.Table)
	b = AppendLenencString(b, c.OrgTable)
	b = AppendLenencString(b, c.Name)
	b = AppendLenencString(b, c.OrgName)
	b = append(b, 0x0c) // length of what follows
	b = binary.LittleEndian.AppendUint16(b, uint16(p.Collation))
	b = binary.LittleEndian.AppendUint32(b, p.Length)
	b = append(b, byte(p.Byte))
	b = binary.LittleEndian.AppendUint16(b, p.Flags|c.Flags)
	b = append(b, p.Decimals, 0, 0)
	if fieldList {
		b = append(b, nullText)
	}
	w.buf = b
	w.end(at)
	return nil
}

// ParamColumn is the definition of a parameter: MySQL sends the same for all.
func ParamColumn() Column {
	return Column{Name: "?", Type: types.NewVarBinary(0)}
}
