package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/spillwaydb/spillway/internal/catalog"
	"github.com/spillwaydb/spillway/internal/cgroup"
	"github.com/spillwaydb/spillway/internal/infoschema"
	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/kv/local"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/privilege"
	"github.com/spillwaydb/spillway/internal/server"
	"github.com/spillwaydb/spillway/internal/session"
	"github.com/spillwaydb/spillway/internal/spill"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/sysvar"
	"github.com/spillwaydb/spillway/internal/table"
	"github.com/spillwaydb/spillway/internal/telemetry"
)

// version is the product's; clients see server.DefaultVersion, which begins with MySQL's.
const version = "0.1.0"

// app is what a running server consists of. Fields are set in the order in which they are started, and closed in
// reverse.
type app struct {
	config  *config
	log     *slog.Logger
	closers []func() error

	budget     memory.Budget
	limitBytes atomic.Int64 // budget.Limit, for other goroutines
	globals    *sysvar.Globals
	catalog    *catalog.Catalog
	spill      *spill.Store
	pool       *memory.Pool
	guard      *memory.Guard
	store      kv.Store
	users      *privilege.Manager
	sessions   *session.Manager
	server     *server.Server
}

// serve runs a server until ctx ends. It returns nil after a graceful shutdown.
func serve(ctx context.Context, c *config, out io.Writer) (err error) {
	a := &app{config: c}
	defer func() { err = errors.Join(err, a.close()) }()
	if err := a.openLog(); err != nil {
		return err
	}
	for _, start := range []func(context.Context) error{
		a.openVariables, a.openMemory, a.openStorage, a.openSessions,
	} {
		if err := start(ctx); err != nil {
			return err
		}
	}
	return a.listen(ctx, out)
}

// onClose has f called at the end, before what was registered earlier.
func (a *app) onClose(f func() error) { a.closers = append(a.closers, f) }

func (a *app) close() error {
	var errs []error
	for i := len(a.closers) - 1; i >= 0; i-- {
		errs = append(errs, a.closers[i]())
	}
	return errors.Join(errs...)
}

func (a *app) openLog() error {
	level, err := a.config.logLevel()
	if err != nil {
		return err
	}
	w, err := a.config.openLog()
	if err != nil {
		return fmt.Errorf("log file: %w", err)
	}
	a.onClose(w.Close)
	a.log = slog.New(telemetry.NewLogHandler(w, level))
	slog.SetDefault(a.log)
	return nil
}

// openVariables sets the variables that are known before storage is open: the memory limit is one of them.
func (a *app) openVariables(context.Context) error {
	a.globals = sysvar.NewGlobals(sysvar.GlobalsOptions{Persist: a.persist, OnChange: a.variableChanged})
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	data, err := filepath.Abs(a.config.Path)
	if err != nil {
		return err
	}
	for name, value := range map[string]string{
		"version": server.DefaultVersion, "hostname": host, "port": strconv.Itoa(a.config.Port),
		"datadir": data + string(filepath.Separator), "tmpdir": a.config.TmpStoragePath,
	} {
		if err := a.globals.Load(name, value); err != nil {
			return fmt.Errorf("variable %s: %w", name, err)
		}
	}
	for _, v := range a.config.variables() {
		if err := a.globals.Load(v[0], v[1]); err != nil {
			return fmt.Errorf("variable %s: %w", v[0], err)
		}
	}
	return nil
}

// openMemory divides the limit and opens pool and temporary storage.
func (a *app) openMemory(context.Context) error {
	limit, err := a.memoryLimit()
	if err != nil {
		return err
	}
	if a.budget, err = memory.BudgetFor(limit); err != nil {
		return err
	}
	a.limitBytes.Store(limit)
	debug.SetMemoryLimit(a.budget.GoMemoryLimit)
	debug.SetGCPercent(100)
	a.spill, err = spill.Open(spill.Options{
		Dir: a.config.TmpStoragePath, QuotaBytes: a.config.TmpStorageQuota, AllowMemory: a.config.TmpStorageInMemory,
		Logger: a.log,
	})
	if errors.Is(err, spill.ErrInUse) && a.config.TmpStorageWithData {
		return fmt.Errorf("data directory %s is in use by another server", a.config.Path)
	}
	if err != nil {
		return fmt.Errorf("temporary storage: %w", err)
	}
	a.onClose(a.spill.Shutdown)
	if n := a.spill.FixedBytes(); n > a.budget.Buffers {
		return fmt.Errorf("temporary storage: %d bytes of buffers, %d are budgeted", n, a.budget.Buffers)
	}
	a.pool, err = memory.NewPool(memory.Options{
		LimitBytes: a.budget.Pool, HeapLedgerBytes: a.budget.HeapLedger, Store: a.spill, Logger: a.log,
		AdmissionTimeout: time.Duration(a.config.Performance.AdmissionTimeoutSeconds) * time.Second,
	})
	if err != nil {
		return fmt.Errorf("memory pool: %w", err)
	}
	a.onClose(a.pool.Close)
	return nil
}

// memoryLimit is tidb_server_memory_limit in bytes, at most the smaller of the machine's and the cgroup's memory, of
// which percents are.
func (a *app) memoryLimit() (int64, error) {
	total, err := cgroup.System.UsableMemory()
	if err != nil {
		return 0, err
	}
	text, err := a.globals.Get(memoryLimitName)
	if err != nil {
		return 0, err
	}
	n, _, err := sysvar.ParseBytesOrPercent(text, uint64(total))
	if err != nil {
		return 0, fmt.Errorf("tidb_server_memory_limit: %w", err)
	}
	switch {
	case n == 0: // TiDB: no limit. The machine's memory is one.
		n = uint64(total)
	case n > uint64(total):
		a.log.Warn("memory limit is more than the machine or its cgroup has", "limit", text, "used", total)
		n = uint64(total)
	}
	return int64(n), nil
}

