package session

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/auth"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/privilege"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// accounts runs the statements about users and their privileges.
func (s *Session) accounts(ctx context.Context, st *parse.Statement, a answer) error {
	m := s.manager.Users
	switch n := st.Node.(type) {
	case *ast.CreateUserStmt:
		if n.IsCreateRole {
			return sqlerr.New(sqlerr.ErrNotSupportedYet, "roles")
		}
		if err := m.CheckAny(s.account(), privilege.CreateUser); err != nil {
			return err
		}
		warnings, err := m.CreateUser(ctx, s.userSpecs(n.Specs, n.PasswordOrLockOptions, n.AuthTokenOrTLSOptions),
			n.IfNotExists)
		return s.doneWith(a, warnings, err)
	case *ast.AlterUserStmt:
		return s.alterUser(ctx, n, a)
	case *ast.DropUserStmt:
		if err := m.CheckAny(s.account(), privilege.CreateUser); err != nil {
			return err
		}
		warnings, err := m.DropUser(ctx, s.accountsOf(n.UserList), n.IfExists)
		return s.doneWith(a, warnings, err)
	case *ast.RenameUserStmt:
		if err := m.CheckAny(s.account(), privilege.CreateUser); err != nil {
			return err
		}
		pairs := make([]privilege.Rename, len(n.UserToUsers))
		for i, p := range n.UserToUsers {
			pairs[i] = privilege.Rename{From: s.accountOf(p.OldUser), To: s.accountOf(p.NewUser)}
		}
		return s.done(a, m.RenameUser(ctx, pairs))
	case *ast.SetPwdStmt:
		who := s.account()
		if n.User != nil {
			who = s.accountOf(n.User)
		}
		if who != s.account() {
			if err := m.CheckAny(s.account(), privilege.CreateUser); err != nil {
				return err
			}
		}
		return s.done(a, m.SetPassword(ctx, who, n.Password))
	case *ast.GrantStmt:
		set, all, level, err := s.grantOf(n.Privs, n.Level)
		if err != nil {
			return err
		}
		if n.WithGrant {
			set |= privilege.NewSet(privilege.GrantOption)
		}
		if err := m.CheckGrant(s.account(), set, all, level); err != nil {
			return err
		}
		return s.done(a, m.Grant(ctx, set, all, level, s.accountsOfSpecs(n.Users)))
	case *ast.RevokeStmt:
		set, all, level, err := s.grantOf(n.Privs, n.Level)
		if err != nil {
			return err
		}
		if err := m.CheckGrant(s.account(), set, all, level); err != nil {
			return err
		}
		return s.done(a, m.Revoke(ctx, set, all, level, s.accountsOfSpecs(n.Users)))
	}
	return sqlerr.New(sqlerr.ErrNotSupportedYet, "this statement")
}

// doneWith answers OK with warnings.
func (s *Session) doneWith(a answer, warnings []sqlerr.Warning, err error) error {
	for _, w := range warnings {
		s.warn(w)
	}
	return s.done(a, err)
}

// alterUser lets accounts change their own password, others only with CREATE USER.
func (s *Session) alterUser(ctx context.Context, n *ast.AlterUserStmt, a answer) error {
	specs := s.userSpecs(n.Specs, n.PasswordOrLockOptions, n.AuthTokenOrTLSOptions)
	if n.CurrentAuth != nil {
		spec := privilege.UserSpec{Account: s.account()}
		authOption(&spec, n.CurrentAuth)
		specs = append(specs, spec)
	}
	for _, spec := range specs {
		if spec.Account != s.account() {
			if err := s.manager.Users.CheckAny(s.account(), privilege.CreateUser); err != nil {
				return err
			}
		}
	}
	warnings, err := s.manager.Users.AlterUser(ctx, specs, n.IfExists)
	return s.doneWith(a, warnings, err)
}

func (s *Session) accountOf(u *auth.UserIdentity) privilege.Account {
	if u.CurrentUser {
		return s.account()
	}
	return privilege.Account{User: u.Username, Host: u.Hostname}
}

func (s *Session) accountsOf(list []*auth.UserIdentity) []privilege.Account {
	out := make([]privilege.Account, len(list))
	for i, u := range list {
		out[i] = s.accountOf(u)
	}
	return out
}

func (s *Session) accountsOfSpecs(list []*ast.UserSpec) []privilege.Account {
	out := make([]privilege.Account, len(list))
	for i, u := range list {
		out[i] = s.accountOf(u.User)
	}
	return out
}

func (s *Session) userSpecs(
	list []*ast.UserSpec, locks []*ast.PasswordOrLockOption, tls []*ast.AuthTokenOrTLSOption,
) []privilege.UserSpec {
	var locked, expired, secure *bool
	yes, no := true, false
	for _, o := range locks {
		switch o.Type {
		case ast.Lock:
			locked = &yes
		case ast.Unlock:
			locked = &no
		case ast.PasswordExpire:
			expired = &yes
		}
	}
	for _, o := range tls {
		switch o.Type {
		case ast.TlsNone:
			secure = &no
		case ast.Ssl, ast.X509:
			secure = &yes
		}
	}
	out := make([]privilege.UserSpec, len(list))
	for i, u := range list {
		out[i] = privilege.UserSpec{Account: s.accountOf(u.User), Locked: locked, Expired: expired, RequireTLS: secure}
		if u.AuthOpt != nil {
			authOption(&out[i], u.AuthOpt)
		}
	}
	return out
}

func authOption(spec *privilege.UserSpec, o *ast.AuthOption) {
	if o.AuthPlugin != "" {
		spec.Plugin = &o.AuthPlugin
	}
	switch {
	case o.ByAuthString:
		spec.Password = &o.AuthString
	case o.ByHashString:
		spec.Hash = &o.HashString
	}
}

// grantOf reads privileges and level of GRANT and REVOKE.
func (s *Session) grantOf(
	list []*ast.PrivElem, at *ast.GrantLevel,
) (set privilege.Set, all bool, level privilege.Level, err error) {
	switch at.Level {
	case ast.GrantLevelDB, ast.GrantLevelTable:
		level = privilege.Level{DB: at.DBName, Table: at.TableName}
		if level.DB == "" {
			level.DB = s.db
		}
		if level.DB == "" {
			return 0, false, level, sqlerr.New(sqlerr.ErrNoDB)
		}
		if at.Level == ast.GrantLevelDB {
			level.Table = ""
		}
	}
	for _, p := range list {
		switch {
		case len(p.Cols) > 0:
			return 0, false, level, sqlerr.New(sqlerr.ErrNotSupportedYet, "privileges on columns")
		case p.Priv == mysql.AllPriv:
			all = true
			continue
		case p.Priv == mysql.UsagePriv:
			continue
		}
		name := p.Name
		if p.Priv != mysql.ExtendedPriv {
			name = mysql.Priv2Str[p.Priv]
		}
		priv, ok := privilege.ParsePriv(name)
		if !ok {
			return 0, false, level, sqlerr.New(sqlerr.ErrNotSupportedYet, "privilege "+name)
		}
		set |= privilege.NewSet(priv)
	}
	return set, all, level, nil
}
