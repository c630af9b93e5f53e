package session

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/format"

	"github.com/spillwaydb/spillway/internal/catalog"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/privilege"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// show answers SHOW. Lists are queries over virtual tables; the rest are texts.
func (s *Session) show(ctx context.Context, st *parse.Statement, n *ast.ShowStmt, a answer) error {
	switch n.Tp {
	case ast.ShowWarnings, ast.ShowErrors:
		return s.showWarnings(ctx, n, a)
	case ast.ShowCreateTable, ast.ShowCreateView:
		return s.showCreateTable(ctx, n, a)
	case ast.ShowCreateDatabase:
		return s.showCreateDatabase(ctx, n, a)
	case ast.ShowCreateUser:
		text, err := s.manager.Users.ShowCreateUser(s.accountOf(n.User))
		if err != nil {
			return err
		}
		name := s.accountOf(n.User).Name()
		return s.sendTexts(ctx, a, []string{"CREATE USER for " + name}, [][]string{{text}})
	case ast.ShowGrants:
		return s.showGrants(ctx, n, a)
	case ast.ShowCreateProcedure:
		return sqlerr.New(sqlerr.ErrSpDoesNotExist, "PROCEDURE", n.Procedure.Name.O)
	case ast.ShowReplicaStatus, ast.ShowProfiles, ast.ShowProfile, ast.ShowMasterStatus, ast.ShowBinlogStatus:
		return s.sendTexts(ctx, a, emptyShows[n.Tp], nil)
	}
	query, err := s.showQuery(n)
	if err != nil {
		return err
	}
	return s.runText(ctx, query, a)
}

// emptyShows are the columns of lists that are always empty: there is no replication and no profiling.
var emptyShows = map[ast.ShowStmtType][]string{
	ast.ShowMasterStatus:  {"File", "Position", "Binlog_Do_DB", "Binlog_Ignore_DB", "Executed_Gtid_Set"},
	ast.ShowBinlogStatus:  {"File", "Position", "Binlog_Do_DB", "Binlog_Ignore_DB", "Executed_Gtid_Set"},
	ast.ShowReplicaStatus: {"Replica_IO_State", "Source_Host", "Source_User", "Source_Port"},
	ast.ShowProfiles:      {"Query_ID", "Duration", "Query"},
	ast.ShowProfile:       {"Status", "Duration"},
}

// runText runs a query that the session wrote itself.
func (s *Session) runText(ctx context.Context, query string, a answer) error {
	budget := s.newLedger()
	defer budget.release()
	list, err := parse.Parse([]byte(query), parse.Options{Budget: budget})
	if err != nil {
		return fmt.Errorf("%w in %s", err, query)
	}
	return s.planned(ctx, list[0], a)
}

// showQuery writes SHOW as a query over information_schema: SELECT * FROM (list) AS list WHERE condition.
func (s *Session) showQuery(n *ast.ShowStmt) (string, error) {
	list, first, err := s.showList(n)
	if err != nil {
		return "", err
	}
	where := ""
	switch {
	case n.Pattern != nil:
		text, err := restore(n.Pattern.Pattern)
		if err != nil {
			return "", err
		}
		where = " WHERE " + quoteName(first) + " LIKE " + text
	case n.Where != nil:
		text, err := restore(n.Where)
		if err != nil {
			return "", err
		}
		where = " WHERE " + text
	}
	return "SELECT * FROM (" + list + ") AS `list`" + where, nil
}

// storedFlags write a tree so that it is read again under no SQL mode.
const storedFlags = format.DefaultRestoreFlags | format.RestoreStringEscapeBackslash

// restore is the text of a tree.
func restore(n ast.Node) (string, error) {
	var b strings.Builder
	err := n.Restore(format.NewRestoreCtx(storedFlags, &b))
	return b.String(), err
}

