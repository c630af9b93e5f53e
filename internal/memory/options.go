package memory

import (
	"context"
	"log/slog"
	"time"
)

// Options are those of a pool. Only LimitBytes is required.
type Options struct {
	// LimitBytes is P: the bytes that pages and their descriptors may take together.
	LimitBytes int64
	// CeilingBytes is the most that SetLimit accepts; addresses are reserved for it. Default: 4 times LimitBytes, at
	// least 16 GiB.
	CeilingBytes int64
	// HeapLedgerBytes is the capacity of the heap ledger. Default: no limit.
	HeapLedgerBytes int64
	// Store takes evicted blocks. Without one, nothing is evicted: every statement is treated as one that must not
	// spill.
	Store BlockStore
	// AdmissionTimeout ends the wait for a statement's minimum. Default: 30 s.
	AdmissionTimeout time.Duration
	// LaneFraction of the limit is only for statements whose minimum is below 4 MiB. Default: 1/16. Negative: no lane.
	LaneFraction float64
	// ParkAfter is how long all workers of a statement must wait before it is parked. Default: 10 ms.
	ParkAfter time.Duration
	// Evictors is the number of goroutines that write blocks ahead of need. Default: 2. Negative: none; whoever needs
	// memory writes.
	Evictors int
	// Reclaimers are caches that shrink before a block is evicted.
	Reclaimers []Reclaimer
	// Logger gets reports of leaks and of failed writes. Default: none.
	Logger *slog.Logger
	// Clock is for tests. Default: the system's.
	Clock Clock
	// Hooks are for tests. Default: none.
	Hooks *Hooks
}

// Clock is the time as the pool sees it.
type Clock interface {
	Now() time.Time
	// AfterFunc calls f in a goroutine of its own after d; the result stops it if it has not begun.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

// Op names an operation that a hook may refuse.
type Op uint8

const (
	OpMinimum Op = iota // a held page, a held block or a pin within a minimum
	OpSurplus           // a lease
	OpAdmit             // a statement's admission
	OpWrite             // a block is written to temporary storage
	OpRead              // a block is read back
	OpMap               // the system is asked for memory for a page
)

// Hooks let tests refuse what would succeed.
type Hooks struct {
	// Refuse is called before each operation on bytes; an error that it returns becomes the operation's. Of blocks that
	// are written or read together each is an operation, and an error is that of all. It may be called from several
	// goroutines. For OpSurplus the error should be sqlerr.ErrNoSurplus.
	Refuse func(op Op, account string, bytes int) error
}

func (h *Hooks) refuse(op Op, account string, bytes int) error {
	if h == nil || h.Refuse == nil {
		return nil
	}
	return h.Refuse(op, account, bytes)
}

const (
	defaultAdmissionTimeout = 30 * time.Second
	defaultParkAfter        = 10 * time.Millisecond
	defaultLaneFraction     = 1.0 / 16
	defaultEvictors         = 2
	minCeilingBytes         = 16 << 30
)

// withDefaults fills in what is zero.
func (o Options) withDefaults() Options {
	if o.CeilingBytes == 0 {
		o.CeilingBytes = max(4*o.LimitBytes, minCeilingBytes)
	}
	o.CeilingBytes = max(o.CeilingBytes, o.LimitBytes)
	if o.AdmissionTimeout == 0 {
		o.AdmissionTimeout = defaultAdmissionTimeout
	}
	switch {
	case o.LaneFraction == 0:
		o.LaneFraction = defaultLaneFraction
	case o.LaneFraction < 0:
		o.LaneFraction = 0
	}
	if o.ParkAfter == 0 {
		o.ParkAfter = defaultParkAfter
	}
	switch {
	case o.Evictors == 0:
		o.Evictors = defaultEvictors
	case o.Evictors < 0:
		o.Evictors = 0
	}
	if o.Logger == nil {
		o.Logger = slog.New(discard{})
	}
	if o.Clock == nil {
		o.Clock = systemClock{}
	}
	return o
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	return time.AfterFunc(d, f).Stop
}

// discard is a log handler that drops everything.
type discard struct{}

func (discard) Enabled(context.Context, slog.Level) bool  { return false }
func (discard) Handle(context.Context, slog.Record) error { return nil }
func (d discard) WithAttrs([]slog.Attr) slog.Handler      { return d }
func (d discard) WithGroup(string) slog.Handler           { return d }

// StatementOptions are the limits of one statement.
type StatementOptions struct {
	ConnID     uint64
	Name       string // what the process list shows; may be empty
	QuotaBytes int64  // tidb_mem_quota_query; <= 0: only the pool's limit
	// CancelAtQuota: tidb_mem_oom_action = CANCEL. Else LOG. With both a statement that spills gets no leases over its
	// quota. What cannot be shrunk, a minimum and all of a statement without Spill, fails there with CANCEL, and with
	// LOG is said once (EventQuota) and goes on within the pool's limit.
	CancelAtQuota bool
	// Spill: tidb_enable_tmp_storage_on_oom. Without it nothing of this statement is evicted: with CancelAtQuota it
	// fails at its quota with sqlerr.QuotaError.
	Spill bool
	// ForceSpill evicts each block as soon as it is unpinned, for tests.
	ForceSpill bool
	// TempQuotaBytes limits the statement's temporary storage; 0: none of its own.
	TempQuotaBytes int64
	// ScanTokens bounds the morsels in flight of the statement's scans: tidb_distsql_scan_concurrency; 0: no bound.
	ScanTokens int
	// RateLimit: tidb_enable_rate_limit_action. Over its quota the statement gives up tokens before it spills.
	RateLimit bool
	// OnEvent is called at most once for each kind of event, EventToken for each token, from any goroutine.
	OnEvent func(Event)
}
