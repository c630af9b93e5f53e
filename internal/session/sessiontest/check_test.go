package sessiontest

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// baseline is what the server holds between statements.
type baseline struct {
	minimums, leases, current, disk int64
}

// baseline leaves out the storage engine, which keeps pages of its lock table.
func (r *Rig) baseline() baseline {
	p := r.Pool.Stats()
	var current int64
	for _, a := range r.Pool.Server().Children() {
		if a.Name != "storage" {
			current += a.Stats.Current
		}
	}
	return baseline{p.Minimums, p.Leases, current, r.Spill.Stats().InUse}
}

// quiet is what may be logged although nothing is wrong with the server.
var quiet = regexp.MustCompile(`level=WARN|a block could not be written`)

// clean fails the test if something of a statement is left, and shows that the session is usable.
func clean(t testing.TB, c *Client, base baseline, what string) {
	t.Helper()
	now := c.rig.baseline()
	require.Equal(t, base, now, "%s: left behind", what)
	for line := range strings.Lines(c.rig.TakeLog()) {
		require.Regexp(t, quiet, line, what)
	}
	rows, err := c.Run(t.Context(), "select 1")
	require.NoError(t, err, what)
	require.Equal(t, []string{"1"}, rows, what)
}

// vague is what no client should read.
var vague = regexp.MustCompile(`(?i)panic|assert|surplus|goroutine|internal error|nil pointer|^memory: `)

// requireClear fails unless err has a meaning to a MySQL client.
func requireClear(t testing.TB, err error, what string) {
	t.Helper()
	var e *sqlerr.Error
	require.True(t, errors.As(err, &e), "%s: %T %v", what, err, err)
	require.NotZero(t, e.Code, what)
	require.Len(t, e.State, 5, what)
	require.NotRegexp(t, vague, e.Message, what)
}

// requireRows compares results; the order counts where the query has one.
func requireRows(t testing.TB, want, got []string, ordered bool, what string) {
	t.Helper()
	if !ordered {
		want, got = slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got))
	}
	if slices.Equal(want, got) {
		return
	}
	require.Len(t, got, len(want), what)
	for i := range want {
		require.Equal(t, want[i], got[i], "%s: row %d", what, i)
	}
}
