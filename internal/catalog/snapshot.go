package catalog

import (
	"iter"
	"slices"
	"strings"

	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// Snapshot is the catalog at one version. Immutable and shared.
type Snapshot struct {
	// Version counts changes since the start of the server.
	Version uint64

	dbs   index[*database]
	cat   *Catalog
	epoch *epoch
}

// database is a database with its tables, by name.
type database struct {
	desc   *schema.Database
	tables index[*schema.Table]
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
	if d := s.dbs.get(canonical(name)); d != nil {
		return d.desc, nil
	}
	return nil, sqlerr.New(sqlerr.ErrBadDB, name)
}

// Table finds a table or virtual table. Errors 1049, 1146.
func (s *Snapshot) Table(db, name string) (*schema.Table, error) {
	db = canonical(db)
	d := s.dbs.get(db)
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

func (d *database) table(name string) *schema.Table { return d.tables.get(d.key(name)) }

// key is the name under which a table is kept.
func (d *database) key(name string) string {
	if isVirtualDB(d.desc.Name) {
		return strings.ToLower(name)
	}
	return name
}

// Databases yields all databases by name, those of virtual tables included.
func (s *Snapshot) Databases() iter.Seq[*schema.Database] {
	return func(yield func(*schema.Database) bool) {
		for _, d := range s.dbs.all() {
			if !yield(d.desc) {
				return
			}
		}
	}
}

// Tables yields a database's tables by name; none if there is no such database.
func (s *Snapshot) Tables(db string) iter.Seq[*schema.Table] {
	return func(yield func(*schema.Table) bool) {
		d := s.dbs.get(canonical(db))
		if d == nil {
			return
		}
		for _, t := range d.tables.all() {
			if !yield(t) {
				return
			}
		}
	}
}

// tableCount is the number of a database's tables.
func (s *Snapshot) tableCount(db string) int {
	if d := s.dbs.get(canonical(db)); d != nil {
		return d.tables.n
	}
	return 0
}

// Current says if t is still the newest version of its table, which a statement checks once it holds the lock.
func (s *Snapshot) Current(t *schema.Table) bool {
	d := s.dbs.get(canonical(t.DB))
	return d != nil && d.table(t.Name) == t
}

// RowCount estimates the table's rows, for the planner.
func (s *Snapshot) RowCount(t *schema.Table) float64 { return s.cat.rowCount(t) }

// with returns a copy with another state of one database; d nil removes it.
func (s *Snapshot) with(db string, d *database) *Snapshot {
	n := *s
	if d == nil {
		n.dbs = s.dbs.without(db)
	} else {
		n.dbs = s.dbs.with(db, d)
	}
	return &n
}

// withTable returns a copy with a table; its database exists.
func (s *Snapshot) withTable(t *schema.Table) *Snapshot {
	d := s.dbs.get(t.DB)
	if d == nil {
		return s
	}
	return s.with(t.DB, &database{d.desc, d.tables.with(d.key(t.Name), t)})
}

// withoutTable returns a copy without a table.
func (s *Snapshot) withoutTable(t *schema.Table) *Snapshot {
	d := s.dbs.get(t.DB)
	if d == nil {
		return s
	}
	return s.with(t.DB, &database{d.desc, d.tables.without(d.key(t.Name))})
}
