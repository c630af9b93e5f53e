package sqlerr

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/invariants"
)

func TestNew(t *testing.T) {
	for _, c := range []struct {
		err     *Error
		code    uint16
		state   string
		message string
	}{
		{New(ErrDupEntry, "1", "t.PRIMARY"), 1062, "23000", "Duplicate entry '1' for key 't.PRIMARY'"},
		{New(ErrAccessDenied, "u", "h", "YES"), 1045, "28000", "Access denied for user 'u'@'h' (using password: YES)"},
		{New(ErrDBAccessDenied, "u", "h", "d"), 1044, "42000", "Access denied for user 'u'@'h' to database 'd'"},
		{New(ErrTableAccessDenied, "SELECT", "u", "h", "t"), 1142, "42000",
			"SELECT command denied to user 'u'@'h' for table 't'"},
		{New(ErrBadDB, "d"), 1049, "42000", "Unknown database 'd'"},
		{New(ErrNoSuchTable, "d", "t"), 1146, "42S02", "Table 'd.t' doesn't exist"},
		{New(ErrBadField, "c", "field list"), 1054, "42S22", "Unknown column 'c' in 'field list'"},
		{New(ErrNonUniq, "c", "where clause"), 1052, "23000", "Column 'c' in where clause is ambiguous"},
		{New(ErrBadNull, "c"), 1048, "23000", "Column 'c' cannot be null"},
		{New(ErrDataTooLong, "c", 3), 1406, "22001", "Data too long for column 'c' at row 3"},
		{New(ErrWarnDataOutOfRange, "c", 1), 1264, "22003", "Out of range value for column 'c' at row 1"},
		{New(WarnDataTruncated, "c", 1), 1265, "01000", "Data truncated for column 'c' at row 1"},
		{New(ErrTruncatedWrongValue, "INTEGER", "12abc"), 1292, "22007", "Truncated incorrect INTEGER value: '12abc'"},
		{New(ErrDivisionByZero), 1365, "22012", "Division by 0"},
		{New(ErrLockWaitTimeout), 1205, "HY000", "Lock wait timeout exceeded; try restarting transaction"},
		{New(ErrLockDeadlock), 1213, "40001",
			"Deadlock found when trying to get lock; try restarting transaction"},
		{New(ErrQueryInterrupted), 1317, "70100", "Query execution was interrupted"},
		{New(ErrNetPacketTooLarge), 1153, "08S01", "Got a packet bigger than 'max_allowed_packet' bytes"},
		{New(ErrDataOutOfRange, "BIGINT", "(9223372036854775807 + 1)"), 1690, "22003",
			"BIGINT value is out of range in '(9223372036854775807 + 1)'"},
		{New(ErrSubqueryNo1Row), 1242, "21000", "Subquery returns more than 1 row"},
		{New(ErrNotSupportedYet, "x"), 1235, "42000", "This version of MySQL doesn't yet support 'x'"},
		{New(ErrUnknownSystemVariable, "v"), 1193, "HY000", "Unknown system variable 'v'"},
		{New(ErrLockNowait), 3572, "HY000",
			"Statement aborted because lock(s) could not be acquired immediately and NOWAIT is set."},
		{New(ErrNoSuchThread, 7), 1094, "HY000", "Unknown thread id: 7"},
		{New(60000), 60000, "HY000", "Unknown error 60000"},
		{Newf(ErrUnknown, "100%% of %d", 3), 1105, "HY000", "100% of 3"},
		{Newf(ErrUnknown, "a\r\nb\nc"), 1105, "HY000", "a b c"},
	} {
		require.Equal(t, c.code, c.err.Code)
		require.Equal(t, c.state, c.err.State)
		require.EqualError(t, c.err, c.message)
	}
	long := New(ErrBadDB, strings.Repeat("x", 500))
	require.Equal(t, "Unknown database '"+strings.Repeat("x", 192)+"'", long.Message, "names are cut as in MySQL")
}

var verb = regexp.MustCompile(`%[-+#0]*[0-9]*(\.[0-9]+)?[sdqvxfi%]`)

// TestTable checks every template: SQLSTATE of five characters, verbs that fmt knows, no line break.
func TestTable(t *testing.T) {
	for code, m := range messages {
		require.Len(t, code.State(), 5, code)
		require.NotEmpty(t, m.template, code)
		require.NotContains(t, m.template, "\n", code)
		rest := verb.ReplaceAllString(m.template, "")
		require.NotContains(t, rest, "%", "%d %s", code, m.template)
		var args []any
		for _, v := range verb.FindAllString(m.template, -1) {
			switch {
			case v == "%%":
			case strings.HasSuffix(v, "d"):
				args = append(args, 1)
			default:
				args = append(args, "x")
			}
		}
		require.NotContains(t, New(code, args...).Message, "%!", "%d %s", code, m.template)
	}
	require.Greater(t, len(messages), 500)
}

