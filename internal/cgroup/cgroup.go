// Package cgroup tells how much memory the process may use and how much it uses, from the files of the kernel.
//
// It owns the reading of /proc and of the cgroup file systems, versions 1 and 2, and nothing else: what follows from
// the figures is decided by the callers. All sizes are bytes. Every path hangs on an FS, so that tests bring a tree of
// their own. Nothing is cached; the functions are safe for concurrent use.
package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// unlimitedBytes is where a limit stops being one: version 1 writes "no limit" as the largest multiple of a page in 63
// bits, whatever the size of a page.
const unlimitedBytes = 1 << 60

// FS says where the kernel's files are.
type FS struct {
	Proc   string // usually /proc
	Cgroup string // usually /sys/fs/cgroup
}

// System is the machine's own.
var System = FS{Proc: "/proc", Cgroup: "/sys/fs/cgroup"}

// Limit is a memory limit and where it was found.
type Limit struct {
	Bytes  int64  // 0 when there is no limit
	Source string // the file, "" when there is no limit
}

// MemoryLimit returns the smallest limit of the process's cgroup and the cgroups above it. In a container the path that
// the kernel names may not be visible; the root of what is mounted, which is then the container's own, always counts.
func (f FS) MemoryLimit() (Limit, error) {
	path := filepath.Join(f.Proc, "self", "cgroup")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Limit{}, nil // no cgroups in this kernel
	}
	if err != nil {
		return Limit{}, err
	}
	var limit Limit
	for line := range strings.Lines(string(text)) {
		// hierarchy:controllers:path, with 0 and no controllers for version 2.
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			return Limit{}, fmt.Errorf("%s: unexpected line %q", path, line)
		}
		switch {
		case fields[0] == "0" && fields[1] == "":
			err = f.smallestLimit(f.Cgroup, fields[2], "memory.max", &limit)
		case hasController(fields[1], "memory"):
			err = f.smallestLimit(filepath.Join(f.Cgroup, "memory"), fields[2], "memory.limit_in_bytes", &limit)
		}
		if err != nil {
			return Limit{}, err
		}
	}
	return limit, nil
}

func hasController(list, name string) bool {
	for c := range strings.SplitSeq(list, ",") {
		if c == name {
			return true
		}
	}
	return false
}

// smallestLimit walks from root/group up to root.
func (f FS) smallestLimit(root, group, file string, limit *Limit) error {
	// Cleaned as an absolute path, "/../other" (a group outside the namespace) cannot leave root.
	for group = filepath.Clean("/" + group); ; group = filepath.Dir(group) {
		path := filepath.Join(root, group, file)
		text, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist): // not visible here, or the root, which has no limit
		case err != nil:
			return err
		default:
			if n, err := parseLimit(strings.TrimSpace(string(text))); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			} else if n > 0 && (limit.Bytes == 0 || n < limit.Bytes) {
				*limit = Limit{Bytes: n, Source: path}
			}
		}
		if group == "/" {
			return nil
		}
	}
}

// parseLimit returns 0 for "no limit".
func parseLimit(text string) (int64, error) {
	if text == "max" || text == "-1" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, err
	}
	if n >= unlimitedBytes {
		return 0, nil
	}
	return int64(n), nil
}

// TotalMemory returns the memory of the machine.
func (f FS) TotalMemory() (int64, error) {
	path := filepath.Join(f.Proc, "meminfo")
	var total int64
	err := readKeys(path, func(key, value []byte) (err error) {
		if string(key) == "MemTotal" {
			total, err = parseBytes(value)
		}
		return err
	})
	if err == nil && total == 0 {
		err = fmt.Errorf("%s: no MemTotal", path)
	}
	return total, err
}

// UsableMemory returns the smaller of the machine's memory and the cgroup's limit.
func (f FS) UsableMemory() (int64, error) {
	total, err := f.TotalMemory()
	if err != nil {
		return 0, err
	}
	limit, err := f.MemoryLimit()
	if err != nil {
		return 0, err
	}
	if limit.Bytes > 0 && limit.Bytes < total {
		return limit.Bytes, nil
	}
	return total, nil
}

// Memory is what a process holds. RSS is the sum of the three kinds of resident memory.
type Memory struct {
	RSS      int64 // resident now
	HWM      int64 // largest RSS so far
	Swap     int64 // swapped out
	RSSAnon  int64 // resident, without a file behind it
	RSSFile  int64 // resident pages of mapped files, the binary first
	RSSShmem int64 // resident shared memory
}

// ProcessMemory returns what a process holds; pid 0 is this process.
func (f FS) ProcessMemory(pid int) (Memory, error) {
	var m Memory
	path := f.procFile(pid, "status")
	err := readKeys(path, func(key, value []byte) (err error) {
		switch string(key) {
		case "VmRSS":
			m.RSS, err = parseBytes(value)
		case "VmHWM":
			m.HWM, err = parseBytes(value)
		case "VmSwap":
			m.Swap, err = parseBytes(value)
		case "RssAnon":
			m.RSSAnon, err = parseBytes(value)
		case "RssFile":
			m.RSSFile, err = parseBytes(value)
		case "RssShmem":
			m.RSSShmem, err = parseBytes(value)
		}
		return err
	})
	return m, err
}

// ProcessMemory returns what this process holds.
func ProcessMemory() (Memory, error) { return System.ProcessMemory(0) }

// IO is what a process has read and written since it started.
type IO struct {
	ReadChars  int64 // through read calls, page cache and sockets included
	WriteChars int64 // through write calls
	ReadBytes  int64 // fetched from storage
	WriteBytes int64 // sent to storage, or dirtied for it
}

// ReadIO returns a process's input and output; pid 0 is this process.
func (f FS) ReadIO(pid int) (IO, error) {
	var io IO
	err := readKeys(f.procFile(pid, "io"), func(key, value []byte) (err error) {
		switch string(key) {
		case "rchar":
			io.ReadChars, err = parseBytes(value)
		case "wchar":
			io.WriteChars, err = parseBytes(value)
		case "read_bytes":
			io.ReadBytes, err = parseBytes(value)
		case "write_bytes":
			io.WriteBytes, err = parseBytes(value)
		}
		return err
	})
	return io, err
}

// ReadIO returns a process's input and output; pid 0 is this process.
func ReadIO(pid int) (IO, error) { return System.ReadIO(pid) }

func (f FS) procFile(pid int, name string) string {
	if pid == 0 {
		return filepath.Join(f.Proc, "self", name)
	}
	return filepath.Join(f.Proc, strconv.Itoa(pid), name)
}

// readKeys calls fn for each "key: value" line of a file.
func readKeys(path string, fn func(key, value []byte) error) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for line := range bytes.Lines(text) {
		key, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			continue
		}
		if err := fn(key, bytes.TrimSpace(value)); err != nil {
			return fmt.Errorf("%s: %s: %w", path, key, err)
		}
	}
	return nil
}

// parseBytes reads "123" and "123 kB".
func parseBytes(value []byte) (int64, error) {
	number, inKiB := bytes.CutSuffix(value, []byte(" kB"))
	n, err := strconv.ParseInt(string(bytes.TrimSpace(number)), 10, 64)
	if inKiB {
		n *= 1 << 10
	}
	return n, err
}
