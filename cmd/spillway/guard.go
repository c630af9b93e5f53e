package main

import (
	"context"
	"runtime/metrics"

	"github.com/spillwaydb/spillway/internal/cgroup"
	"github.com/spillwaydb/spillway/internal/kv/local"
	"github.com/spillwaydb/spillway/internal/memory"
)

// startGuard starts the comparison of the process with the sum of its parts; the returned function ends it.
func (a *app) startGuard() func() error {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	g := memory.Guard{Pool: a.pool, Sample: sampleProcess}
	go func() {
		defer close(done)
		g.Run(ctx)
	}()
	return func() error {
		cancel()
		<-done
		return nil
	}
}

// sampleProcess reads what the process holds, in bytes.
func sampleProcess() (memory.Sample, error) {
	m, err := cgroup.ProcessMemory()
	if err != nil {
		return memory.Sample{}, err
	}
	total, _ := local.MallocBytes()
	return memory.Sample{
		RSS: m.RSS + m.Swap, FileMappings: m.RSSFile + m.RSSShmem, GoTotal: goBytes(), Malloc: total,
	}, nil
}

// goBytes is what GOMEMLIMIT bounds: what the Go runtime has mapped, less what it gave back.
func goBytes() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64()) - int64(s[1].Value.Uint64())
}