// engineLog takes the storage engine's messages.
type engineLog struct{ *slog.Logger }

func (l engineLog) Infof(format string, args ...any)  { l.Debug(fmt.Sprintf(format, args...)) }
func (l engineLog) Errorf(format string, args ...any) { l.Error(fmt.Sprintf(format, args...)) }

func (a *app) openStorage(ctx context.Context) error {
	var err error
	account := a.pool.Server().Child("storage")
	a.onClose(func() error {
		account.Close()
		return nil
	})
	a.store, err = local.Open(local.Options{
		Path:       filepath.Join(a.config.Path, "store"),
		CacheBytes: a.budget.CacheBytes, MemtableBytes: a.budget.MemtableBytes,
		MaxConcurrentCompactions: a.budget.Compactions, Account: account, Heap: a.pool.Heap(), Logger: engineLog{a.log},
		SpaceBytes: table.PrefixBytes,
	})
	if err != nil {
		return fmt.Errorf("data directory %s: %w", a.config.Path, err)
	}
	a.onClose(a.store.Close)
	a.catalog, err = catalog.Open(ctx, catalog.Options{
		Store: a.store, Pool: a.pool, Txn: kv.TxnOptions{Account: account},
	})
	if large := new(catalog.TooLargeError); errors.As(err, &large) {
		return fmt.Errorf("catalog: %w; start with tidb_server_memory_limit of at least %d MiB",
			large, memory.LimitForHeapLedger(large.Ledger)>>20)
	}
	if err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	a.onClose(func() error {
		err := a.catalog.Close(context.WithoutCancel(ctx))
		if sqlerr.Is(err, sqlerr.ErrDiskFull) { // as after a crash, what the figures skip is lost, and nothing else
			a.log.Warn("counters and row counts are not saved", "error", err)
			return nil
		}
		return err
	})
	if err := a.loadVariables(ctx); err != nil {
		return err
	}
	a.users, err = privilege.New(ctx, privilege.Options{Store: session.NewAccountStore(a.catalog)})
	if sqlerr.Is(err, sqlerr.ErrMemoryExceedForInstance) {
		return fmt.Errorf("accounts: %w; start with a larger tidb_server_memory_limit", err)
	}
	if err != nil {
		return fmt.Errorf("accounts: %w", err)
	}
	return nil
}

func (a *app) openSessions(context.Context) error {
	a.sessions = session.NewManager(session.Options{
		Pool: a.pool, Store: a.store, Catalog: a.catalog, Globals: a.globals, Users: a.users, Logger: a.log,
		Version: server.DefaultVersion, MemoryLimit: a.limitBytes.Load,
	})
	a.onClose(a.sessions.Close)
	infoschema.Register(a.catalog, a.sessions)
	a.onClose(a.startGuard())
	a.onClose(a.startHousekeeping())
	return nil
}

// listen opens the ports, says where, and serves until ctx ends.
func (a *app) listen(ctx context.Context, out io.Writer) error {
	c := a.config
	tls, err := a.tlsConfig()
	if err != nil {
		return fmt.Errorf("TLS: %w", err)
	}
	a.server, err = server.New(server.Options{
		Registry: a.sessions, Privileges: a.users, Heap: a.pool.Heap(), Logger: a.log, TLS: tls,
		MaxConnections:         func() int { return int(a.globals.Int("max_connections")) },
		RequireSecureTransport: func() bool { return a.globals.Bool("require_secure_transport") },
		ConnectTimeout: func() time.Duration {
			return time.Duration(a.globals.Int("connect_timeout")) * time.Second
		},
	})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", net.JoinHostPort(c.Host, strconv.Itoa(c.Port)))
	if err != nil {
		return err
	}
	if err := a.globals.Load("port", strconv.Itoa(l.Addr().(*net.TCPAddr).Port)); err != nil {
		return err
	}
	status, err := a.startStatus()
	if err != nil {
		return errors.Join(err, l.Close())
	}
	data, err := filepath.Abs(c.Path)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "spillway %s: listening on %s, data in %s, temporary storage in %s, status on %s, "+
		"memory limit %d MiB (pages %d MiB)\n", version, l.Addr(), data, c.TmpStoragePath, status,
		a.budget.Limit>>20, a.budget.Pool>>20)
	a.log.Info("server started", "version", version, "address", l.Addr().String(), "data", data,
		"limit", a.budget.Limit, "pool", a.budget.Pool, "heap", a.budget.Heap, "storage", a.budget.Storage)

	served := make(chan error, 1)
	go func() { served <- a.server.Serve(ctx, l) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	a.log.Info("server shutting down")
	if err := a.server.Shutdown(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("shutdown: %w", err)
	}
	if err := <-served; err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, context.Canceled) {
		return err
	}
	a.log.Info("server stopped")
	return nil
}

// startStatus opens the status port, unless it is switched off, and returns its address.
func (a *app) startStatus() (string, error) {
	c := a.config
	if !c.Status.ReportStatus || c.Status.Port < 0 {
		return "no port", nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort(c.Status.Host, strconv.Itoa(c.Status.Port)))
	if err != nil {
		return "", fmt.Errorf("status port: %w", err)
	}
	s := telemetry.NewStatusServer(&telemetry.Sources{
		Version: server.DefaultVersion, Sessions: a.sessions, Pool: a.pool, Budget: a.budget, Spill: a.spill,
		Guard: a.guard, Store: a.store, Limit: a.limitBytes.Load,
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			a.log.Error("status port", "error", err)
		}
	}()
	a.onClose(func() error {
		err := s.Close()
		<-done
		return err
	})
	return l.Addr().String(), nil
}
