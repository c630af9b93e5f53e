package catalog

import (
	"maps"
	"slices"
	"strings"

	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// Snapshot is the catalog at one version. Immutable and shared.
type Snapshot struct {
	// Version counts changes since the start of the server.
	Version uint64

	dbs map[string]*database
	cat *Catalog
}

// database is a database with its tables, by name.
type database struct {
	desc   *schema.Database
	tables map[string]*schema.Table
}

// virtualDBs have no case in their names, as in MySQL.
var virtualDBs = []string{"information_schema", "performance_schema"}

// canonical is the name under which a database is kept.
func canonical(db string) string {
	for _, v := range virtualDBs {
		if strings.EqualFold(db, v) {
			return v
		}
	}
	return db
}

// isVirtualDB is for databases without stored tables, whose table names have no case.
func isVirtualDB(db string) bool { return slices.Contains(virtualDBs, db) }

// Database finds a database. Error 1049.
func (s *Snapshot) Database(name string) (*schema.Database, error) {
	if d := s.dbs[canonical(name)]; d != nil {
		return d.desc, nil
	}
	return nil, sqlerr.New(sqlerr.ErrBadDB, name)
}

// Table finds a table or virtual table. Errors 1049, 1146.
func (s *Snapshot) Table(db, name string) (*schema.Table, error) {
	db = canonical(db)
	d := s.dbs[db]
	if d == nil {
		return nil, sqlerr.New(sqlerr.ErrBadDB, db)
	}
	if t := d.table(name); t != nil {
		return t, nil
	}
	if isVirtualDB(db) {
		return nil, sqlerr.New(sqlerr.ErrUnknownTable, strings.ToUpper(name), db)
	}
	return nil, sqlerr.New(sqlerr.ErrNoSuchTable, db, name)
}

func (d *database) table(name string) *schema.Table {
	if isVirtualDB(d.desc.Name) {
		name = strings.ToLower(name)
	}
	return d.tables[name]
}

// Databases lists all databases by name, those of virtual tables included.
func (s *Snapshot) Databases() []*schema.Database {
	out := make([]*schema.Database, 0, len(s.dbs))
	for _, name := range slices.Sorted(maps.Keys(s.dbs)) {
		out = append(out, s.dbs[name].desc)
	}
	return out
}

// Tables lists a database's tables by name. Error 1049.
func (s *Snapshot) Tables(db string) ([]*schema.Table, error) {
	d := s.dbs[canonical(db)]
	if d == nil {
		return nil, sqlerr.New(sqlerr.ErrBadDB, db)
	}
	out := make([]*schema.Table, 0, len(d.tables))
	for _, name := range slices.Sorted(maps.Keys(d.tables)) {
		out = append(out, d.tables[name])
	}
	return out, nil
}

// Current says if t is still the newest version of its table, which a statement checks once it holds the lock.
func (s *Snapshot) Current(t *schema.Table) bool {
	d := s.dbs[canonical(t.DB)]
	return d != nil && d.table(t.Name) == t
}

// RowCount estimates the table's rows, for the planner.
func (s *Snapshot) RowCount(t *schema.Table) float64 { return s.cat.rowCount(t) }

// with returns a copy with another set of tables in one database; tables nil removes the database.
func (s *Snapshot) with(db string, desc *schema.Database, tables map[string]*schema.Table) *Snapshot {
	n := &Snapshot{Version: s.Version, dbs: maps.Clone(s.dbs), cat: s.cat}
	if tables == nil {
		delete(n.dbs, db)
	} else {
		n.dbs[db] = &database{desc: desc, tables: tables}
	}
	return n
}
