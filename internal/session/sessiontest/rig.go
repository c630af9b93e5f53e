package sessiontest

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/catalog"
	"github.com/spillwaydb/spillway/internal/infoschema"
	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/kv/local"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/privilege"
	"github.com/spillwaydb/spillway/internal/session"
	"github.com/spillwaydb/spillway/internal/spill"
	"github.com/spillwaydb/spillway/internal/sysvar"
	"github.com/spillwaydb/spillway/internal/table"
	"github.com/spillwaydb/spillway/internal/testutil/faulty"
)

// Options are those of a rig.
type Options struct {
	LimitBytes int64 // of the pool; default: 256 MiB
	// DiskBytes is the size of the disk that has the temporary storage; 0: no limit.
	DiskBytes int64
	// ParkAfter is as in memory.Options.
	ParkAfter time.Duration
}

// Rig is a server without a network.
type Rig struct {
	Pool     *memory.Pool
	Spill    *spill.Store
	Files    *faulty.Files
	FS       vfs.FS // of the storage engine, whose directory is "data"
	Catalog  *catalog.Catalog
	Sessions *session.Manager

	refuse atomic.Pointer[func(op memory.Op, account string, bytes int) error]
	fault  atomic.Pointer[func(op faulty.Op, n int) error]
	log    logBuffer

	corrupt atomic.Bool // reads of temporary files return a wrong byte
}

// New starts a rig. It ends with the test, and fails it if a page or a block is left.
func New(t testing.TB, o Options) *Rig {
	t.Helper()
	if o.LimitBytes == 0 {
		o.LimitBytes = 256 << 20
	}
	ctx := context.Background()
	r := &Rig{}
	r.Files = &faulty.Files{
		Inner: spill.System{Buffered: true}, DiskBytes: o.DiskBytes,
		Fail: r.fail, Corrupt: r.damage,
	}
	logger := slog.New(slog.NewTextHandler(&r.log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the server's log:\n%s", r.log.String())
		}
	})
	var err error
	r.Spill, err = spill.Open(spill.Options{Dir: t.TempDir(), AllowMemory: true, Files: r.Files, Logger: logger})
	require.NoError(t, err)
	closing(t, r.Spill.Shutdown)
	r.Pool, err = memory.NewPool(memory.Options{
		LimitBytes: o.LimitBytes, Store: r.Spill, Logger: logger, ParkAfter: o.ParkAfter,
		Hooks: &memory.Hooks{Refuse: r.ask},
	})
	require.NoError(t, err)
	closing(t, r.Pool.Close)
	account := r.Pool.Server().Child("storage")
	t.Cleanup(account.Close)
	var store kv.Store
	r.FS = vfs.NewMem()
	store, err = local.Open(local.Options{
		Path: "data", FS: r.FS, Account: account, Heap: r.Pool.Heap(), Logger: engineLog{},
		SpaceBytes: table.PrefixBytes,
	})
	require.NoError(t, err)
	closing(t, store.Close)
	r.Catalog, err = catalog.Open(ctx, catalog.Options{
		Store: store, Pool: r.Pool, Txn: kv.TxnOptions{Account: account},
	})
	require.NoError(t, err)
	closing(t, func() error {
		if _, old := r.Catalog.HeapBytes(); old != 0 {
			t.Errorf("%d bytes of old definitions are still charged", old)
		}
		return r.Catalog.Close(ctx)
	})
	users, err := privilege.New(ctx, privilege.Options{Store: session.NewAccountStore(r.Catalog)})
	require.NoError(t, err)
	r.Sessions = session.NewManager(session.Options{
		Pool: r.Pool, Store: store, Catalog: r.Catalog, Globals: sysvar.NewGlobals(sysvar.GlobalsOptions{}),
		Users: users, Logger: logger, Version: "8.0.11-test", MemoryLimit: func() int64 { return o.LimitBytes },
	})
	closing(t, r.Sessions.Close)
	infoschema.Register(r.Catalog, r.Sessions)
	return r
}

func closing(t testing.TB, f func() error) {
	t.Cleanup(func() {
		if err := f(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
}

// Refuse has f asked before each operation of the pool from now on; nil: nothing is refused.
func (r *Rig) Refuse(f func(op memory.Op, account string, bytes int) error) {
	if f == nil {
		r.refuse.Store(nil)
		return
	}
	r.refuse.Store(&f)
}

// GiveBackIdle gives the memory of all free pages back to the system, so that the next ones are asked of it.
func (r *Rig) GiveBackIdle() {
	limit := r.Pool.Stats().Limit
	r.Pool.SetLimit(0)
	r.Pool.SetLimit(limit)
}

// FailFiles has f asked before each operation on a temporary file from now on; nil: nothing fails.
func (r *Rig) FailFiles(f func(op faulty.Op, n int) error) {
	if f == nil {
		r.fault.Store(nil)
		return
	}
	r.fault.Store(&f)
}

func (r *Rig) ask(op memory.Op, account string, n int) error {
	if f := r.refuse.Load(); f != nil {
		return (*f)(op, account, n)
	}
	return nil
}

// CorruptReads has every read of a temporary file return a wrong byte from now on, or no longer.
func (r *Rig) CorruptReads(on bool) { r.corrupt.Store(on) }

func (r *Rig) damage(int) bool { return r.corrupt.Load() }

func (r *Rig) fail(op faulty.Op, n int) error {
	if f := r.fault.Load(); f != nil {
		return (*f)(op, n)
	}
	return nil
}

// TakeLog returns what was logged since the last call.
func (r *Rig) TakeLog() string {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	s := r.log.b.String()
	r.log.b.Reset()
	return s
}

// logBuffer keeps the log.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer // protected by mu
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// engineLog drops the storage engine's messages.
type engineLog struct{}

func (engineLog) Infof(string, ...any)  {}
func (engineLog) Errorf(string, ...any) {}
