package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/exec/build"
	"github.com/spillwaydb/spillway/internal/exec/dml"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/vector"
)

// planned is a statement that is about to run: its plan and what expressions see.
type planned struct {
	plan *physical.Plan
	env  *expr.Env
	text string
}

// outcome is what a run leaves for the answer.
type outcome struct {
	profile *exec.Profile
	change  dml.Result // of a data change
	rows    uint64
	sizing  build.Sizing
}

// errStale says that a table changed between planning and locking; the statement is planned again.
var errStale = errors.New("session: plan is older than the catalog")

// run executes a plan in the session's transaction. rows gets the result's rows; nil for statements without.
func (s *Session) run(ctx context.Context, p planned, rows consumer, a answer) (out outcome, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stmt := s.manager.Pool.NewStatement(s.acct, s.statementOptions(s.quota(p.plan), p.text))
	defer func() {
		s.proc.dropStatement()
		s.noteEnd(stmt, p.text, err)
		s.txn.current = nil
		stmt.Close()
	}()
	s.proc.setStatement(stmt, "executing")
	s.txn.current = stmt
	stopPoison := context.AfterFunc(stmt.Account().Context(), func() { cancel(stmt.Err()) })
	defer stopPoison()
	p.env.Ctx = ctx

	sizing, err := s.size(p.plan)
	if err != nil {
		return out, err
	}
	out.sizing = sizing
	s.proc.setState("waiting for memory")
	if err := stmt.Admit(ctx, sizing.Minimum); err != nil {
		return out, err
	}
	s.proc.setState("executing")
	stmt.AddWorkers(1)
	defer stmt.AddWorkers(-1)

	if err := s.txn.statement(ctx, s); err != nil {
		return out, s.txn.notBegun(s, err)
	}
	s.txn.wrote = s.txn.wrote || p.plan.Write
	err = s.execute(ctx, stmt, p, sizing, &rows, a, &out)
	if err == nil && stmt.Err() != nil {
		err = stmt.Err()
	}
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = context.Cause(ctx)
	}
	return out, s.txn.endStatement(ctx, s, err)
}

// execute builds the pipelines, runs them and closes them, whatever happens.
func (s *Session) execute(
	ctx context.Context, stmt *memory.Statement, p planned, sizing build.Sizing, rows *consumer, a answer,
	out *outcome,
) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = sqlerr.AssertionError("panic in statement: %v\n%s", r, debug.Stack())
		}
	}()
	run, result, err := build.Build(p.plan, sizing, build.Deps{
		Statement: stmt,
		Txn:       s.txn.kv,
		Lock:      kv.LockOptions{Timeout: time.Duration(s.vars.Int("innodb_lock_wait_timeout")) * time.Second},
		Catalog:   s.manager.Catalog,
		Env:       p.env,
		Session:   s,
		Consumer:  rows,
		OpenFile:  s.openFile(a),
		Default:   s.columnDefault(p.env),
		FoundRows: s.info.FoundRows,
		Increment: uint64(s.vars.Int("auto_increment_increment")),
		Offset:    uint64(s.vars.Int("auto_increment_offset")),
		InsertID:  s.vars.Uint("insert_id"),
		HashZero:  s.vars.Bool("spillway_hash_zero"),
	})
	if err != nil {
		return err
	}
	defer func() { err = errFirst(err, run.Close()) }()
	out.profile = run.Profile
	run.Phase = s.showPhase(p.plan)
	err = stmt.Explain(run.Execute(ctx))
	out.rows = rows.sent
	if result != nil {
		out.change = result()
	}
	if _, ok := p.plan.Root.(*physical.Insert); ok && s.vars.Uint("insert_id") != 0 {
		err = errFirst(err, s.vars.SetDefault("insert_id")) // it is for one statement
	}
	return err
}

// showPhase tells the process list which operator of a plan is being filled, by EXPLAIN's name.
func (s *Session) showPhase(p *physical.Plan) func(node int) {
	return func(node int) {
		s.proc.setState("executing")
		if n := p.Node(node); n != nil && n != p.Root {
			name, _, _ := n.Describe()
			s.proc.setState(fmt.Sprintf("executing: %s_%d", name, node))
		}
	}
}

// size finds the sizing of a plan for the statement's quota; a statement without one may use half of the pool.
func (s *Session) size(p *physical.Plan) (build.Sizing, error) {
	return build.Size(p, s.limits(p))
}

