package build

import (
	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/exec/dml"
	"github.com/spillwaydb/spillway/internal/exec/stream"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/plan/physical"
)

func (b *builder) dmlOptions(acct *memory.Account) dml.Options {
	d := &b.deps
	return dml.Options{
		Account: acct, Txn: d.Txn, Lock: d.Lock, Catalog: d.Catalog, Env: d.Env, FoundRows: d.FoundRows,
		Increment: d.Increment, Offset: d.Offset, InsertID: d.InsertID, Default: d.Default,
	}
}

func (b *builder) insert(n *physical.Insert) error {
	acct, err := b.open(n, dml.InsertMinBytes(n))
	if err != nil {
		return err
	}
	if _, ok := n.Input.(*physical.Values); ok {
		if b.dry {
			return b.change(b.source(n, nil, nil, 1, 1), n, nil, nil)
		}
		src, err := dml.NewInsertValues(b.dmlOptions(acct), n)
		if err != nil {
			return err
		}
		b.result = src.Result
		b.end(b.source(n, src, nil, 1, 1), n, stream.NewResult(b.deps.Consumer), 1)
		return nil
	}
	p, err := b.node(n.Input)
	if err != nil {
		return err
	}
	if b.dry {
		return b.change(p, n, nil, nil)
	}
	sink, err := dml.NewInsert(b.dmlOptions(acct), n)
	if err != nil {
		return err
	}
	return b.change(p, n, sink, sink.Result)
}

// change ends a pipe with the sink of a data change. One worker: a transaction's writes have one writer.
func (b *builder) change(p *pipe, n physical.Node, sink exec.Sink, result func() dml.Result) error {
	b.result = result
	b.end(p, n, sink, 1)
	return nil
}

func (b *builder) update(n *physical.Update) error {
	p, err := b.node(n.Input)
	if err != nil {
		return err
	}
	acct, err := b.open(n, dml.UpdateMinBytes(n, p.capacity))
	if err != nil {
		return err
	}
	if b.dry {
		return b.change(p, n, nil, nil)
	}
	sink, err := dml.NewUpdate(b.dmlOptions(acct), n, p.capacity)
	if err != nil {
		return err
	}
	return b.change(p, n, sink, sink.Result)
}

func (b *builder) delete(n *physical.Delete) error {
	p, err := b.node(n.Input)
	if err != nil {
		return err
	}
	acct, err := b.open(n, dml.DeleteMinBytes(n))
	if err != nil {
		return err
	}
	if b.dry {
		return b.change(p, n, nil, nil)
	}
	sink, err := dml.NewDelete(b.dmlOptions(acct), n)
	if err != nil {
		return err
	}
	return b.change(p, n, sink, sink.Result)
}

func (b *builder) load(n *physical.Load) (*pipe, error) {
	capacity := b.rowCapacity(n.Types())
	acct, err := b.open(n, dml.LoadMinBytes(n, capacity))
	if err != nil {
		return nil, err
	}
	if b.dry {
		return b.source(n, nil, n.Types(), capacity, 1), nil
	}
	f, err := b.deps.OpenFile(b.deps.Env.Ctx, n)
	if err != nil {
		return nil, err
	}
	b.run.OnClose(f.Close)
	src, err := dml.NewLoad(dml.LoadOptions{
		Account: acct, Node: n, File: f, Env: b.deps.Env, SetUserVar: b.deps.Env.SetUserVar, BatchRows: capacity,
	})
	if err != nil {
		return nil, err
	}
	return b.source(n, src, n.Types(), capacity, 1), nil
}
