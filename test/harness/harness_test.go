package harness_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/test/harness"
)

func TestStart(t *testing.T) {
	s := harness.Start(t, harness.Options{Variables: map[string]string{"tidb_mem_quota_query": "16777216"}})
	db := s.DB(t, "d")
	var quota int64
	require.NoError(t, db.QueryRow("SELECT @@tidb_mem_quota_query").Scan(&quota))
	require.EqualValues(t, 16<<20, quota)
	require.EqualValues(t, harness.DefaultLimit, s.ReadStatus(t).Limit)
	require.Positive(t, s.Memory(t).HWM)
	require.Positive(t, s.IO(t).WriteChars)
}

func TestStartFailing(t *testing.T) {
	code, out := harness.StartFailing(t, harness.Options{Limit: 1 << 20})
	require.NotZero(t, code)
	require.Contains(t, out, "limit")
}
