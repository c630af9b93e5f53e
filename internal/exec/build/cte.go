package build

import (
	"context"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/exec/cte"
	"github.com/spillwaydb/spillway/internal/plan/physical"
)

// builtCTE is a common table expression whose pipelines are in the run.
type builtCTE struct {
	capacity int // of scans
	workers  int // of a scan, at most
	// Nil in a dry walk.
	result, work *cte.Table
}

// cteScan reads a common table expression, which is computed before, by pipelines of the whole plan.
func (b *builder) cteScan(n *physical.CTEScan) (*pipe, error) {
	t := b.top()
	c := t.ctes[n.CTE]
	if c == nil {
		var err error
		if c, err = t.cte(n.CTE); err != nil {
			return nil, err
		}
	}
	if b.dry {
		return b.source(n, nil, n.Types(), c.capacity, c.workers), nil
	}
	table := c.result
	if n.Work {
		table = c.work
	}
	return b.source(n, table.Source(n.Ordinals), n.Types(), c.capacity, c.workers), nil
}

// cte computes a common table expression.
func (b *builder) cte(n *physical.CTE) (*builtCTE, error) {
	c := &builtCTE{capacity: b.rowCapacity(n.Types()), workers: b.sizing.Workers}
	if b.ctes == nil {
		b.ctes = map[*physical.CTE]*builtCTE{}
	}
	b.ctes[n] = c
	seed, err := b.node(n.Seed)
	if err != nil {
		return nil, err
	}
	o := cte.Options{
		Types: n.Types(), PageBytes: b.sizing.PageBytes, BatchRows: c.capacity, Writers: seed.workers,
		Readers: n.Scans * c.workers, Recursive: n.Recursive != nil, WorkReaders: n.WorkScans * c.workers,
		Distinct: n.Distinct, MaxRounds: n.MaxRounds, HasLimit: n.HasLimit, Offset: n.Offset, Count: n.Count,
	}
	if o.Account, err = b.open(n, cte.MinBytes(o)); err != nil {
		return nil, err
	}
	if !b.dry {
		o.Profile = b.run.Profile.Node(n.ID)
	}
	if n.Recursive != nil {
		return c, b.recursion(n, c, seed, o)
	}
	if b.dry {
		b.end(seed, n, nil, seed.workers)
		return c, nil
	}
	c.result = cte.NewTable(o)
	b.run.OnClose(c.result.Close)
	b.end(seed, n, c.result.Sink(), seed.workers)
	return c, nil
}

// recursion computes a recursive expression: a pipeline for the seed, and one for the rounds.
func (b *builder) recursion(n *physical.CTE, c *builtCTE, seed *pipe, o cte.Options) error {
	var r *cte.Recursion
	if b.dry {
		b.end(seed, n, nil, 1)
	} else {
		r = cte.NewRecursion(o)
		b.run.OnClose(r.Close)
		c.result, c.work = r.Result(), r.Work()
		b.end(seed, n, r.Sink(), 1)
	}
	rounds, err := b.subplan(nil, func(b *builder) error {
		p, err := b.node(n.Recursive)
		if err != nil || b.dry {
			return err
		}
		b.end(p, n, r.Sink(), 1)
		return nil
	})
	if err != nil {
		return err
	}
	if b.ended++; b.dry {
		return nil
	}
	b.run.OnClose(rounds.close)
	b.run.Pipelines = append(b.run.Pipelines, &exec.Pipeline{Node: n.ID, Loop: func(ctx context.Context) error {
		return r.Rounds(ctx, func(ctx context.Context) error { return rounds.execute(ctx, nil) })
	}})
	return nil
}
