package privilege

import "strings"

// Bounds of an account's name, as in mysql.user.
const (
	MaxUserRunes = 32
	MaxHostBytes = 255
)

// Account names an account: a user and a host pattern. The user "" is the anonymous one.
type Account struct{ User, Host string }

// ParseAccount is the inverse of Account.Name.
func ParseAccount(name string) Account {
	i := strings.LastIndexByte(name, '@')
	if i < 0 {
		return Account{User: name, Host: "%"}
	}
	return Account{User: name[:i], Host: name[i+1:]}
}

// Name is user@host, as CURRENT_USER() has it.
func (a Account) Name() string { return a.User + "@" + a.Host }

// Quoted is 'user'@'host', as error texts have it.
func (a Account) Quoted() string { return "'" + a.User + "'@'" + a.Host + "'" }

// sql is `user`@`host`, as SHOW GRANTS has it.
func (a Account) sql() string { return quoteName(a.User) + "@" + quoteName(a.Host) }

// normal is the account as it is stored: hosts are compared without case, and an empty host means any.
func (a Account) normal() Account {
	a.Host = strings.ToLower(a.Host)
	if a.Host == "" {
		a.Host = "%"
	}
	return a
}

func quoteName(s string) string { return "`" + strings.ReplaceAll(s, "`", "``") + "`" }

func quoteText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
