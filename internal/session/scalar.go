package session

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/plan/bind"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// evalScalar evaluates an expression without columns.
func (s *Session) evalScalar(ctx context.Context, env *expr.Env, n ast.ExprNode, a answer) (types.Datum, error) {
	budget := s.newLedger()
	defer budget.release()
	env.Ctx = ctx
	e, err := bind.Scalar(s.bindContext(env, a, budget), n)
	if err != nil {
		return types.Datum{}, err
	}
	return expr.EvalConst(e, env)
}

// evalValue is evalScalar for an expression of st that may have subqueries, which are run.
func (s *Session) evalValue(
	ctx context.Context, st *parse.Statement, env *expr.Env, n ast.ExprNode, a answer,
) (types.Datum, error) {
	if !bind.HasSubquery(n) {
		return s.evalScalar(ctx, env, n, a)
	}
	query := *st
	query.Node = bind.SelectOf(n)
	row, err := s.oneRow(ctx, &query, a)
	if err != nil {
		return types.Datum{}, err
	}
	return row[0], nil
}

// oneRow runs a query that has one row.
func (s *Session) oneRow(ctx context.Context, st *parse.Statement, a answer) ([]types.Datum, error) {
	into := intoVars{heap: s.manager.Pool.Heap(), acct: s.acct}
	defer func() { into.heap.Release(into.acct, into.n) }()
	err := s.withPlan(ctx, st, a, func(p planned) error {
		_, err := s.run(ctx, p, consumer{into: &into}, a)
		return err
	})
	if err == nil && into.row == nil {
		err = sqlerr.AssertionError("a query of one row has none")
	}
	return into.row, err
}