func TestFrom(t *testing.T) {
	require.Nil(t, From(nil))
	require.Zero(t, CodeOf(nil))
	e := New(ErrBadDB, "d")
	require.Same(t, e, From(fmt.Errorf("while opening: %w", e)))
	require.Equal(t, ErrQueryInterrupted, CodeOf(fmt.Errorf("scan: %w", context.Canceled)))
	require.Equal(t, ErrQueryTimeout, CodeOf(context.DeadlineExceeded))
	u := From(io.ErrUnexpectedEOF)
	require.EqualValues(t, ErrUnknown, u.Code)
	require.Equal(t, "unexpected EOF", u.Message)
	require.ErrorIs(t, u, io.ErrUnexpectedEOF)
	w := Wrap(io.EOF, ErrErrorOnRead, "f", 5, "EIO")
	require.ErrorIs(t, w, io.EOF)
	require.ErrorIs(t, w, New(ErrErrorOnRead, "", 0, ""))
	require.True(t, Is(fmt.Errorf("x: %w", w), ErrErrorOnRead))
	require.False(t, Is(w, ErrBadDB))
	require.False(t, Is(nil, ErrBadDB))
	require.Equal(t, ErrOutOfResources, CodeOf(ErrNoSurplus))
	require.ErrorIs(t, From(ErrNoSurplus), ErrNoSurplus)
}

func TestResources(t *testing.T) {
	q := &QuotaError{ConnID: 5, Report: "HashAgg_3 900 MB,\nSort_1 100 MB"}
	for _, c := range []struct {
		err     error
		code    Code
		message string
	}{
		{&QuotaError{ConnID: 5}, ErrUnknown, "Out Of Memory Quota![conn_id=5]"},
		{q, ErrUnknown, "Out Of Memory Quota![conn_id=5] HashAgg_3 900 MB, Sort_1 100 MB"},
		{&ServerMemoryError{ConnID: 7, Report: "held 5 MB"}, ErrMemoryExceedForInstance,
			New(ErrMemoryExceedForInstance, 7).Message + " held 5 MB"},
		{&AdmissionTimeoutError{ConnID: 1, MinimumBytes: 4096, Waited: 1500 * time.Millisecond}, ErrOutOfResources,
			"Server is out of memory: the 4096 bytes that the statement needs to start were not free within 1.5s; " +
				"try again later[conn_id=1]"},
		{&TempSpaceError{UsedBytes: 9, QuotaBytes: 10}, ErrRecordFileFull,
			"Out Of Quota For Local Temporary Space! 9 of 10 bytes are used"},
		{&TempSpaceError{Path: "/tmp", Err: syscall.ENOSPC}, ErrDiskFull,
			"Disk full (/tmp): no space left on device"},
		{&SpillIOError{Write: true, Path: "/tmp/x", Err: syscall.EIO}, ErrErrorOnWrite,
			"Error writing file '/tmp/x' (input/output error)"},
		{&SpillIOError{Path: "/tmp/x", Err: syscall.EIO}, ErrErrorOnRead,
			"Error reading file '/tmp/x' (input/output error)"},
	} {
		wrapped := fmt.Errorf("operator: %w", c.err)
		require.EqualError(t, c.err, c.message)
		require.Equal(t, c.code, CodeOf(wrapped))
		require.Equal(t, c.message, From(wrapped).Message)
		require.ErrorIs(t, From(c.err), c.err)
	}
	var quota *QuotaError
	require.ErrorAs(t, From(q), &quota)
	require.ErrorIs(t, &SpillIOError{Err: syscall.EIO}, syscall.EIO)
	require.ErrorIs(t, &TempSpaceError{Err: syscall.ENOSPC}, syscall.ENOSPC)
}

func TestAssertionError(t *testing.T) {
	if invariants.Enabled {
		require.PanicsWithError(t, "assertion failed: 3 left", func() { _ = AssertionError("%d left", 3) })
		return
	}
	err := AssertionError("%d left", 3)
	require.EqualError(t, err, "assertion failed: 3 left")
	require.Equal(t, ErrUnknown, CodeOf(err))
}

func TestWarnings(t *testing.T) {
	w := NewWarning(ErrDivisionByZero)
	require.Equal(t, Warning{Level: LevelWarning, Code: 1365, Message: "Division by 0"}, w)
	require.Equal(t, "Note", NewNote(ErrDivisionByZero).Level.String())
	require.Equal(t, "Warning", w.Level.String())
	require.Equal(t, "Error", New(ErrDivisionByZero).AsError().Level.String())
	require.False(t, errors.Is(New(ErrDivisionByZero), ErrNoSurplus))
}
