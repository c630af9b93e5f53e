package memory

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFirst(t *testing.T) {
	p, err := NewPool(Options{LimitBytes: 8 << 20})
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	s := p.NewStatement(p.Server(), StatementOptions{Name: "s"})
	defer s.Close()
	require.NoError(t, s.Admit(context.Background(), 1<<20))
	a, err := s.Operator("op", 1<<20)
	require.NoError(t, err)
	defer a.Close()
	for _, n := range []int{1, 4096, 5000, 300 << 10} {
		g, err := a.Alloc(n, Held)
		require.NoError(t, err)
		require.Equal(t, PageSize(n), g.Size())
		b := Bytes(a.Base(), g.Ref, n)
		b[0], b[n-1] = 1, 2
		defer a.Free(g)
	}
	id, ref, err := a.NewBlock(10000, Held)
	require.NoError(t, err)
	Slice[int64](a.Base(), ref, 10)[3] = 7
	a.Unpin(id, ReuseLate)
	ref, err = a.Pin(id, Held)
	require.NoError(t, err)
	require.EqualValues(t, 7, Slice[int64](a.Base(), ref, 10)[3])
	a.FreeBlock(id)
	require.Positive(t, a.Stats().Current)
}

func BenchmarkAllocFree(b *testing.B) {
	p, _ := NewPool(Options{LimitBytes: 8 << 20})
	defer p.Close()
	s := p.NewStatement(p.Server(), StatementOptions{Name: "s"})
	defer s.Close()
	s.Admit(context.Background(), 1<<20)
	a, _ := s.Operator("op", 1<<20)
	for b.Loop() {
		g, _ := a.Alloc(4096, Held)
		a.Free(g)
	}
}

func BenchmarkPinUnpin(b *testing.B) {
	p, _ := NewPool(Options{LimitBytes: 8 << 20})
	defer p.Close()
	s := p.NewStatement(p.Server(), StatementOptions{Name: "s"})
	defer s.Close()
	s.Admit(context.Background(), 1<<20)
	a, _ := s.Operator("op", 1<<20)
	id, _, _ := a.NewBlock(4096, Held)
	a.Unpin(id, 0)
	for b.Loop() {
		a.Pin(id, Held)
		a.Unpin(id, 0)
	}
	a.FreeBlock(id)
}
