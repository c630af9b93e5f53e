package infoschema

import (
	"strings"
	"time"

	"github.com/spillwaydb/spillway/internal/catalog"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

const is = "information_schema"

// schemaTables are those about databases, tables, columns and keys.
// lint:long tables
var schemaTables = []definition{
	{is, "SCHEMATA", "CATALOG_NAME s, SCHEMA_NAME s, DEFAULT_CHARACTER_SET_NAME s, DEFAULT_COLLATION_NAME s, SQL_PATH s, " +
		"DEFAULT_ENCRYPTION s", schemata},
	{is, "TABLES", "TABLE_CATALOG s, TABLE_SCHEMA s, TABLE_NAME s, TABLE_TYPE s, ENGINE s, VERSION i, ROW_FORMAT s, " +
		"TABLE_ROWS u, AVG_ROW_LENGTH u, DATA_LENGTH u, MAX_DATA_LENGTH u, INDEX_LENGTH u, DATA_FREE u, " +
		"AUTO_INCREMENT u, CREATE_TIME t, UPDATE_TIME t, CHECK_TIME t, TABLE_COLLATION s, CHECKSUM i, " +
		"CREATE_OPTIONS s, TABLE_COMMENT l", tables},
	{is, "COLUMNS", "TABLE_CATALOG s, TABLE_SCHEMA s, TABLE_NAME s, COLUMN_NAME s, ORDINAL_POSITION u, COLUMN_DEFAULT l, " +
		"IS_NULLABLE s, DATA_TYPE l, CHARACTER_MAXIMUM_LENGTH i, CHARACTER_OCTET_LENGTH i, NUMERIC_PRECISION u, " +
		"NUMERIC_SCALE u, DATETIME_PRECISION u, CHARACTER_SET_NAME s, COLLATION_NAME s, COLUMN_TYPE l, COLUMN_KEY s, " +
		"EXTRA s, PRIVILEGES s, COLUMN_COMMENT l, GENERATION_EXPRESSION l, SRS_ID u", columns},
	{is, "STATISTICS", "TABLE_CATALOG s, TABLE_SCHEMA s, TABLE_NAME s, NON_UNIQUE i, INDEX_SCHEMA s, INDEX_NAME s, " +
		"SEQ_IN_INDEX u, COLUMN_NAME s, COLLATION s, CARDINALITY i, SUB_PART i, PACKED s, NULLABLE s, INDEX_TYPE s, " +
		"COMMENT s, INDEX_COMMENT l, IS_VISIBLE s, EXPRESSION l", statistics},
	{is, "KEY_COLUMN_USAGE", "CONSTRAINT_CATALOG s, CONSTRAINT_SCHEMA s, CONSTRAINT_NAME s, TABLE_CATALOG s, " +
		"TABLE_SCHEMA s, TABLE_NAME s, COLUMN_NAME s, ORDINAL_POSITION u, POSITION_IN_UNIQUE_CONSTRAINT u, " +
		"REFERENCED_TABLE_SCHEMA s, REFERENCED_TABLE_NAME s, REFERENCED_COLUMN_NAME s", keyColumnUsage},
	{is, "TABLE_CONSTRAINTS", "CONSTRAINT_CATALOG s, CONSTRAINT_SCHEMA s, CONSTRAINT_NAME s, TABLE_SCHEMA s, " +
		"TABLE_NAME s, CONSTRAINT_TYPE s, ENFORCED s", tableConstraints},
	{is, "VIEWS", "TABLE_CATALOG s, TABLE_SCHEMA s, TABLE_NAME s, VIEW_DEFINITION l, CHECK_OPTION s, IS_UPDATABLE s, " +
		"DEFINER s, SECURITY_TYPE s, CHARACTER_SET_CLIENT s, COLLATION_CONNECTION s", views},
}

func schemata(r *request) error {
	for d := range r.catalog.Snapshot().Databases() {
		if !r.wanted("SCHEMA_NAME", d.Name) || !r.session.SeesDatabase(d.Name) {
			continue
		}
		err := r.row("def", d.Name, collation.Charset(d.Collation), collation.Name(d.Collation), nil, "NO")
		if err != nil {
			return err
		}
	}
	return nil
}

func tables(r *request) error {
	snapshot := r.catalog.Snapshot()
	return r.tables("TABLE_SCHEMA", "TABLE_NAME", func(t *schema.Table) error {
		if t.Virtual {
			return r.row("def", t.DB, t.Name, "SYSTEM VIEW", nil, 10, nil, 0, 0, 0, 0, 0, 0, nil, nil, nil, nil, nil,
				nil, "", "")
		}
		if t.ViewText != "" {
			return r.row("def", t.DB, t.Name, "VIEW", nil, nil, nil, nil, nil, nil, nil, nil, nil, nil,
				time.Unix(t.Created, 0).In(r.session.TimeZone()), nil, nil, nil, nil, nil, "VIEW")
		}
		var next any
		if t.AutoIncrement() >= 0 {
			n, err := r.catalog.AutoIncrementNext(r.ctx, t)
			if err != nil {
				return err
			}
			next = n
		}
		size, err := r.catalog.TableBytes(r.ctx, t)
		if err != nil {
			return err
		}
		rows := int64(snapshot.RowCount(t))
		average := int64(0)
		if rows > 0 {
			average = size / rows
		}
		return r.row("def", t.DB, t.Name, "BASE TABLE", "InnoDB", 10, "Dynamic", rows, average, size, 0, 0, 0, next,
			time.Unix(t.Created, 0).In(r.session.TimeZone()), nil, nil, collation.Name(t.Collation), nil, "", t.Comment)
	})
}

// views lists views. They are checked with the privileges of whoever reads them.
func views(r *request) error {
	return r.tables("TABLE_SCHEMA", "TABLE_NAME", func(t *schema.Table) error {
		if t.ViewText == "" {
			return nil
		}
		return r.row("def", t.DB, t.Name, t.ViewText, "NONE", "NO", "", "INVOKER", collation.Charset(t.Collation),
			collation.Name(t.Collation))
	})
}

func columns(r *request) error {
	return r.tables("TABLE_SCHEMA", "TABLE_NAME", func(t *schema.Table) error {
		position := 0
		for i := range t.Columns {
			c := &t.Columns[i]
			if c.Hidden {
				continue
			}
			position++
			if !r.wanted("COLUMN_NAME", c.Name) {
				continue
			}
			if err := r.row(columnRow(t, c, i, position)...); err != nil {
				return err
			}
		}
		return nil
	})
}

func columnRow(t *schema.Table, c *schema.Column, ordinal, position int) []any {
	var characters, octets, precision, scale, fsp, charset, coll, def any
	ty := c.Type
	switch {
	case ty.ID == types.Enum || ty.ID == types.Set || ty.IsString() && ty.ID != types.JSON:
		if n := int64(ty.Length); n > 0 {
			characters, octets = n, n
			if ty.Collation != collation.Binary && !ty.IsBlob() {
				octets = n * int64(collation.MaxWidth(ty.Collation))
			}
		}
		if ty.Collation != collation.Binary {
			charset, coll = collation.Charset(ty.Collation), collation.Name(ty.Collation)
		}
	case ty.ID == types.Decimal:
		precision, scale = int64(ty.Precision), int64(ty.Scale)
	case ty.ID == types.Float:
		precision = 12
	case ty.ID == types.Double:
		precision = 22
	case ty.ID == types.Bit:
		precision = int64(ty.Length)
	case ty.IsInteger():
		precision, scale = integerDigits(ty), 0
	case ty.ID == types.DateTime || ty.ID == types.Timestamp || ty.ID == types.Time:
		fsp = int64(ty.Scale)
	}
	if text, ok := catalog.DefaultText(c); ok {
		def = text
	}
	return []any{
		"def", t.DB, t.Name, c.Name, position, def, ty.Nullable, ty.ID.String(), characters, octets, precision, scale,
		fsp, charset, coll, ty.String(), columnKey(t, ordinal), extra(c), "select,insert,update,references",
		c.Comment(), "", nil,
	}
}

func integerDigits(t types.Type) int64 {
	digits := map[types.ID]int64{
		types.TinyInt: 3, types.SmallInt: 5, types.MediumInt: 7, types.Int: 10, types.BigInt: 19,
	}
	n := digits[t.ID]
	if t.Unsigned && t.ID == types.BigInt {
		n++
	}
	return n
}

func extra(c *schema.Column) string {
	var parts []string
	switch c.DefaultKind {
	case schema.DefaultAutoIncr:
		parts = append(parts, "auto_increment")
	case schema.DefaultNow, schema.DefaultExpression:
		parts = append(parts, "DEFAULT_GENERATED")
	}
	if c.OnUpdateNow {
		parts = append(parts, "on update CURRENT_TIMESTAMP")
	}
	return strings.Join(parts, " ")
}

// columnKey is PRI, UNI or MUL, as DESCRIBE shows it.
func columnKey(t *schema.Table, ordinal int) string {
	if t.Primary != nil && t.HasPrimaryKey() {
		for _, p := range t.Primary.Columns {
			if p.Column == ordinal {
				return "PRI"
			}
		}
	}
	key := ""
	for _, x := range t.Indexes {
		switch {
		case x.Columns[0].Column != ordinal:
		case x.Unique && len(x.Columns) == 1:
			return "UNI"
		default:
			key = "MUL"
		}
	}
	return key
}

// keys calls f for the primary key, if there is one, and the secondary ones.
func keys(t *schema.Table, f func(*schema.Index) error) error {
	if t.Virtual {
		return nil
	}
	if t.HasPrimaryKey() {
		if err := f(t.Primary); err != nil {
			return err
		}
	}
	for _, x := range t.Indexes {
		if err := f(x); err != nil {
			return err
		}
	}
	return nil
}

func statistics(r *request) error {
	snapshot := r.catalog.Snapshot()
	return r.tables("TABLE_SCHEMA", "TABLE_NAME", func(t *schema.Table) error {
		return keys(t, func(x *schema.Index) error {
			for i, p := range x.Columns {
				c := &t.Columns[p.Column]
				nonUnique, nullable, order := 1, "", "A"
				if x.Unique {
					nonUnique = 0
				}
				if c.Type.Nullable {
					nullable = "YES"
				}
				if p.Desc {
					order = "D"
				}
				var prefix any
				if p.Prefix > 0 {
					prefix = p.Prefix
				}
				err := r.row("def", t.DB, t.Name, nonUnique, t.DB, x.Name, i+1, c.Name, order,
					int64(snapshot.RowCount(t)), prefix, nil, nullable, "BTREE", "", x.Comment, true, nil)
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func keyColumnUsage(r *request) error {
	return r.tables("TABLE_SCHEMA", "TABLE_NAME", func(t *schema.Table) error {
		return keys(t, func(x *schema.Index) error {
			if !x.Unique {
				return nil
			}
			for i, p := range x.Columns {
				if err := r.row("def", t.DB, x.Name, "def", t.DB, t.Name, t.Columns[p.Column].Name, i+1); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func tableConstraints(r *request) error {
	return r.tables("TABLE_SCHEMA", "TABLE_NAME", func(t *schema.Table) error {
		return keys(t, func(x *schema.Index) error {
			kind := "UNIQUE"
			if x.Primary {
				kind = "PRIMARY KEY"
			}
			if !x.Unique {
				return nil
			}
			return r.row("def", t.DB, x.Name, t.DB, t.Name, kind, "YES")
		})
	})
}
