package querygen

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Kind is a type of the grammar.
type Kind uint8

// The kinds.
const (
	Bool Kind = iota
	Int
	Dec
	Dbl
	Str
	Date
	Datetime
	Time
	kinds
)

// simplest are the expressions that the reduction puts in place of others.
var simplest = [kinds]string{
	Bool: "TRUE", Int: "1", Dec: "1.5", Dbl: "1e0", Str: "'a'", Date: "DATE'2020-01-03'",
	Datetime: "TIMESTAMP'2020-01-03 00:00:00'", Time: "TIME'01:00:00'",
}

// Type is what the grammar knows of an expression's values.
type Type struct {
	Kind     Kind
	Coll     string // of texts; "": gives way to any other
	Unsigned bool   // not to be subtracted from
	Wide     bool   // integers near the limits, for no arithmetic
	Inexact  bool   // doubles whose sums depend on the order
	JSON     bool   // only for functions of JSON
}

// Options choose the dialect.
type Options struct {
	Portable bool // only what MariaDB has, too
	Rows     int  // of the largest table; 0: few
}

// column is a column of the pool from which tables have theirs. The same name has the same type everywhere.
type column struct {
	name, sql string
	Type
	local bool // not in MariaDB
}

const (
	bin     = "utf8mb4_bin"
	general = "utf8mb4_general_ci"
	unicode = "utf8mb4_unicode_ci"
	ai      = "utf8mb4_0900_ai_ci"
	newBin  = "utf8mb4_0900_bin"
)

var pool = []column{
	{name: "i1", sql: "INT", Type: Type{Kind: Int}},
	{name: "i2", sql: "TINYINT", Type: Type{Kind: Int}},
	{name: "i3", sql: "SMALLINT", Type: Type{Kind: Int}},
	{name: "i4", sql: "MEDIUMINT", Type: Type{Kind: Int}},
	{name: "i5", sql: "BIGINT", Type: Type{Kind: Int}},
	{name: "u1", sql: "INT UNSIGNED", Type: Type{Kind: Int, Unsigned: true}},
	{name: "u2", sql: "TINYINT UNSIGNED", Type: Type{Kind: Int, Unsigned: true}},
	{name: "w1", sql: "BIGINT", Type: Type{Kind: Int, Wide: true}},
	{name: "w2", sql: "BIGINT UNSIGNED", Type: Type{Kind: Int, Wide: true, Unsigned: true}},
	{name: "n1", sql: "DECIMAL(10,2)", Type: Type{Kind: Dec}},
	{name: "n2", sql: "DECIMAL(6,0)", Type: Type{Kind: Dec}},
	{name: "n3", sql: "DECIMAL(30,6)", Type: Type{Kind: Dec}},
	{name: "d1", sql: "DOUBLE", Type: Type{Kind: Dbl}},
	{name: "d2", sql: "FLOAT", Type: Type{Kind: Dbl}},
	{name: "s1", sql: "VARCHAR(20) COLLATE " + bin, Type: Type{Kind: Str, Coll: bin}},
	{name: "s2", sql: "VARCHAR(20) COLLATE " + general, Type: Type{Kind: Str, Coll: general}},
	{name: "s3", sql: "CHAR(8) COLLATE " + unicode, Type: Type{Kind: Str, Coll: unicode}},
	{name: "s4", sql: "VARCHAR(200) COLLATE " + ai, Type: Type{Kind: Str, Coll: ai}, local: true},
	{name: "s5", sql: "VARCHAR(20) COLLATE " + newBin, Type: Type{Kind: Str, Coll: newBin}, local: true},
	{name: "s6", sql: "TEXT COLLATE " + bin, Type: Type{Kind: Str, Coll: bin}},
	{name: "e1", sql: "ENUM('b','a','ab','c') COLLATE " + bin, Type: Type{Kind: Str, Coll: bin}},
	{name: "m1", sql: "SET('a','b','c') COLLATE " + bin, Type: Type{Kind: Str, Coll: bin}},
	{name: "a1", sql: "DATE", Type: Type{Kind: Date}},
	{name: "a2", sql: "DATE", Type: Type{Kind: Date}},
	{name: "t1", sql: "DATETIME", Type: Type{Kind: Datetime}},
	{name: "t2", sql: "DATETIME(3)", Type: Type{Kind: Datetime}},
	{name: "o1", sql: "TIME", Type: Type{Kind: Time}},
	{name: "y1", sql: "YEAR", Type: Type{Kind: Int}},
	{name: "b1", sql: "BIT(5)", Type: Type{Kind: Int, Unsigned: true, Wide: true}},
	{name: "j1", sql: "JSON", Type: Type{Kind: Str, JSON: true}},
}

