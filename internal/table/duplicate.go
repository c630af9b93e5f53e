package table

import (
	"time"

	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// Duplicate says which unique key a new row would violate. A nil *Duplicate is none.
type Duplicate struct {
	Index *schema.Index
	Key   []byte // of the row that is there; valid until the writer's next call
	table *schema.Table
	entry string
}

// Error is MySQL's 1062.
func (d *Duplicate) Error() error {
	return sqlerr.New(sqlerr.ErrDupEntry, d.entry, d.table.Name+"."+d.Index.Name)
}

// entryText is how error 1062 shows the values of a key.
func entryText(parts []part, row []types.Datum, loc *time.Location) string {
	var b []byte
	for i := range parts {
		if i > 0 {
			b = append(b, '-')
		}
		d := row[parts[i].ordinal]
		switch {
		case d.IsNull():
			b = append(b, "NULL"...)
		case d.Type.IsBinaryString():
			b = appendBinaryText(b, d.S)
		case parts[i].prefix > 0:
			b = append(b, cutPrefix(&parts[i], d.S)...)
		case d.Kind == types.PhysString:
			b = append(b, d.S[:collation.ValidPrefix(d.Type.Collation, d.S)]...)
		default:
			b = d.AppendText(b, loc)
		}
	}
	return string(b)
}

// appendBinaryText shows bytes that are not text as \xNN, as MySQL does.
func appendBinaryText(b, s []byte) []byte {
	const hex = "0123456789ABCDEF"
	for _, c := range s {
		if c >= 0x20 && c < 0x7F {
			b = append(b, c)
		} else {
			b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
		}
	}
	return b
}
