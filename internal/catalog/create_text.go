package catalog

import (
	"strconv"
	"strings"

	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// CreateTableText is SHOW CREATE TABLE as MySQL 8.0 prints it; next is the AUTO_INCREMENT value to show, 0 or 1 for
// none.
func CreateTableText(t *schema.Table, next uint64) string {
	var b strings.Builder
	b.WriteString("CREATE TABLE " + quoteName(t.Name) + " (\n")
	first := true
	line := func() {
		if !first {
			b.WriteString(",\n")
		}
		first = false
		b.WriteString("  ")
	}
	for _, i := range t.Visible() {
		line()
		writeColumn(&b, t, &t.Columns[i])
	}
	if t.Primary != nil && t.HasPrimaryKey() {
		line()
		b.WriteString("PRIMARY KEY ")
		writeParts(&b, t, t.Primary)
	}
	for _, x := range t.Indexes {
		line()
		if x.Unique {
			b.WriteString("UNIQUE ")
		}
		b.WriteString("KEY " + quoteName(x.Name) + " ")
		writeParts(&b, t, x)
	}
	b.WriteString("\n) ENGINE=InnoDB")
	if next > 1 && t.AutoIncrement() >= 0 {
		b.WriteString(" AUTO_INCREMENT=" + strconv.FormatUint(next, 10))
	}
	cs := collation.Charset(t.Collation)
	b.WriteString(" DEFAULT CHARSET=" + cs)
	if showsCollation(t.Collation) {
		b.WriteString(" COLLATE=" + collation.Name(t.Collation))
	}
	if t.Comment != "" {
		b.WriteString(" COMMENT=" + quoteText(t.Comment))
	}
	return b.String()
}

// showsCollation says if MySQL prints a collation beside its charset: not the charset's default, or utf8mb4's, whose
// default has changed between versions.
func showsCollation(c collation.ID) bool {
	def, _ := collation.DefaultOf(collation.Charset(c))
	return c != def || c == collation.UTF8MB40900AICI
}

func writeColumn(b *strings.Builder, t *schema.Table, c *schema.Column) {
	b.WriteString(quoteName(c.Name) + " " + typeText(c.Type))
	text := c.Type.IsString() && !c.Type.IsBinaryString() || c.Type.ID == types.Enum || c.Type.ID == types.Set
	if text {
		own := c.Type.Collation
		if own != t.Collation {
			b.WriteString(" CHARACTER SET " + collation.Charset(own))
		}
		def, _ := collation.DefaultOf(collation.Charset(own))
		if own != def || own == collation.UTF8MB40900AICI && t.Collation != own {
			b.WriteString(" COLLATE " + collation.Name(own))
		}
	}
	switch {
	case !c.Type.Nullable:
		b.WriteString(" NOT NULL")
	case c.Type.ID == types.Timestamp:
		b.WriteString(" NULL")
	}
	writeDefault(b, c)
	if c.OnUpdateNow {
		b.WriteString(" ON UPDATE " + nowText(c.Type))
	}
	if c.Comment() != "" {
		b.WriteString(" COMMENT " + quoteText(c.Comment()))
	}
}

// typeText is the type's text with names of members escaped.
func typeText(t types.Type) string {
	if t.Members == nil {
		return t.String()
	}
	names := make([]string, t.Members.Len())
	for i, n := range t.Members.Names() {
		names[i] = "'" + strings.ReplaceAll(n, "'", "''") + "'"
	}
	return t.ID.String() + "(" + strings.Join(names, ",") + ")"
}

func writeDefault(b *strings.Builder, c *schema.Column) {
	switch c.DefaultKind {
	case schema.DefaultAutoIncr:
		b.WriteString(" AUTO_INCREMENT")
	case schema.DefaultNow:
		b.WriteString(" DEFAULT " + nowText(c.Type))
	case schema.DefaultExpression:
		b.WriteString(" DEFAULT (" + c.DefaultText() + ")")
	case schema.DefaultValue:
		b.WriteString(" DEFAULT " + valueText(c.Default()))
	default:
		if c.Type.Nullable && !c.Type.IsBlob() {
			b.WriteString(" DEFAULT NULL")
		}
	}
}

func valueText(d types.Datum) string {
	switch {
	case d.IsNull():
		return "NULL"
	case d.Type.ID == types.Bit:
		return "b'" + strconv.FormatUint(d.U, 2) + "'"
	}
	return quoteText(string(d.AppendText(nil, nil)))
}

// DefaultText is a column's default as information_schema and SHOW COLUMNS have it; false: NULL.
func DefaultText(c *schema.Column) (string, bool) {
	switch c.DefaultKind {
	case schema.DefaultNow:
		return nowText(c.Type), true
	case schema.DefaultExpression:
		return c.DefaultText(), true
	case schema.DefaultValue:
		if c.Default().IsNull() {
			return "", false
		}
		if c.Type.ID == types.Bit {
			return valueText(c.Default()), true
		}
		return string(c.Default().AppendText(nil, nil)), true
	}
	return "", false
}

func nowText(t types.Type) string {
	if t.Scale == 0 {
		return "CURRENT_TIMESTAMP"
	}
	return "CURRENT_TIMESTAMP(" + strconv.Itoa(int(t.Scale)) + ")"
}

func writeParts(b *strings.Builder, t *schema.Table, x *schema.Index) {
	b.WriteByte('(')
	for i, p := range x.Columns {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(quoteName(t.Columns[p.Column].Name))
		if p.Prefix > 0 {
			b.WriteString("(" + strconv.Itoa(p.Prefix) + ")")
		}
		if p.Desc {
			b.WriteString(" DESC")
		}
	}
	b.WriteByte(')')
	if x.Comment != "" {
		b.WriteString(" COMMENT " + quoteText(x.Comment))
	}
}

// CreateDatabaseText is SHOW CREATE DATABASE.
func CreateDatabaseText(d *schema.Database, ifNotExists bool) string {
	b := "CREATE DATABASE "
	if ifNotExists {
		b += "/*!32312 IF NOT EXISTS*/ "
	}
	b += quoteName(d.Name) + " /*!40100 DEFAULT CHARACTER SET " + collation.Charset(d.Collation)
	if showsCollation(d.Collation) {
		b += " COLLATE " + collation.Name(d.Collation)
	}
	return b + " */ /*!80016 DEFAULT ENCRYPTION='N' */"
}

func quoteName(s string) string { return "`" + strings.ReplaceAll(s, "`", "``") + "`" }

// quoteText quotes as MySQL's append_unescaped.
func quoteText(s string) string {
	r := strings.NewReplacer("\x00", `\0`, "\n", `\n`, "\r", `\r`, `\`, `\\`, "'", "''")
	return "'" + r.Replace(s) + "'"
}
