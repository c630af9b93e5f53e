package memory

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
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

// nowhere is a BlockStore for benchmarks that never write.
type nowhere struct{}

func (nowhere) Write(uint64, []byte) (Slot, error) { return Slot{Lo: 1}, nil }
func (nowhere) Read(Slot, []byte) error            { return nil }
func (nowhere) Free(uint64, Slot)                  {}
func (nowhere) DiskBytes(Slot) int64               { return 0 }

func benchAccount(b *testing.B) *Account {
	p, err := NewPool(Options{LimitBytes: 64 << 20, Store: nowhere{}})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, p.Close()) })
	s := p.NewStatement(p.Server(), StatementOptions{Name: "s", Spill: true})
	b.Cleanup(s.Close)
	require.NoError(b, s.Admit(context.Background(), 16<<20))
	a, err := s.Operator("op", 16<<20)
	require.NoError(b, err)
	return a
}

// reportCPU adds the processor time of the benchmark's own thread: on a machine that is shared, the only figure of use.
func reportCPU(b *testing.B) (done func()) {
	runtime.LockOSThread()
	now := func() int64 {
		var t unix.Timespec
		require.NoError(b, unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t))
		return t.Nano()
	}
	start := now()
	return func() {
		b.ReportMetric(float64(now()-start)/float64(b.N), "cpu-ns/op")
		runtime.UnlockOSThread()
	}
}

func BenchmarkAllocFree(b *testing.B) {
	a := benchAccount(b)
	defer reportCPU(b)()
	for b.Loop() {
		g, _ := a.Alloc(4096, Held)
		a.Free(g)
	}
}

func BenchmarkPinUnpin(b *testing.B) {
	a := benchAccount(b)
	id, _, _ := a.NewBlock(4096, Held)
	a.Unpin(id, 0)
	defer reportCPU(b)()
	for b.Loop() {
		_, _ = a.Pin(id, Held)
		a.Unpin(id, 0)
	}
	a.FreeBlock(id)
}

func BenchmarkPinUnpinNested(b *testing.B) {
	a := benchAccount(b)
	id, _, _ := a.NewBlock(4096, Held)
	defer reportCPU(b)()
	for b.Loop() {
		_, _ = a.Pin(id, Held)
		a.Unpin(id, 0)
	}
	a.FreeBlock(id)
}

func BenchmarkPinUnpinTwoWorkers(b *testing.B) {
	a := benchAccount(b)
	b.RunParallel(func(pb *testing.PB) {
		id, _, _ := a.NewBlock(4096, Held)
		a.Unpin(id, 0)
		for pb.Next() {
			_, _ = a.Pin(id, Held)
			a.Unpin(id, 0)
		}
		a.FreeBlock(id)
	})
}
