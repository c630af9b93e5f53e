package server

import (
	"context"
	"time"
)

// watch looks at the sockets of running commands, so that a statement whose client has left does not go on computing.
func (s *Server) watch(ctx context.Context) {
	t := time.NewTicker(s.opts.WatchInterval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			for _, c := range s.all() {
				if c.state.Load() != stateBusy || now.UnixNano()-c.busySince.Load() < int64(s.opts.WatchInterval) {
					continue
				}
				if c.wire.gone() {
					c.end(errClientGone)
				}
			}
		}
	}
}
