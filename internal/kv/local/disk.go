package local

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// diskEvery is how long a look at the disk is good for.
const diskEvery = time.Second

// freeingShare of what is kept free is left for commits that make room.
const freeingShare = 2

// diskCheck refuses commits while the disk is nearly full, ahead of the engine, which would not survive it.
type diskCheck struct {
	looked atomic.Int64 // Unix nanoseconds
	free   atomic.Int64
}

// freeing: it is a commit that drops or truncates tables. It may take of what is kept, or nobody could make room.
func (d *diskCheck) check(o Options, freeing bool) error {
	keep := o.MinFreeDiskBytes
	if keep < 0 {
		return nil
	}
	if freeing {
		keep /= freeingShare
	}
	if now := time.Now().UnixNano(); now-d.looked.Load() > int64(diskEvery) || d.free.Load() < keep {
		usage, err := o.FS.GetDiskUsage(o.Path)
		if err != nil { // not supported by file systems in memory
			return nil
		}
		d.free.Store(int64(min(usage.AvailBytes, 1<<62)))
		d.looked.Store(now)
	}
	if free := d.free.Load(); free < keep {
		cause := fmt.Errorf("%d bytes are free at %s, %d are kept", free, o.Path, keep)
		return sqlerr.Wrap(cause, sqlerr.ErrDiskFull, o.Path, int(syscall.ENOSPC), syscall.ENOSPC)
	}
	return nil
}
