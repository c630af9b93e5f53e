package session

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// diagnostics collects the warnings of a running statement, from any of its workers.
type diagnostics struct {
	mu sync.Mutex
	s  *Session // its warnings are protected by mu while the statement runs
}

func (d *diagnostics) warn(w sqlerr.Warning) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.s.warn(w)
}

// env makes what expressions of a statement see of the session.
func (s *Session) env(ctx context.Context) *expr.Env {
	diag := &diagnostics{s: s}
	e := &expr.Env{
		Ctx:          ctx,
		SQLMode:      s.sqlMode(),
		Location:     s.location(),
		Now:          s.now(),
		Database:     s.db,
		User:         s.info.User + "@" + hostOnly(s.info.Host),
		CurrentUser:  s.info.Account,
		ConnID:       s.info.ID,
		Version:      s.manager.Version,
		LastInsertID: s.lastInsertID,
		FoundRows:    s.foundRows,
		RowCount:     s.rowCount,
		DivIncrement: int(s.vars.Int("div_precision_increment")),
		MaxPacket:    s.vars.Int("max_allowed_packet"),
		GroupConcat:  int64(s.vars.Uint("group_concat_max_len")),
		Seed:         uint64(s.manager.Now().UnixNano()) ^ s.info.ID<<40,
		Warn:         diag.warn,
		UserVar:      s.users.get,
		SetUserVar:   s.users.set,
		Variable:     s.variable,
		Sleep:        s.sleep,
		Borrow:       s.borrow,
	}
	if id, ok := collation.ByName(s.vars.String("collation_connection")); ok {
		e.Collation = id
	} else {
		e.Collation = collation.UTF8MB40900AICI
	}
	return e
}

// sqlMode is sql_mode; the variable's own check keeps it readable.
func (s *Session) sqlMode() types.SQLMode {
	mode, err := types.ParseSQLMode(s.vars.String("sql_mode"))
	if err != nil {
		s.manager.Logger.Error("sql_mode cannot be read", "error", err)
	}
	return mode
}

// cloneDatum copies the bytes of a value that is kept beyond the statement.
func cloneDatum(d types.Datum) types.Datum {
	if d.S != nil {
		d.S = append([]byte(nil), d.S...)
	}
	return d
}

// hostOnly cuts the port off.
func hostOnly(host string) string {
	for i := len(host) - 1; i >= 0; i-- {
		if host[i] == ':' {
			return host[:i]
		}
	}
	return host
}

// location is the session's time zone.
func (s *Session) location() *time.Location {
	loc, err := parseTimeZone(s.vars.String("time_zone"))
	if err != nil {
		return time.Local
	}
	return loc
}

// TimeZone is where TIMESTAMPs are shown.
func (s *Session) TimeZone() *time.Location { return s.location() }

// ResultCollation is that of character_set_results; 0: strings are sent as they are.
func (s *Session) ResultCollation() collation.ID {
	id, ok := collation.DefaultOf(s.vars.String("character_set_results"))
	if !ok || id == collation.Binary {
		return 0
	}
	return id
}

// parseTimeZone reads SYSTEM, +hh:mm and names. Error 1298.
func parseTimeZone(name string) (*time.Location, error) {
	if name == "" || name == "SYSTEM" {
		return time.Local, nil
	}
	if name[0] == '+' || name[0] == '-' {
		t, err := time.Parse("-07:00", name)
		if err != nil {
			if t, err = time.Parse("-7:00", name); err != nil {
				return nil, sqlerr.New(sqlerr.ErrUnknownTimeZone, name)
			}
		}
		_, offset := t.Zone()
		return time.FixedZone(name, offset), nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, sqlerr.New(sqlerr.ErrUnknownTimeZone, name)
	}
	return loc, nil
}

// now is the statement's time: the clock, or SET timestamp.
func (s *Session) now() time.Time {
	if t := s.vars.Float("timestamp"); t > 0 {
		return time.UnixMicro(int64(t * 1e6))
	}
	return s.manager.Now()
}

// variable reads @@name for expressions.
func (s *Session) variable(scope, name string) (types.Datum, error) {
	var (
		text string
		err  error
	)
	switch {
	case s.ownVariable(name) != "" && scope != "global":
		text = s.ownVariable(name)
	case scope == "global":
		text, err = s.vars.Globals().Get(name)
	case scope == "session" || scope == "local":
		text, err = s.vars.GetSession(name)
	default:
		text, err = s.vars.Get(name)
	}
	if err != nil {
		return types.Datum{}, err
	}
	return variableDatum(name, text), nil
}

// ownVariable gives variables whose values are the session's state, not settings; empty: none of them.
func (s *Session) ownVariable(name string) string {
	switch name {
	case "warning_count":
		return strconv.Itoa(s.warningCount)
	case "error_count":
		return strconv.Itoa(s.errorCount)
	case "last_insert_id", "identity":
		return strconv.FormatUint(s.lastInsertID, 10)
	case "timestamp":
		return strconv.FormatFloat(float64(s.now().UnixMicro())/1e6, 'f', 6, 64)
	case "pseudo_thread_id":
		return strconv.FormatUint(s.info.ID, 10)
	}
	return ""
}

const waitSleep memory.WaitReason = "User sleep"

// sleep waits d, parked.
func (s *Session) sleep(ctx context.Context, d time.Duration) error {
	wait := func(ctx context.Context) error {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if s.txn.current == nil {
		return wait(ctx)
	}
	return s.txn.current.Wait(ctx, waitSleep, wait)
}

// borrow leases pages that stay unused, so that the Go heap may have what they stand for.
func (s *Session) borrow(n int64) (back func(), err error) {
	var loan memory.Loan
	back = func() { loan.Return(s.acct) }
	if err := loan.Take(s.acct, n); err != nil {
		back()
		if errors.Is(err, sqlerr.ErrNoSurplus) {
			err = &sqlerr.ServerMemoryError{ConnID: s.info.ID}
		}
		return nil, err
	}
	return back, nil
}
