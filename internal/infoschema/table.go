package infoschema

import (
	"context"
	"strings"
	"time"

	"github.com/spillwaydb/spillway/internal/catalog"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/session"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// Register adds all tables to the catalog. Called once, before the first statement.
func Register(c *catalog.Catalog, m *session.Manager) {
	for _, list := range [][]definition{schemaTables, sessionTables, privilegeTables, fixedTables} {
		for i := range list {
			c.RegisterVirtual(newTable(&list[i], c, m))
		}
	}
}

// definition is a table in short form. columns is a list of "NAME type": s a name of up to 64 characters, l a long
// text, i a signed and u an unsigned number, t a DATETIME, d a DOUBLE; all may be NULL.
type definition struct {
	db, name string
	columns  string
	// rows gives the rows; nil: the table is always empty.
	rows func(r *request) error
}

// request is a scan of a table.
type request struct {
	ctx      context.Context
	catalog  *catalog.Catalog
	sessions *session.Manager
	session  *session.Session // that scans; never nil
	table    *table
	wants    catalog.VirtualRequest
	emit     func([]types.Datum) error
}

// table is a virtual table.
type table struct {
	def      *definition
	desc     schema.Table
	ordinals map[string]int
	catalog  *catalog.Catalog
	sessions *session.Manager
}

var _ catalog.VirtualTable = (*table)(nil)

func newTable(d *definition, c *catalog.Catalog, m *session.Manager) *table {
	t := &table{def: d, catalog: c, sessions: m, ordinals: map[string]int{}}
	t.desc = schema.Table{DB: d.db, Name: d.name, Virtual: true, Collation: collation.UTF8MB3GeneralCI}
	for i, f := range strings.Split(d.columns, ",") {
		name, kind, _ := strings.Cut(strings.TrimSpace(f), " ")
		c := schema.Column{ID: schema.ID(i + 1), Name: name, Type: columnTypes[kind]}
		t.desc.Columns = append(t.desc.Columns, c)
		t.ordinals[name] = i
	}
	return t
}

var columnTypes = map[string]types.Type{
	"s": types.NewVarChar(64, collation.UTF8MB3GeneralCI),
	"l": types.NewText(types.LongText, collation.UTF8MB3GeneralCI),
	"i": types.NewBigInt(),
	"u": types.NewUBigInt(),
	"t": types.NewDateTime(0),
	"d": types.NewDouble(),
}

// Schema implements catalog.VirtualTable.
func (t *table) Schema() *schema.Table { return &t.desc }

// Rows implements catalog.VirtualTable.
func (t *table) Rows(ctx context.Context, req catalog.VirtualRequest, emit func([]types.Datum) error) error {
	if t.def.rows == nil {
		return nil
	}
	s, ok := req.Session.(*session.Session)
	if !ok {
		return nil
	}
	return t.def.rows(&request{
		ctx: ctx, catalog: t.catalog, sessions: t.sessions, session: s, table: t, wants: req, emit: emit,
	})
}

// row emits a row; values are in the order of the columns: string, int, int64, uint64, float64, time.Time (zero: NULL),
// bool (YES or NO), nil, or *string.
func (r *request) row(values ...any) error {
	out := make([]types.Datum, len(r.table.desc.Columns))
	for i := range out {
		t := r.table.desc.Columns[i].Type
		out[i] = types.NullDatum(t)
		if i < len(values) {
			out[i] = datum(t, values[i])
		}
	}
	return r.emit(out)
}

func datum(t types.Type, v any) types.Datum {
	switch v := v.(type) {
	case string:
		return types.NewStringDatum(t, []byte(v))
	case *string:
		if v != nil {
			return types.NewStringDatum(t, []byte(*v))
		}
	case bool:
		text := "NO"
		if v {
			text = "YES"
		}
		return types.NewStringDatum(t, []byte(text))
	case int:
		return number(t, int64(v))
	case int64:
		return number(t, v)
	case uint64:
		return types.NewUintDatum(t, v)
	case float64:
		return types.NewFloatDatum(t, v)
	case time.Time:
		if !v.IsZero() {
			return types.NewIntDatum(t, types.PackDateTime(v.Year(), int(v.Month()), v.Day(), v.Hour(), v.Minute(),
				v.Second(), 0))
		}
	}
	return types.NullDatum(t)
}

func number(t types.Type, n int64) types.Datum {
	if t.Unsigned {
		return types.NewUintDatum(t, uint64(max(n, 0)))
	}
	return types.NewIntDatum(t, n)
}

// wanted says if a row with this value in the named column can be of use to the scan.
func (r *request) wanted(column, value string) bool {
	allowed, ok := r.wants.Equals[r.table.ordinals[column]]
	if !ok {
		return true
	}
	for _, a := range allowed {
		if strings.EqualFold(a, value) {
			return true
		}
	}
	return false
}

// tables calls f for each table that the scan wants and the session may see; dbColumn and tableColumn are the names of
// the columns that have database and table.
func (r *request) tables(dbColumn, tableColumn string, f func(*schema.Table) error) error {
	snapshot := r.catalog.Snapshot()
	for d := range snapshot.Databases() {
		if !r.wanted(dbColumn, d.Name) {
			continue
		}
		for t := range snapshot.Tables(d.Name) {
			if !r.wanted(tableColumn, t.Name) || !r.sees(t) {
				continue
			}
			if err := r.ctx.Err(); err != nil {
				return context.Cause(r.ctx)
			}
			if err := f(t); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *request) sees(t *schema.Table) bool {
	return t.Virtual || r.session.SeesTable(t.DB, t.Name)
}
