package session

import (
	"context"
	"fmt"
	"strings"

	"github.com/spillwaydb/spillway/internal/catalog"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/sysvar"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// maxWarnings is how many warnings a statement keeps (max_error_count's default); all are counted.
const maxWarnings = 1024

// Session is the state of one client. Its methods are called by the client's connection, one at a time (S1).
type Session struct {
	manager *Manager
	info    ConnInfo
	acct    *memory.Account // the session's
	vars    *sysvar.Values
	db      string
	users   *userVars

	txn      transaction
	locks    tableLocks
	prepared map[uint32]*prepared
	named    map[string]*prepared // PREPARE ... FROM
	nextStmt uint32

	// Of the last statement.
	warnings     []sqlerr.Warning
	warningCount int
	errorCount   int
	rowCount     int64
	foundRows    uint64
	lastInsertID uint64
	affected     uint64

	proc   process
	closed bool
}

var _ Handler = (*Session)(nil)

func newSession(m *Manager, info ConnInfo, user *memory.Account) *Session {
	s := &Session{
		manager: m, info: info,
		acct:     user.Child(fmt.Sprintf("session %d", info.ID)),
		vars:     sysvar.NewValues(m.Globals),
		prepared: make(map[uint32]*prepared),
		named:    make(map[string]*prepared),
	}
	s.users = newUserVars(m, s.acct, info.ID)
	s.txn.owner = m.Catalog.Locks().NewOwner(info.ID, nil)
	s.locks.owner = m.Catalog.Locks().NewOwner(info.ID, nil)
	s.proc.command, s.proc.since = "Connect", m.Now()
	s.setCollation(collation.ID(info.Collation))
	return s
}

// setCollation follows the handshake's collation, as SET NAMES would.
func (s *Session) setCollation(id collation.ID) {
	name := collation.Name(id)
	if name == "" {
		return
	}
	cs := collation.Charset(id)
	for _, v := range []string{"character_set_client", "character_set_connection", "character_set_results"} {
		s.setText(v, cs)
	}
	s.setText("collation_connection", name)
}

// setText sets a session variable to a value known to be right; a refusal would be a bug of the variables' table.
func (s *Session) setText(name, value string) {
	d := types.NewStringDatum(types.NewVarChar(len(value), textCollation), []byte(value))
	if err := s.vars.Set(name, d, func(sqlerr.Warning) {}); err != nil {
		s.manager.Logger.Warn("session variable refused", "name", name, "value", value, "error", err)
	}
}

// ID is the connection id.
func (s *Session) ID() uint64 { return s.info.ID }

// Info is what is known of the client.
func (s *Session) Info() ConnInfo { return s.info }

// Database is the current database; empty: none.
func (s *Session) Database() string { return s.db }

// Variables are the session's system variables.
func (s *Session) Variables() *sysvar.Values { return s.vars }

// Manager is the registry that the session belongs to.
func (s *Session) Manager() *Manager { return s.manager }

// Account pays for what the session holds beyond statements.
func (s *Session) Account() *memory.Account { return s.acct }

// MaxAllowedPacket is the longest packet to take, in bytes.
func (s *Session) MaxAllowedPacket() int { return int(s.vars.Int("max_allowed_packet")) }

// NetBufferLength is the size of the net buffer in bytes.
func (s *Session) NetBufferLength() int { return int(s.vars.Int("net_buffer_length")) }

// NetReadTimeoutSeconds is how long the rest of a packet, or of a file that is sent, may be waited for.
func (s *Session) NetReadTimeoutSeconds() int { return int(s.vars.Int("net_read_timeout")) }

// NetWriteTimeoutSeconds is how long a send may be stalled.
func (s *Session) NetWriteTimeoutSeconds() int { return int(s.vars.Int("net_write_timeout")) }

// WaitTimeoutSeconds is how long the client may be idle.
func (s *Session) WaitTimeoutSeconds() int {
	if s.info.Interactive {
		return int(s.vars.Int("interactive_timeout"))
	}
	return int(s.vars.Int("wait_timeout"))
}

// SERVER_STATUS flags, from the protocol.
const (
	flagInTransaction = 0x0001
	flagAutocommit    = 0x0002
	flagCursorExists  = 0x0040
	flagLastRowSent   = 0x0080
)

// StatusFlags are the flags of OK and EOF packets.
func (s *Session) StatusFlags() uint16 {
	var f uint16
	if s.vars.Bool("autocommit") {
		f |= flagAutocommit
	}
	if s.txn.open() {
		f |= flagInTransaction
	}
	return f
}

// InitDB is USE. Errors: 1049, 1044.
func (s *Session) InitDB(_ context.Context, name string) error {
	d, err := s.manager.Catalog.Snapshot().Database(name)
	if err != nil {
		return err
	}
	s.db = d.Name
	s.setText("collation_database", collation.Name(d.Collation))
	s.setText("character_set_database", collation.Charset(d.Collation))
	s.proc.mu.Lock()
	s.proc.db = d.Name
	s.proc.mu.Unlock()
	return nil
}

// FieldList is COM_FIELD_LIST: the columns of a table, those that fit wildcard.
func (s *Session) FieldList(_ context.Context, table, wildcard string) ([]Column, error) {
	if s.db == "" {
		return nil, sqlerr.New(sqlerr.ErrNoDB)
	}
	t, err := s.manager.Catalog.Snapshot().Table(s.db, table)
	if err != nil {
		return nil, err
	}
	var out []Column
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.Hidden || wildcard != "" && wildcard != "%" && !strings.EqualFold(wildcard, c.Name) {
			continue
		}
		out = append(out, Column{
			Name: c.Name, OrgName: c.Name, DB: t.DB, Table: t.Name, OrgTable: t.Name, Type: c.Type,
		})
	}
	return out, nil
}

