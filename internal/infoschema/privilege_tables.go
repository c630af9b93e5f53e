package infoschema

import "github.com/spillwaydb/spillway/internal/privilege"

// privilegeTables list what accounts may do: to each account its own, to those with CREATE USER everyone's.
var privilegeTables = []definition{
	{is, "USER_PRIVILEGES", "GRANTEE l, TABLE_CATALOG s, PRIVILEGE_TYPE s, IS_GRANTABLE s", userPrivileges},
	{is, "SCHEMA_PRIVILEGES", "GRANTEE l, TABLE_CATALOG s, TABLE_SCHEMA s, PRIVILEGE_TYPE s, IS_GRANTABLE s",
		schemaPrivileges},
	{is, "TABLE_PRIVILEGES", "GRANTEE l, TABLE_CATALOG s, TABLE_SCHEMA s, TABLE_NAME s, PRIVILEGE_TYPE s, " +
		"IS_GRANTABLE s", tablePrivileges},
	{is, "COLUMN_PRIVILEGES", "GRANTEE l, TABLE_CATALOG s, TABLE_SCHEMA s, TABLE_NAME s, COLUMN_NAME s, " +
		"PRIVILEGE_TYPE s, IS_GRANTABLE s", nil},
}

func (r *request) users(f func(*privilege.User) error) error {
	for _, u := range r.sessions.Users.Users() {
		if !r.session.SeesAccount(u.Account) {
			continue
		}
		if err := f(u); err != nil {
			return err
		}
	}
	return nil
}

// grants emits a row for each privilege of a set, or one with USAGE for none; where says on what it is granted.
func (r *request) grants(u *privilege.User, s privilege.Set, where ...any) error {
	row := func(name string) error {
		values := append([]any{u.Quoted(), "def"}, where...)
		return r.row(append(values, name, s.Has(privilege.GrantOption))...)
	}
	some := s &^ privilege.NewSet(privilege.GrantOption)
	if some == 0 {
		return row("USAGE")
	}
	for p := range some.All() {
		if err := row(p.String()); err != nil {
			return err
		}
	}
	return nil
}

func userPrivileges(r *request) error {
	return r.users(func(u *privilege.User) error { return r.grants(u, u.Global) })
}

func schemaPrivileges(r *request) error {
	return r.users(func(u *privilege.User) error {
		for _, g := range u.DBs {
			if err := r.grants(u, g.Privs, g.DB); err != nil {
				return err
			}
		}
		return nil
	})
}

func tablePrivileges(r *request) error {
	return r.users(func(u *privilege.User) error {
		for _, g := range u.Tables {
			if err := r.grants(u, g.Privs, g.DB, g.Table); err != nil {
				return err
			}
		}
		return nil
	})
}