// table is a table of the schema.
type table struct {
	name    string
	columns []column
	keys    []string // the primary key's columns
	indexes []string // definitions of the others
	rows    []string
}

// Schema is a set of tables with their rows.
type Schema struct {
	tables []table
}

// Statements are those that make the tables and fill them. Without indexes there are no keys at all.
func (s *Schema) Statements(indexes bool) []string {
	var out []string
	for i := range s.tables {
		t := &s.tables[i]
		var parts []string
		for _, c := range t.columns {
			null := ""
			for _, k := range t.keys {
				if k == c.name {
					null = " NOT NULL"
				}
			}
			parts = append(parts, c.name+" "+c.sql+null)
		}
		if indexes {
			parts = append(parts, "PRIMARY KEY ("+strings.Join(t.keys, ", ")+")")
			parts = append(parts, t.indexes...)
		}
		out = append(out, "CREATE TABLE "+t.name+" ("+strings.Join(parts, ", ")+")")
		for rows := t.rows; len(rows) > 0; {
			n := min(len(rows), 200)
			out = append(out, "INSERT INTO "+t.name+" VALUES "+strings.Join(rows[:n], ", "))
			rows = rows[n:]
		}
	}
	return out
}

// NewSchema makes a schema and its rows.
func NewSchema(r *rand.Rand, o Options) *Schema {
	s := &Schema{}
	for i := range 3 + r.IntN(3) {
		t := table{name: fmt.Sprintf("t%d", i+1)}
		t.columns = append(t.columns, column{name: "id", sql: "INT", Type: Type{Kind: Int}})
		t.keys = []string{"id"}
		for len(t.columns) < 4+r.IntN(8) {
			c := pool[r.IntN(len(pool))]
			if r.IntN(2) == 0 {
				c = pool[r.IntN(3)*7%5] // some that most tables have
			}
			if !(o.Portable && c.local) && !t.has(c.name) {
				t.columns = append(t.columns, c)
			}
		}
		if !t.has("s2") && r.IntN(2) == 0 {
			t.columns = append(t.columns, pool[15])
		}
		if r.IntN(4) == 0 && t.has("i1") {
			t.keys = []string{"i1", "id"}
		}
		t.addIndexes(r)
		rows := []int{0, 1, 5, 20, 30, 60, 60}[r.IntN(7)]
		if i == 0 && o.Rows > 0 {
			rows = o.Rows
		}
		for k := range rows {
			t.rows = append(t.rows, t.row(r, k))
		}
		s.tables = append(s.tables, t)
	}
	return s
}

func (t *table) has(name string) bool {
	for _, c := range t.columns {
		if c.name == name {
			return true
		}
	}
	return false
}

func (t *table) addIndexes(r *rand.Rand) {
	for i := range r.IntN(4) {
		var parts []string
		for range 1 + r.IntN(3) {
			c := t.columns[r.IntN(len(t.columns))]
			part := c.name
			if c.JSON {
				continue
			}
			if isText(c) || strings.HasPrefix(c.sql, "VARCHAR") && r.IntN(4) == 0 {
				part += "(2)"
			}
			if r.IntN(5) == 0 {
				part += " DESC"
			}
			known := false
			for _, p := range parts {
				known = known || strings.HasPrefix(p, c.name)
			}
			if !known {
				parts = append(parts, part)
			}
		}
		if len(parts) > 0 {
			t.indexes = append(t.indexes, fmt.Sprintf("KEY k%d (%s)", i, strings.Join(parts, ", ")))
		}
	}
	if r.IntN(4) == 0 && !t.columns[1].JSON {
		prefix := ifText(isText(t.columns[1]), "(3)", "")
		t.indexes = append(t.indexes, "UNIQUE KEY u ("+t.columns[1].name+prefix+", id)")
	}
}

