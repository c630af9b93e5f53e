package local

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// ingestFolder, in the data directory, holds tables until they are ingested; Open empties it.
const ingestFolder = "ingest"

// Open opens the store at o.Path, or makes a new one. Errors: FormatError, InUseError, the file system's, the engine's.
func Open(o Options) (kv.Store, error) {
	if o.Account == nil {
		return nil, sqlerr.AssertionError("kv/local: no account")
	}
	o = o.withDefaults()
	if !o.ReadOnly {
		if err := o.FS.MkdirAll(o.Path, 0o755); err != nil {
			return nil, err
		}
	}
	lock, err := pebble.LockDirectory(o.Path, o.FS)
	if err != nil {
		return nil, &InUseError{Path: o.Path, Err: err}
	}
	s, err := open(o, lock)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return s, nil
}

func open(o Options, lock *pebble.Lock) (*store, error) {
	if err := checkFormat(o.FS, o.Path, o.ReadOnly); err != nil {
		return nil, err
	}
	s := &store{options: o, events: newEvents(o), heap: ledger{o.Heap}, folder: o.FS.PathJoin(o.Path, ingestFolder),
		sealing: usualSealing}
	if !o.ReadOnly {
		if err := o.FS.RemoveAll(s.folder); err != nil {
			return nil, err
		}
		if err := o.FS.MkdirAll(s.folder, 0o755); err != nil {
			return nil, err
		}
	}
	cache := pebble.NewCache(o.CacheBytes)
	defer cache.Unref() // the engine has its own reference
	engine := o.engine(cache, s.events.listener(), s.events)
	engine.Lock, engine.FS = lock, patientFS{o.FS, s.events}
	db, err := pebble.Open(o.Path, engine)
	if err != nil {
		return nil, err
	}
	s.db, s.lock = db, lock
	s.engine = engine
	s.writer = func() sstable.WriterOptions {
		w := engine.MakeWriterOptions(ingestLevel, db.TableFormat())
		// Else deletions would be marked as obsolete, and not hide what lies in the levels below the table's.
		w.WritingToLowestLevel = false
		return w
	}
	s.locks = newLockTable(o.Account.Child("row locks"), o.MaxLocks, o.SpaceBytes)
	s.views.list = map[*view]struct{}{}
	if err := s.findChunks(); err != nil {
		s.locks.close()
		return nil, errors.Join(err, db.Close())
	}
	s.startJanitor()
	return s, nil
}