// Statistics is COM_STATISTICS' line.
func (s *Session) Statistics() string {
	m := s.manager
	up := m.Uptime().Seconds()
	return fmt.Sprintf("Uptime: %.0f  Threads: %d  Questions: %d  Slow queries: %d  Opens: 0  Flush tables: 0  "+
		"Open tables: 0  Queries per second avg: %.3f", up, len(m.Sessions()), m.Queries(), m.slow.Load(),
		float64(m.Queries())/max(up, 1))
}

// SetOption is COM_SET_OPTION.
func (s *Session) SetOption(multiStatements bool) { s.info.MultiStmts = multiStatements }

// ResetConnection is COM_RESET_CONNECTION: transaction undone, variables, prepared statements and locks gone.
func (s *Session) ResetConnection(ctx context.Context) error {
	err := s.txn.rollback(s)
	s.locks.release()
	s.dropPrepared()
	s.vars.Reset()
	s.setCollation(collation.ID(s.info.Collation))
	s.users.clear()
	s.resetDiagnostics()
	s.lastInsertID, s.rowCount, s.foundRows = 0, 0, 0
	return err
}

// Close ends the session: what it holds is given back. Repeatable.
func (s *Session) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	err := s.txn.rollback(s)
	s.locks.release()
	s.dropPrepared()
	s.users.clear()
	s.manager.remove(s.info.ID)
	s.acct.Close()
	return err
}

// resetDiagnostics forgets the warnings of the last statement.
func (s *Session) resetDiagnostics() {
	s.warnings, s.warningCount, s.errorCount = s.warnings[:0], 0, 0
}

// warn adds a warning; called under the statement's lock of warnings.
func (s *Session) warn(w sqlerr.Warning) {
	s.warningCount++
	if w.Level == sqlerr.LevelError {
		s.errorCount++
	}
	if len(s.warnings) < maxWarnings {
		s.warnings = append(s.warnings, w)
	}
}

// Warnings are those of the last statement that may have some.
func (s *Session) Warnings() []sqlerr.Warning { return s.warnings }

// snapshot is the catalog as it is now.
func (s *Session) snapshot() *catalog.Snapshot { return s.manager.Catalog.Snapshot() }
