package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
)

// groups numbers the cgroups of this process.
var groups atomic.Int64

// group is a cgroup without swap, or none: path is empty where the machine allows none.
type group struct {
	path string
}

// newGroup makes a cgroup that holds a process to limit bytes. Its page cache counts, but is given up first.
func newGroup(t testing.TB, limit int64) group {
	name := fmt.Sprintf("spillway-test-%d-%d", os.Getpid(), groups.Add(1))
	for _, version := range []struct {
		root, limit string
		swap, off   string // the file that bounds swap, and what it gets; it may be missing
	}{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", strconv.FormatInt(limit, 10)},
		{"/sys/fs/cgroup", "memory.max", "memory.swap.max", "0"},
	} {
		if _, err := os.Stat(filepath.Join(version.root, "cgroup.procs")); err != nil {
			continue
		}
		path := filepath.Join(version.root, name)
		if err := os.Mkdir(path, 0o755); err != nil {
			continue
		}
		// O_TRUNC without O_CREATE: a file that is not there means that the memory controller is not.
		err := writeControl(filepath.Join(path, version.limit), strconv.FormatInt(limit, 10))
		if err != nil {
			_ = os.Remove(path)
			continue
		}
		_ = writeControl(filepath.Join(path, version.swap), version.off)
		return group{path}
	}
	t.Log("no cgroup: the limit is asserted from VmHWM alone")
	return group{}
}

func writeControl(path, value string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// wrap returns the command line that runs args in the group: a shell enters it and becomes the program.
func (g group) wrap(args []string) []string {
	if g.path == "" {
		return args
	}
	enter := `echo $$ >"$0" && exec "$@"`
	return append([]string{"/bin/sh", "-c", enter, filepath.Join(g.path, "cgroup.procs")}, args...)
}

func (g group) remove() error {
	if g.path == "" {
		return nil
	}
	return os.Remove(g.path)
}