func quoteName(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

func quoteText(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(text) + "'"
}

// showDB is the database that a SHOW is about. Errors: 1046, 1049.
func (s *Session) showDB(n *ast.ShowStmt) (string, error) {
	name := n.DBName
	if n.Table != nil && n.Table.Schema.O != "" {
		name = n.Table.Schema.O
	}
	if name == "" {
		name = s.db
	}
	if name == "" {
		return "", sqlerr.New(sqlerr.ErrNoDB)
	}
	d, err := s.snapshot().Database(name)
	if err != nil {
		return "", err
	}
	return d.Name, nil
}

// showTable is the table that a SHOW is about. Errors: 1046, 1146.
func (s *Session) showTable(n *ast.ShowStmt) (db, table string, err error) {
	if db, err = s.showDB(n); err != nil {
		return "", "", err
	}
	t, err := s.snapshot().Table(db, n.Table.Name.O)
	if err != nil {
		return "", "", err
	}
	if !s.manager.Users.SeesTable(s.account(), db, t.Name) && !t.Virtual {
		return "", "", s.need(privilege.Select, db, t.Name)
	}
	return db, t.Name, nil
}

// showList is the query for the list itself, and the name of its first column, to which LIKE applies.
// lint:long lists of columns
func (s *Session) showList(n *ast.ShowStmt) (list, first string, err error) {
	const is = "information_schema."
	const ps = "performance_schema."
	switch n.Tp {
	case ast.ShowDatabases:
		return "SELECT SCHEMA_NAME AS `Database` FROM " + is + "SCHEMATA ORDER BY SCHEMA_NAME", "Database", nil
	case ast.ShowTables:
		db, err := s.showDB(n)
		if err != nil {
			return "", "", err
		}
		first = "Tables_in_" + db
		list = "SELECT TABLE_NAME AS " + quoteName(first)
		if n.Full {
			list += ", TABLE_TYPE AS Table_type"
		}
		return list + " FROM " + is + "TABLES WHERE TABLE_SCHEMA = " + quoteText(db) + " ORDER BY TABLE_NAME", first, nil
	case ast.ShowTableStatus:
		db, err := s.showDB(n)
		if err != nil {
			return "", "", err
		}
		return "SELECT TABLE_NAME AS Name, ENGINE AS Engine, VERSION AS Version, ROW_FORMAT AS Row_format, " +
			"TABLE_ROWS AS `Rows`, AVG_ROW_LENGTH AS Avg_row_length, DATA_LENGTH AS Data_length, " +
			"MAX_DATA_LENGTH AS Max_data_length, INDEX_LENGTH AS Index_length, DATA_FREE AS Data_free, " +
			"AUTO_INCREMENT AS `Auto_increment`, CREATE_TIME AS Create_time, UPDATE_TIME AS Update_time, " +
			"CHECK_TIME AS Check_time, TABLE_COLLATION AS Collation, CHECKSUM AS Checksum, " +
			"CREATE_OPTIONS AS Create_options, TABLE_COMMENT AS Comment FROM " + is + "TABLES WHERE TABLE_SCHEMA = " +
			quoteText(db) + " ORDER BY TABLE_NAME", "Name", nil
	case ast.ShowColumns:
		return s.columnsList(n)
	case ast.ShowIndex:
		db, table, err := s.showTable(n)
		if err != nil {
			return "", "", err
		}
		return "SELECT TABLE_NAME AS `Table`, NON_UNIQUE AS Non_unique, INDEX_NAME AS Key_name, " +
			"SEQ_IN_INDEX AS Seq_in_index, COLUMN_NAME AS Column_name, COLLATION AS Collation, " +
			"CARDINALITY AS Cardinality, SUB_PART AS Sub_part, PACKED AS Packed, NULLABLE AS `Null`, " +
			"INDEX_TYPE AS Index_type, COMMENT AS Comment, INDEX_COMMENT AS Index_comment, IS_VISIBLE AS Visible, " +
			"EXPRESSION AS Expression FROM " + is + "STATISTICS WHERE TABLE_SCHEMA = " + quoteText(db) +
			" AND TABLE_NAME = " + quoteText(table), "Table", nil
	case ast.ShowVariables:
		return scopedList(ps, "variables", n.GlobalScope), "Variable_name", nil
	case ast.ShowStatus:
		return scopedList(ps, "status", n.GlobalScope), "Variable_name", nil
	case ast.ShowProcessList:
		info := "INFO"
		if !n.Full {
			info = "LEFT(INFO, 100)"
		}
		return "SELECT ID AS Id, USER AS User, HOST AS Host, DB AS db, COMMAND AS Command, TIME AS `Time`, " +
			"STATE AS State, " + info + " AS Info, MEM AS Mem, DISK AS Disk FROM " + is + "PROCESSLIST", "Id", nil
	case ast.ShowCollation:
		return "SELECT COLLATION_NAME AS Collation, CHARACTER_SET_NAME AS Charset, ID AS Id, IS_DEFAULT AS `Default`, " +
			"IS_COMPILED AS Compiled, SORTLEN AS Sortlen, PAD_ATTRIBUTE AS Pad_attribute FROM " + is +
			"COLLATIONS ORDER BY COLLATION_NAME", "Collation", nil
	case ast.ShowCharset:
		return "SELECT CHARACTER_SET_NAME AS Charset, DESCRIPTION AS Description, " +
			"DEFAULT_COLLATE_NAME AS `Default collation`, MAXLEN AS Maxlen FROM " + is +
			"CHARACTER_SETS ORDER BY CHARACTER_SET_NAME", "Charset", nil
	case ast.ShowEngines:
		return "SELECT ENGINE AS Engine, SUPPORT AS Support, COMMENT AS Comment, TRANSACTIONS AS Transactions, XA, " +
			"SAVEPOINTS AS Savepoints FROM " + is + "ENGINES", "Engine", nil
	case ast.ShowPlugins:
		return "SELECT PLUGIN_NAME AS Name, PLUGIN_STATUS AS Status, PLUGIN_TYPE AS Type, PLUGIN_LIBRARY AS Library, " +
			"PLUGIN_LICENSE AS License FROM " + is + "PLUGINS", "Name", nil
	case ast.ShowTriggers:
		return s.ofDatabase(n, "SELECT TRIGGER_NAME AS `Trigger`, EVENT_MANIPULATION AS Event, "+
			"EVENT_OBJECT_TABLE AS `Table`, ACTION_STATEMENT AS Statement, ACTION_TIMING AS Timing, CREATED AS Created, "+
			"SQL_MODE AS sql_mode, DEFINER AS Definer, CHARACTER_SET_CLIENT AS character_set_client, "+
			"COLLATION_CONNECTION AS collation_connection, DATABASE_COLLATION AS `Database Collation` FROM "+is+
			"TRIGGERS WHERE TRIGGER_SCHEMA = ", "Trigger")
	case ast.ShowEvents:
		return s.ofDatabase(n, "SELECT EVENT_SCHEMA AS Db, EVENT_NAME AS Name, DEFINER AS Definer, "+
			"TIME_ZONE AS `Time zone`, EVENT_TYPE AS Type, STATUS AS Status FROM "+is+"EVENTS WHERE EVENT_SCHEMA = ",
			"Name")
	case ast.ShowProcedureStatus, ast.ShowFunctionStatus:
		kind := "PROCEDURE"
		if n.Tp == ast.ShowFunctionStatus {
			kind = "FUNCTION"
		}
		return "SELECT ROUTINE_SCHEMA AS Db, ROUTINE_NAME AS Name, ROUTINE_TYPE AS Type, DEFINER AS Definer, " +
				"LAST_ALTERED AS Modified, CREATED AS Created, SECURITY_TYPE AS Security_type, ROUTINE_COMMENT AS Comment, " +
				"CHARACTER_SET_CLIENT AS character_set_client, COLLATION_CONNECTION AS collation_connection, " +
				"DATABASE_COLLATION AS `Database Collation` FROM " + is + "ROUTINES WHERE ROUTINE_TYPE = '" + kind + "'",
			"Name", nil
	case ast.ShowOpenTables:
		return "SELECT TABLE_SCHEMA AS `Database`, TABLE_NAME AS `Table`, 0 AS In_use, 0 AS Name_locked FROM " + is +
			"TABLES WHERE FALSE", "Table", nil
	}
	return "", "", sqlerr.New(sqlerr.ErrNotSupportedYet, "this SHOW statement")
}

// ofDatabase completes a list that ends with "... = " by the name of the database.
func (s *Session) ofDatabase(n *ast.ShowStmt, list, first string) (string, string, error) {
	db, err := s.showDB(n)
	return list + quoteText(db), first, err
}

func scopedList(schema, what string, global bool) string {
	scope := "session_"
	if global {
		scope = "global_"
	}
	return "SELECT VARIABLE_NAME AS Variable_name, VARIABLE_VALUE AS Value FROM " + schema + scope + what +
		" ORDER BY VARIABLE_NAME"
}

func (s *Session) columnsList(n *ast.ShowStmt) (list, first string, err error) {
	db, table, err := s.showTable(n)
	if err != nil {
		return "", "", err
	}
	full, privileges := "", ""
	if n.Full {
		full, privileges = "COLLATION_NAME AS Collation, ", ", PRIVILEGES AS Privileges, COLUMN_COMMENT AS Comment"
	}
	list = "SELECT COLUMN_NAME AS Field, COLUMN_TYPE AS Type, " + full + "IS_NULLABLE AS `Null`, " +
		"COLUMN_KEY AS `Key`, COLUMN_DEFAULT AS `Default`, EXTRA AS Extra" + privileges +
		" FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = " + quoteText(db) +
		" AND TABLE_NAME = " + quoteText(table)
	if n.Column != nil {
		list += " AND COLUMN_NAME = " + quoteText(n.Column.Name.O)
	}
	return list + " ORDER BY ORDINAL_POSITION", "Field", nil
}

// showWarnings lists what the last statement left.
func (s *Session) showWarnings(ctx context.Context, n *ast.ShowStmt, a answer) error {
	if n.CountWarningsOrErrors {
		count, name := s.warningCount, "@@session.warning_count"
		if n.Tp == ast.ShowErrors {
			count, name = s.errorCount, "@@session.error_count"
		}
		return s.sendTexts(ctx, a, []string{name}, [][]string{{strconv.Itoa(count)}})
	}
	offset, limit := uint64(0), uint64(maxWarnings)
	if n.Limit != nil {
		for dst, e := range map[*uint64]ast.ExprNode{&offset: n.Limit.Offset, &limit: n.Limit.Count} {
			if e == nil {
				continue
			}
			d, err := s.evalScalar(ctx, s.env(ctx), e, a)
			if err != nil {
				return err
			}
			*dst = datumUint(d)
		}
	}
	return s.listWarnings(ctx, n.Tp == ast.ShowErrors, offset, limit, a)
}

func (s *Session) listWarnings(ctx context.Context, errorsOnly bool, offset, limit uint64, a answer) error {
	var rows [][]types.Datum
	for _, w := range s.warnings {
		if errorsOnly && w.Level != sqlerr.LevelError {
			continue
		}
		if offset > 0 {
			offset--
			continue
		}
		if uint64(len(rows)) == limit {
			break
		}
		rows = append(rows, []types.Datum{
			textDatum(w.Level.String()), types.NewUintDatum(types.NewUInt(), uint64(w.Code)), textDatum(w.Message),
		})
	}
	cols := []Column{
		{Name: "Level", Type: textType}, {Name: "Code", Type: types.NewUInt()}, {Name: "Message", Type: textType},
	}
	return s.sendRows(ctx, a, cols, rows)
}

func (s *Session) showCreateTable(ctx context.Context, n *ast.ShowStmt, a answer) error {
	db, name, err := s.showTable(n)
	if err != nil {
		return err
	}
	t, err := s.snapshot().Table(db, name)
	if err != nil {
		return err
	}
	if t.ViewText != "" {
		cols := []string{"View", "Create View", "character_set_client", "collation_connection"}
		return s.sendTexts(ctx, a, cols, [][]string{{
			name, createViewText(t), s.vars.String("character_set_client"), s.vars.String("collation_connection"),
		}})
	}
	if n.Tp == ast.ShowCreateView {
		return sqlerr.New(sqlerr.ErrWrongObject, db, name, "VIEW")
	}
	var next uint64
	if t.AutoIncrement() >= 0 && !t.Virtual {
		if next, err = s.manager.Catalog.AutoIncrementNext(ctx, t); err != nil {
			return err
		}
	}
	return s.sendTexts(ctx, a, []string{"Table", "Create Table"}, [][]string{{name, catalog.CreateTableText(t, next)}})
}

func (s *Session) showCreateDatabase(ctx context.Context, n *ast.ShowStmt, a answer) error {
	d, err := s.snapshot().Database(n.DBName)
	if err != nil {
		return err
	}
	if err := s.checkUse(d.Name); err != nil {
		return err
	}
	return s.sendTexts(ctx, a, []string{"Database", "Create Database"},
		[][]string{{d.Name, catalog.CreateDatabaseText(d, n.IfNotExists)}})
}

func (s *Session) showGrants(ctx context.Context, n *ast.ShowStmt, a answer) error {
	who := s.account()
	if n.User != nil {
		who = s.accountOf(n.User)
	}
	lines, err := s.manager.Users.ShowGrants(who)
	if err != nil {
		return err
	}
	rows := make([][]string, len(lines))
	for i, l := range lines {
		rows[i] = []string{l}
	}
	return s.sendTexts(ctx, a, []string{"Grants for " + who.Name()}, rows)
}
