package main

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/cgroup"
	"github.com/spillwaydb/spillway/internal/sysvar"
)

// TestFixedVariables: a stored SET GLOBAL gives way to the command line, and the limit also to the configuration file.
func TestFixedVariables(t *testing.T) {
	c := defaultConfig()
	require.Empty(t, c.fixedVariables())
	c.Variables = map[string]any{"TIDB_server_memory_limit": "1GB", "tidb_mem_quota_query": 1}
	require.NoError(t, c.set.Set(" Max_Connections = 5"))
	require.Equal(t, map[string]bool{memoryLimitName: true, "max_connections": true}, c.fixedVariables())
}

// TestMemoryLimitIsCapped: no limit is more than there is, and the log says so.
func TestMemoryLimitIsCapped(t *testing.T) {
	total, err := cgroup.System.UsableMemory()
	require.NoError(t, err)
	var log bytes.Buffer
	a := &app{globals: sysvar.NewGlobals(sysvar.GlobalsOptions{}), log: slog.New(slog.NewTextHandler(&log, nil))}
	require.NoError(t, a.globals.Load(memoryLimitName, "1024TB"))
	limit, err := a.memoryLimit()
	require.NoError(t, err)
	require.Equal(t, total, limit)
	require.Contains(t, log.String(), "memory limit is more than the machine or its cgroup has")
	log.Reset()
	require.NoError(t, a.globals.Load(memoryLimitName, "192MB"))
	limit, err = a.memoryLimit()
	require.NoError(t, err)
	require.Equal(t, int64(192<<20), limit)
	require.Empty(t, log.String())
}
