package session

import (
	"errors"
	"sync"
	"time"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// MemoryKill is a statement that was ended because the server's memory was at its limit.
type MemoryKill struct {
	Time                   time.Time
	LimitBytes             int64  // tidb_server_memory_limit then
	ServerBytes            int64  // pages that the server had
	ConnID                 uint64 // its connection goes on
	MemoryBytes, DiskBytes int64  // the statement's peaks
	Host, DB, User         string
	Text, Digest           string // the statement's text, shortened, and what statements of its form have in common
}

// killsKept is how many kills the history has; TiDB's figure.
const killsKept = 50

// digestBytes is how much of a text its digest is made of.
const digestBytes = 4 << 10

// pressure is what the server's memory has done to statements since the start.
type pressure struct {
	mu     sync.Mutex // protects following
	kills  []MemoryKill
	killed int64
	forced int64 // statements that have ended and had to write to temporary storage
}

// MemoryKills are the last kills, the oldest first, and how many there were in all.
func (m *Manager) MemoryKills() (last []MemoryKill, total int64) {
	m.pressure.mu.Lock()
	defer m.pressure.mu.Unlock()
	return append(last, m.pressure.kills...), m.pressure.killed
}

// ForcedToDisk is how many statements have written to temporary storage, those that still run included.
func (m *Manager) ForcedToDisk() (n int64) {
	for _, s := range m.Sessions() {
		if s.Process().Memory.SpilledBytes > 0 {
			n++
		}
	}
	m.pressure.mu.Lock()
	defer m.pressure.mu.Unlock()
	return n + m.pressure.forced
}

// noteEnd takes note of what the server's memory has done to a statement that ended with err and is still open.
func (s *Session) noteEnd(stmt *memory.Statement, text string, err error) {
	m, st := s.manager, stmt.Account().Stats()
	if st.SpilledBytes > 0 {
		m.pressure.mu.Lock()
		m.pressure.forced++
		m.pressure.mu.Unlock()
	}
	var why *sqlerr.ServerMemoryError
	if !errors.As(err, &why) {
		return
	}
	p := s.Process()
	k := MemoryKill{
		Time: m.Now(), LimitBytes: m.MemoryLimit(), ServerBytes: m.Pool.Stats().Committed, ConnID: s.info.ID,
		MemoryBytes: st.Peak, DiskBytes: st.DiskPeak, Host: p.Host, DB: p.DB, User: p.User,
		Text: shorten(text, 256), Digest: parse.Digest(text[:min(len(text), digestBytes)]),
	}
	m.pressure.mu.Lock()
	defer m.pressure.mu.Unlock()
	m.pressure.killed++
	m.pressure.kills = append(m.pressure.kills, k)
	if n := len(m.pressure.kills); n > killsKept {
		m.pressure.kills = m.pressure.kills[n-killsKept:]
	}
}
