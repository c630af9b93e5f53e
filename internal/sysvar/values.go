package sysvar

import (
	"strconv"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// Values are the variables of one session over Globals. Used by one goroutine at a time.
type Values struct {
	globals *Globals
	start   *snapshot      // the global values when the session started
	own     map[int]string // what the session has set, by index; nil at first
}

// NewValues starts a session from the global values.
func NewValues(g *Globals) *Values { return &Values{globals: g, start: g.values.Load()} }

// Globals returns what lies below.
func (v *Values) Globals() *Globals { return v.globals }

// value returns the session's value, the global one of a variable without sessions' values.
func (v *Values) value(x *Var) string {
	if !x.HasSession() {
		return (*v.globals.values.Load())[x.index]
	}
	if s, ok := v.own[x.index]; ok {
		return s
	}
	return (*v.start)[x.index]
}

// Get returns @@name: the session's value, or the global one of a variable without. Error 1193.
func (v *Values) Get(name string) (string, error) {
	x, ok := resolve(name)
	if !ok {
		return "", unknown(name)
	}
	return v.value(x), nil
}

// GetSession is an explicit @@session.name. Errors: 1193, 1238 for a global variable.
func (v *Values) GetSession(name string) (string, error) {
	x, ok := resolve(name)
	if !ok {
		return "", unknown(name)
	}
	if !x.HasSession() {
		return "", sqlerr.New(sqlerr.ErrIncorrectGlobalLocalVar, x.Name, "GLOBAL")
	}
	return v.value(x), nil
}

// Set is SET SESSION. Errors: 1193, 1229, 1231, 1232, 1238.
func (v *Values) Set(name string, value types.Datum, warn types.WarnFunc) error {
	x, err := settableSession(name)
	if err != nil {
		return err
	}
	text, err := x.normalize(value, warn)
	if err != nil {
		return err
	}
	v.store(x, text)
	return nil
}

// SetDefault is SET SESSION name = DEFAULT: the global value of now; for variables without one the built-in default.
func (v *Values) SetDefault(name string) error {
	x, err := settableSession(name)
	if err != nil {
		return err
	}
	v.store(x, (*v.globals.values.Load())[x.index])
	return nil
}

func settableSession(name string) (*Var, error) {
	x, ok := resolve(name)
	switch {
	case !ok:
		return nil, unknown(name)
	case x.Scope&ScopeReadOnly != 0:
		return nil, sqlerr.New(sqlerr.ErrIncorrectGlobalLocalVar, x.Name, "read only")
	case x.Scope&ScopeSession == 0:
		return nil, sqlerr.New(sqlerr.ErrGlobalVariable, x.Name)
	}
	return x, nil
}

func (v *Values) store(x *Var, text string) {
	v.put(x, text)
	if other, value, ok := linkedValue(x.Name, text); ok {
		if o, ok := Lookup(other); ok {
			v.put(o, value)
		}
	}
}

func (v *Values) put(x *Var, text string) {
	if v.own == nil {
		v.own = map[int]string{}
	}
	v.own[x.index] = text
}

// Note stores what the server itself knows of a session, such as warning_count: no check of scope. An unknown name is
// ignored.
func (v *Values) Note(name, value string) {
	if x, ok := resolve(name); ok {
		v.put(x, value)
	}
}

// A Saved value is put back by Restore, after a statement with SET_VAR.
type Saved struct {
	x    *Var
	text string
	own  bool
}

// SetForStatement is the SET_VAR hint: a value for one statement. Errors: 1193, 3637 for variables without hint, those
// of Set.
func (v *Values) SetForStatement(name string, value types.Datum, warn types.WarnFunc) (Saved, error) {
	x, ok := resolve(name)
	if !ok {
		return Saved{}, unknown(name)
	}
	if x.Scope&ScopeHint == 0 {
		return Saved{}, sqlerr.New(sqlerr.ErrNotHintUpdatableVariable, x.Name)
	}
	if value.Kind == types.PhysString {
		value = x.fromText(string(value.S)) // hints write numbers without regard to type
	}
	saved := Saved{x: x}
	saved.text, saved.own = v.own[x.index]
	return saved, v.Set(name, value, warn)
}

// Restore undoes SetForStatement.
func (v *Values) Restore(s Saved) {
	switch {
	case s.x == nil:
	case s.own:
		v.put(s.x, s.text)
	default:
		delete(v.own, s.x.index)
	}
}

// Bool returns a boolean; false for an unknown name.
func (v *Values) Bool(name string) bool { return v.text(name) == "ON" }

// Int returns a signed integer; 0 for an unknown name.
func (v *Values) Int(name string) int64 { return parseInt(v.text(name)) }

// Uint returns an unsigned integer; 0 for an unknown name.
func (v *Values) Uint(name string) uint64 { return parseUint(v.text(name)) }

// Float returns a floating point number; 0 for an unknown name.
func (v *Values) Float(name string) float64 { return parseFloat(v.text(name)) }

// String returns any value as text; "" for an unknown name.
func (v *Values) String(name string) string { return v.text(name) }

// SQLMode returns the session's sql_mode.
func (v *Values) SQLMode() types.SQLMode {
	m, err := types.ParseSQLMode(v.text("sql_mode"))
	if err != nil {
		return types.ModeDefault // not reached: stored values are checked
	}
	return m
}

func (v *Values) text(name string) string {
	x, ok := resolve(name)
	if !ok {
		return ""
	}
	return v.value(x)
}

// Each calls f for what SHOW SESSION VARIABLES lists, by name.
func (v *Values) Each(f func(name, value string)) {
	for _, x := range known.vars {
		if !x.Hidden {
			f(x.Name, v.value(target(x)))
		}
	}
}

// Reset is COM_RESET_CONNECTION: all values as those of a new session.
func (v *Values) Reset() {
	v.start = v.globals.values.Load()
	v.own = nil
}

// The values of the right kinds parse; others are 0.

func parseInt(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func parseUint(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func parseFloat(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0
	}
	return f
}
