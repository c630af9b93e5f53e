package session

import (
	"sync"
	"sync/atomic"

	"github.com/spillwaydb/spillway/internal/catalog"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// userVars are the @variables of a session. They outlive statements, so they are charged to the heap ledger until they
// get another value or the session is reset. Those of all sessions have at most half of what definitions of tables
// leave of the ledger: the rest is for statements.
type userVars struct {
	heap   *memory.HeapLedger
	acct   *memory.Account
	cat    *catalog.Catalog
	connID uint64
	all    *atomic.Int64 // bytes of all sessions

	mu sync.Mutex
	// mu protects values: workers of a statement read and set them.
	values map[string]types.Datum
}

// userVarBytes is what a variable takes besides its name and the bytes of its value.
const userVarBytes = 200

func userVarSize(name string, d types.Datum) int64 { return int64(userVarBytes + len(name) + len(d.S)) }

func newUserVars(m *Manager, acct *memory.Account, connID uint64) *userVars {
	return &userVars{
		heap: m.Pool.Heap(), acct: acct, cat: m.Catalog, connID: connID, all: &m.userVarBytes,
		values: map[string]types.Datum{},
	}
}

// reserve charges n bytes.
func (u *userVars) reserve(n int64) error {
	definitions, _ := u.cat.HeapBytes()
	if limit := u.heap.Limit(); u.all.Add(n) > (limit-definitions)/2 && limit > 0 {
		u.all.Add(-n)
		return &sqlerr.ServerMemoryError{ConnID: u.connID, Report: "user variables"}
	}
	if err := u.heap.Reserve(u.acct, n); err != nil {
		u.all.Add(-n)
		return err
	}
	return nil
}

func (u *userVars) release(n int64) {
	u.heap.Release(u.acct, n)
	u.all.Add(-n)
}

// get is the value of a variable, in lower case; the zero datum if there is none.
func (u *userVars) get(name string) types.Datum {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.values[name]
}

// set copies a value. Errors: sqlerr.ServerMemoryError and QuotaError; the variable keeps its value then.
func (u *userVars) set(name string, d types.Datum) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	old, is := u.values[name]
	n := userVarSize(name, d)
	if is {
		n -= userVarSize(name, old)
	}
	if n > 0 {
		if err := u.reserve(n); err != nil {
			return err
		}
	}
	u.values[name] = cloneDatum(d)
	if n < 0 {
		u.release(-n)
	}
	return nil
}

// clear forgets all.
func (u *userVars) clear() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for name, d := range u.values {
		u.release(userVarSize(name, d))
	}
	clear(u.values)
}
