package server

import (
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/privilege"
	"github.com/spillwaydb/spillway/internal/session"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// Defaults and bounds.
const (
	// DefaultVersion is what clients read as the server's version; they decide by its number what dialect to speak.
	DefaultVersion = "8.0.42-Spillway"
	// DefaultMaxConnections is MySQL's.
	DefaultMaxConnections = 151
	// DefaultConnectTimeout is MySQL's connect_timeout: a client must have authenticated within it.
	DefaultConnectTimeout = 10 * time.Second
	// DefaultMaxHandshakes bounds the connections that have not authenticated. One more ends the oldest of them, so
	// silent clients cannot keep others out. Each costs a goroutine and about 1 KiB.
	DefaultMaxHandshakes = 512
	// DefaultShutdownGrace is the time running statements get by Shutdown: enough for short ones. MySQL gives none.
	DefaultShutdownGrace = 2 * time.Second
	// DefaultRowGrace is the time a client gets to read the rest of a large row when its statement is cancelled.
	DefaultRowGrace = 2 * time.Second
)

// Options wire a Server.
type Options struct {
	Registry   session.Registry   // required
	Privileges *privilege.Manager // required
	Heap       *memory.HeapLedger // connections are charged on it; nil: not charged
	Logger     *slog.Logger       // nil: slog.Default()
	TLS        *tls.Config        // nil: no TLS; see TLSConfig
	Version    string             // "": DefaultVersion
	AuthPlugin string             // offered to clients first; "": caching_sha2_password
	Collation  collation.ID       // offered to clients; 0: collation.Default

	// MaxConnections is read at each connection; nil: DefaultMaxConnections. One more is let in for accounts with
	// CONNECTION_ADMIN or SUPER.
	MaxConnections func() int

	// RequireSecureTransport is read at each connection; nil: false.
	RequireSecureTransport func() bool

	// ConnectTimeout is read at each connection; nil: DefaultConnectTimeout.
	ConnectTimeout func() time.Duration

	MaxHandshakes int           // 0: DefaultMaxHandshakes
	ShutdownGrace time.Duration // 0: DefaultShutdownGrace; < 0: none
	RowGrace      time.Duration // 0: DefaultRowGrace

	// WatchInterval is how often the sockets of running commands are looked at for clients that left; 0: one second.
	WatchInterval time.Duration
}

func (o *Options) ensureDefaults() {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Version == "" {
		o.Version = DefaultVersion
	}
	if o.AuthPlugin == "" {
		o.AuthPlugin = privilege.CachingSHA2
	}
	if o.Collation == 0 {
		o.Collation = collation.Default
	}
	if o.MaxConnections == nil {
		o.MaxConnections = func() int { return DefaultMaxConnections }
	}
	if o.RequireSecureTransport == nil {
		o.RequireSecureTransport = func() bool { return false }
	}
	if o.ConnectTimeout == nil {
		o.ConnectTimeout = func() time.Duration { return DefaultConnectTimeout }
	}
	if o.MaxHandshakes == 0 {
		o.MaxHandshakes = DefaultMaxHandshakes
	}
	if o.ShutdownGrace == 0 {
		o.ShutdownGrace = DefaultShutdownGrace
	}
	if o.RowGrace == 0 {
		o.RowGrace = DefaultRowGrace
	}
	if o.WatchInterval == 0 {
		o.WatchInterval = time.Second
	}
}
