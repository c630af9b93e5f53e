//go:build !invariants && !race

package memory

// stacks and sums are checks of assertion builds; see debug_on.go.
type stacks struct{}

func (stacks) record(BlockID)    {}
func (stacks) forget(BlockID)    {}
func (stacks) of(BlockID) string { return "" }

type sums struct{}

func (sums) forget(Slot)        {}
func (sums) note(Slot, []byte)  {}
func (sums) check(Slot, []byte) {}
