package bind

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// load binds LOAD DATA: a node that gives the file's fields as strings, and an insert of them. With SET or user
// variables there are expressions in between, in which a variable stands for its field.
func (b *binder) load(n *ast.LoadDataStmt) error {
	if n.Format != nil {
		return notSupported("LOAD DATA ... FORMAT")
	}
	t, err := b.targetTable(n.Table)
	if err != nil {
		return err
	}
	local := n.FileLocRef == ast.FileLocClient
	l := &physical.Load{FileName: n.Path, Local: local}
	if n.Charset != nil {
		l.Charset = strings.ToLower(*n.Charset)
		if _, ok := defaultCollation(l.Charset); !ok {
			return sqlerr.New(sqlerr.ErrUnknownCharacterSet, *n.Charset)
		}
	}
	if n.IgnoreLines != nil {
		l.SkipLines = *n.IgnoreLines
	}
	if l.Fields, err = loadFormat(n); err != nil {
		return err
	}
	ins := &physical.Insert{Table: t, Load: true}
	switch {
	case n.OnDuplicate == ast.OnDuplicateKeyHandlingReplace:
		ins.Duplicates = physical.DuplicateReplace
	case n.OnDuplicate == ast.OnDuplicateKeyHandlingIgnore, local:
		// There is no way to stop a client that sends a file, so LOCAL goes on at errors.
		ins.Duplicates, ins.Ignore = physical.DuplicateIgnore, true
	}
	s := &scope{}
	vars := map[string]expr.Expr{}
	add := func(ordinal int, variable string) {
		typ := types.NewText(types.LongText, collation.Default)
		name := variable
		if ordinal >= 0 {
			name = t.Columns[ordinal].Name
		}
		c := logical.Column{ID: len(l.Columns), Name: name, Type: typ}
		l.Columns = append(l.Columns, physical.Column{Name: name, Type: typ})
		l.Variables = append(l.Variables, variable)
		if ordinal >= 0 {
			ins.Ordinals = append(ins.Ordinals, ordinal)
			b.result.LoadExprs = append(b.result.LoadExprs, c.Ref())
			s.cols = append(s.cols, scopeColumn{db: t.DB, table: t.Name, name: name, col: c})
		} else {
			vars[variable] = c.Ref()
		}
	}
	if len(n.ColumnsAndUserVars) == 0 {
		for _, o := range t.Visible() {
			add(o, "")
		}
	}
	for _, c := range n.ColumnsAndUserVars {
		if c.UserVar != nil {
			add(-1, strings.ToLower(c.UserVar.Name))
			continue
		}
		o := t.ColumnByName(c.ColumnName.Name.O)
		if o < 0 || t.Columns[o].Hidden {
			return sqlerr.New(sqlerr.ErrBadField, nameText(c.ColumnName), "field list")
		}
		add(o, "")
	}
	for _, a := range n.ColumnAssignments {
		x := &exprBinder{b: b, scope: s, clause: "field list", noSubquery: true, userVars: vars}
		as, err := b.assignment(a, t, x)
		if err != nil {
			return err
		}
		set := false
		for i, o := range ins.Ordinals {
			if o == as.Column {
				b.result.LoadExprs[i], set = as.Expr, true
			}
		}
		if !set {
			ins.Ordinals = append(ins.Ordinals, as.Column)
			b.result.LoadExprs = append(b.result.LoadExprs, as.Expr)
		}
	}
	if len(n.ColumnAssignments) == 0 && len(vars) == 0 {
		b.result.LoadExprs = nil
	}
	b.result.Insert, b.result.Load = ins, l
	return nil
}

// loadFormat is FIELDS and LINES with MySQL's defaults.
func loadFormat(n *ast.LoadDataStmt) (physical.LoadFormat, error) {
	f := physical.LoadFormat{Terminated: "\t", Escaped: "\\", LinesTerminated: "\n"}
	set := func(to *string, from *string) {
		if from != nil {
			*to = *from
		}
	}
	if n.FieldsInfo != nil {
		set(&f.Terminated, n.FieldsInfo.Terminated)
		set(&f.Enclosed, n.FieldsInfo.Enclosed)
		set(&f.Escaped, n.FieldsInfo.Escaped)
		f.OptionallyEnclosed = n.FieldsInfo.OptEnclosed
	}
	if n.LinesInfo != nil {
		set(&f.LinesStarting, n.LinesInfo.Starting)
		set(&f.LinesTerminated, n.LinesInfo.Terminated)
	}
	if len(f.Enclosed) > 1 || len(f.Escaped) > 1 {
		return f, sqlerr.New(sqlerr.ErrWrongFieldTerminators)
	}
	return f, nil
}
