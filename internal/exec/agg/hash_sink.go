package agg

import (
	"context"
	"errors"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/vector"
)

const (
	// largeTableBytes is the size of a table that has got a lease: 2^17 entries, about a second-level cache.
	largeTableBytes = 1 << 20
	// Looking up does not pay where more than passNumerator/passDenominator of the rows make groups; it is tried again
	// after passTables times as many rows as filled the table.
	passNumerator, passDenominator = 9, 10
	passTables                     = 16
)

// NewLocal implements exec.Sink.
func (s hashSink) NewLocal(*exec.Worker) (exec.LocalSink, error) {
	h := s.Hash
	acct := h.options.Account
	l := &hashLocal{
		goal:   map[*rows.Collection]int64{},
		h:      h,
		groups: h.newGroups(),
		hasher: h.hasher(),
		states: newWorker(h.states, acct.Base(), 0),
		keys:   make([]*vector.Vector, len(h.options.Group)),
		unique: true,
	}
	if err := l.groups.Table.Open(acct, rows.SmallestTableBytes, memory.Held); err != nil {
		return nil, err
	}
	if bits := h.partitionBits(); bits > 1 {
		l.fine = h.newPartitions(bits)
		l.use(l.fine)
	} else {
		l.coarsen()
	}
	return l, nil
}

func (h *Hash) newPartitions(bits int) *rows.Partitions {
	p := rows.NewPartitions(h.options.Account, h.layout, h.page, 0, bits)
	p.Keep(heldParts)
	return p
}

// hashLocal is phase 1 of one worker. It has a fine set of partitions as long as it gets leases for their tails, and a
// coarse one, of held pages, when it does not.
type hashLocal struct {
	h      *Hash
	groups *rows.Groups
	hasher rows.Hasher
	states *worker
	keys   []*vector.Vector

	fine, coarse *rows.Partitions // nil: not needed so far
	unique       bool             // no group has two rows
	since        int64            // rows since the table was empty
	pass         int64            // rows that are still to be added without looking for their groups
	refusals     int              // of leases, since a row was last added
	pending      []uint16

	compactor *rowCombiner               // nil: not needed so far
	goal      map[*rows.Collection]int64 // rows with which a partition is compacted
	found     [rows.ChunkRows]memory.Ref
	places    [rows.ChunkRows]memory.Ref
}

func (l *hashLocal) use(p *rows.Partitions) { l.groups.Parts = p }

// Consume adds rows to their groups.
func (l *hashLocal) Consume(ctx context.Context, b *vector.Batch) (exec.OpResult, error) {
	acct := l.h.options.Account
	if acct.Revoked() && l.leases() {
		if err := l.surrender(ctx); err != nil {
			return exec.NeedMore, err
		}
	}
	for i, c := range l.h.options.Group {
		l.keys[i] = b.Cols[c]
	}
	sel := b.Sel
	if sel == nil {
		sel = rows.All(b.Len)
	}
	for len(sel) > 0 {
		chunk := sel[:min(len(sel), rows.ChunkRows)]
		if err := l.chunk(ctx, b, chunk); err != nil {
			return exec.NeedMore, err
		}
		sel = sel[len(chunk):]
	}
	return exec.NeedMore, nil
}

// chunk adds rows sel. Each turn adds some of them, or leaves the partitions with fewer pages.
func (l *hashLocal) chunk(ctx context.Context, b *vector.Batch, sel []uint16) error {
	for len(sel) > 0 {
		if l.pass == 0 && l.groups.Table.Room() < len(sel) {
			if err := l.full(ctx); err != nil {
				return err
			}
		}
		l.hasher.Hash(b.Base(), l.keys, sel, l.groups.Hashes[:])
		var err error
		if l.pass > 0 {
			err = l.groups.AppendAll(l.keys, sel)
			l.pass = max(0, l.pass-int64(len(sel)))
		} else {
			err = l.groups.Find(l.keys, sel)
			l.since += int64(len(sel))
		}
		if err != nil && !errors.Is(err, sqlerr.ErrNoSurplus) {
			return err
		}
		refused := err != nil
		sel, err = l.update(b, sel, refused)
		if err != nil {
			return err
		}
		if l.groups.Table.Used() == 0 { // nobody refers to rows of full blocks
			l.groups.Parts.ReleaseFull(memory.ReuseLate)
		}
		if refused {
			if err := l.refused(ctx); err != nil {
				return err
			}
		} else {
			l.refusals = 0
		}
	}
	return nil
}

