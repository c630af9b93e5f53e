package session

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/privilege"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// Variables that close the server to some.
const (
	varReadOnly      = "read_only"       // ordinary accounts change nothing
	varSuperReadOnly = "super_read_only" // nobody does
	varOfflineMode   = "offline_mode"    // ordinary accounts are not served
)

// writable is the check before a change, and before its commit. Error 1290.
func (s *Session) writable() error {
	g := s.manager.Globals
	switch {
	case !g.Bool(varReadOnly):
		return nil
	case g.Bool(varSuperReadOnly):
		return sqlerr.New(sqlerr.ErrOptionPreventsStatement, "--super-read-only")
	case s.manager.administers(s.account()):
		return nil
	}
	return sqlerr.New(sqlerr.ErrOptionPreventsStatement, "--read-only")
}

// administers says if an account is none of the ordinary ones.
func (m *Manager) administers(a privilege.Account) bool {
	return m.Users.HasAny(a, privilege.Super, privilege.ConnectionAdmin)
}

// changesAccounts is for statements about users and their privileges that change something.
func changesAccounts(n ast.StmtNode) bool {
	switch n.(type) {
	case *ast.CreateUserStmt, *ast.AlterUserStmt, *ast.DropUserStmt, *ast.RenameUserStmt, *ast.SetPwdStmt,
		*ast.GrantStmt, *ast.RevokeStmt:
		return true
	}
	return false
}

// mayClose is the check before a global variable is set: who has tables locked, or a transaction open, cannot make the
// server read-only. Error 1192.
func (s *Session) mayClose(name string) error {
	if (name == varReadOnly || name == varSuperReadOnly) && (s.txn.open() || s.locks.tables != nil) {
		return sqlerr.New(sqlerr.ErrLockOrActiveTransaction)
	}
	return nil
}

// served is the check of a new session, once it is in the registry. Error 3032.
func (m *Manager) served(account string) error {
	if m.Globals.Bool(varOfflineMode) && !m.administers(privilege.ParseAccount(account)) {
		return sqlerr.New(sqlerr.ErrServerOfflineMode)
	}
	return nil
}

// disconnect ends the connections that offline_mode does not allow.
func (m *Manager) disconnect() {
	for _, s := range m.Sessions() {
		if m.served(s.info.Account) != nil {
			s.kill(false)
		}
	}
}
