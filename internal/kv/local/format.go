package local

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// formatFile holds the version of Spillway's own layout: keys, values and what lies in the directory. It is written
// before anything else, so that a directory with other files and without it is not ours.
const (
	formatFile    = "SPILLWAY_FORMAT"
	formatName    = "spillway"
	formatVersion = 2
)

// A FormatError says that a data directory cannot be used by this version.
type FormatError struct {
	Path  string
	Found string // first line of the format file; empty: there is none, but other files
}

func (e *FormatError) Error() string {
	if e.Found == "" {
		return fmt.Sprintf("%s is not empty and not a data directory of Spillway", e.Path)
	}
	return fmt.Sprintf("data directory %s has format %q, this server reads %q", e.Path, e.Found, formatLine())
}

// An InUseError says that another process, or another store of this one, has the directory open.
type InUseError struct {
	Path string
	Err  error
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("data directory %s is in use by another server: %v", e.Path, e.Err)
}

func (e *InUseError) Unwrap() error { return e.Err }

func formatLine() string { return fmt.Sprintf("%s %d", formatName, formatVersion) }

// checkFormat reads the directory's format; it writes it when the directory is new. The directory is locked.
func checkFormat(v vfs.FS, path string, readOnly bool) error {
	f, err := v.Open(v.PathJoin(path, formatFile))
	if errors.Is(err, fs.ErrNotExist) {
		names, err := v.List(path)
		if err != nil {
			return err
		}
		for _, name := range names {
			if name != lockFile && name != formatFile+".tmp" {
				return &FormatError{Path: path}
			}
		}
		if readOnly {
			return fmt.Errorf("data directory %s: %w", path, fs.ErrNotExist)
		}
		return writeFormat(v, path)
	}
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(f, 100))
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	found, _, _ := strings.Cut(string(text), "\n")
	if found != formatLine() {
		return &FormatError{Path: path, Found: found}
	}
	return nil
}

// lockFile is the engine's, made by its LockDirectory.
const lockFile = "LOCK"

func writeFormat(v vfs.FS, path string) error {
	temporary := v.PathJoin(path, formatFile+".tmp")
	f, err := v.Create(temporary, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(formatLine() + "\n"))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := v.Rename(temporary, v.PathJoin(path, formatFile)); err != nil {
		return err
	}
	return syncDir(v, path)
}

func syncDir(v vfs.FS, path string) error {
	d, err := v.OpenDir(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
