package catalog

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// heapShare is the part of the heap ledger that the newest descriptors may have: the rest is for statements.
const heapShare = 2

// workFactor times a new descriptor's bytes is what its encoded form takes while it is stored.
const workFactor = 2

// descriptorHeap charges descriptors to the heap ledger, from before they are stored until nobody can reach them: an
// old version is kept alive by the statements that began before it was replaced.
type descriptorHeap struct {
	ledger *memory.HeapLedger
	acct   *memory.Account

	mu sync.Mutex // protects the following, and publications
	// newest is the bytes of the newest versions, those about to be published included, and of accounts.
	newest int64
	// old is the bytes of older versions.
	old int64
	// epochs are those whose snapshots may be in use, oldest first; the last is that of the current snapshot.
	epochs []*epoch
}

// epoch is the time in which a snapshot is the current one.
type epoch struct {
	uses    atomic.Int64 // statements that began in it
	retired int64        // bytes of what this snapshot has and the next has not; protected by descriptorHeap.mu
}

// share is the most that newest may be; 0: any amount.
func (h *descriptorHeap) share() int64 { return h.ledger.Limit() / heapShare }

// reservation is the heap of a change on its way.
type reservation struct {
	heap             *descriptorHeap
	come, gone, work int64
}

// reserve charges what a change brings, before anything of it is written. Error: ServerMemoryError.
func (h *descriptorHeap) reserve(g *change, connID uint64) (*reservation, error) {
	if g == nil {
		return nil, nil
	}
	r := &reservation{heap: h}
	r.come, r.gone = g.heap()
	r.work = workFactor * r.come
	if r.come > 0 {
		if err := h.ledger.Reserve(h.acct, r.come+r.work); err != nil {
			var refusal *sqlerr.ServerMemoryError
			if errors.As(err, &refusal) {
				refusal.ConnID = connID
			}
			return nil, err
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.grow(r.come-r.gone, connID); err != nil {
		h.ledger.Release(h.acct, r.come+r.work)
		return nil, err
	}
	return r, nil
}

// grow adds n bytes, maybe negative, to the newest versions, if that is not over their share; mu is held.
func (h *descriptorHeap) grow(n int64, connID uint64) error {
	if share := h.share(); n > 0 && share > 0 && h.newest+n > share {
		return &sqlerr.ServerMemoryError{ConnID: connID, Report: fmt.Sprintf(
			"definitions of tables and accounts would take %d bytes, %d are for them", h.newest+n, share)}
	}
	h.newest += n
	return nil
}

// cancel gives everything back: the change does not come about.
func (r *reservation) cancel() {
	if r == nil {
		return
	}
	h := r.heap
	h.mu.Lock()
	defer h.mu.Unlock()
	h.newest -= r.come - r.gone
	h.ledger.Release(h.acct, r.come+r.work)
}

// publish makes s the current snapshot by store. What has gone is given back when the last statement that began before
// this has ended.
func (h *descriptorHeap) publish(s *Snapshot, r *reservation, store func(*Snapshot)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r != nil {
		h.ledger.Release(h.acct, r.work)
		h.epochs[len(h.epochs)-1].retired += r.gone
		h.old += r.gone
	}
	s.epoch = &epoch{}
	h.epochs = append(h.epochs, s.epoch)
	store(s)
	h.sweep()
}

// sweep gives back what no statement can reach; mu is held. What an epoch retired may be in use as long as that epoch
// or an older one is. One that is not used any longer leaves its part to the one before it, so there are no more than
// statements.
func (h *descriptorHeap) sweep() {
	last := len(h.epochs) - 1
	kept := h.epochs[:0]
	for i, e := range h.epochs {
		switch {
		case i == last || e.uses.Load() > 0:
			kept = append(kept, e)
		case len(kept) > 0:
			kept[len(kept)-1].retired += e.retired
		default:
			h.ledger.Release(h.acct, e.retired)
			h.old -= e.retired
		}
	}
	clear(h.epochs[len(kept):])
	h.epochs = kept
}

// load charges a descriptor that is read at start, and says if there is room to keep it.
func (h *descriptorHeap) load(n int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.newest += n
	if share := h.share(); share > 0 && h.newest > share {
		return false
	}
	return h.ledger.Reserve(h.acct, n) == nil
}

// Use keeps what a statement can reach of the catalog charged until Leave.
type Use struct {
	cat   *Catalog
	epoch *epoch
}

// Enter begins the use of the current snapshot and those that come after it.
func (c *Catalog) Enter() Use {
	for {
		e := c.current.Load().epoch
		e.uses.Add(1)
		// Whoever publishes after this look sees the use.
		if c.current.Load().epoch == e {
			return Use{c, e}
		}
		Use{c, e}.Leave()
	}
}

// Leave ends the use. Called once.
func (u Use) Leave() {
	if u.epoch.uses.Add(-1) == 0 && u.cat.current.Load().epoch != u.epoch {
		u.cat.heap.mu.Lock()
		defer u.cat.heap.mu.Unlock()
		u.cat.heap.sweep()
	}
}

// HeapBytes is what descriptors take of the heap: the newest versions, and older ones that statements may still use.
func (c *Catalog) HeapBytes() (newest, old int64) {
	c.heap.mu.Lock()
	defer c.heap.mu.Unlock()
	return c.heap.newest, c.heap.old
}

// TooLargeError says that the descriptors of a store do not fit into the heap.
type TooLargeError struct {
	Bytes  int64 // of all descriptors
	Share  int64 // what they may have
	Ledger int64 // the limit of the heap ledger that Bytes needs
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("definitions of tables take %d bytes of memory, %d are for them and accounts", e.Bytes, e.Share)
}
