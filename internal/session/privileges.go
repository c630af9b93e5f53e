package session

import (
	"context"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/bind"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/privilege"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/types"
)

// account is whose privileges the session has.
func (s *Session) account() privilege.Account { return privilege.ParseAccount(s.info.Account) }

// checkUse is USE's check. Error 1044.
func (s *Session) checkUse(db string) error { return s.manager.Users.CheckUse(s.account(), db) }

// authorize checks the privileges that a plan needs. Errors 1142.
func (s *Session) authorize(p *physical.Plan) error {
	written := map[schema.ID]bool{}
	need := func(t *schema.Table, priv privilege.Priv) error {
		written[t.ID] = true
		return s.manager.Users.Check(s.account(), priv, t.DB, t.Name)
	}
	var err error
	switch n := p.Root.(type) {
	case *physical.Insert:
		if err = need(n.Table, privilege.Insert); err == nil && n.Duplicates == physical.DuplicateReplace {
			err = need(n.Table, privilege.Delete)
		}
		if err == nil && n.Duplicates == physical.DuplicateUpdate {
			err = need(n.Table, privilege.Update)
		}
	case *physical.Update:
		err = need(n.Table, privilege.Update)
	case *physical.Delete:
		err = need(n.Table, privilege.Delete)
	}
	if err != nil {
		return err
	}
	for _, t := range p.Tables {
		if t.Virtual || written[t.ID] {
			continue
		}
		if err := s.manager.Users.Check(s.account(), privilege.Select, t.DB, t.Name); err != nil {
			return err
		}
	}
	return nil
}

// columnDefault evaluates DEFAULT (expression) of a column, whose text was checked when the table was made.
func (s *Session) columnDefault(env *expr.Env) func(context.Context, *schema.Column) (types.Datum, error) {
	return func(ctx context.Context, c *schema.Column) (types.Datum, error) {
		budget := s.newLedger()
		defer budget.release()
		e, err := bind.DefaultExpression(s.bindContext(env, answer{}, budget), c)
		if err != nil {
			return types.Datum{}, err
		}
		return expr.EvalConst(e, env)
	}
}
