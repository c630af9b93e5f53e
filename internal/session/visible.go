package session

import (
	"github.com/spillwaydb/spillway/internal/privilege"
)

// SeesTable says if the session may know of a table.
func (s *Session) SeesTable(db, table string) bool {
	return s.manager.Users.SeesTable(s.account(), db, table)
}

// SeesDatabase says if the session may know of a database.
func (s *Session) SeesDatabase(db string) bool { return s.manager.Users.SeesDB(s.account(), db) }

// SeesProcess says if the session may see the sessions of a user: its own, or all with PROCESS.
func (s *Session) SeesProcess(user string) bool {
	return user == s.info.User || s.manager.Users.HasAny(s.account(), privilege.Process)
}

// SeesAccount says if the session may see what an account may do: its own, or all with CREATE USER.
func (s *Session) SeesAccount(a privilege.Account) bool {
	return a == s.account() || s.manager.Users.HasAny(s.account(), privilege.CreateUser)
}
