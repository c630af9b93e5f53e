package session

import (
	"context"
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/privilege"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/sysvar"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// textCollation is that of texts that the server makes itself.
const textCollation = collation.UTF8MB40900AICI

func textDatum(v string) types.Datum {
	return types.NewStringDatum(types.NewVarChar(len(v), textCollation), []byte(v))
}

func datumText(d types.Datum) string { return string(d.AppendText(nil, nil)) }

// datumUint reads a number; what is none is 0.
func datumUint(d types.Datum) uint64 {
	n, err := strconv.ParseUint(datumText(d), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// variableDatum gives a variable's text the type that expressions expect.
func variableDatum(name, text string) types.Datum {
	v, ok := sysvar.Lookup(name)
	if !ok {
		return textDatum(text)
	}
	switch v.Kind {
	case sysvar.KindBool:
		var n int64
		if text == "ON" || text == "1" {
			n = 1
		}
		return types.NewIntDatum(types.NewBigInt(), n)
	case sysvar.KindInt:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return types.NewIntDatum(types.NewBigInt(), n)
		}
	case sysvar.KindUint:
		if n, err := strconv.ParseUint(text, 10, 64); err == nil {
			return types.NewUintDatum(types.NewUBigInt(), n)
		}
	case sysvar.KindFloat:
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return types.NewFloatDatum(types.NewDouble(), f)
		}
	}
	if v.Nullable && text == "" {
		return types.NullDatum(textType)
	}
	return textDatum(text)
}

// set is SET with its list of assignments; all values are evaluated in order.
func (s *Session) set(ctx context.Context, st *parse.Statement, n *ast.SetStmt, a answer) error {
	for _, v := range n.Variables {
		if err := s.setOne(ctx, st, v, a); err != nil {
			return err
		}
	}
	return s.done(a, nil)
}

func (s *Session) setOne(ctx context.Context, st *parse.Statement, v *ast.VariableAssignment, a answer) error {
	env := s.env(ctx)
	name := strings.ToLower(v.Name)
	switch {
	case name == "setnames" || v.Name == ast.SetNames:
		return s.setNames(ctx, st, env, v, a)
	case v.Name == ast.SetCharset:
		return s.setCharset(ctx, st, env, v, a)
	case !v.IsSystem:
		d, err := s.evalValue(ctx, st, env, v.Value, a)
		if err != nil {
			return err
		}
		return s.users.set(name, d)
	}
	if v.IsGlobal {
		if err := s.manager.Users.CheckAny(s.account(), privilege.Super, privilege.SystemVariablesAdmin); err != nil {
			return err
		}
		if err := s.mayClose(name); err != nil {
			return err
		}
	}
	if _, ok := v.Value.(*ast.DefaultExpr); ok {
		if v.IsGlobal {
			return s.vars.Globals().SetDefault(name)
		}
		return s.afterSet(ctx, name, s.vars.SetDefault(name))
	}
	d, err := s.setValue(ctx, st, env, v.Value, a)
	if err != nil {
		return err
	}
	if v.IsGlobal {
		err := s.vars.Globals().Set(name, d, env.Warn)
		if err == nil && name == varOfflineMode {
			s.manager.disconnect()
		}
		return err
	}
	if name == "last_insert_id" || name == "identity" {
		s.lastInsertID = datumUint(d)
		return nil
	}
	if name == "tx_isolation_one_shot" { // SET TRANSACTION ISOLATION LEVEL
		if s.txn.open() {
			return sqlerr.New(sqlerr.ErrCantChangeTxCharacteristics)
		}
		s.txn.next = datumText(d)
		return nil
	}
	was := s.vars.Bool("autocommit")
	if err := s.vars.Set(name, d, env.Warn); err != nil {
		return err
	}
	if name == "autocommit" && !was && s.vars.Bool("autocommit") {
		return s.implicitCommit(ctx)
	}
	return s.afterSet(ctx, name, nil)
}

// setValue evaluates a value; a bare word stands for its text (SET sql_mode = ansi).
func (s *Session) setValue(
	ctx context.Context, st *parse.Statement, env *expr.Env, n ast.ExprNode, a answer,
) (types.Datum, error) {
	if c, ok := n.(*ast.ColumnNameExpr); ok && c.Name.Table.O == "" {
		return textDatum(c.Name.Name.O), nil
	}
	return s.evalValue(ctx, st, env, n, a)
}

// afterSet keeps variables together that say the same.
func (s *Session) afterSet(_ context.Context, name string, err error) error {
	if err != nil {
		return err
	}
	switch name {
	case "character_set_connection":
		if id, ok := collation.DefaultOf(s.vars.String(name)); ok {
			s.setText("collation_connection", collation.Name(id))
		}
	case "collation_connection":
		if id, ok := collation.ByName(s.vars.String(name)); ok {
			s.setText("character_set_connection", collation.Charset(id))
		}
	case "time_zone":
		if _, err := parseTimeZone(s.vars.String(name)); err != nil {
			return err
		}
	}
	return nil
}

// setNames is SET NAMES charset [COLLATE collation].
func (s *Session) setNames(
	ctx context.Context, st *parse.Statement, env *expr.Env, v *ast.VariableAssignment, a answer,
) error {
	charset := collation.Charset(textCollation)
	if _, ok := v.Value.(*ast.DefaultExpr); !ok {
		d, err := s.setValue(ctx, st, env, v.Value, a)
		if err != nil {
			return err
		}
		charset = strings.ToLower(datumText(d))
	}
	id, ok := collation.DefaultOf(charset)
	if !ok {
		return sqlerr.New(sqlerr.ErrUnknownCharacterSet, charset)
	}
	if v.ExtendValue != nil {
		d, err := s.setValue(ctx, st, env, v.ExtendValue, a)
		if err != nil {
			return err
		}
		name := strings.ToLower(datumText(d))
		if id, ok = collation.ByName(name); !ok {
			return sqlerr.New(sqlerr.ErrUnknownCollation, name)
		}
		if collation.Charset(id) != charset {
			return sqlerr.New(sqlerr.ErrCollationCharsetMismatch, name, charset)
		}
	}
	s.setCollation(id)
	return nil
}

// setCharset is SET CHARACTER SET: the connection's charset becomes the database's.
func (s *Session) setCharset(
	ctx context.Context, st *parse.Statement, env *expr.Env, v *ast.VariableAssignment, a answer,
) error {
	if err := s.setNames(ctx, st, env, v, a); err != nil {
		return err
	}
	s.setText("character_set_connection", s.vars.String("character_set_database"))
	s.setText("collation_connection", s.vars.String("collation_database"))
	return nil
}
