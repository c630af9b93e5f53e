package sysvar

import (
	"sync"
	"sync/atomic"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// snapshot has the value of each variable by index. Immutable once published.
type snapshot []string

// Globals holds the global values. Safe for concurrent use.
type Globals struct {
	options GlobalsOptions
	mu      sync.Mutex // serializes writers
	values  atomic.Pointer[snapshot]
}

// GlobalsOptions wires Globals to what is above and below.
type GlobalsOptions struct {
	// Persist is called under the lock of Globals before the value of a SET GLOBAL becomes visible; its error makes the
	// SET fail. nil keeps values in memory only.
	Persist func(name, value string) error
	// OnChange is called after the value is visible, without locks; it may read Globals, not set it.
	OnChange func(name, value string)
}

// NewGlobals has all defaults.
func NewGlobals(o GlobalsOptions) *Globals {
	g := &Globals{options: o}
	s := make(snapshot, len(known.vars))
	for i, v := range known.vars {
		s[i] = v.Default
	}
	g.values.Store(&s)
	return g
}

func unknown(name string) error { return sqlerr.New(sqlerr.ErrUnknownSystemVariable, name) }

// Get returns the value as SHOW GLOBAL VARIABLES prints it. Errors: 1193, 1238 for a variable of sessions only.
func (g *Globals) Get(name string) (string, error) {
	v, ok := resolve(name)
	if !ok {
		return "", unknown(name)
	}
	if !v.HasGlobal() {
		return "", sqlerr.New(sqlerr.ErrIncorrectGlobalLocalVar, v.Name, "SESSION")
	}
	return (*g.values.Load())[v.index], nil
}

// Set is SET GLOBAL. Errors: 1193, 1228, 1231, 1232, 1238, that of Persist.
func (g *Globals) Set(name string, value types.Datum, warn types.WarnFunc) error {
	v, err := settableGlobal(name)
	if err != nil {
		return err
	}
	text, err := v.normalize(value, warn)
	if err != nil {
		return err
	}
	return g.store(v, text, true)
}

// SetDefault is SET GLOBAL name = DEFAULT.
func (g *Globals) SetDefault(name string) error {
	v, err := settableGlobal(name)
	if err != nil {
		return err
	}
	return g.store(v, v.Default, true)
}

func settableGlobal(name string) (*Var, error) {
	v, ok := resolve(name)
	switch {
	case !ok:
		return nil, unknown(name)
	case v.Scope&ScopeReadOnly != 0:
		return nil, sqlerr.New(sqlerr.ErrIncorrectGlobalLocalVar, v.Name, "read only")
	case v.Scope&ScopeGlobal == 0:
		return nil, sqlerr.New(sqlerr.ErrLocalVariable, v.Name)
	}
	return v, nil
}

// Load sets a value at start, from configuration or storage: read-only variables too, without Persist. Errors: 1193,
// 1231, 1232.
func (g *Globals) Load(name, value string) error {
	v, ok := resolve(name)
	if !ok {
		return unknown(name)
	}
	text, err := v.normalize(v.fromText(value), nil)
	if err != nil {
		return err
	}
	return g.store(v, text, false)
}

// store publishes a value and the other half of its pair.
func (g *Globals) store(v *Var, text string, persist bool) error {
	changes := [][2]string{{v.Name, text}}
	if other, value, ok := linkedValue(v.Name, text); ok {
		changes = append(changes, [2]string{other, value})
	}
	if err := g.publish(changes, persist); err != nil {
		return err
	}
	if g.options.OnChange != nil {
		for _, c := range changes {
			g.options.OnChange(c[0], c[1])
		}
	}
	return nil
}

func (g *Globals) publish(changes [][2]string, persist bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	next := append(snapshot(nil), *g.values.Load()...)
	for _, c := range changes {
		v, ok := Lookup(c[0])
		if !ok {
			return unknown(c[0])
		}
		if persist && g.options.Persist != nil {
			if err := g.options.Persist(c[0], c[1]); err != nil {
				return err
			}
		}
		next[v.index] = c[1]
	}
	g.values.Store(&next)
	return nil
}

// Bool returns a boolean; false for an unknown name.
func (g *Globals) Bool(name string) bool { return g.text(name) == "ON" }

// Int returns a signed integer; 0 for an unknown name.
func (g *Globals) Int(name string) int64 { return parseInt(g.text(name)) }

// Uint returns an unsigned integer; 0 for an unknown name.
func (g *Globals) Uint(name string) uint64 { return parseUint(g.text(name)) }

// Float returns a floating point number; 0 for an unknown name.
func (g *Globals) Float(name string) float64 { return parseFloat(g.text(name)) }

// String returns any value as text; "" for an unknown name.
func (g *Globals) String(name string) string { return g.text(name) }

func (g *Globals) text(name string) string {
	v, ok := resolve(name)
	if !ok {
		return ""
	}
	return (*g.values.Load())[v.index]
}

// Each calls f for what SHOW GLOBAL VARIABLES lists, by name.
func (g *Globals) Each(f func(name, value string)) {
	s := *g.values.Load()
	for _, v := range known.vars {
		if v.HasGlobal() && !v.Hidden {
			f(v.Name, s[target(v).index])
		}
	}
}

// target follows an alias.
func target(v *Var) *Var {
	if v.Alias == "" {
		return v
	}
	if t, ok := known.byName[v.Alias]; ok {
		return t
	}
	return v
}
