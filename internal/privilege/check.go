package privilege

import (
	"strings"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// informationSchema may be read by everybody; its tables show each account what it may see.
const informationSchema = "information_schema"

// Check says if the account may do p: everywhere when db is "", on the database when table is "", else on the table. A
// privilege of a wider level is enough. Errors: 1227 for the global level, 1044 for a database, 1142 for a table.
func (m *Manager) Check(a Account, p Priv, db, table string) error {
	if m.Has(a, p, db, table) {
		return nil
	}
	switch {
	case db == "":
		return Denied(p)
	case table == "":
		return sqlerr.New(sqlerr.ErrDBAccessDenied, a.User, a.Host, db)
	}
	return sqlerr.New(sqlerr.ErrTableAccessDenied, p.String(), a.User, a.Host, table)
}

// Has is Check without the error.
func (m *Manager) Has(a Account, p Priv, db, table string) bool {
	u, ok := m.Lookup(a)
	if !ok {
		return false
	}
	if u.Global.Has(p) {
		return true
	}
	if db == "" {
		return false
	}
	if p == Select && strings.EqualFold(db, informationSchema) {
		return true
	}
	if u.onDB(db).Has(p) {
		return true
	}
	return table != "" && u.onTable(db, table).Has(p)
}

// CheckAny is for what one of several global privileges allows, such as SUPER or SYSTEM_VARIABLES_ADMIN. Error 1227.
func (m *Manager) CheckAny(a Account, ps ...Priv) error {
	if m.HasAny(a, ps...) {
		return nil
	}
	return Denied(ps...)
}

// HasAny is CheckAny without the error.
func (m *Manager) HasAny(a Account, ps ...Priv) bool {
	u, ok := m.Lookup(a)
	return ok && u.Global&NewSet(ps...) != 0
}

// Denied is error 1227 for privileges of which one is needed.
func Denied(ps ...Priv) error {
	names := make([]string, len(ps))
	for i, p := range ps {
		names[i] = p.String()
	}
	return sqlerr.New(sqlerr.ErrSpecificAccessDenied, strings.Join(names, " or "))
}

// CheckUse says if the account may make the database its own, by USE or in the handshake: it needs any privilege in it.
// Error 1044.
func (m *Manager) CheckUse(a Account, db string) error {
	if m.SeesDB(a, db) {
		return nil
	}
	return sqlerr.New(sqlerr.ErrDBAccessDenied, a.User, a.Host, db)
}

// SeesDB says if SHOW DATABASES lists the database.
func (m *Manager) SeesDB(a Account, db string) bool {
	u, ok := m.Lookup(a)
	if !ok {
		return false
	}
	if u.Global&(AllDB|NewSet(ShowDatabases)) != 0 || strings.EqualFold(db, informationSchema) || u.onDB(db) != 0 {
		return true
	}
	for i := range u.Tables {
		if u.Tables[i].DB == db {
			return true
		}
	}
	return false
}

// SeesTable says if the table is listed in information_schema: it is with any privilege on it.
func (m *Manager) SeesTable(a Account, db, table string) bool {
	u, ok := m.Lookup(a)
	if !ok {
		return false
	}
	return (u.Global|u.onDB(db)|u.onTable(db, table))&(AllTable|NewSet(GrantOption)) != 0 ||
		strings.EqualFold(db, informationSchema)
}

// onDB is what is granted on the database: by the entry with its very name, else by the pattern that is most specific.
func (u *User) onDB(db string) Set {
	best, bestRank := Set(0), -1
	for i := range u.DBs {
		g := &u.DBs[i]
		if g.DB == db {
			return g.Privs
		}
		if rank := specificity(g.DB); rank > bestRank && wildMatch(g.DB, db) {
			best, bestRank = g.Privs, rank
		}
	}
	return best
}

func (u *User) onTable(db, table string) Set {
	for i := range u.Tables {
		if g := &u.Tables[i]; g.DB == db && g.Table == table {
			return g.Privs
		}
	}
	return 0
}
