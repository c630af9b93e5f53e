package privilege

import (
	"cmp"
	"context"
	"slices"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// Level is where privileges are granted: *.* when DB is "", DB.* when Table is "", else DB.Table. In a DB of the second
// form % and _ are wildcards.
type Level struct{ DB, Table string }

// all is what ALL means at the level.
func (l Level) all() Set {
	switch {
	case l.DB == "":
		return AllGlobal
	case l.Table == "":
		return AllDB
	}
	return AllTable
}

func (l Level) check(s Set) error {
	if s&^(l.all()|NewSet(GrantOption)) == 0 {
		return nil
	}
	if l.DB != "" && l.Table == "" {
		return sqlerr.New(sqlerr.ErrWrongUsage, "DB GRANT", "GLOBAL PRIVILEGES")
	}
	return sqlerr.New(sqlerr.ErrIllegalGrantForTable)
}

// sql is the level as SHOW GRANTS has it.
func (l Level) sql() string {
	switch {
	case l.DB == "":
		return "*.*"
	case l.Table == "":
		return quoteName(l.DB) + ".*"
	}
	return quoteName(l.DB) + "." + quoteName(l.Table)
}

// Grant gives privileges to existing accounts, to all or none. all stands for ALL PRIVILEGES. Who may grant is
// CheckGrant's to say. Errors: 1410 for an unknown account, 1144, 1221 for privileges of another level.
func (m *Manager) Grant(ctx context.Context, s Set, all bool, at Level, to []Account) error {
	if all {
		s |= at.all()
	}
	if err := at.check(s); err != nil {
		return err
	}
	return m.change(ctx, func(d *draft) error {
		for _, a := range to {
			old, ok := d.get(a.normal())
			if !ok {
				return sqlerr.New(sqlerr.ErrCantCreateUserWithGrant)
			}
			u := old.clone()
			u.update(at, func(have Set) Set { return have | s })
			d.put(u)
		}
		return nil
	})
}

// Revoke takes privileges away from all accounts or none. Errors: 1141 where nothing is granted at the level, 1147 for
// a table.
func (m *Manager) Revoke(ctx context.Context, s Set, all bool, at Level, from []Account) error {
	if all {
		s |= at.all()
	}
	if err := at.check(s); err != nil {
		return err
	}
	return m.change(ctx, func(d *draft) error {
		for _, a := range from {
			a = a.normal()
			old, ok := d.get(a)
			if !ok || at.DB != "" && at.Table == "" && !old.hasDB(at.DB) {
				return sqlerr.New(sqlerr.ErrNonexistingGrant, a.User, a.Host)
			}
			if at.Table != "" && old.onTable(at.DB, at.Table) == 0 {
				return sqlerr.New(sqlerr.ErrNonexistingTableGrant, a.User, a.Host, at.Table)
			}
			u := old.clone()
			u.update(at, func(have Set) Set { return have &^ s })
			d.put(u)
		}
		return nil
	})
}

// RevokeAll is REVOKE ALL PRIVILEGES, GRANT OPTION: at every level. Error 1269 if an account does not exist.
func (m *Manager) RevokeAll(ctx context.Context, from []Account) error {
	return m.change(ctx, func(d *draft) error {
		for _, a := range from {
			old, ok := d.get(a.normal())
			if !ok {
				return sqlerr.New(sqlerr.ErrRevokeGrants)
			}
			u := old.clone()
			u.Global, u.DBs, u.Tables = 0, nil, nil
			d.put(u)
		}
		return nil
	})
}

// DropTableGrants forgets what was granted on a table, or on a database and its tables when table is "". MySQL keeps
// grants when objects are dropped; the session calls this only where it must not.
func (m *Manager) DropTableGrants(ctx context.Context, db, table string) error {
	return m.change(ctx, func(d *draft) error {
		for _, old := range d.users {
			u := old.clone()
			u.Tables = slices.DeleteFunc(u.Tables, func(g TableGrant) bool {
				return g.DB == db && (table == "" || g.Table == table)
			})
			if table == "" {
				u.DBs = slices.DeleteFunc(u.DBs, func(g DBGrant) bool { return g.DB == db })
			}
			if len(u.Tables) != len(old.Tables) || len(u.DBs) != len(old.DBs) {
				d.put(u)
			}
		}
		return nil
	})
}

// CheckGrant says if a may grant or revoke these privileges: it must have them itself at the level or above, and GRANT
// OPTION there. Errors as Check's.
func (m *Manager) CheckGrant(a Account, s Set, all bool, at Level) error {
	if all {
		s |= at.all()
	}
	s |= NewSet(GrantOption)
	u, ok := m.Lookup(a)
	if !ok {
		return Denied(GrantOption)
	}
	have := u.Global
	if at.DB != "" {
		have |= u.onDB(at.DB)
	}
	if at.Table != "" {
		have |= u.onTable(at.DB, at.Table)
	}
	missing := s &^ have
	if missing == 0 {
		return nil
	}
	first := GrantOption
	for p := range missing.All() {
		first = p
		break
	}
	switch {
	case at.DB == "" && first.IsDynamic():
		return Denied(first)
	case at.DB == "":
		return sqlerr.New(sqlerr.ErrAccessDenied, a.User, a.Host, "YES")
	case at.Table == "":
		return sqlerr.New(sqlerr.ErrDBAccessDenied, a.User, a.Host, at.DB)
	}
	return sqlerr.New(sqlerr.ErrTableAccessDenied, first.String(), a.User, a.Host, at.Table)
}

func (u *User) hasDB(db string) bool {
	return slices.ContainsFunc(u.DBs, func(g DBGrant) bool { return g.DB == db })
}

// update replaces the set at a level; an empty set at a database or table leaves no entry.
func (u *User) update(at Level, f func(Set) Set) {
	switch {
	case at.DB == "":
		u.Global = f(u.Global)
	case at.Table == "":
		i, ok := slices.BinarySearchFunc(u.DBs, at.DB, func(g DBGrant, db string) int { return cmp.Compare(g.DB, db) })
		if !ok {
			u.DBs = slices.Insert(u.DBs, i, DBGrant{DB: at.DB})
		}
		if u.DBs[i].Privs = f(u.DBs[i].Privs); u.DBs[i].Privs == 0 {
			u.DBs = shorten(slices.Delete(u.DBs, i, i+1))
		}
	default:
		i, ok := slices.BinarySearchFunc(u.Tables, at, func(g TableGrant, l Level) int {
			return cmp.Or(cmp.Compare(g.DB, l.DB), cmp.Compare(g.Table, l.Table))
		})
		if !ok {
			u.Tables = slices.Insert(u.Tables, i, TableGrant{DB: at.DB, Table: at.Table})
		}
		if u.Tables[i].Privs = f(u.Tables[i].Privs); u.Tables[i].Privs == 0 {
			u.Tables = shorten(slices.Delete(u.Tables, i, i+1))
		}
	}
}

// shorten makes no difference between nothing left and nothing ever granted.
func shorten[T any](s []T) []T {
	if len(s) == 0 {
		return nil
	}
	return s
}
