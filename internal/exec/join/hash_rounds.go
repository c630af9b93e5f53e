package join

import (
	"context"
	"errors"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/vector"
)

const (
	// consumedMost is how many bits of the hash splits take before a partition is joined in chunks.
	consumedMost = 32
	// heldTails is how many partitions of a split are written to within the minimum.
	heldTails = 2
	// A split helps if its largest part has less than this share of the right rows.
	shrinkNumerator, shrinkDenominator = 95, 100
)

// task is a partition of both sides that is still to be joined.
type task struct {
	build    []*rows.Collection
	probe    []*rows.Collection
	from     rows.Position // of the first of probe
	rows     int64         // of build
	consumed int           // bits of the hash that all rows have in common
	terminal bool          // splitting does not help
	squeezed bool          // it was in memory, and had to leave
	heavy    bool          // for the leader, when no one else has a task in memory
}

func (t *task) close() {
	closeAll(t.build)
	closeAll(t.probe)
	t.build, t.probe = nil, nil
}

// input is left rows to be read.
type input struct {
	rows *rows.Collection
	from rows.Position
	once bool
	mode tail
	// doubt: the rows perhaps have a match in what was joined before.
	doubt bool
}

// rounds is a worker's part in joining what was set aside, one task after the other: a right side that fits is loaded,
// and its left rows are read once; one that does not is split, with its left rows, by the next bits of the hash; one
// that cannot be split is loaded in chunks, with all left rows read for each. There is no bit for each left row that
// says if it has had a match: rows that have had none move on from chunk to chunk in a collection of their own.
//
// A helper loads what fits into half of the surplus, and leaves the rest to the leader. Its left rows are read through
// the page in which it has set rows aside; all else is leased, and only while it has a task.
type rounds struct {
	h      *Hash
	w      *exec.Worker
	p      *prober
	helper bool
	loader *loader
	batch  *vector.Batch // left rows
	refs   [rows.ChunkRows]memory.Ref

	task     *task // in work; its collections are closed with it
	resident *resident
	inputs   []input
	reader   *rows.Reader
	chunk    bool // the prober has rows in work
	chunked  bool // the task is joined in chunks
	at       place
	loaded   int64 // right rows of chunks so far
	unpaired []*rows.Collection
	paired   []*rows.Collection
	doubted  []*rows.Collection // unpaired, but for pairs that are unknown
	split    [2]*rows.Partitions
}

func newRounds(h *Hash, w *exec.Worker, p *prober, helper bool) (*rounds, error) {
	r := &rounds{h: h, w: w, p: p, helper: helper}
	if helper {
		return r, nil
	}
	return r, r.open(vector.NewBatch)
}

func (r *rounds) open(batch newBatch) (err error) {
	if r.loader, err = newLoader(r.h, batch); err != nil {
		return err
	}
	r.batch, err = batch(r.h.o.Account, r.h.o.Left, r.h.capacity, arenaBytes)
	return err
}

// next returns the next batch; nil at the end. Each turn ends a chunk of rows, an input, a pass over the left rows or a
// task, or makes tasks of fewer bits left.
func (r *rounds) next(ctx context.Context) (*vector.Batch, error) {
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		switch {
		case r.chunk:
			out, more, err := r.p.next(ctx)
			r.chunk = more
			if out != nil || err != nil {
				return out, err
			}
		case len(r.inputs) > 0:
			if err := r.read(); err != nil {
				return nil, err
			}
		case r.chunked:
			if err := r.nextChunk(); err != nil {
				return nil, err
			}
		default:
			r.finish()
			if ok, err := r.take(ctx); err != nil || !ok {
				return nil, err
			}
		}
	}
}

// take begins the next task; false: there is none.
func (r *rounds) take(ctx context.Context) (ok bool, err error) {
	if !r.helper {
		if r.task, err = r.h.lead(ctx, r.w); err != nil || r.task == nil {
			return false, err
		}
		return true, r.work(ctx)
	}
	if r.h.o.Account.Revoked() {
		return false, nil
	}
	if r.task, err = r.h.help(ctx, r.w); err != nil || r.task == nil {
		return false, err
	}
	if err = r.open(vector.NewLeasedBatch); err == nil {
		err = r.load()
	}
	if errors.Is(err, sqlerr.ErrNoSurplus) {
		r.h.postpone(r.task)
		r.task = nil
		r.finish()
		r.h.helped()
		return true, nil
	}
	return true, err
}

// load brings a task's right rows into memory, if they are no more than a helper may have.
func (r *rounds) load() (err error) {
	t := r.task
	bytes := rows.ChainsBytes(int(min(t.rows, rows.ChainsMostRows)))
	for _, c := range t.build {
		bytes += c.BlockBytes()
	}
	if bytes > r.h.o.Account.Surplus()/2 {
		return sqlerr.ErrNoSurplus
	}
	if r.resident, err = r.loader.all(t.build, t.rows, 0); err == nil {
		r.feed()
	}
	return err
}

