package sysvar

import (
	"errors"

	"github.com/spillwaydb/spillway/internal/types"
)

var errStub = errors.New("not implemented")

// Scope says where a variable has values and who may set it.
type Scope uint8

// The scopes; a variable may have both of the first.
const (
	ScopeGlobal   Scope = 1 << iota // SET GLOBAL
	ScopeSession                    // SET SESSION
	ScopeReadOnly                   // no SET at all
	ScopeHint                       // SET_VAR hint
	ScopeBoth     = ScopeGlobal | ScopeSession
)

// Kind is the type of a variable's values.
type Kind uint8

// The kinds.
const (
	KindBool           Kind = iota
	KindInt                 // Min and Max are int64
	KindUint                // Max may be above MaxInt64
	KindFloat               // Min and Max
	KindString              // any text
	KindEnum                // one of Values, by name or index
	KindSet                 // names of Values with commas, or a bitmap
	KindBytesOrPercent      // "80%", "512MB", "0"
)

// Var describes a system variable.
type Var struct {
	Name     string // in lower case
	Scope    Scope
	Kind     Kind
	Min, Max float64 // of numbers; Max 0 means no bound
	Default  string  // in the form SHOW VARIABLES prints
	Values   []string
	Nullable bool // SET x = NULL is allowed
	// Validate, if not nil, gets the normalized value and returns the one to store. Errors are sqlerr's.
	Validate func(value string) (string, error)
}

// Lookup finds a variable by its name, in any case.
func Lookup(name string) (*Var, bool) { return nil, false }

// All returns all variables by name. Not to be changed.
func All() []*Var { return nil }

// Globals holds the global values. Safe for concurrent use.
type Globals struct{}

// GlobalsOptions wires Globals.
type GlobalsOptions struct {
	// Persist is called under the lock of Globals after a successful SET GLOBAL; its error makes the SET fail.
	Persist func(name, value string) error
	// OnChange is called after the value is visible, without locks.
	OnChange func(name, value string)
}

// NewGlobals has all defaults.
func NewGlobals(o GlobalsOptions) *Globals { return &Globals{} }

// Get returns the value as SHOW GLOBAL VARIABLES prints it. Errors: 1193, 1238.
func (g *Globals) Get(name string) (string, error) { return "", errStub }

// Set is SET GLOBAL. The datum is the value of the expression; NULL Type{} with Kind PhysNull is DEFAULT-less NULL.
func (g *Globals) Set(name string, value types.Datum, warn types.WarnFunc) error { return errStub }

// SetDefault is SET GLOBAL name = DEFAULT.
func (g *Globals) SetDefault(name string) error { return errStub }

// Load sets a value at start, from configuration or storage: read-only variables too, without Persist.
func (g *Globals) Load(name, value string) error { return errStub }

// Values are the variables of one session over Globals. Not safe for concurrent use, but for Globals'.
type Values struct{}

// NewValues starts a session from the global values.
func NewValues(g *Globals) *Values { return &Values{} }

// Get returns @@session.name, or the global value of a variable without one. Error 1193.
func (v *Values) Get(name string) (string, error) { return "", errStub }

// GetSession is an explicit @@session.name. Errors: 1193, 1238.
func (v *Values) GetSession(name string) (string, error) { return "", errStub }

// Set is SET SESSION. Errors: 1193, 1229, 1231, 1232, 1238.
func (v *Values) Set(name string, value types.Datum, warn types.WarnFunc) error { return errStub }

// SetDefault is SET SESSION name = DEFAULT: the global value.
func (v *Values) SetDefault(name string) error { return errStub }

// Globals returns what lies below.
func (v *Values) Globals() *Globals { return nil }

// Bool, Int, Uint, Float and String return the session's value of a variable known to have that kind; the zero value
// for an unknown name.

// Bool returns a boolean.
func (v *Values) Bool(name string) bool { return false }

// Int returns a signed integer.
func (v *Values) Int(name string) int64 { return 0 }

// Uint returns an unsigned integer.
func (v *Values) Uint(name string) uint64 { return 0 }

// Float returns a floating point number.
func (v *Values) Float(name string) float64 { return 0 }

// String returns any value as text.
func (v *Values) String(name string) string { return "" }

// Reset is COM_RESET_CONNECTION: all values as at start.
func (v *Values) Reset() {}

// ParseBytesOrPercent reads "80%", "512MB", "1GiB", "1073741824", "0". total is what percents are of, in bytes.
func ParseBytesOrPercent(s string, total uint64) (bytes uint64, percent float64, err error) { return 0, 0, errStub }
