package memory_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/test/harness"
)

// TestTemporaryQuota: a statement that finds tmp-storage-quota used up fails, and the next one works.
func TestTemporaryQuota(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config.toml")
	require.NoError(t, os.WriteFile(config, []byte("tmp-storage-quota = 4194304\n"), 0o600))
	s := harness.Start(t, harness.Options{
		Args: []string{"--config", config}, Variables: map[string]string{"tidb_mem_quota_query": "8388608"},
	})
	db := s.DB(t, "test")
	fill(t, db, 256)
	c := harness.Conn(t, db)
	_, err := drain(t.Context(), c, groupsQuery)
	requireCode(t, 1114, err)
	require.Contains(t, err.Error(), "Out Of Quota For Local Temporary Space!")
	query1(t, c, "SELECT COUNT(*) FROM t", "256")
	require.Zero(t, s.ReadStatus(t).Spill.InUse)
}

// TestTemporaryDirectoryRemoved: without its directory, statements that spill fail, and the others work.
func TestTemporaryDirectoryRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tmp")
	s := harness.Start(t, harness.Options{
		Args: []string{"--tmp-storage-path", dir}, Variables: map[string]string{"tidb_mem_quota_query": "8388608"},
	})
	db := s.DB(t, "test")
	fill(t, db, 256)
	require.NoError(t, os.RemoveAll(dir))
	c := harness.Conn(t, db)
	_, err := drain(t.Context(), c, groupsQuery)
	requireCode(t, 1026, err)
	require.Contains(t, err.Error(), dir)
	query1(t, c, "SELECT COUNT(*) FROM t", "256")
	require.NoError(t, os.Mkdir(dir, 0o750))
	query1(t, c, "SELECT COUNT(*) FROM ("+groupsQuery+" LIMIT 1000) d", "1000")
}

// TestTemporaryStorageInMemory: a tmpfs is refused at the start.
func TestTemporaryStorageInMemory(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "spillway-test-")
	if err != nil {
		t.Skip("no tmpfs")
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	code, out := harness.StartFailing(t, harness.Options{Args: []string{"--tmp-storage-path", dir}})
	require.NotZero(t, code)
	require.Contains(t, out, "tmpfs")
}
