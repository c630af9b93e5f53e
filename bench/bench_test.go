package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/test/harness"
)

// TestBench: every scenario does what it is to do, and has a line with figures that can be.
func TestBench(t *testing.T) {
	var out strings.Builder
	args := []string{"-bin", harness.Binary(t), "-tiny", "-dir", t.TempDir()}
	require.NoError(t, bench(t.Context(), args, &out))
	text := out.String()
	require.Regexp(t, `(?m)^machine: \d+ cores`, text)
	require.Regexp(t, `(?m)^command: bench -bin .* -tiny`, text)
	for name, units := range map[string]string{
		"demo/16MiB/2": "4096 groups", "sort/16MiB/2": "4096 rows", "ledger/64MiB/2000": "2000 rows",
		"scan/filter": "2000 rows", "scan/send": "2000 rows", "point/select": "50 statements",
		"insert/one": "20 statements", "insert/1000": "2000 rows",
	} {
		line := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` .*$`).FindString(text)
		require.Contains(t, line, " "+units+" ", text)
		f := strings.Fields(line)
		require.Len(t, f, 11)
		require.Regexp(t, `^[1-9]\d+$`, f[5], "VmHWM")
	}
	require.Regexp(t, `(?m)^dump .*(2000 rows|skipped)`, text)
}

func TestOptions(t *testing.T) {
	var out strings.Builder
	require.NoError(t, bench(t.Context(), []string{"-list", "-run", "ledger|demo", "-quick", "-ledgers", "7,9"}, &out))
	require.Equal(t, "demo/16MiB/2\ndemo/64MiB/2\nledger/64MiB/7\nledger/64MiB/9\n", out.String())
	require.Error(t, bench(t.Context(), []string{"-run", "("}, &out))
	require.Error(t, bench(t.Context(), []string{"-groups", "many"}, &out))
	require.ErrorContains(t, bench(t.Context(), []string{"-bin", "/nonexistent", "-tiny"}, &out), "demo/16MiB/2")
}
