package memory

import "testing"

func TestBudgetShares(t *testing.T) {
	// The design's smallest shares of pages, in percent of the limit.
	for _, c := range []struct{ limit, percent int64 }{{192, 25}, {208, 35}, {256, 45}, {1024, 70}, {4096, 77}} {
		b, err := BudgetFor(c.limit * mib)
		if err != nil {
			t.Fatal(err)
		}
		if sum := b.Pool + b.Heap + b.Storage + b.Fixed + b.Margin; sum != b.Limit {
			t.Errorf("limit %d MiB: the parts sum up to %d", c.limit, sum/mib)
		}
		if b.Fixed != b.Files+b.Buffers {
			t.Errorf("limit %d MiB: %d fixed, %d files and %d buffers", c.limit, b.Fixed, b.Files, b.Buffers)
		}
		if got := b.Pool * 100 / b.Limit; got < c.percent {
			t.Errorf("limit %d MiB: %d %% for pages, want at least %d", c.limit, got, c.percent)
		}
	}
	if _, err := BudgetFor(MinServerLimit - 1); err == nil {
		t.Error("a limit under the smallest is accepted")
	}
}

func TestLimitForHeapLedger(t *testing.T) {
	for _, limit := range []int64{208, 256, 1024, 4096} {
		b, err := BudgetFor(limit * mib)
		if err != nil {
			t.Fatal(err)
		}
		need := LimitForHeapLedger(b.HeapLedger)
		got, err := BudgetFor(need)
		if err != nil || need > b.Limit || got.HeapLedger < b.HeapLedger {
			t.Errorf("limit %d MiB has a ledger of %d bytes, %d MiB are said to be needed: %v", limit, b.HeapLedger,
				need/mib, err)
		}
		if less, err := BudgetFor(need - mib); err == nil && less.HeapLedger >= b.HeapLedger {
			t.Errorf("%d MiB are said to be needed for %d bytes, fewer would do", need/mib, b.HeapLedger)
		}
	}
}
