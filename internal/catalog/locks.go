package catalog

import (
	"context"
	"sync"
	"time"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// LockMode is how a table's definition is locked.
type LockMode uint8

const (
	// SharedRead is a transaction's that reads the table, SharedWrite's that writes it.
	SharedRead LockMode = iota
	SharedWrite
	// SharedNoWrite lets readers in, but no writers: the long part of a definition statement, LOCK TABLES ... READ.
	SharedNoWrite
	// Exclusive lets nobody in.
	Exclusive
)

func (m LockMode) String() string {
	return [...]string{"SHARED_READ", "SHARED_WRITE", "SHARED_NO_WRITE", "EXCLUSIVE"}[m]
}

// compatible says which modes of different owners go together.
var compatible = [4][4]bool{
	SharedRead:    {SharedRead: true, SharedWrite: true, SharedNoWrite: true},
	SharedWrite:   {SharedRead: true, SharedWrite: true},
	SharedNoWrite: {SharedRead: true},
}

// Locks are the metadata locks: on tables and, with an empty table name, on databases.
type Locks struct {
	mu   sync.Mutex // protects all below, and the owners' fields
	objs map[Name]*lockObject
}

// Owner is a transaction or session that holds metadata locks. One goroutine at a time.
type Owner struct {
	// ConnID is shown in listings.
	ConnID uint64

	locks   *Locks
	held    map[Name]LockMode
	waiting *lockRequest // nil: not waiting
	// wait, if not nil, wraps waits, so that the statement is parked.
	wait func(ctx context.Context, wait func(context.Context) error) error
}

type lockObject struct {
	name    Name
	holders map[*Owner]LockMode
	queue   []*lockRequest // in order of arrival, upgrades first
}

type lockRequest struct {
	owner   *Owner
	obj     *lockObject
	mode    LockMode
	granted chan struct{} // closed by the grant
	since   time.Time
}

// LockInfo is a row of a listing of locks.
type LockInfo struct {
	Name    Name
	Mode    LockMode
	ConnID  uint64
	Granted bool
	Since   time.Time // of the wait
}

// NewOwner returns an owner without locks. wait may be nil.
func (l *Locks) NewOwner(
	connID uint64, wait func(ctx context.Context, wait func(context.Context) error) error,
) *Owner {
	return &Owner{ConnID: connID, locks: l, held: map[Name]LockMode{}, wait: wait}
}

// SetWait changes what wraps waits, for each statement of a transaction anew.
func (o *Owner) SetWait(wait func(ctx context.Context, wait func(context.Context) error) error) {
	o.wait = wait
}

// Lock gets the lock, or a stronger one than it has. Errors: 1205 after the timeout, 1213 for a deadlock, the
// context's.
func (o *Owner) Lock(ctx context.Context, name Name, mode LockMode, timeout time.Duration) error {
	name.DB = canonical(name.DB)
	r, err := o.request(name, mode)
	if r == nil {
		return err
	}
	wait := func(ctx context.Context) error {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		select {
		case <-r.granted:
			return nil
		case <-timer.C:
			return sqlerr.New(sqlerr.ErrLockWaitTimeout)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if o.wait != nil {
		err = o.wait(ctx, wait)
	} else {
		err = wait(ctx)
	}
	return o.locks.endWait(r, err)
}

// request grants at once (nil, nil), or queues.
func (o *Owner) request(name Name, mode LockMode) (*lockRequest, error) {
	l := o.locks
	l.mu.Lock()
	defer l.mu.Unlock()
	have, upgrade := o.held[name]
	if upgrade && have >= mode {
		return nil, nil
	}
	obj := l.objs[name]
	if obj == nil {
		obj = &lockObject{name: name, holders: map[*Owner]LockMode{}}
		l.objs[name] = obj
	}
	if obj.grantable(o, mode) && (upgrade || !obj.blockedByQueue(o, mode)) {
		obj.holders[o], o.held[name] = mode, mode
		return nil, nil
	}
	r := &lockRequest{owner: o, obj: obj, mode: mode, granted: make(chan struct{}), since: time.Now()}
	o.waiting = r
	if l.deadlock(o) {
		o.waiting = nil
		return nil, sqlerr.New(sqlerr.ErrLockDeadlock)
	}
	if upgrade {
		obj.queue = append([]*lockRequest{r}, obj.queue...)
	} else {
		obj.queue = append(obj.queue, r)
	}
	return r, nil
}

func (obj *lockObject) grantable(o *Owner, mode LockMode) bool {
	for h, m := range obj.holders {
		if h != o && !compatible[mode][m] {
			return false
		}
	}
	return true
}

// blockedByQueue keeps a stream of readers from starving a waiting definition statement.
func (obj *lockObject) blockedByQueue(o *Owner, mode LockMode) bool {
	for _, r := range obj.queue {
		if r.owner != o && !compatible[mode][r.mode] {
			return true
		}
	}
	return false
}

// deadlock says if from waits, through others, for itself.
func (l *Locks) deadlock(from *Owner) bool {
	seen := map[*Owner]bool{}
	var visit func(o *Owner) bool
	visit = func(o *Owner) bool {
		r := o.waiting
		if r == nil || seen[o] {
			return false
		}
		seen[o] = true
		for h, m := range r.obj.holders {
			if h != o && !compatible[r.mode][m] && (h == from || visit(h)) {
				return true
			}
		}
		for _, q := range r.obj.queue {
			if q == r {
				break // those behind do not hold it up
			}
			if q.owner != o && !compatible[r.mode][q.mode] && (q.owner == from || visit(q.owner)) {
				return true
			}
		}
		return false
	}
	return visit(from)
}

// endWait settles a wait that ended with err; a grant that came with an error stays with the owner.
func (l *Locks) endWait(r *lockRequest, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.owner.waiting = nil
	for i, q := range r.obj.queue {
		if q == r {
			r.obj.queue = append(r.obj.queue[:i], r.obj.queue[i+1:]...)
			if err == nil {
				err = sqlerr.AssertionError("metadata lock wait ended without a grant")
			}
			l.grant(r.obj)
			return err
		}
	}
	return err
}

// grant serves the queue as far as it goes, in order.
func (l *Locks) grant(obj *lockObject) {
	for len(obj.queue) > 0 {
		r := obj.queue[0]
		if !obj.grantable(r.owner, r.mode) {
			return
		}
		obj.queue = obj.queue[1:]
		obj.holders[r.owner], r.owner.held[obj.name] = r.mode, r.mode
		r.owner.waiting = nil
		close(r.granted)
	}
	if len(obj.holders) == 0 {
		delete(l.objs, obj.name)
	}
}

// Holds returns the mode in which the owner holds a lock.
func (o *Owner) Holds(name Name) (LockMode, bool) {
	o.locks.mu.Lock()
	defer o.locks.mu.Unlock()
	name.DB = canonical(name.DB)
	m, ok := o.held[name]
	return m, ok
}

// ReleaseAll gives all locks back: the end of a transaction or definition statement. Repeatable.
func (o *Owner) ReleaseAll() {
	o.locks.mu.Lock()
	defer o.locks.mu.Unlock()
	for name := range o.held {
		o.locks.release(o, name)
	}
}

// Release gives one lock back.
func (o *Owner) Release(name Name) {
	o.locks.mu.Lock()
	defer o.locks.mu.Unlock()
	name.DB = canonical(name.DB)
	if _, ok := o.held[name]; ok {
		o.locks.release(o, name)
	}
}

func (l *Locks) release(o *Owner, name Name) {
	delete(o.held, name)
	if obj := l.objs[name]; obj != nil {
		delete(obj.holders, o)
		l.grant(obj)
	}
}

// List shows all locks and waits.
func (l *Locks) List() []LockInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []LockInfo
	for name, obj := range l.objs {
		for o, m := range obj.holders {
			out = append(out, LockInfo{Name: name, Mode: m, ConnID: o.ConnID, Granted: true})
		}
		for _, r := range obj.queue {
			out = append(out, LockInfo{Name: name, Mode: r.mode, ConnID: r.owner.ConnID, Since: r.since})
		}
	}
	return out
}
