package sysvar

import (
	"math"
	"slices"
	"strings"
)

// Scope says where a variable has values and who may set it.
type Scope uint8

// The scopes; a variable may have both of the first.
const (
	ScopeGlobal   Scope = 1 << iota // SET GLOBAL
	ScopeSession                    // SET SESSION
	ScopeReadOnly                   // no SET at all; set at start, or answered by the session
	ScopeHint                       // SET_VAR hint
	ScopeBoth     = ScopeGlobal | ScopeSession
)

// Kind is the type of a variable's values.
type Kind uint8

// The kinds.
const (
	KindBool           Kind = iota // ON, OFF
	KindInt                        // Min to Max
	KindUint                       // Min to Max, which may be above MaxInt64
	KindFloat                      // Min to Max
	KindString                     // any text
	KindEnum                       // one of Values, by name or index
	KindSet                        // names of Values with commas, or a bitmap
	KindBytesOrPercent             // "80%", "512MB", "0"
)

// Var describes a system variable. Immutable.
type Var struct {
	Name     string // in lower case
	Scope    Scope
	Kind     Kind
	Min      int64    // of numbers
	Max      uint64   // of numbers
	Block    uint64   // if not 0, numbers are rounded down to a multiple
	Default  string   // as SHOW VARIABLES prints it
	Values   []string // of KindEnum and KindSet
	Nullable bool     // SET x = NULL is allowed and stores ""
	Hidden   bool     // not in SHOW VARIABLES: gone in MySQL 8.0, but asked for by old clients
	// Alias is the name of the variable whose value this one shows and sets.
	Alias string
	// Validate, if not nil, gets the normalized value and returns the one to store. Errors are sqlerr's.
	Validate func(value string) (string, error)

	index int // place in snapshots
}

// HasSession tells if sessions have values of their own.
func (v *Var) HasSession() bool { return v.Scope&ScopeSession != 0 }

// HasGlobal tells if there is a global value.
func (v *Var) HasGlobal() bool { return v.Scope&ScopeGlobal != 0 || v.Scope&ScopeBoth == 0 }

// catalog is all variables, by name; filled at start and read-only afterwards.
type catalog struct {
	vars   []*Var
	byName map[string]*Var
}

var known = newCatalog()

func newCatalog() *catalog {
	c := &catalog{byName: map[string]*Var{}}
	for _, table := range [][]Var{sessionTable, charsetTable, serverTable, storageTable, memoryTable, legacyTable} {
		for i := range table {
			v := &table[i]
			c.vars = append(c.vars, v)
			c.byName[v.Name] = v
		}
	}
	slices.SortFunc(c.vars, func(a, b *Var) int { return strings.Compare(a.Name, b.Name) })
	for i, v := range c.vars {
		v.index = i
	}
	return c
}

// resolve finds a variable and follows its alias.
func resolve(name string) (*Var, bool) {
	v, ok := Lookup(name)
	if ok && v.Alias != "" {
		return Lookup(v.Alias)
	}
	return v, ok
}

// Lookup finds a variable by its name, in any case.
func Lookup(name string) (*Var, bool) {
	v, ok := known.byName[name]
	if !ok {
		v, ok = known.byName[strings.ToLower(name)]
	}
	return v, ok
}

// All returns all variables by name. Not to be changed.
func All() []*Var { return known.vars }

// The constructors keep the tables short.

const (
	global   = ScopeGlobal
	session  = ScopeSession
	both     = ScopeBoth
	hint     = ScopeBoth | ScopeHint
	readOnly = ScopeReadOnly
)

func flag(name string, scope Scope, on bool) Var {
	v := Var{Name: name, Scope: scope, Kind: KindBool, Default: "OFF"}
	if on {
		v.Default = "ON"
	}
	return v
}

func integer(name string, scope Scope, def string, low int64, high uint64) Var {
	return Var{Name: name, Scope: scope, Kind: KindInt, Default: def, Min: low, Max: high}
}

func unsigned(name string, scope Scope, def string, low int64, high uint64) Var {
	return Var{Name: name, Scope: scope, Kind: KindUint, Default: def, Min: low, Max: high}
}

func blocks(name string, scope Scope, def string, low int64, high, block uint64) Var {
	return Var{Name: name, Scope: scope, Kind: KindUint, Default: def, Min: low, Max: high, Block: block}
}

func float(name string, scope Scope, def string, low int64, high uint64) Var {
	return Var{Name: name, Scope: scope, Kind: KindFloat, Default: def, Min: low, Max: high}
}

func text(name string, scope Scope, def string) Var {
	return Var{Name: name, Scope: scope, Kind: KindString, Default: def}
}

func enum(name string, scope Scope, def string, values ...string) Var {
	return Var{Name: name, Scope: scope, Kind: KindEnum, Default: def, Values: values}
}

func set(name string, scope Scope, def string, values ...string) Var {
	return Var{Name: name, Scope: scope, Kind: KindSet, Default: def, Values: values}
}

func (v Var) checked(f func(string) (string, error)) Var {
	v.Validate = f
	return v
}

func (v Var) nullable() Var {
	v.Nullable = true
	return v
}

func (v Var) hidden() Var {
	v.Hidden = true
	return v
}

func (v Var) alias(name string) Var {
	v.Alias = name
	return v
}

const (
	maxUint64 = math.MaxUint64
	maxInt64  = math.MaxInt64
	maxUint32 = math.MaxUint32
	maxInt32  = math.MaxInt32

	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)