// update adds the rows that have groups to them, and returns those that have none.
func (l *hashLocal) update(b *vector.Batch, sel []uint16, refused bool) ([]uint16, error) {
	g := l.groups
	for j, i := range g.Fresh {
		l.places[j] = g.Refs[i]
	}
	l.states.init(l.places[:len(g.Fresh)])
	if !refused {
		return nil, l.states.update(g.Refs[:len(sel)], sel, b.Cols)
	}
	var left, done [rows.ChunkRows]uint16
	n, m := 0, 0
	for i, row := range sel {
		if r := g.Refs[i]; r != 0 {
			l.found[n], done[n] = r, row
			n++
		} else {
			left[m] = row
			m++
		}
	}
	if n > 0 {
		l.refusals = 0
	}
	l.pending = append(l.pending[:0], left[:m]...)
	return l.pending, l.states.update(l.found[:n], done[:n], b.Cols)
}

// full empties the table, and gets a larger one if there is surplus. Before the rows outgrow what this worker can have
// of it, and are written, those of the same group are put together.
func (l *hashLocal) full(ctx context.Context) error {
	g := l.groups
	acct := l.h.options.Account
	l.h.spilled()
	used := int64(g.Table.Used())
	if used*passDenominator > l.since*passNumerator && g.Table.Size() == largeTableBytes {
		l.pass = passTables * l.since
	}
	l.forget()
	if l.outgrown() && l.repeats() {
		if err := l.compact(ctx); err != nil {
			return err
		}
	}
	g.Parts.ReleaseFull(memory.ReuseLate)
	if g.Table.Size() < largeTableBytes && l.fine != nil && g.Parts == l.fine {
		g.Table.Close(acct)
		err := g.Table.Open(acct, largeTableBytes, memory.Leased)
		if errors.Is(err, sqlerr.ErrNoSurplus) {
			err = g.Table.Open(acct, rows.SmallestTableBytes, memory.Held)
		}
		return err
	}
	if l.fine != nil && g.Parts != l.fine && !acct.Revoked() && l.h.partitionBits() >= l.fine.Bits {
		l.coarse.Release(memory.ReuseLate)
		l.use(l.fine)
	}
	return nil
}

// forget empties the table: its groups may get further rows.
func (l *hashLocal) forget() {
	l.groups.Table.Reset()
	l.since = 0
	l.unique = false
}

// refused answers a refused lease: first full blocks are let go, or rows of the same group put together, then all
// leases given back. What is refused even then is a value that is too long for held pages.
func (l *hashLocal) refused(ctx context.Context) error {
	l.h.pressed()
	l.refusals++
	switch l.refusals {
	case 1:
		l.forget()
		if l.repeats() {
			return l.compact(ctx)
		}
		l.groups.Parts.ReleaseFull(memory.ReuseLate)
		return nil
	case 2:
		return l.surrender(ctx)
	}
	return rows.Final(sqlerr.ErrNoSurplus)
}

// leases says if there are pages beyond the minimum.
func (l *hashLocal) leases() bool {
	return l.groups.Parts == l.fine && l.fine != nil || l.groups.Table.Size() > rows.SmallestTableBytes ||
		l.groups.Parts.Pinned() > heldParts
}

// surrender gives all leases back.
func (l *hashLocal) surrender(ctx context.Context) error {
	l.h.pressed()
	l.forget()
	acct := l.h.options.Account
	l.groups.Parts.Release(memory.ReuseLate)
	if l.repeats() {
		if err := l.compact(ctx); err != nil {
			return err
		}
	}
	l.coarsen()
	if l.groups.Table.Size() == rows.SmallestTableBytes {
		return nil
	}
	l.groups.Table.Close(acct)
	return l.groups.Table.Open(acct, rows.SmallestTableBytes, memory.Held)
}

// coarsen goes on with held pages only.
func (l *hashLocal) coarsen() {
	if l.coarse == nil {
		l.coarse = l.h.newPartitions(1)
	}
	l.use(l.coarse)
}

// Combine hands the partitions over, without pins.
func (l *hashLocal) Combine(context.Context) error {
	l.groups.Table.Close(l.h.options.Account)
	if l.compactor != nil {
		l.compactor.keys.Close()
	}
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	l.h.unique = l.unique && len(l.h.parts) == 0
	for _, p := range []*rows.Partitions{l.fine, l.coarse} {
		if p != nil {
			p.Release(memory.ReuseUnknown)
			l.h.parts = append(l.h.parts, p)
		}
	}
	l.fine, l.coarse = nil, nil
	return nil
}

// Close implements exec.LocalSink.
func (l *hashLocal) Close() error {
	l.groups.Table.Close(l.h.options.Account)
	if l.compactor != nil {
		l.compactor.keys.Close()
	}
	l.fine.Close()
	l.coarse.Close()
	return nil
}