// feed makes the task's left rows the inputs.
func (r *rounds) feed() {
	t := r.task
	r.p.tables[0] = &r.resident.table
	for i, c := range t.probe {
		r.inputs = append(r.inputs, input{rows: c, once: true, mode: tailDecide})
		if i == 0 {
			r.inputs[0].from = t.from
		}
	}
}

// work begins the task.
func (r *rounds) work(ctx context.Context) error {
	t := r.task
	var err error
	if t.squeezed && t.rows > rows.SmallestChainsRows {
		err = sqlerr.ErrNoSurplus
	} else {
		r.resident, err = r.loader.all(t.build, t.rows, heldBuild)
	}
	switch {
	case err == nil:
		r.feed()
		return nil
	case !errors.Is(err, sqlerr.ErrNoSurplus):
		return err
	case !t.heavy && r.h.contended():
		r.h.postpone(t)
		r.task = nil
		return nil
	case t.terminal:
		r.chunked = true
		r.begin()
		return nil
	}
	return r.spread(ctx)
}

// read begins the next chunk of the inputs.
func (r *rounds) read() error {
	in := &r.inputs[0]
	if r.reader == nil {
		r.reader = in.rows.ReadFrom(in.from, memory.Held, in.once)
	}
	if (r.helper || !r.chunked && r.resident.bytes > 0 && !r.task.squeezed) && r.h.o.Account.Revoked() {
		r.surrender()
		return nil
	}
	more, err := r.reader.Next(r.batch, r.refs[:])
	if err != nil {
		return err
	}
	if !more {
		r.batch.Reset()
		r.reader.Close()
		r.reader = nil
		if in.once {
			in.rows.Close()
		}
		r.inputs = r.inputs[1:]
		return nil
	}
	r.p.begin(r.batch, rows.All(r.batch.Len), in.mode)
	for j := range r.batch.Len {
		if in.doubt {
			r.p.s.match[j] = perhaps
		}
		if r.p.s.null[j] == 0 {
			r.p.start(j, 0)
		}
	}
	r.chunk = true
	return nil
}

// surrender gives the leases of a loaded task back: what is left of it becomes a task that is split, if it has to be.
func (r *rounds) surrender() {
	t := r.task
	r.batch.Reset()
	r.reader.Close()
	t.from = r.reader.Position()
	r.reader = nil
	t.probe = nil
	for _, in := range r.inputs {
		t.probe = append(t.probe, in.rows)
	}
	r.inputs = nil
	t.squeezed = true
	r.unload()
	r.task = nil
	r.h.postpone(t)
	if r.helper {
		r.finish()
		r.h.helped()
	}
}

func (r *rounds) unload() {
	if r.resident != nil {
		r.resident.release(r.h.o.Account)
		r.resident = nil
	}
}

// begin prepares joining in chunks.
func (r *rounds) begin() {
	r.at, r.loaded = place{}, 0
	r.unpaired, r.paired = r.task.probe, nil
	r.task.probe = nil
}

// nextChunk ends the pass over the left rows and begins that of the next chunk of right rows. It ends because each
// chunk has at least a row.
func (r *rounds) nextChunk() error {
	r.unload()
	if r.p.rest != nil {
		r.p.rest.Release(memory.ReuseUnknown)
		r.p.again.Release(memory.ReuseUnknown)
		closeAll(r.unpaired)
		r.unpaired = []*rows.Collection{r.p.rest}
		r.paired = append(r.paired, r.p.again)
		r.p.rest, r.p.again = nil, nil
		if r.p.doubt != nil {
			r.p.doubt.Release(memory.ReuseUnknown)
			closeAll(r.doubted)
			r.doubted = []*rows.Collection{r.p.doubt}
			r.p.doubt = nil
		}
	}
	if r.loaded == r.task.rows {
		r.chunked = false
		return nil
	}
	var err error
	if r.resident, r.at, err = r.loader.some(r.task.build, r.at, r.task.rows-r.loaded); err != nil {
		return err
	}
	r.loaded += int64(r.resident.table.Used())
	r.p.tables[0] = &r.resident.table
	last := r.loaded == r.task.rows
	mode := tailKeep
	if last || !r.h.keeps() {
		mode = tailDecide
	}
	for i, c := range r.unpaired {
		// Inner joins keep nothing: the left rows are read as often as there are chunks.
		in := input{rows: c, once: last || r.h.keeps(), mode: mode}
		if i == 0 {
			in.from = r.task.from
		}
		r.inputs = append(r.inputs, in)
	}
	for _, c := range r.doubted {
		r.inputs = append(r.inputs, input{rows: c, once: true, mode: mode, doubt: true})
	}
	for _, c := range r.paired {
		r.inputs = append(r.inputs, input{rows: c, once: last, mode: tailNone})
	}
	if mode == tailKeep {
		r.task.from = rows.Position{}
		r.p.rest = rows.NewCollection(r.h.o.Account, r.h.left, r.h.leftPage)
		r.p.again = rows.NewCollection(r.h.o.Account, r.h.left, r.h.leftPage)
		if r.p.maybe != nil { // then there is nothing in again
			r.p.doubt = rows.NewCollection(r.h.o.Account, r.h.left, r.h.leftPage)
		}
	}
	return nil
}

