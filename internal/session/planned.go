package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/exec/build"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/plan"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// maxReplans bounds how often a statement is planned again because a table changed under it.
const maxReplans = 10

// withPlan plans st, takes its metadata locks and calls f, again if the catalog changed in between.
func (s *Session) withPlan(ctx context.Context, st *parse.Statement, a answer, f func(planned) error) error {
	budget := s.newWorkLedger(ctx)
	defer budget.release()
	env := s.env(ctx)
	for range maxReplans {
		p, err := plan.Build(s.bindContext(env, a, budget), st)
		if err != nil {
			return err
		}
		env.Strict = p.Write && env.SQLMode.Strict()
		if err := s.authorize(p); err != nil {
			return err
		}
		switch err := s.lockPlan(ctx, p); {
		case errors.Is(err, errStale):
			s.txn.releaseUnused()
			budget.release()
			continue
		case err != nil:
			s.txn.releaseUnused()
			return err
		}
		return f(planned{plan: p, env: env, text: st.Text})
	}
	return sqlerr.Newf(sqlerr.ErrUnknown, "the statement's tables changed %d times while it was planned", maxReplans)
}

// planned runs a statement that has a plan and answers it.
func (s *Session) planned(ctx context.Context, st *parse.Statement, a answer) error {
	return s.withPlan(ctx, st, a, func(p planned) error {
		if p.plan.Write {
			if err := s.writable(); err != nil {
				s.txn.releaseUnused()
				return err
			}
		}
		ctx, cancel := s.withDeadline(ctx, p.plan)
		defer cancel()
		err := s.runAndAnswer(ctx, st, p, a)
		if err != nil && ctx.Err() != nil {
			return s.cause(ctx, err)
		}
		return err
	})
}

func (s *Session) runAndAnswer(ctx context.Context, st *parse.Statement, p planned, a answer) error {
	if len(p.plan.Columns) == 0 {
		out, err := s.run(ctx, p, consumer{}, a)
		if err != nil {
			return err
		}
		return s.answerChange(out, a)
	}
	if len(st.IntoVars) > 0 {
		return s.selectInto(ctx, st, p, a)
	}
	if a.useCursor {
		return s.fillCursor(ctx, p, a)
	}
	if err := a.out.Columns(resultColumns(p.plan.Columns)); err != nil {
		return err
	}
	out, err := s.run(ctx, p, consumer{out: a.out}, a)
	if err != nil {
		return err
	}
	s.foundRows, s.rowCount = out.rows, -1
	return a.out.EOF(s.status(a, ""))
}

// answerChange is the OK packet of a data change.
func (s *Session) answerChange(out outcome, a answer) error {
	r := out.change
	s.affected, s.rowCount = r.Affected, int64(r.Affected)
	if r.LastInsertID != 0 {
		s.lastInsertID = r.LastInsertID
	}
	status := s.status(a, r.Info(s.warningCount))
	status.LastInsertID = r.InsertID
	return a.out.OK(status)
}

// resultColumns tells the client about a plan's columns.
func resultColumns(in []physical.Column) []Column {
	out := make([]Column, len(in))
	for i := range in {
		c := &in[i]
		out[i] = Column{
			Name: c.Name, DB: c.DB, Table: c.Table, OrgTable: c.OrgTable, OrgName: c.OrgName, Type: c.Type,
			Flags: c.Flags,
		}
	}
	return out
}

// openFile opens a LOAD DATA file: of the client, or below secure_file_priv.
func (s *Session) openFile(a answer) func(context.Context, *physical.Load) (io.ReadCloser, error) {
	return func(ctx context.Context, n *physical.Load) (io.ReadCloser, error) {
		if n.Local {
			if !s.vars.Bool("local_infile") || !s.info.LocalFiles {
				return nil, sqlerr.New(sqlerr.ErrClientLocalFilesDisabled)
			}
			in, err := a.out.LocalInfile(ctx, n.FileName)
			if err != nil {
				return nil, err
			}
			return s.newClientFile(ctx, in), nil
		}
		dir := s.vars.String("secure_file_priv")
		if dir == "" || dir == "NULL" {
			return nil, sqlerr.New(sqlerr.ErrOptionPreventsStatement, "--secure-file-priv")
		}
		rel, err := filepath.Rel(dir, n.FileName)
		if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
			return nil, sqlerr.New(sqlerr.ErrOptionPreventsStatement, "--secure-file-priv")
		}
		f, err := os.OpenInRoot(dir, rel)
		if err != nil {
			return nil, sqlerr.Wrap(err, sqlerr.ErrFileNotFound, n.FileName, 2, err.Error())
		}
		return f, nil
	}
}

