package memory

import "context"

type waits struct {
	why        WaitReason
	pinnedHere int64
}

func (s *Statement) parked() bool  { return false }
func (s *Statement) evictInPlace() {}

// Wait runs wait, which blocks on something else than memory, on behalf of one of the workers.
func (s *Statement) Wait(ctx context.Context, why WaitReason, wait func(context.Context) error) error {
	return wait(ctx)
}

// AddWorkers tells how many workers more run for the statement; negative when they end.
func (s *Statement) AddWorkers(n int) {}

// Waiting is why the statement waits, "" while a worker works.
func (s *Statement) Waiting() WaitReason { return s.why }
