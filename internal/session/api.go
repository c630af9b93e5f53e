package session

import (
	"context"
	"io"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Column describes a result column to the client; see physical.Column.
type Column struct {
	Name, DB, Table, OrgTable, OrgName string
	Type                               types.Type
	Flags                              uint16
}

// Status ends a statement or a result set.
type Status struct {
	AffectedRows uint64
	LastInsertID uint64
	Warnings     uint16
	Flags        uint16 // SERVER_STATUS_*: in transaction, autocommit, cursor exists, last row sent
	Info         string // "Rows matched: 1  Changed: 1  Warnings: 0"
	More         bool   // SERVER_MORE_RESULTS_EXISTS
}

// ResultWriter is where a session's answers go; the server implements it on a connection. A statement calls either OK,
// or Columns, Rows any number of times and EOF. An error that a session's method returns is sent by the caller.
type ResultWriter interface {
	OK(s Status) error
	Columns(cols []Column) error
	// Rows encodes the batch's rows. It waits while the client does not read, through stmt.Wait with WaitClient, and
	// calls pause before it does (nil: nothing to pause).
	Rows(ctx context.Context, stmt *memory.Statement, pause func() error, b *vector.Batch) error
	EOF(s Status) error
	// LocalInfile asks the client for a file. The reader must be read to the end or closed before anything is written.
	LocalInfile(ctx context.Context, name string) (io.ReadCloser, error)
}

// WaitClient is the wait for a client that does not read: PROCESSLIST's state.
const WaitClient memory.WaitReason = "Sending to client"

// ConnInfo is what the server knows of a client once it has authenticated.
type ConnInfo struct {
	ID          uint64
	User        string // as the client gave it
	Account     string // user@host of the matching account
	Host        string // host:port of the client
	Database    string
	Attributes  map[string]string
	Collation   uint16
	MultiStmts  bool // CLIENT_MULTI_STATEMENTS
	FoundRows   bool // CLIENT_FOUND_ROWS
	Interactive bool
	LocalFiles  bool
	TLS         bool
	TLSVersion  string // as Ssl_version and Ssl_cipher have them; empty without TLS
	TLSCipher   string
	// Close ends the connection, for KILL. It may be called from any goroutine, repeatedly.
	Close func()
}

// Handler is what the server calls for one client, in the order of its commands; *Session implements it.
type Handler interface {
	ID() uint64
	// Query runs one or more statements. sql lies in a pool page of the caller's and is not kept.
	Query(ctx context.Context, sql []byte, out ResultWriter) error
	Prepare(ctx context.Context, sql []byte) (*PreparedInfo, error)
	// Execute runs a prepared statement. cursor: CURSOR_TYPE_READ_ONLY; then rows come by Fetch.
	Execute(ctx context.Context, id uint32, params []types.Datum, cursor bool, out ResultWriter) error
	Fetch(ctx context.Context, id uint32, rows uint32, out ResultWriter) error
	CloseStatement(id uint32)
	ResetStatement(id uint32) error
	// StatementParams is the number of parameters; false: unknown statement.
	StatementParams(id uint32) (int, bool)
	// ParamTypes are the types of the last execution, kept for new_params_bound = 0; set by the server.
	InitDB(ctx context.Context, name string) error
	FieldList(ctx context.Context, table, wildcard string) ([]Column, error)
	ResetConnection(ctx context.Context) error
	Statistics() string
	SetOption(multiStatements bool)
	// Status are the flags and the database for OK packets outside of statements.
	StatusFlags() uint16
	Account() *memory.Account // pays for packets and buffers
	MaxAllowedPacket() int
	NetBufferLength() int
	NetReadTimeoutSeconds() int
	NetWriteTimeoutSeconds() int
	WaitTimeoutSeconds() int
	// SetCommand tells the process list what the client asked for; "Sleep" when idle.
	SetCommand(command string)
	Close() error
}

// PreparedInfo describes a prepared statement to the client.
type PreparedInfo struct {
	ID       uint32
	Params   int
	Columns  []Column
	Warnings uint16
}

// Registry opens sessions; *Manager implements it.
type Registry interface {
	NextConnID() uint64
	// Connect opens a session for an authenticated client. Errors: 1049 unknown database, 1040 too many connections.
	Connect(ctx context.Context, info ConnInfo) (Handler, error)
	// Kill ends a connection, or only its statement. Error 1094 if there is none.
	Kill(id uint64, queryOnly bool) error
}
