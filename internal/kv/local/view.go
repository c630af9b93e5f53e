package local

import (
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// A view is a read view: a snapshot of the engine, shared by a transaction and its readers. It pins no memtable, but
// keeps old versions on disk.
type view struct {
	store    *store
	snapshot *pebble.Snapshot
	taken    time.Time
	refs     atomic.Int32
}

// newView returns a view of the latest committed state with one reference.
func (s *store) newView() *view {
	v := &view{store: s, snapshot: s.db.NewSnapshot(), taken: time.Now()}
	v.refs.Store(1)
	s.views.Lock()
	s.views.list[v] = struct{}{}
	s.views.Unlock()
	return v
}

func (v *view) ref() *view {
	v.refs.Add(1)
	return v
}

func (v *view) unref() error {
	if v.refs.Add(-1) > 0 {
		return nil
	}
	v.store.views.Lock()
	_, open := v.store.views.list[v]
	delete(v.store.views.list, v)
	v.store.views.Unlock()
	if !open { // Close was faster
		return nil
	}
	return wrap(v.snapshot.Close())
}