// limits are what a statement with this plan may use.
func (s *Session) limits(p *physical.Plan) build.Limits {
	return build.Limits{
		QuotaBytes: s.plannedQuota(p),
		Workers:    s.workers(),
		BatchRows:  int(s.vars.Int("spillway_batch_rows")),
	}
}

// plannedQuota is what a statement is planned for: its quota, but no more than half of the pool.
func (s *Session) plannedQuota(p *physical.Plan) int64 {
	return min(s.quota(p), s.manager.Pool.Stats().Limit/2)
}

// consumer hands rows to the client.
type consumer struct {
	out  ResultWriter // nil: rows are only counted, or kept
	keep *cursor      // nil: not kept
	into *intoVars    // nil: not SELECT ... INTO
	sent uint64
}

// Rows implements stream.Consumer.
func (c *consumer) Rows(ctx context.Context, w *exec.Worker, b *vector.Batch) error {
	c.sent += uint64(b.Rows())
	switch {
	case c.keep != nil:
		return c.keep.append(b)
	case c.into != nil:
		return c.into.take(b)
	case c.out != nil:
		return c.out.Rows(ctx, w.Statement(), w.Pause, b)
	}
	return nil
}

// quota is the statement's quota in bytes: the plan's hint, else tidb_mem_quota_query; no limit: the largest number.
// The plan may be nil.
func (s *Session) quota(p *physical.Plan) int64 {
	q := s.vars.Int("tidb_mem_quota_query")
	if p != nil && p.Hints.MemoryQuotaBytes > 0 {
		q = p.Hints.MemoryQuotaBytes
	}
	if q <= 0 {
		return 1 << 62
	}
	return q
}

// workers is the parallelism of the session's statements.
func (s *Session) workers() int { return int(max(1, s.vars.Int("tidb_executor_concurrency"))) }

func (s *Session) statementOptions(quota int64, text string) memory.StatementOptions {
	if quota == 1<<62 {
		quota = 0
	}
	return memory.StatementOptions{
		ConnID:        s.info.ID,
		Name:          shorten(text, 256),
		QuotaBytes:    quota,
		CancelAtQuota: s.vars.String("tidb_mem_oom_action") == "CANCEL",
		Spill:         s.vars.Bool("tidb_enable_tmp_storage_on_oom"),
		ForceSpill:    s.vars.Bool("spillway_force_spill"),
		ScanTokens:    int(s.vars.Int("tidb_distsql_scan_concurrency")),
		RateLimit:     s.vars.Bool("tidb_enable_rate_limit_action"),
		OnEvent:       s.logEvent,
	}
}

// logEvent writes TiDB's lines about memory, at TiDB's levels.
func (s *Session) logEvent(e memory.Event) {
	var msg string
	conn := slog.Uint64("conn", s.info.ID)
	total := slog.Int("total token count", e.Tokens)
	switch e.Kind {
	case memory.EventToken:
		s.manager.Logger.LogAttrs(context.Background(), slog.LevelInfo,
			"memory exceeds quota, destroy one token now.", slog.Int64("consumed", e.Consumed),
			slog.Int64("quota", e.Quota), total, slog.Int("remaining token count", e.TokensLeft), conn)
		return
	case memory.EventTokensSpent:
		s.manager.Logger.LogAttrs(context.Background(), slog.LevelInfo,
			"memory exceeds quota, rateLimitAction delegate to fallback action", total, conn)
		return
	case memory.EventSpill:
		msg = "memory exceeds quota, spill to disk now."
	case memory.EventAggMode:
		msg = "memory exceeds quota, set aggregate mode to spill-mode"
	case memory.EventQuota:
		msg = "memory exceeds quota"
	default:
		return
	}
	s.manager.Logger.LogAttrs(context.Background(), slog.LevelWarn, msg,
		slog.Int64("consumed", e.Consumed), slog.Int64("quota", e.Quota), conn)
}

func shorten(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return fmt.Sprintf("%s...(len:%d)", text[:n], len(text))
}

// withDeadline applies max_execution_time, or the hint, to a SELECT.
func (s *Session) withDeadline(ctx context.Context, p *physical.Plan) (context.Context, context.CancelFunc) {
	ms := s.vars.Uint("max_execution_time")
	if p.Hints.MaxExecutionMS > 0 {
		ms = p.Hints.MaxExecutionMS
	}
	if ms == 0 || p.Write {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, time.Duration(ms)*time.Millisecond, sqlerr.New(sqlerr.ErrQueryTimeout))
}

func (p *process) setState(state string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = state
}
