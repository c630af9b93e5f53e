package privilege

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// User is an account with what it may do. Those that a Manager returns are shared: not to be changed.
type User struct {
	Account
	Plugin     string
	AuthString string // as in mysql.user.authentication_string; "": no password
	Locked     bool
	// Expired: the password must be changed before anything else.
	Expired bool
	// RequireTLS: REQUIRE SSL.
	RequireTLS bool
	Comment    string // COMMENT or ATTRIBUTE, as it was given

	Global Set
	DBs    []DBGrant    // ordered by DB
	Tables []TableGrant // ordered by DB, Table
}

// DBGrant is what is granted on a database; DB may have the wildcards % and _, escaped by a backslash.
type DBGrant struct {
	DB    string
	Privs Set
}

// TableGrant is what is granted on a table.
type TableGrant struct {
	DB, Table string
	Privs     Set
}

// clone is a copy that may be changed.
func (u *User) clone() *User {
	c := *u
	c.DBs, c.Tables = append([]DBGrant(nil), u.DBs...), append([]TableGrant(nil), u.Tables...)
	return &c
}

// storedUser is the form in the store. Privileges are stored by name, so that their numbers may change.
type storedUser struct {
	User       string              `json:"user"`
	Host       string              `json:"host"`
	Plugin     string              `json:"plugin"`
	AuthString string              `json:"auth,omitempty"`
	Locked     bool                `json:"locked,omitempty"`
	Expired    bool                `json:"expired,omitempty"`
	RequireTLS bool                `json:"require_tls,omitempty"`
	Comment    string              `json:"comment,omitempty"`
	Global     []string            `json:"global,omitempty"`
	DBs        map[string][]string `json:"dbs,omitempty"`
	Tables     []storedTable       `json:"tables,omitempty"`
}

type storedTable struct {
	DB    string   `json:"db"`
	Table string   `json:"table"`
	Privs []string `json:"privs"`
}

func (u *User) encode() ([]byte, error) {
	s := storedUser{
		User: u.User, Host: u.Host, Plugin: u.Plugin, AuthString: u.AuthString, Locked: u.Locked, Expired: u.Expired,
		RequireTLS: u.RequireTLS, Comment: u.Comment, Global: privList(u.Global), DBs: map[string][]string{},
	}
	for _, d := range u.DBs {
		s.DBs[d.DB] = privList(d.Privs)
	}
	for _, t := range u.Tables {
		s.Tables = append(s.Tables, storedTable{t.DB, t.Table, privList(t.Privs)})
	}
	return json.Marshal(s)
}

func decodeUser(data []byte) (*User, error) {
	var s storedUser
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, sqlerr.AssertionError("privilege: stored account: %v", err)
	}
	u := &User{
		Account: Account{s.User, s.Host}, Plugin: s.Plugin, AuthString: s.AuthString, Locked: s.Locked,
		Expired: s.Expired, RequireTLS: s.RequireTLS, Comment: s.Comment, Global: privSet(s.Global),
	}
	for _, db := range slices.Sorted(maps.Keys(s.DBs)) {
		u.DBs = append(u.DBs, DBGrant{db, privSet(s.DBs[db])})
	}
	for _, t := range s.Tables {
		u.Tables = append(u.Tables, TableGrant{t.DB, t.Table, privSet(t.Privs)})
	}
	return u, nil
}

func privList(s Set) []string {
	var list []string
	for p := range s.All() {
		list = append(list, p.String())
	}
	return list
}

// privSet leaves out names that this version does not know.
func privSet(names []string) Set {
	var s Set
	for _, n := range names {
		if p, ok := ParsePriv(n); ok {
			s |= 1 << p
		}
	}
	return s
}
