package session

import (
	"context"
	"log/slog"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spillwaydb/spillway/internal/catalog"
	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/privilege"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/sysvar"
)

// Options are what a Manager works on. All are required but where said.
type Options struct {
	Pool    *memory.Pool
	Store   kv.Store
	Catalog *catalog.Catalog
	Globals *sysvar.Globals
	Users   *privilege.Manager
	Logger  *slog.Logger
	// Version is what VERSION() says.
	Version string
	// MemoryLimit is tidb_server_memory_limit in bytes; it may change.
	MemoryLimit func() int64
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Manager is the registry of sessions.
type Manager struct {
	Options
	started time.Time
	nextID  atomic.Uint64
	queries atomic.Uint64 // statements begun since the start: Questions
	slow    atomic.Uint64
	// userVarBytes are those of the @variables of all sessions.
	userVarBytes atomic.Int64
	pressure

	mu       sync.Mutex
	sessions map[uint64]*Session        // protected by mu
	users    map[string]*memory.Account // protected by mu; accounts of users, kept while the server runs
	closed   bool                       // protected by mu
}

var _ Registry = (*Manager)(nil)

// NewManager returns an empty registry.
func NewManager(o Options) *Manager {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Manager{
		Options:  o,
		started:  o.Now(),
		sessions: make(map[uint64]*Session),
		users:    make(map[string]*memory.Account),
	}
}

// NextConnID returns a connection id that was never given out.
func (m *Manager) NextConnID() uint64 { return m.nextID.Add(1) }

// Connect opens a session for an authenticated client. Errors: 1049, 1053, 3032.
func (m *Manager) Connect(ctx context.Context, info ConnInfo) (Handler, error) {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil, sqlerr.New(sqlerr.ErrServerShutdown)
	}
	user := m.users[info.User]
	if user == nil {
		user = m.Pool.Server().Child("user " + info.User)
		m.users[info.User] = user
	}
	s := newSession(m, info, user)
	m.sessions[info.ID] = s
	m.mu.Unlock()
	if err := m.served(info.Account); err != nil {
		return nil, errFirst(err, s.Close())
	}
	if info.Database != "" {
		if err := s.InitDB(ctx, info.Database); err != nil {
			return nil, errFirst(err, s.Close())
		}
	}
	return s, nil
}

// errFirst is the first error of a failed call and its clean-up.
func errFirst(err, cleanup error) error {
	if err != nil {
		return err
	}
	return cleanup
}

// Kill ends a connection or its running statement. Error 1094.
func (m *Manager) Kill(id uint64, queryOnly bool) error {
	s := m.session(id)
	if s == nil {
		return sqlerr.New(sqlerr.ErrNoSuchThread, id)
	}
	s.kill(queryOnly)
	return nil
}

// session is that of a connection id; nil: there is none.
func (m *Manager) session(id uint64) *Session {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sessions[id]
}

func (m *Manager) remove(id uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sessions, id)
}

// Sessions returns the open sessions by connection id.
func (m *Manager) Sessions() []*Session {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]*Session, 0, len(m.sessions))
	for _, s := range m.sessions {
		out = append(out, s)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].info.ID < out[j].info.ID })
	return out
}

// Uptime is the time since the manager was made.
func (m *Manager) Uptime() time.Duration { return m.Now().Sub(m.started) }

// Queries is the number of statements begun.
func (m *Manager) Queries() uint64 { return m.queries.Load() }

// Close closes the accounts of users. All sessions must be closed.
func (m *Manager) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	for _, a := range m.users {
		a.Close()
	}
	m.users = nil
	return nil
}
