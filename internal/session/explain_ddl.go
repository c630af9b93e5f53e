package session

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/catalog"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/plan"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/table"
	"github.com/spillwaydb/spillway/internal/types"
)

// explainDefinition shows what CREATE INDEX or ALTER TABLE builds, and the memory that it needs. Nothing is changed.
func (s *Session) explainDefinition(ctx context.Context, st *parse.Statement, n *ast.ExplainStmt, a answer) error {
	if n.Analyze {
		return sqlerr.New(sqlerr.ErrNotSupportedYet, "EXPLAIN ANALYZE of a definition")
	}
	env := s.env(ctx)
	inner := *st
	inner.Node = n.Stmt
	d := catalog.DDL{
		Conv: types.ConvContext{
			Strict: env.SQLMode.Strict(), Mode: env.SQLMode, Loc: env.Location, Warn: env.Warn,
		},
		Explain: func(p catalog.AlterPlan) error {
			root, ann := s.describeAlter(n.Stmt, p)
			return s.sendTexts(ctx, a, plan.ExplainColumns(false), plan.Explain(&physical.Plan{Root: root}, ann))
		},
	}
	return s.define(ctx, &inner, d, env, a)
}

// describeAlter makes EXPLAIN's nodes of what a definition builds: one index after the other, with the same memory.
func (s *Session) describeAlter(stmt ast.StmtNode, p catalog.AlterPlan) (*physical.Alter, plan.Annotations) {
	root := &physical.Alter{Name: "AlterTable", Table: p.Old}
	if _, ok := stmt.(*ast.CreateIndexStmt); ok {
		root.Name = "CreateIndex"
	}
	root.ID = 1
	ann := plan.Annotations{Spills: map[int]bool{}}
	if len(p.Built) == 0 {
		return root, ann
	}
	quota := min(s.quota(nil), s.manager.Pool.Stats().Limit/2)
	ann.MinimumBytes = table.BuildBytes(rows.MinPageBytes)
	ann.GrantBytes = table.BuildBytes(rows.PageBytes(quota, 1))
	root.EstRows = s.snapshot().RowCount(p.Old)
	for i, x := range p.Built {
		b := &physical.IndexBuild{Table: p.New, Index: x, Sorts: table.BuildSorts(p.Old, p.New, x)}
		b.ID, b.EstRows = i+2, root.EstRows
		bytes := b.EstRows * float64(table.BuildRowBytes(p.New, x))
		ann.Spills[b.ID] = b.Sorts && bytes > float64(quota-ann.GrantBytes)
		root.Builds = append(root.Builds, b)
	}
	return root, ann
}
