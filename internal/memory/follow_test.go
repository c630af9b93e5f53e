package memory

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFollow(t *testing.T) {
	p, err := NewPool(Options{LimitBytes: 16 << 20})
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	first, cancelFirst := context.WithCancelCause(t.Context())
	second, cancelSecond := context.WithCancelCause(t.Context())
	s := p.NewStatement(p.Server(), StatementOptions{Name: "s"})
	defer s.Close()
	_, ok := s.Follow(second)
	require.False(t, ok, "not admitted")
	require.NoError(t, s.Admit(first, 1<<20))
	before, ok := s.Follow(second)
	require.True(t, ok)
	require.Equal(t, first, before)
	why := errors.New("why")
	cancelFirst(why)
	require.NoError(t, s.Err())
	cancelSecond(why)
	<-s.ctx.Done()
	require.ErrorIs(t, s.Err(), why)
	_, ok = s.Follow(t.Context())
	require.False(t, ok)

	done, cancelDone := context.WithCancelCause(t.Context())
	cancelDone(why)
	s = p.NewStatement(p.Server(), StatementOptions{Name: "t"})
	defer s.Close()
	require.NoError(t, s.Admit(t.Context(), 1<<20))
	_, ok = s.Follow(done)
	require.True(t, ok)
	<-s.ctx.Done()
	require.ErrorIs(t, s.Err(), why)
}