// finish frees what is left of the task.
func (r *rounds) finish() {
	if r.batch != nil {
		r.batch.Reset()
	}
	r.reader.Close()
	r.reader, r.inputs, r.chunk, r.chunked = nil, nil, false, false
	r.unload()
	closeAll(r.unpaired)
	closeAll(r.paired)
	closeAll(r.doubted)
	r.unpaired, r.paired, r.doubted = nil, nil, nil
	r.p.rest.Close()
	r.p.again.Close()
	r.p.doubt.Close()
	r.p.rest, r.p.again, r.p.doubt = nil, nil, nil
	for i, s := range r.split {
		s.Close()
		r.split[i] = nil
	}
	worked := r.task != nil
	if worked {
		r.task.close()
		r.task = nil
		r.h.joined(r.helper)
	}
	if r.helper {
		r.closeBatches()
		if worked {
			r.h.helped()
		}
	}
}

func (r *rounds) closeBatches() {
	if r.loader != nil {
		r.loader.close()
	}
	r.batch.Close()
	r.loader, r.batch = nil, nil
}

// close gives everything back. Repeatable.
func (r *rounds) close() {
	if r == nil {
		return
	}
	r.finish()
	r.closeBatches()
}

// splitBits is how many bits of the hash a split takes: each part has its tail pinned, or a page would be written and
// read again for a few rows. Without surplus it is a split in two.
func (r *rounds) splitBits() int {
	h := r.h
	bits := partitionBits
	for room := h.o.Account.Surplus() / 2; bits > 1; bits-- {
		if int64(1<<bits-heldTails)*int64(max(h.leftPage, h.rightPage)) <= room {
			break
		}
	}
	return bits
}

// spread splits both sides of the task by the next bits of their hashes.
func (r *rounds) spread(ctx context.Context) error {
	t, h := r.task, r.h
	bits := min(r.splitBits(), rows.BitsLeft(t.consumed))
	build := rows.NewPartitions(h.o.Account, h.right, h.rightPage, t.consumed, bits)
	r.split[0] = build
	if err := r.move(ctx, build, t.build, rows.Position{}, h.right, h.rightKeys); err != nil {
		return err
	}
	probe := rows.NewPartitions(h.o.Account, h.left, h.leftPage, t.consumed, bits)
	r.split[1] = probe
	if err := r.move(ctx, probe, t.probe, t.from, h.left, h.leftKeys); err != nil {
		return err
	}
	consumed := t.consumed + bits
	for i := range build.List {
		n := build.List[i].Rows()
		child := &task{rows: n, consumed: consumed}
		child.terminal = n*shrinkDenominator >= t.rows*shrinkNumerator || consumed > consumedMost ||
			rows.BitsLeft(consumed) == 0
		if n > 0 {
			child.build = append(child.build, build.List[i])
			build.List[i] = nil
		}
		if probe.List[i].Rows() > 0 {
			child.probe = append(child.probe, probe.List[i])
			probe.List[i] = nil
		}
		h.push(child)
	}
	return nil
}

// move spreads the rows of from, which are freed.
func (r *rounds) move(ctx context.Context, to *rows.Partitions, from []*rows.Collection, at rows.Position,
	layout *rows.Layout, keys []int) error {
	to.Lease(heldTails)
	for _, c := range from {
		r.reader = c.ReadFrom(at, memory.Held, true)
		at = rows.Position{}
		for {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			n, err := r.reader.Rows(r.refs[:])
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
			k, err := r.loader.hash(layout, r.refs[:n], keys)
			if err != nil {
				return err
			}
			r.reader.Back(n - k)
			r.loader.keys.Reset()
			if err := to.AppendRows(r.refs[:k], r.loader.hashes[:]); err != nil {
				return err
			}
			if r.h.o.Account.Revoked() && !to.Squeezed() {
				to.Squeeze()
			}
		}
		r.reader.Close()
		r.reader = nil
		c.Close()
	}
	to.Release(memory.ReuseUnknown)
	return nil
}
