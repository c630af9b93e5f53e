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

// diskCheck refuses commits while the disk is nearly full, ahead of the engine, which would not survive it.
type diskCheck struct {
	looked atomic.Int64 // Unix nanoseconds
	free   atomic.Int64
}

func (d *diskCheck) check(o Options) error {
	if o.MinFreeDiskBytes < 0 {
		return nil
	}
	if now := time.Now().UnixNano(); now-d.looked.Load() > int64(diskEvery) || d.free.Load() < o.MinFreeDiskBytes {
		usage, err := o.FS.GetDiskUsage(o.Path)
		if err != nil { // not supported by file systems in memory
			return nil
		}
		d.free.Store(int64(min(usage.AvailBytes, 1<<62)))
		d.looked.Store(now)
	}
	if free := d.free.Load(); free < o.MinFreeDiskBytes {
		cause := fmt.Errorf("%d bytes are free at %s, %d are kept", free, o.Path, o.MinFreeDiskBytes)
		return sqlerr.Wrap(cause, sqlerr.ErrDiskFull, o.Path, int(syscall.ENOSPC), syscall.ENOSPC)
	}
	return nil
}
