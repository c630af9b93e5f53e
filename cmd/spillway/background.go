package main

import (
	"context"
	"runtime/metrics"
	"time"

	"github.com/spillwaydb/spillway/internal/cgroup"
	"github.com/spillwaydb/spillway/internal/kv/local"
	"github.com/spillwaydb/spillway/internal/memory"
)

// startGuard starts the comparison of the process with the sum of its parts; the returned function ends it.
func (a *app) startGuard() func() error {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	a.guard = &memory.Guard{Pool: a.pool, Sample: a.sampleProcess}
	go func() {
		defer close(done)
		a.guard.Run(ctx)
	}()
	return func() error {
		cancel()
		<-done
		return nil
	}
}

// rowCountInterval is how often row counts are written, so that a crash does not lose them.
const rowCountInterval = time.Minute

// startHousekeeping starts what is to be done now and then; the returned function ends it.
func (a *app) startHousekeeping() func() error {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		t := time.NewTicker(rowCountInterval)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				if err := a.catalog.SaveRows(ctx); err != nil && ctx.Err() == nil {
					a.log.Warn("row counts could not be written", "error", err)
				}
			}
		}
	}()
	return func() error {
		cancel()
		<-done
		return nil
	}
}

// sampleProcess reads what the process holds, in bytes.
func (a *app) sampleProcess() (memory.Sample, error) {
	m, err := cgroup.ProcessMemory()
	if err != nil {
		return memory.Sample{}, err
	}
	c := local.MallocBytes()
	if m.Swap > 0 { // some of it may be swapped out: as if all were resident
		c.Resident = c.Mapped
	}
	return memory.Sample{
		RSS: m.RSS + m.Swap, FileMappings: m.RSSFile + m.RSSShmem, GoTotal: goBytes(),
		Malloc: c.Resident, MallocUsed: c.Used, Buffers: a.spill.FixedBytes(),
	}, nil
}

// goBytes is what GOMEMLIMIT bounds: what the Go runtime has mapped, less what it gave back.
func goBytes() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64()) - int64(s[1].Value.Uint64())
}