func isText(c column) bool { return strings.HasPrefix(c.sql, "TEXT") }

func ifText(b bool, x, y string) string {
	if b {
		return x
	}
	return y
}

func (t *table) row(r *rand.Rand, at int) string {
	var parts []string
	for _, c := range t.columns {
		key := false
		for _, k := range t.keys {
			key = key || k == c.name
		}
		switch {
		case c.name == "id":
			parts = append(parts, fmt.Sprint(at))
		case !key && r.IntN(6) == 0:
			parts = append(parts, "NULL")
		default:
			parts = append(parts, c.value(r))
		}
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

var (
	plain = []string{"a", "b", "ab", "c", "B", "A", "aB", "", "bc", "abc", "zz", "1", "10", "b%", "a_c"}
	// accented stands only where letters with and without accents differ, and blanks at the end, too.
	accented = append([]string{"é", "É", "ü", "日本", "😀"}, plain...)
)

// value is a literal of the column's domain.
func (c *column) value(r *rand.Rand) string {
	n := r.IntN(13)
	if r.IntN(4) == 0 {
		n = 3 // many rows have it
	}
	switch {
	case c.JSON:
		return []string{
			`'1'`, `'"a"'`, `'[1, 2, 3]'`, `'{"a": 1, "b": [1, 2]}'`, `'null'`, `'true'`, `'{"a": "x"}'`, `'2.5'`,
		}[r.IntN(8)]
	case c.name == "e1":
		return []string{"'a'", "'b'", "'ab'", "'c'"}[r.IntN(4)]
	case c.name == "m1":
		return []string{"'a'", "'b'", "'a,b'", "'c'", "''", "'a,c'"}[r.IntN(6)]
	case c.name == "y1":
		return fmt.Sprint(2015 + n)
	case c.name == "w1":
		return []string{"9223372036854775807", "-9223372036854775808", "0", "1", "-1", "9007199254740993"}[r.IntN(6)]
	case c.name == "w2":
		return []string{"9223372036854775807", "18446744073709551615", "0", "1", "9223372036854775808"}[r.IntN(5)]
	case c.name == "b1":
		return fmt.Sprint(n)
	case c.Kind == Int && !c.Unsigned:
		return fmt.Sprint(n - 2)
	case c.Kind == Str && (c.Coll == bin || c.Coll == newBin):
		s := accented[r.IntN(len(accented))]
		if n == 3 {
			s = "ab"
		}
		return "'" + s + "'"
	}
	return literal(r, c.Type, n)
}

// literal is a literal of a type.
func literal(r *rand.Rand, t Type, n int) string {
	switch t.Kind {
	case Bool:
		return []string{"TRUE", "FALSE", "NULL"}[r.IntN(3)]
	case Int:
		return fmt.Sprint(n)
	case Dec:
		return fmt.Sprintf("%d.%s", n-2, []string{"0", "5", "25", "75", "00"}[r.IntN(5)])
	case Dbl:
		return fmt.Sprintf("%d.%se0", n-2, []string{"0", "5", "25", "75"}[r.IntN(4)])
	case Str:
		return "'" + plain[n%len(plain)] + "'"
	case Date:
		return "'" + day(n) + "'"
	case Datetime:
		return fmt.Sprintf("'%s %02d:%02d:00%s'", day(n), n, n*4, []string{"", ".500"}[r.IntN(2)])
	default:
		return "'" + []string{"00:00:00", "01:30:00", "-02:00:00", "23:59:59", "100:00:01", "12:00:00"}[n%6] + "'"
	}
}

func day(n int) string {
	return []string{
		"2020-01-01", "2020-01-02", "2020-02-28", "2020-01-03", "2020-02-29", "2020-03-01", "2019-12-31", "2021-01-01",
		"2024-02-29", "1999-12-31", "2020-01-31", "2020-06-15", "1970-01-01",
	}[n]
}

// typed is a literal that has its type by itself.
func typed(r *rand.Rand, t Type, n int) string {
	text := literal(r, t, n)
	switch t.Kind {
	case Date:
		return "DATE" + text
	case Datetime:
		return "TIMESTAMP" + text
	case Time:
		return "TIME" + text
	}
	return text
}
