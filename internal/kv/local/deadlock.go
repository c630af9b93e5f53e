package local

import (
	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// breakDeadlocks looks for cycles of the wait-for graph through w, which has just begun to wait, and ends each by
// refusing the transaction in it with the least to lose, in doubt w's. Waiting is the only event that closes a cycle: a
// granted lock's new holder does not wait. All shards are locked meanwhile, so the graph stands still; waits are rare.
func (l *lockTable) breakDeadlocks(w *waiter) {
	defer l.operation().End()
	for i := range l.shards {
		l.shards[i].mu.Lock()
	}
	defer func() {
		for i := range l.shards {
			l.shards[i].mu.Unlock()
		}
	}()
	// Each round refuses one waiter, so this ends.
	for w.owner.waits == w {
		g := graph{table: l, start: w.owner, seen: map[uint64]bool{}}
		cycle := g.path(w.owner)
		if cycle == nil {
			return
		}
		victim := w.owner
		for _, o := range cycle {
			if o.weight.Load() < victim.weight.Load() {
				victim = o
			}
		}
		lost := victim.waits
		s := l.shard(lost.hash)
		l.leave(s, lost)
		lost.answer <- sqlerr.New(sqlerr.ErrLockDeadlock)
		l.wake(s, lost.hash)
	}
}

// A graph is walked depth first: edges go from a waiting transaction to those that it waits for.
type graph struct {
	table *lockTable
	start *lockOwner
	seen  map[uint64]bool
}

// path returns the transactions on a way from o back to the start, o included; nil: there is none. Its depth is at most
// the number of transactions that wait.
func (g *graph) path(o *lockOwner) []*lockOwner {
	if o.waits == nil {
		return nil
	}
	for _, next := range g.table.waitsFor(o.waits) {
		if next == g.start {
			return []*lockOwner{o}
		}
		if g.seen[next.id] {
			continue
		}
		g.seen[next.id] = true
		if way := g.path(next); way != nil {
			return append(way, o)
		}
	}
	return nil
}

// waitsFor lists holders of w's lock that conflict with it, and those ahead in the queue that do. An entry that cannot
// be read shows no holders; the timeout then ends what would be a deadlock.
func (l *lockTable) waitsFor(w *waiter) []*lockOwner {
	s := l.shard(w.hash)
	var owners []*lockOwner
	if e, err := s.read(l, w.hash); err == nil && (w.mode == kv.LockExclusive || e.mode == kv.LockExclusive) {
		l.activeMu.Lock()
		for _, id := range e.holders {
			if o := l.active[id]; o != nil && o != w.owner {
				owners = append(owners, o)
			}
		}
		l.activeMu.Unlock()
	}
	for _, ahead := range s.queues[w.hash].waiters {
		if ahead == w {
			break
		}
		if w.mode == kv.LockExclusive || ahead.mode == kv.LockExclusive {
			owners = append(owners, ahead.owner)
		}
	}
	return owners
}
