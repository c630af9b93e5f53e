package sysvar

import (
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/types"
)

func TestMain(m *testing.M) { testutil.Main(m) }

func str(s string) types.Datum   { return types.StringDatum(s) }
func num(n int64) types.Datum    { return types.IntDatum(n) }
func flt(f float64) types.Datum  { return types.NewFloatDatum(types.NewDouble(), f) }
func null() types.Datum          { return types.Datum{} }
func code(err error) sqlerr.Code { return sqlerr.CodeOf(err) }

// TestTable checks that each default is a value that its own variable takes, and that no name is there twice.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range All() {
		require.False(t, seen[v.Name], v.Name)
		seen[v.Name] = true
		require.NotZero(t, v.Scope, v.Name)
		if v.Alias != "" {
			_, ok := Lookup(v.Alias)
			require.True(t, ok, v.Name)
			continue
		}
		if v.Default == "" && v.Kind == KindString {
			continue
		}
		var warnings int
		got, err := v.normalize(v.fromText(v.Default), func(sqlerr.Warning) { warnings++ })
		require.NoError(t, err, v.Name)
		require.Zero(t, warnings, v.Name)
		if v.Kind != KindFloat {
			require.Equal(t, v.Default, got, v.Name)
		}
	}
	require.Greater(t, len(seen), 200)
	g := NewGlobals(GlobalsOptions{})
	require.Equal(t, "67108864", g.String("max_allowed_packet"))
	require.EqualValues(t, 1<<30, g.Int("tidb_mem_quota_query"))
	require.Equal(t, "CANCEL", g.String("TIDB_MEM_OOM_ACTION"))
	require.Equal(t, "80%", g.String("tidb_server_memory_limit"))
	require.True(t, g.Bool("tidb_enable_tmp_storage_on_oom"))
}

func TestSet(t *testing.T) {
	g := NewGlobals(GlobalsOptions{})
	v := NewValues(g)
	for _, c := range []struct {
		name  string
		value types.Datum
		want  string
		code  sqlerr.Code
		warns int
	}{
		{"autocommit", num(0), "OFF", 0, 0},
		{"AutoCommit", str("on"), "ON", 0, 0},
		{"autocommit", num(2), "", sqlerr.ErrWrongValueForVar, 0},
		{"autocommit", str("maybe"), "", sqlerr.ErrWrongValueForVar, 0},
		{"autocommit", flt(1), "", sqlerr.ErrWrongTypeForVar, 0},
		{"autocommit", null(), "", sqlerr.ErrWrongValueForVar, 0},
		{"wait_timeout", num(100), "100", 0, 0},
		{"wait_timeout", num(0), "1", 0, 1},
		{"wait_timeout", num(-5), "1", 0, 1},
		{"wait_timeout", types.UintDatum(1 << 63), "31536000", 0, 1},
		{"wait_timeout", str("100"), "", sqlerr.ErrWrongTypeForVar, 0},
		{"wait_timeout", flt(1.5), "", sqlerr.ErrWrongTypeForVar, 0},
		{"wait_timeout", null(), "", sqlerr.ErrWrongTypeForVar, 0},
		{"max_allowed_packet", num(1025), "1024", 0, 1},
		{"tidb_mem_quota_query", num(-1), "-1", 0, 0},
		{"tidb_mem_quota_query", num(-2), "-1", 0, 1},
		{"sql_select_limit", types.UintDatum(18446744073709551615), "18446744073709551615", 0, 0},
		{"transaction_isolation", str("read-committed"), "READ-COMMITTED", 0, 0},
		{"tx_isolation", num(3), "SERIALIZABLE", 0, 0},
		{"transaction_isolation", num(4), "", sqlerr.ErrWrongValueForVar, 0},
		{"sql_mode", str("ansi_quotes"), "ANSI_QUOTES", 0, 0},
		{"sql_mode", num(4), "ANSI_QUOTES", 0, 0},
		{"sql_mode", str(""), "", 0, 0},
		{"sql_mode", str("no_such_mode"), "", sqlerr.ErrWrongValueForVar, 0},
		{"time_zone", str("system"), "SYSTEM", 0, 0},
		{"time_zone", str("+05:30"), "+05:30", 0, 0},
		{"time_zone", str("Mars/Olympus"), "", sqlerr.ErrUnknownTimeZone, 0},
		{"time_zone", num(5), "", sqlerr.ErrWrongTypeForVar, 0},
		{"long_query_time", flt(0.5), "0.500000", 0, 0},
		{"long_query_time", num(-1), "0.000000", 0, 1},
		{"character_set_results", null(), "", 0, 0},
		{"character_set_client", str("utf8"), "utf8mb3", 0, 0},
		{"character_set_client", str("ucs2"), "", sqlerr.ErrWrongValueForVar, 0},
		{"character_set_client", str("klingon"), "", sqlerr.ErrUnknownCharacterSet, 0},
		{"collation_connection", str("klingon_ci"), "", sqlerr.ErrUnknownCollation, 0},
		{"no_such_variable", num(1), "", sqlerr.ErrUnknownSystemVariable, 0},
		{"max_connections", num(1), "", sqlerr.ErrGlobalVariable, 0},
		{"version", str("x"), "", sqlerr.ErrIncorrectGlobalLocalVar, 0},
	} {
		warns := 0
		err := v.Set(c.name, c.value, func(w sqlerr.Warning) {
			warns++
			require.EqualValues(t, sqlerr.ErrTruncatedWrongValue, w.Code)
		})
		require.Equal(t, c.code, code(err), "%s = %s: %v", c.name, c.value, err)
		require.Equal(t, c.warns, warns, "%s = %s", c.name, c.value)
		if err == nil {
			require.Equal(t, c.want, v.String(c.name), "%s = %s", c.name, c.value)
		}
	}
}

