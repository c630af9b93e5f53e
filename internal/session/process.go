package session

import (
	"context"
	"sync"
	"time"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// ProcessInfo is a session in the process list.
type ProcessInfo struct {
	ID         uint64
	User, Host string
	DB         string
	Command    string
	Since      time.Time // of the command
	State      string
	Info       string // the statement's text; shortened
	Memory     memory.AccountStats
	InTxn      bool
}

// process is what others may see of, and do to, a session; all of it is protected by mu.
type process struct {
	mu      sync.Mutex
	command string
	since   time.Time
	db      string
	inTxn   bool
	state   string
	text    string
	stmt    *memory.Statement       // of the running statement, once there is one
	cancel  context.CancelCauseFunc // of the running statement; nil: none
	killed  bool                    // the connection is to end
}

// begin registers a running statement; the returned function ends it.
func (p *process) begin(ctx context.Context, text string, now time.Time) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text, p.state, p.cancel, p.since = text, "executing", cancel, now
	if p.killed {
		cancel(sqlerr.New(sqlerr.ErrQueryInterrupted))
	}
	return ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.text, p.state, p.cancel, p.stmt = "", "", nil, nil
		cancel(nil)
	}
}

// setStatement tells which memory.Statement runs.
func (p *process) setStatement(stmt *memory.Statement, state string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stmt, p.state = stmt, state
}

// dropStatement forgets it: its figures are counted elsewhere from now on.
func (p *process) dropStatement() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stmt = nil
}

// showWait shows a state until end.
func (p *process) showWait(state string) (end func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.state
	p.state = state
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.state = was
	}
}

// kill cancels the statement that runs now, if any (S2), and marks the connection if it is to end.
func (s *Session) kill(queryOnly bool) {
	s.proc.mu.Lock()
	if s.proc.cancel != nil {
		s.proc.cancel(sqlerr.New(sqlerr.ErrQueryInterrupted))
	}
	if !queryOnly {
		s.proc.killed = true
	}
	s.proc.mu.Unlock()
	if !queryOnly && s.info.Close != nil {
		s.info.Close()
	}
}

// Process returns the session's line in the process list.
func (s *Session) Process() ProcessInfo {
	p := &s.proc
	p.mu.Lock()
	defer p.mu.Unlock()
	info := ProcessInfo{
		ID: s.info.ID, User: s.info.User, Host: s.info.Host, DB: p.db,
		Command: p.command, Since: p.since, State: p.state, Info: p.text, InTxn: p.inTxn,
	}
	if p.stmt != nil {
		info.Memory = p.stmt.Account().Stats()
		if w := p.stmt.Waiting(); w != "" {
			info.State = string(w)
		}
	}
	return info
}

// SetCommand tells the process list what the client asked for.
func (s *Session) SetCommand(command string) {
	s.proc.mu.Lock()
	defer s.proc.mu.Unlock()
	s.proc.command, s.proc.since = command, s.manager.Now()
}
