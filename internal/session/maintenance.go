package session

import (
	"context"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/privilege"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// extra runs the statements that the grammar lacks.
func (s *Session) extra(ctx context.Context, st *parse.Statement, a answer) error {
	x := st.Extra
	switch x.Kind {
	case parse.ExtraShowWarnings:
		return s.listWarnings(ctx, x.Word == "ERRORS", x.Offset, x.Count, a)
	case parse.ExtraShowEngine:
		text := s.manager.Store.Stats().Text
		return s.sendTexts(ctx, a, []string{"Type", "Name", "Status"}, [][]string{{"InnoDB", "", text}})
	case parse.ExtraShowReplicas:
		return s.sendTexts(ctx, a, []string{"Server_Id", "Host", "Port", "Source_Id", "Replica_UUID"}, nil)
	case parse.ExtraShowAllSlaves:
		return s.sendTexts(ctx, a, []string{"Connection_name", "Slave_SQL_State", "Slave_IO_State"}, nil)
	case parse.ExtraShowBinaryLogs, parse.ExtraShowBinlogEvents:
		return sqlerr.Newf(sqlerr.ErrUnknown, "You are not using binary logging")
	case parse.ExtraShowPackage:
		return s.sendTexts(ctx, a, []string{"Db", "Name", "Type", "Definer"}, nil)
	case parse.ExtraShowCreate:
		return sqlerr.New(sqlerr.ErrSpDoesNotExist, x.Word, x.Name[1])
	case parse.ExtraCheckTable, parse.ExtraRepairTable:
		return s.checkTables(ctx, x, a)
	case parse.ExtraChecksumTable:
		return s.checksumTables(ctx, x, a)
	case parse.ExtraLockInstance, parse.ExtraUnlockInstance:
		return s.done(a, nil)
	case parse.ExtraProgram:
		return sqlerr.New(sqlerr.ErrNotSupportedYet, x.Word+" "+x.ProgramKind)
	case parse.ExtraDropIfExists:
		return s.dropNothing(x, a)
	case parse.ExtraKill:
		return s.killExpression(ctx, x, a)
	}
	return sqlerr.New(sqlerr.ErrNotSupportedYet, "this statement")
}

// dropNothing is DROP IF EXISTS of a routine, trigger or event, of which there are none.
func (s *Session) dropNothing(x *parse.Extra, a answer) error {
	db, name := x.Name[0], x.Name[1]
	if db == "" {
		db = s.db
	}
	switch {
	case x.ProgramKind == "TRIGGER":
		s.warn(sqlerr.NewNote(sqlerr.ErrTrgDoesNotExist))
	case x.ProgramKind == "EVENT":
		s.warn(sqlerr.NewNote(sqlerr.ErrSpDoesNotExist, "Event", name))
	case db == "":
		return sqlerr.New(sqlerr.ErrNoDB)
	default:
		s.warn(sqlerr.NewNote(sqlerr.ErrSpDoesNotExist, x.ProgramKind, db+"."+name))
	}
	return s.done(a, nil)
}

// killExpression is KILL with an expression, which is evaluated as a query would.
func (s *Session) killExpression(ctx context.Context, x *parse.Extra, a answer) error {
	list, err := parse.Parse([]byte("SELECT "+x.Name[1]), s.parseOptions(nil))
	if err != nil {
		return err
	}
	sel, ok := list[0].Node.(*ast.SelectStmt)
	if !ok || len(sel.Fields.Fields) != 1 || sel.Fields.Fields[0].Expr == nil {
		return sqlerr.New(sqlerr.ErrWrongArguments, "KILL")
	}
	d, err := s.evalScalar(ctx, s.env(ctx), sel.Fields.Fields[0].Expr, a)
	if err != nil {
		return err
	}
	return s.done(a, s.killSession(datumUint(d), x.Word == "QUERY"))
}

// extraTable finds a table of a statement's list.
func (s *Session) extraTable(name [2]string) (db, table string, err error) {
	db = name[0]
	if db == "" {
		db = s.db
	}
	if db == "" {
		return "", "", sqlerr.New(sqlerr.ErrNoDB)
	}
	t, err := s.snapshot().Table(db, name[1])
	if err != nil {
		return db, name[1], err
	}
	return t.DB, t.Name, s.need(privilege.Select, t.DB, t.Name)
}

// checkTables reads each table to its end: storage blocks have checksums, rows are decoded.
func (s *Session) checkTables(ctx context.Context, x *parse.Extra, a answer) error {
	op := "check"
	if x.Kind == parse.ExtraRepairTable {
		op = "repair"
	}
	var rows [][]string
	for _, name := range x.Names {
		db, table, err := s.extraTable(name)
		if err == nil && op == "check" {
			_, err = s.tableChecksum(ctx, db, table)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		full := db + "." + table
		switch {
		case err != nil:
			rows = append(rows, []string{full, op, "Error", sqlerr.From(err).Message},
				[]string{full, op, "status", "Operation failed"})
		case op == "repair":
			rows = append(rows, []string{full, op, "note", "The storage engine for the table doesn't support repair"})
		default:
			rows = append(rows, []string{full, op, "status", "OK"})
		}
	}
	return s.sendTexts(ctx, a, []string{"Table", "Op", "Msg_type", "Msg_text"}, rows)
}

func (s *Session) checksumTables(ctx context.Context, x *parse.Extra, a answer) error {
	var rows [][]types.Datum
	for _, name := range x.Names {
		db, table, err := s.extraTable(name)
		sum := types.NullDatum(types.NewBigInt())
		if err == nil {
			sum, err = s.tableChecksum(ctx, db, table)
		}
		switch {
		case sqlerr.Is(err, sqlerr.ErrNoSuchTable), sqlerr.Is(err, sqlerr.ErrBadDB):
			s.warn(sqlerr.From(err).AsError())
		case err != nil:
			return err
		}
		rows = append(rows, []types.Datum{textDatum(db + "." + table), sum})
	}
	cols := []Column{{Name: "Table", Type: textType}, {Name: "Checksum", Type: types.NewUBigInt()}}
	return s.sendRows(ctx, a, cols, rows)
}

// tableChecksum is the exclusive or of the rows' CRCs: independent of the rows' order. It is not MySQL's number.
func (s *Session) tableChecksum(ctx context.Context, db, table string) (types.Datum, error) {
	t, err := s.snapshot().Table(db, table)
	if err != nil {
		return types.Datum{}, err
	}
	var cols []string
	for i := range t.Columns {
		if c := &t.Columns[i]; !c.Hidden {
			cols = append(cols, "IFNULL(HEX("+quoteName(c.Name)+"), '-')")
		}
	}
	query := "SELECT BIT_XOR(CRC32(CONCAT_WS(','," + strings.Join(cols, ",") + "))) FROM " + quoteName(db) + "." +
		quoteName(table)
	list, err := parse.Parse([]byte(query), parse.Options{})
	if err != nil {
		return types.Datum{}, err
	}
	row, err := s.oneRow(ctx, list[0], answer{})
	if err != nil {
		return types.Datum{}, err
	}
	return row[0], nil
}