func TestMessages(t *testing.T) {
	v := NewValues(NewGlobals(GlobalsOptions{}))
	for _, c := range []struct{ name, want string }{
		{"version", "Variable 'version' is a read only variable"},
		{"max_connections", "Variable 'max_connections' is a GLOBAL variable and should be set with SET GLOBAL"},
		{"nope", "Unknown system variable 'nope'"},
	} {
		require.EqualError(t, v.Set(c.name, num(1), nil), c.want)
	}
	require.EqualError(t, v.Globals().Set("timestamp", num(1), nil),
		"Variable 'timestamp' is a SESSION variable and can't be used with SET GLOBAL")
	_, err := v.Globals().Get("timestamp")
	require.EqualError(t, err, "Variable 'timestamp' is a SESSION variable")
	_, err = v.GetSession("max_connections")
	require.EqualError(t, err, "Variable 'max_connections' is a GLOBAL variable")
	require.EqualError(t, v.Set("sql_mode", str("x"), nil), "Variable 'sql_mode' can't be set to the value of 'x'")
}

func TestScopes(t *testing.T) {
	persisted := map[string]string{}
	var changed []string
	fail := errors.New("disk is gone")
	var persistErr error
	g := NewGlobals(GlobalsOptions{
		Persist: func(name, value string) error {
			if persistErr != nil {
				return persistErr
			}
			persisted[name] = value
			return nil
		},
		OnChange: func(name, value string) { changed = append(changed, name+"="+value) },
	})
	v := NewValues(g)
	require.NoError(t, g.Set("wait_timeout", num(5), nil))
	require.EqualValues(t, 28800, v.Int("wait_timeout"), "a session keeps what it started with")
	require.EqualValues(t, 5, NewValues(g).Int("wait_timeout"))
	require.NoError(t, v.SetDefault("wait_timeout"))
	require.EqualValues(t, 5, v.Int("wait_timeout"))
	require.NoError(t, g.Set("max_connections", num(9), nil))
	require.EqualValues(t, 9, v.Uint("max_connections"), "a global one is seen at once")
	require.Equal(t, map[string]string{"wait_timeout": "5", "max_connections": "9"}, persisted)
	require.Equal(t, []string{"wait_timeout=5", "max_connections=9"}, changed)

	persistErr = fail
	require.ErrorIs(t, g.Set("wait_timeout", num(6), nil), fail)
	require.EqualValues(t, 5, g.Int("wait_timeout"))

	require.NoError(t, v.Set("collation_connection", str("latin1_bin"), nil))
	require.Equal(t, "latin1", v.String("character_set_connection"))
	require.NoError(t, v.Set("character_set_connection", str("utf8mb4"), nil))
	require.Equal(t, "utf8mb4_0900_ai_ci", v.String("collation_connection"))
	v.Reset()
	require.EqualValues(t, 5, v.Int("wait_timeout"))

	require.NoError(t, g.Load("port", "4001"))
	require.Equal(t, "4001", v.String("port"))
	require.Error(t, g.Load("port", "x"))
	require.Error(t, g.Load("nope", "1"))

	s, err := v.SetForStatement("tidb_mem_quota_query", str("1000"), nil)
	require.NoError(t, err)
	require.EqualValues(t, 1000, v.Int("tidb_mem_quota_query"))
	v.Restore(s)
	require.EqualValues(t, 1<<30, v.Int("tidb_mem_quota_query"))
	_, err = v.SetForStatement("autocommit", num(1), nil)
	require.Equal(t, sqlerr.ErrNotHintUpdatableVariable, code(err))

	v.Note("warning_count", "3")
	require.EqualValues(t, 3, v.Uint("warning_count"))
	names := map[string]string{}
	v.Each(func(name, value string) { names[name] = value })
	require.Equal(t, "3", names["warning_count"])
	require.NotContains(t, names, "tx_isolation")
	require.True(t, v.SQLMode().Strict())
}

