package plan

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// fakeCatalog has tables that a test describes.
type fakeCatalog struct {
	tables map[string]*schema.Table
	rows   map[string]float64
}

func (c *fakeCatalog) Database(name string) (*schema.Database, error) {
	if name != "test" && name != "information_schema" {
		return nil, sqlerr.New(sqlerr.ErrBadDB, name)
	}
	return &schema.Database{Name: name}, nil
}

func (c *fakeCatalog) Table(db, name string) (*schema.Table, error) {
	if _, err := c.Database(db); err != nil {
		return nil, err
	}
	if t := c.tables[db+"."+name]; t != nil {
		return t, nil
	}
	return nil, sqlerr.New(sqlerr.ErrNoSuchTable, db, name)
}

func (c *fakeCatalog) RowCount(t *schema.Table) float64 { return c.rows[t.DB+"."+t.Name] }

var testTypes = map[string]types.Type{
	"int": types.NewInt(), "bigint": types.NewBigInt(), "ubigint": types.NewUBigInt(), "double": types.NewDouble(),
	"decimal": types.NewDecimal(10, 2), "varchar": types.NewVarChar(100, collation.Default), "date": types.NewDate(),
	"datetime": types.NewDateTime(0), "text": types.NewText(types.Text, collation.Default),
	"bin": types.NewVarChar(100, collation.UTF8MB4Bin), "varbinary": types.NewVarBinary(100), "json": types.NewJSON(),
}

// add reads a table: "t rows=1000", then a line a column ("a int [not null] [default 5] [auto]") or key ("primary a",
// "unique u a b", "key k b desc", "key k c(3)").
func (c *fakeCatalog) add(t *testing.T, text string) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	head := strings.Fields(lines[0])
	db, name := "test", head[0]
	if i := strings.IndexByte(name, '.'); i > 0 {
		db, name = name[:i], name[i+1:]
	}
	tab := &schema.Table{ID: schema.ID(len(c.tables) + 1), DB: db, Name: name, Collation: collation.Default}
	rows := 10000.0
	for _, f := range head[1:] {
		if n, ok := strings.CutPrefix(f, "rows="); ok {
			v, err := strconv.ParseFloat(n, 64)
			require.NoError(t, err)
			rows = v
		}
		tab.Virtual = tab.Virtual || f == "virtual"
	}
	parts := func(f []string) []schema.IndexColumn {
		var out []schema.IndexColumn
		for _, p := range f {
			if p == "desc" {
				out[len(out)-1].Desc = true
				continue
			}
			prefix := 0
			if i := strings.IndexByte(p, '('); i > 0 {
				prefix, _ = strconv.Atoi(p[i+1 : len(p)-1])
				p = p[:i]
			}
			out = append(out, schema.IndexColumn{Column: tab.ColumnByName(p), Prefix: prefix})
		}
		return out
	}
	for _, l := range lines[1:] {
		f := strings.Fields(l)
		switch f[0] {
		case "view":
			tab.ViewText = strings.TrimSpace(strings.TrimPrefix(l, "view"))
		case "primary":
			tab.Primary = &schema.Index{ID: 1, Name: "PRIMARY", Unique: true, Primary: true, Columns: parts(f[1:])}
		case "key", "unique":
			tab.Indexes = append(tab.Indexes, &schema.Index{
				ID: schema.ID(len(tab.Indexes) + 2), Name: f[1], Unique: f[0] == "unique", Columns: parts(f[2:]),
			})
		default:
			typ, ok := testTypes[f[1]]
			require.True(t, ok, f[1])
			col := schema.Column{ID: schema.ID(len(tab.Columns) + 1), Name: f[0], Type: typ}
			rest := strings.Join(f[2:], " ")
			if strings.Contains(rest, "not null") {
				col.Type.Nullable = false
			} else if tab.Primary == nil {
				col.DefaultKind = schema.DefaultValue
			}
			if strings.Contains(rest, "auto") {
				col.DefaultKind = schema.DefaultAutoIncr
			}
			tab.Columns = append(tab.Columns, col)
		}
	}
	if tab.Primary == nil {
		tab.Columns = append(tab.Columns, schema.Column{
			Name: schema.RowIDColumn, Hidden: true, Type: types.NewBigInt().WithNullable(false),
		})
		tab.Primary = &schema.Index{
			ID: 1, Name: "PRIMARY", Unique: true, Primary: true,
			Columns: []schema.IndexColumn{{Column: len(tab.Columns) - 1}},
		}
	}
	c.tables[db+"."+name] = tab
	c.rows[db+"."+name] = rows
}

func testEnv() *expr.Env {
	return &expr.Env{
		Location: time.UTC, Now: time.Date(2024, 1, 5, 10, 11, 12, 0, time.UTC), Collation: collation.Default,
		Database: "test", User: "root@localhost", DivIncrement: 4, MaxPacket: 64 << 20, GroupConcat: 1024,
		Variable: func(scope, name string) (types.Datum, error) {
			if name == "version" {
				return types.NewStringDatum(types.NewVarChar(10, collation.Default), []byte("8.0.11")), nil
			}
			return types.Datum{}, sqlerr.New(sqlerr.ErrUnknownSystemVariable, name)
		},
		UserVar:    func(string) types.Datum { return types.Datum{} },
		SetUserVar: func(string, types.Datum) error { return nil },
	}
}

func testContext(c *fakeCatalog) *Context {
	env := testEnv()
	return &Context{Catalog: c, Env: env, Database: "test", Mode: types.ModeDefault}
}

// TestPlans runs the files of testdata: "table" adds a table, "plan" prints the plan of a statement or its error.
func TestPlans(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		c := &fakeCatalog{tables: map[string]*schema.Table{}, rows: map[string]float64{}}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "table":
				c.add(t, d.Input)
				return ""
			case "plan", "columns":
				ctx := testContext(c)
				if d.HasArg("mode") {
					var mode string
					d.ScanArgs(t, "mode", &mode)
					if mode == "none" {
						ctx.Mode = 0
					}
				}
				out := &strings.Builder{}
				ctx.Warn = func(w sqlerr.Warning) { fmt.Fprintf(out, "%s %d: %s\n", w.Level, w.Code, w.Message) }
				out.WriteString(planText(ctx, d.Input, d.Cmd))
				return out.String()
			}
			t.Fatalf("unknown command %s", d.Cmd)
			return ""
		})
	})
}

func planText(ctx *Context, sql, cmd string) string {
	stmts, err := parse.Parse([]byte(sql), parse.Options{})
	if err != nil {
		return errorText(err)
	}
	p, err := Build(ctx, stmts[0])
	if err != nil {
		return errorText(err)
	}
	var b strings.Builder
	if cmd == "columns" {
		for _, c := range p.Columns {
			fmt.Fprintf(&b, "%s %s nullable=%t", c.Name, c.Type, c.Type.Nullable)
			if c.OrgName != "" {
				fmt.Fprintf(&b, " from %s.%s.%s (%s) flags=%d", c.DB, c.OrgTable, c.OrgName, c.Table, c.Flags)
			}
			b.WriteByte('\n')
		}
		return b.String()
	}
	for _, row := range Explain(p, Annotations{}) {
		b.WriteString(strings.TrimRight(strings.Join([]string{row[0], row[1], row[3], row[4]}, " | "), " "))
		b.WriteByte('\n')
	}
	return b.String()
}

func errorText(err error) string {
	e := sqlerr.From(err)
	return fmt.Sprintf("error %d (%s): %s\n", e.Code, e.State, e.Message)
}
