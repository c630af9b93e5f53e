package cgroup

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tree writes files under a temporary folder and returns an FS that reads them.
func tree(t *testing.T, files map[string]string) FS {
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return FS{Proc: filepath.Join(root, "proc"), Cgroup: filepath.Join(root, "cgroup")}
}

func TestMemoryLimit(t *testing.T) {
	const none = "9223372036854771712\n" // version 1's "no limit"
	tests := []struct {
		name   string
		files  map[string]string
		want   int64
		source string
	}{
		{"no cgroups", map[string]string{"proc/meminfo": "MemTotal: 1 kB\n"}, 0, ""},
		{"v2, own limit", map[string]string{
			"proc/self/cgroup":           "0::/a/b\n",
			"cgroup/a/b/memory.max":      "1000\n",
			"cgroup/a/memory.max":        "max\n",
			"cgroup/cgroup.controllers":  "memory\n",
			"cgroup/other/b/memory.max":  "1\n",
			"cgroup/a/b/memory.high":     "10\n",
			"cgroup/a/b/sub/memory.max":  "5\n",
			"cgroup/a/b/sub2/memory.max": "6\n",
		}, 1000, "a/b/memory.max"},
		{"v2, limit of a parent", map[string]string{
			"proc/self/cgroup":      "0::/a/b\n",
			"cgroup/a/b/memory.max": "max\n",
			"cgroup/a/memory.max":   "500\n",
		}, 500, "a/memory.max"},
		{"v2, container sees only its root", map[string]string{
			"proc/self/cgroup":  "0::/\n",
			"cgroup/memory.max": "700\n",
		}, 700, "memory.max"},
		{"v2, group outside the namespace", map[string]string{
			"proc/self/cgroup":  "0::/../../x\n",
			"cgroup/memory.max": "700\n",
			"memory.max":        "1\n",
		}, 700, "memory.max"},
		{"v2, zero is no limit that a process could run in", map[string]string{
			"proc/self/cgroup":  "0::/\n",
			"cgroup/memory.max": "0\n",
		}, 0, ""},
		{"v1", map[string]string{
			"proc/self/cgroup":                        "9:cpu,cpuacct:/c\n4:memory:/a/b\n0::/\n",
			"cgroup/memory/a/b/memory.limit_in_bytes": "800\n",
			"cgroup/memory/a/memory.limit_in_bytes":   none,
			"cgroup/memory/memory.limit_in_bytes":     none,
			"cgroup/memory/c/memory.limit_in_bytes":   "1\n",
		}, 800, "memory/a/b/memory.limit_in_bytes"},
		{"v1, container's path not visible", map[string]string{
			"proc/self/cgroup":                    "4:memory:/docker/abc\n",
			"cgroup/memory/memory.limit_in_bytes": "900\n",
		}, 900, "memory/memory.limit_in_bytes"},
		{"v1, no limit", map[string]string{
			"proc/self/cgroup":                    "4:memory:/\n",
			"cgroup/memory/memory.limit_in_bytes": none,
		}, 0, ""},
		{"v1 and v2 at once", map[string]string{
			"proc/self/cgroup":                      "4:memory:/a\n0::/a\n",
			"cgroup/memory/a/memory.limit_in_bytes": "900\n",
			"cgroup/a/memory.max":                   "300\n",
		}, 300, "a/memory.max"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := tree(t, test.files)
			got, err := f.MemoryLimit()
			require.NoError(t, err)
			require.Equal(t, test.want, got.Bytes)
			if test.source != "" {
				require.Equal(t, filepath.Join(f.Cgroup, test.source), got.Source)
			} else {
				require.Empty(t, got.Source)
			}
		})
	}
}

func TestMemoryLimitErrors(t *testing.T) {
	_, err := tree(t, map[string]string{"proc/self/cgroup": "0::/\n", "cgroup/memory.max": "many\n"}).MemoryLimit()
	require.ErrorContains(t, err, "memory.max")
	_, err = tree(t, map[string]string{"proc/self/cgroup": "nonsense\n"}).MemoryLimit()
	require.ErrorContains(t, err, "nonsense")
}

func TestUsableMemory(t *testing.T) {
	files := map[string]string{
		"proc/meminfo":      "MemTotal:       2048 kB\nMemFree: 1 kB\n",
		"proc/self/cgroup":  "0::/\n",
		"cgroup/memory.max": "1000000\n",
	}
	got, err := tree(t, files).UsableMemory()
	require.NoError(t, err)
	require.EqualValues(t, 1000000, got)

	files["cgroup/memory.max"] = "3000000\n"
	got, err = tree(t, files).UsableMemory()
	require.NoError(t, err)
	require.EqualValues(t, 2048<<10, got)

	_, err = tree(t, map[string]string{"proc/meminfo": "MemFree: 1 kB\n"}).UsableMemory()
	require.ErrorContains(t, err, "no MemTotal")
}

func TestProcessMemory(t *testing.T) {
	f := tree(t, map[string]string{"proc/7/status": strings.Join([]string{
		"Name:\tspill way", "VmPeak:\t 9999 kB", "VmHWM:\t    20 kB", "VmRSS:\t    15 kB", "RssAnon:\t     8 kB",
		"RssFile:\t     5 kB", "RssShmem:\t     2 kB", "VmSwap:\t     3 kB", "NoNewPrivs:\t0", "",
	}, "\n")})
	got, err := f.ProcessMemory(7)
	require.NoError(t, err)
	require.Equal(t, Memory{RSS: 15 << 10, HWM: 20 << 10, Swap: 3 << 10, RSSAnon: 8 << 10, RSSFile: 5 << 10,
		RSSShmem: 2 << 10}, got)
	_, err = f.ProcessMemory(8)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestReadIO(t *testing.T) {
	f := tree(t, map[string]string{
		"proc/self/io": "rchar: 1\nwchar: 2\nsyscr: 9\nread_bytes: 3\nwrite_bytes: 4\ncancelled_write_bytes: 5\n",
	})
	got, err := f.ReadIO(0)
	require.NoError(t, err)
	require.Equal(t, IO{ReadChars: 1, WriteChars: 2, ReadBytes: 3, WriteBytes: 4}, got)
}

func TestSystem(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the kernel's files are Linux's")
	}
	total, err := System.TotalMemory()
	require.NoError(t, err)
	require.Greater(t, total, int64(64<<20))
	usable, err := System.UsableMemory()
	require.NoError(t, err)
	require.Greater(t, usable, int64(16<<20))
	require.LessOrEqual(t, usable, total)

	m, err := ProcessMemory()
	require.NoError(t, err)
	require.Greater(t, m.RSS, int64(1<<20))
	require.GreaterOrEqual(t, m.HWM, m.RSS)
	require.Equal(t, m.RSS, m.RSSAnon+m.RSSFile+m.RSSShmem)
	same, err := System.ProcessMemory(os.Getpid())
	require.NoError(t, err)
	require.Greater(t, same.RSSAnon, int64(0))

	io, err := ReadIO(os.Getpid())
	require.NoError(t, err)
	require.Greater(t, io.ReadChars, int64(0))
}