func TestConcurrentGlobals(t *testing.T) {
	g := NewGlobals(GlobalsOptions{})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 100 {
				if err := g.Set("wait_timeout", num(int64(i*100+n+1)), nil); err != nil {
					t.Error(err)
				}
				NewValues(g).Int("wait_timeout")
			}
		})
	}
	wg.Wait()
}

func TestParseBytesOrPercent(t *testing.T) {
	for _, c := range []struct {
		in      string
		bytes   uint64
		percent float64
		ok      bool
	}{
		{"80%", 800, 80, true}, {"0", 0, 0, true}, {"512MB", 512 << 20, 0, true}, {"1GiB", 1 << 30, 0, true},
		{"1073741824", 1 << 30, 0, true}, {" 1.5 gb ", 3 << 29, 0, true}, {"7k", 7 << 10, 0, true},
		{"0%", 0, 0, false}, {"101%", 0, 0, false}, {"", 0, 0, false}, {"-1", 0, 0, false}, {"x", 0, 0, false},
		{"99999999999999TB", 0, 0, false}, {"1.5", 0, 0, false}, {"nan MB", 0, 0, false}, {"inf GB", 0, 0, false},
	} {
		bytes, percent, err := ParseBytesOrPercent(c.in, 1000)
		require.Equal(t, c.ok, err == nil, c.in)
		require.Equal(t, c.bytes, bytes, c.in)
		require.Equal(t, c.percent, percent, c.in)
	}
	g := NewGlobals(GlobalsOptions{})
	for _, s := range []string{"100MB", "100%", "0.5%", "x"} {
		require.Equal(t, sqlerr.ErrWrongValueForVar, code(g.Set("tidb_server_memory_limit", str(s), nil)), s)
	}
	for _, s := range []string{"0", "192MiB", "50%", "4294967296"} {
		require.NoError(t, g.Set("tidb_server_memory_limit", str(s), nil), s)
	}
	require.NoError(t, g.Set("tidb_server_memory_limit", num(1<<30), nil))
}

func FuzzParseBytesOrPercent(f *testing.F) {
	f.Add("80%")
	f.Add("1.5GiB")
	f.Fuzz(func(t *testing.T, s string) {
		if _, percent, err := ParseBytesOrPercent(s, 1<<40); err == nil && (percent < 0 || percent > 100) {
			t.Fatalf("%q: %v percent", s, percent)
		}
	})
}
