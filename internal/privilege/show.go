package privilege

import "github.com/spillwaydb/spillway/internal/sqlerr"

// ShowGrants returns the rows of SHOW GRANTS FOR a. Error 1141 if there is no such account.
func (m *Manager) ShowGrants(a Account) ([]string, error) {
	u, ok := m.Lookup(a)
	if !ok {
		return nil, sqlerr.New(sqlerr.ErrNonexistingGrant, a.User, a.Host)
	}
	to := " TO " + u.sql()
	rows := []string{"GRANT " + staticNames(u.Global) + " ON *.*" + to + withGrant(u.Global)}
	if dynamic := u.Global &^ (AllStatic | NewSet(GrantOption)); dynamic != 0 {
		// One GRANT OPTION serves both kinds here, so the row says what that of the static ones says.
		rows = append(rows, "GRANT "+dynamicNames(dynamic)+" ON *.*"+to+withGrant(u.Global))
	}
	for _, g := range u.DBs {
		rows = append(rows, "GRANT "+levelNames(g.Privs, AllDB)+" ON "+Level{DB: g.DB}.sql()+to+withGrant(g.Privs))
	}
	for _, g := range u.Tables {
		on := " ON " + Level{g.DB, g.Table}.sql()
		rows = append(rows, "GRANT "+levelNames(g.Privs, AllTable)+on+to+withGrant(g.Privs))
	}
	return rows, nil
}

// staticNames lists all privileges by name, as MySQL 8 does: ALL would include the dynamic ones.
func staticNames(s Set) string {
	if s&AllStatic == 0 {
		return "USAGE"
	}
	return (s & AllStatic).names()
}

func dynamicNames(s Set) string {
	text := ""
	for p := range s.All() {
		if text != "" {
			text += ","
		}
		text += p.String()
	}
	return text
}

func levelNames(s, all Set) string {
	switch {
	case s&all == all:
		return "ALL PRIVILEGES"
	case s&all == 0:
		return "USAGE"
	}
	return (s & all).names()
}

func withGrant(s Set) string {
	if s.Has(GrantOption) {
		return " WITH GRANT OPTION"
	}
	return ""
}

// ShowCreateUser returns the text of SHOW CREATE USER. Error 1396 if there is no such account.
func (m *Manager) ShowCreateUser(a Account) (string, error) {
	u, ok := m.Lookup(a)
	if !ok {
		return "", failed("SHOW CREATE USER", []string{a.normal().Quoted()})
	}
	text := "CREATE USER " + u.sql() + " IDENTIFIED WITH " + quoteText(u.Plugin)
	if u.AuthString != "" {
		text += " AS " + quoteText(u.AuthString)
	}
	text += " REQUIRE " + choose(u.RequireTLS, "SSL", "NONE")
	text += " PASSWORD EXPIRE" + choose(u.Expired, "", " DEFAULT")
	text += " ACCOUNT " + choose(u.Locked, "LOCK", "UNLOCK")
	text += " PASSWORD HISTORY DEFAULT PASSWORD REUSE INTERVAL DEFAULT PASSWORD REQUIRE CURRENT DEFAULT"
	if u.Comment != "" {
		text += " COMMENT " + quoteText(u.Comment)
	}
	return text, nil
}

func choose(ok bool, yes, no string) string {
	if ok {
		return yes
	}
	return no
}
