package local

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// diskEvery is how long a look at the disk is good for, less what is written meanwhile.
const diskEvery = time.Second

// freeingShare divides what is kept free: that much may remain after commits that make room.
const freeingShare = 4

// writesPerByte: what is committed goes to the log, and from memory to a file.
const writesPerByte = 2

// diskCheck refuses commits while the disk is nearly full, ahead of the engine, which would not survive it.
type diskCheck struct {
	looked atomic.Int64 // Unix nanoseconds
	free   atomic.Int64
}

// check is asked ahead of a write of about that many bytes; negative: nobody knows how many. freeing: it is a commit
// that drops or truncates tables. It may take of what is kept, or nobody could make room.
func (d *diskCheck) check(o Options, freeing bool, writes int64) error {
	keep := o.MinFreeDiskBytes
	if keep < 0 {
		return nil
	}
	if freeing {
		keep /= freeingShare
	}
	if now := time.Now().UnixNano(); writes < 0 || now-d.looked.Load() > int64(diskEvery) || d.free.Load() < keep {
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
	d.free.Add(-writesPerByte * max(writes, 0))
	return nil
}
