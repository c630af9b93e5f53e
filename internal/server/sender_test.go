package server

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
)

// A cursor's statement outlives the command that fetches of it: it does not fail when that ends.
func TestFinishingLeavesWhatTheStatementFollowed(t *testing.T) {
	pool, err := memory.NewPool(memory.Options{LimitBytes: 16 << 20})
	require.NoError(t, err)
	defer func() { require.NoError(t, pool.Close()) }()
	stmt := pool.NewStatement(pool.Server(), memory.StatementOptions{Name: "cursor"})
	defer stmt.Close()
	require.NoError(t, stmt.Admit(t.Context(), 1<<20))
	killed := errors.New("killed")
	command, kill := context.WithCancelCause(t.Context())

	s := &sender{c: &conn{srv: &Server{opts: Options{RowGrace: time.Hour}}}}
	s.begin(command, stmt, nil)
	s.row = newFinishing(s)
	require.False(t, s.row.late)
	kill(killed)
	require.ErrorIs(t, s.stopped(), killed)
	require.NoError(t, s.row.ctx.Err())
	s.end()
	before, ok := stmt.Follow(t.Context())
	require.True(t, ok)
	require.Equal(t, t.Context(), before)

	s.c.srv.opts.RowGrace = time.Nanosecond
	s.begin(command, stmt, nil)
	s.row = newFinishing(s)
	<-s.row.ctx.Done()
	require.ErrorIs(t, context.Cause(s.row.ctx), killed)
	s.end()
}
