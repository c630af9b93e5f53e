package catalog

import "github.com/spillwaydb/spillway/internal/schema"

// change is what a definition statement makes of the snapshot that is current when it commits. nil: nothing.
type change struct {
	gone []*schema.Table
	come []*schema.Table
	// fresh: the data of what comes came to be with this change (schema.Table.Since).
	fresh bool

	// dbGone and dbCome are a database before and after; nil: it comes, or goes with all its tables, which are in gone.
	dbGone, dbCome *schema.Database
}

// apply returns the next snapshot.
func (g *change) apply(s *Snapshot) *Snapshot {
	switch {
	case g.dbCome != nil:
		d := &database{desc: g.dbCome}
		if old := s.dbs.get(g.dbCome.Name); old != nil {
			d.tables = old.tables
		}
		s = s.with(g.dbCome.Name, d)
	case g.dbGone != nil:
		return s.with(g.dbGone.Name, nil)
	}
	for _, t := range g.gone {
		s = s.withoutTable(t)
	}
	for _, t := range g.come {
		if g.fresh {
			t.Since = s.Version + 1
		}
		s = s.withTable(t)
	}
	return s
}

// heap is what descriptors that come, and those that go, take of the heap.
func (g *change) heap() (come, gone int64) {
	for _, t := range g.come {
		come += tableBytes(t)
	}
	for _, t := range g.gone {
		gone += tableBytes(t)
	}
	if g.dbCome != nil {
		come += databaseBytes(g.dbCome)
	}
	if g.dbGone != nil {
		gone += databaseBytes(g.dbGone)
	}
	return come, gone
}

// tableBytes is what a table takes of the heap: its descriptor, its place in the index, its row count, a counter.
func tableBytes(t *schema.Table) int64 { return t.Bytes + entryBytes + rowCounterBytes + counterBytes }

// databaseBytes is what a database without tables takes of the heap.
func databaseBytes(d *schema.Database) int64 { return int64(databaseFixed + len(d.Name)) }

// The figures include what a map takes for an entry.
const (
	rowCounterBytes = 64
	counterBytes    = 112
	databaseFixed   = 32 + 48 + entryBytes
)
