package privilege

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// UserSpec is one account of CREATE USER or ALTER USER. Nil fields were not given.
type UserSpec struct {
	Account
	Plugin     *string // IDENTIFIED WITH
	Password   *string // IDENTIFIED BY
	Hash       *string // IDENTIFIED WITH ... AS
	Locked     *bool   // ACCOUNT LOCK, ACCOUNT UNLOCK
	Expired    *bool   // PASSWORD EXPIRE
	RequireTLS *bool   // REQUIRE SSL, REQUIRE NONE
	Comment    *string // COMMENT or ATTRIBUTE
}

// apply changes u as the statement says.
func (s *UserSpec) apply(u *User, defaultPlugin string) error {
	if s.Plugin != nil {
		if !KnownPlugin(*s.Plugin) {
			return pluginError(*s.Plugin)
		}
		u.Plugin = *s.Plugin
		if s.Password == nil && s.Hash == nil {
			u.AuthString = ""
		}
	}
	if u.Plugin == "" {
		u.Plugin = defaultPlugin
	}
	switch {
	case s.Password != nil:
		hash, err := HashPassword(u.Plugin, *s.Password)
		if err != nil {
			return err
		}
		u.AuthString, u.Expired = hash, false
	case s.Hash != nil:
		if err := checkHash(u.Plugin, *s.Hash); err != nil {
			return err
		}
		u.AuthString, u.Expired = *s.Hash, false
	}
	set(&u.Locked, s.Locked)
	set(&u.Expired, s.Expired)
	set(&u.RequireTLS, s.RequireTLS)
	set(&u.Comment, s.Comment)
	return nil
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func checkName(a Account) error {
	if utf8.RuneCountInString(a.User) > MaxUserRunes {
		return sqlerr.New(sqlerr.ErrWrongStringLength, a.User, "user name", MaxUserRunes)
	}
	if len(a.Host) > MaxHostBytes {
		return sqlerr.New(sqlerr.ErrWrongStringLength, a.Host, "host name", MaxHostBytes)
	}
	return nil
}

// failed is error 1396 with the accounts that an operation could not be done for; nil if there are none.
func failed(operation string, bad []string) error {
	if len(bad) == 0 {
		return nil
	}
	return sqlerr.New(sqlerr.ErrCannotUser, operation, strings.Join(bad, ","))
}

// CreateUser makes all accounts or none. With ifNotExists those that exist are notes 3163. Errors: 1396, 1470, 1524,
// 1827.
func (m *Manager) CreateUser(ctx context.Context, specs []UserSpec, ifNotExists bool) ([]sqlerr.Warning, error) {
	var notes []sqlerr.Warning
	err := m.change(ctx, func(d *draft) error {
		var bad []string
		for i := range specs {
			s := &specs[i]
			a := s.Account.normal()
			if err := checkName(a); err != nil {
				return err
			}
			if _, ok := d.get(a); ok {
				if ifNotExists {
					notes = append(notes, sqlerr.NewNote(sqlerr.ErrUserAlreadyExists, a.Quoted()))
				} else {
					bad = append(bad, a.Quoted())
				}
				continue
			}
			u := &User{Account: a}
			if err := s.apply(u, m.plugin); err != nil {
				return err
			}
			d.put(u)
		}
		return failed("CREATE USER", bad)
	})
	return notes, err
}

// AlterUser changes all accounts or none. With ifExists those that do not exist are notes 3162.
func (m *Manager) AlterUser(ctx context.Context, specs []UserSpec, ifExists bool) ([]sqlerr.Warning, error) {
	var notes []sqlerr.Warning
	err := m.change(ctx, func(d *draft) error {
		var bad []string
		for i := range specs {
			s := &specs[i]
			a := s.Account.normal()
			old, ok := d.get(a)
			if !ok {
				if ifExists {
					notes = append(notes, sqlerr.NewNote(sqlerr.ErrBadUser, a.Quoted()))
				} else {
					bad = append(bad, a.Quoted())
				}
				continue
			}
			u := old.clone()
			if err := s.apply(u, m.plugin); err != nil {
				return err
			}
			d.put(u)
		}
		return failed("ALTER USER", bad)
	})
	return notes, err
}

// DropUser drops all accounts or none. With ifExists those that do not exist are notes 3162.
func (m *Manager) DropUser(ctx context.Context, accounts []Account, ifExists bool) ([]sqlerr.Warning, error) {
	var notes []sqlerr.Warning
	err := m.change(ctx, func(d *draft) error {
		var bad []string
		for _, a := range accounts {
			a = a.normal()
			if _, ok := d.get(a); !ok {
				if ifExists {
					notes = append(notes, sqlerr.NewNote(sqlerr.ErrBadUser, a.Quoted()))
				} else {
					bad = append(bad, a.Quoted())
				}
				continue
			}
			d.remove(a)
		}
		return failed("DROP USER", bad)
	})
	return notes, err
}

// Rename is one pair of RENAME USER.
type Rename struct{ From, To Account }

// RenameUser renames all accounts, in order, or none.
func (m *Manager) RenameUser(ctx context.Context, pairs []Rename) error {
	return m.change(ctx, func(d *draft) error {
		var bad []string
		for _, p := range pairs {
			from, to := p.From.normal(), p.To.normal()
			if err := checkName(to); err != nil {
				return err
			}
			old, ok := d.get(from)
			if _, taken := d.get(to); !ok || taken {
				bad = append(bad, from.Quoted())
				continue
			}
			u := old.clone()
			u.Account = to
			d.remove(from)
			d.put(u)
		}
		return failed("RENAME USER", bad)
	})
}

// SetPassword keeps the account's plugin. Error 1133 if there is no such account.
func (m *Manager) SetPassword(ctx context.Context, a Account, password string) error {
	return m.change(ctx, func(d *draft) error {
		old, ok := d.get(a.normal())
		if !ok {
			return sqlerr.New(sqlerr.ErrPasswordNoMatch)
		}
		u := old.clone()
		if err := (&UserSpec{Password: &password}).apply(u, m.plugin); err != nil {
			return err
		}
		d.put(u)
		return nil
	})
}