// explain shows a plan, or with ANALYZE runs it and shows what it did.
func (s *Session) explain(ctx context.Context, st *parse.Statement, n *ast.ExplainStmt, a answer) error {
	if show, ok := n.Stmt.(*ast.ShowStmt); ok { // DESCRIBE t
		return s.show(ctx, st, show, a)
	}
	if err := explainFormat(n.Format); err != nil {
		return err
	}
	switch n.Stmt.(type) {
	case *ast.CreateIndexStmt, *ast.AlterTableStmt:
		return s.explainDefinition(ctx, st, n, a)
	}
	return s.withPlan(ctx, st, a, func(p planned) error {
		ann := plan.Annotations{Analyze: n.Analyze}
		var sizing build.Sizing
		var err error
		if n.Analyze {
			out, rerr := s.run(ctx, p, consumer{}, a)
			if rerr != nil {
				return rerr
			}
			ann.Nodes, sizing = annotate(p.plan, out), out.sizing
		} else {
			if sizing, err = s.size(p.plan); err != nil {
				return err
			}
			s.txn.releaseUnused()
		}
		least, err := build.Least(p.plan, s.limits(p.plan))
		if err != nil {
			return err
		}
		ann.MinimumBytes, ann.GrantBytes = least.Minimum, sizing.Minimum
		if ann.Spills, err = build.ExpectedSpills(p.plan, sizing, s.plannedQuota(p.plan)); err != nil {
			return err
		}
		return s.sendTexts(ctx, a, plan.ExplainColumns(n.Analyze), plan.Explain(p.plan, ann))
	})
}

// explainFormat refuses the formats that are not TiDB's table.
func explainFormat(name string) error {
	switch strings.ToLower(name) {
	case "", "row", "brief", "traditional":
		return nil
	case "json", "tree", "dot", "verbose", "tidb_json":
		return sqlerr.New(sqlerr.ErrNotSupportedYet, "EXPLAIN FORMAT="+name)
	}
	return sqlerr.New(sqlerr.ErrUnknownExplainFormat, name)
}

// annotate turns a profile into EXPLAIN ANALYZE's figures.
func annotate(p *physical.Plan, out outcome) map[int]plan.NodeStats {
	nodes := make(map[int]plan.NodeStats)
	var walk func(n physical.Node)
	walk = func(n physical.Node) {
		prof := out.profile.Node(n.Common().ID)
		m := prof.Memory()
		stats := plan.NodeStats{
			ActRows: prof.Rows(), MemoryBytes: m.Peak, DiskBytes: m.WrittenBytes, Info: nodeInfo(prof),
		}
		nodes[n.Common().ID] = stats
		for _, c := range n.Children() {
			walk(c)
		}
	}
	for _, n := range p.Roots() {
		walk(n)
	}
	return nodes
}

// nodeInfo is the execution info of one node.
func nodeInfo(prof *exec.NodeProfile) string {
	m := prof.Memory()
	parts := []string{
		fmt.Sprintf("time:%v", prof.Time().Round(10*time.Microsecond)),
		fmt.Sprintf("loops:%d", prof.Batches()),
	}
	if w := prof.Workers(); w > 0 {
		parts = append(parts, fmt.Sprintf("workers:%d", w))
	}
	if prof.Minimum() > 0 {
		parts = append(parts, "minimum:"+plan.FormatBytes(prof.Minimum()))
	}
	notes := prof.Notes()
	for _, k := range sortedKeys(notes) {
		if notes[k] > 0 {
			parts = append(parts, fmt.Sprintf("%s:%d", k, notes[k]))
		}
	}
	if m.SpilledBytes > 0 {
		parts = append(parts, fmt.Sprintf("spill:{raw:%s, written:%s, read:%s, write time:%v, wait:%v}",
			plan.FormatBytes(m.SpilledBytes), plan.FormatBytes(m.WrittenBytes), plan.FormatBytes(m.ReadBytes),
			time.Duration(m.WriteNanos).Round(10*time.Microsecond),
			time.Duration(m.SpillNanos).Round(10*time.Microsecond)))
	}
	return strings.Join(parts, ", ")
}

// do evaluates expressions for their effects.
func (s *Session) do(ctx context.Context, st *parse.Statement, n *ast.DoStmt, a answer) error {
	env := s.env(ctx)
	for _, e := range n.Exprs {
		if _, err := s.evalValue(ctx, st, env, e, a); err != nil {
			return err
		}
	}
	return s.done(a, nil)
}

// textType is the type of columns of texts that the session makes itself.
var textType = types.NewVarChar(1024, textCollation)
