package join

import (
	"context"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
)

// queue is the tasks of later rounds. The worker that ends the probe last does them; it has the memory of the minimum
// for it. The others help with tasks whose right rows fit, as long as there is surplus; tasks that do not fit are left
// to the one, which waits for the others before it takes further steps: then it has all surplus.
type queue struct {
	// Hash.mu protects all.
	tasks   []*task
	phase   phase
	arrived int // workers that have probed all their rows
	active  int // helpers that have a task
	changed chan struct{}
}

// phase of a queue; each is followed by the next.
type phase uint8

const (
	probing phase = iota // not all workers have arrived
	joining
	ended // no tasks are to come
)

// signal wakes all who wait.
func (q *queue) signal() {
	if q.changed != nil {
		close(q.changed)
		q.changed = nil
	}
}

// await waits until ready, which is called under the mutex, says so.
func (h *Hash) await(ctx context.Context, w *exec.Worker, ready func() bool) error {
	for {
		h.mu.Lock()
		if ready() {
			h.mu.Unlock()
			return nil
		}
		if h.queue.changed == nil {
			h.queue.changed = make(chan struct{})
		}
		changed := h.queue.changed
		h.mu.Unlock()
		// The other workers may wait for a client: this one must not count as running meanwhile.
		err := w.Wait(ctx, "", func(ctx context.Context) error {
			select {
			case <-changed:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
		if err != nil {
			return err
		}
	}
}

// arrival says what a worker that has probed all its rows does next.
type arrival uint8

const (
	leaves arrival = iota
	helps
	leads
)

// arrive takes what a worker has set aside. The last one leads: it makes tasks of all there is.
func (h *Hash) arrive(aside, mixed *rows.Partitions, workers int) arrival {
	h.mu.Lock()
	defer h.mu.Unlock()
	if mixed != nil {
		mixed.Release(memory.ReuseUnknown)
		h.whole.probe = append(h.whole.probe, mixed.List...)
	}
	if aside != nil {
		aside.Release(memory.ReuseUnknown)
		for i, c := range aside.List {
			if c.Rows() > 0 {
				h.parts[i].probe = append(h.parts[i].probe, c)
			}
		}
	}
	if h.queue.phase == ended {
		return leaves
	}
	h.queue.arrived++
	if h.queue.arrived < workers {
		if !h.spills() {
			return leaves
		}
		return helps
	}
	h.unload()
	whole := len(h.whole.build)+len(h.whole.probe) > 0
	for i := range h.parts {
		p := &h.parts[i]
		if whole {
			h.whole.add(p)
			continue
		}
		h.queue.tasks = append(h.queue.tasks,
			&task{build: p.build, probe: p.probe, rows: p.rows, consumed: partitionBits})
		*p = part{}
	}
	if whole {
		h.queue.tasks = append(h.queue.tasks,
			&task{build: h.whole.build, probe: h.whole.probe, rows: h.whole.rows})
		h.whole = part{}
	}
	h.queue.phase = joining
	h.queue.signal()
	return leads
}

// spills says if there are, or will be, rows for later rounds, unless more partitions leave memory.
func (h *Hash) spills() bool {
	if len(h.whole.build)+len(h.whole.probe) > 0 {
		return true
	}
	for i := range h.parts {
		if len(h.parts[i].probe) > 0 || h.parts[i].rows > 0 && h.current.parts[i] == nil {
			return true
		}
	}
	return false
}

// end says that no further rows are wanted, or that there are none.
func (h *Hash) end() {
	h.mu.Lock()
	h.queue.phase = ended
	h.queue.signal()
	h.mu.Unlock()
}

// push adds a task.
func (h *Hash) push(t *task) {
	h.mu.Lock()
	h.partitions++
	h.queue.tasks = append(h.queue.tasks, t)
	h.queue.signal()
	h.mu.Unlock()
}

// pop takes the last task, heavy or not, that has something to do; nil: there is none. The mutex is held.
func (q *queue) pop(heavy bool) *task {
	for i := len(q.tasks) - 1; i >= 0; i-- {
		t := q.tasks[i]
		if t.heavy != heavy {
			continue
		}
		q.tasks = append(q.tasks[:i], q.tasks[i+1:]...)
		if len(t.probe) > 0 {
			return t
		}
		t.close()
	}
	return nil
}

// lead gives the leader its next task; nil: all is done.
func (h *Hash) lead(ctx context.Context, w *exec.Worker) (t *task, err error) {
	err = h.await(ctx, w, func() bool {
		q := &h.queue
		if q.phase == ended {
			return true
		}
		if t = q.pop(false); t == nil && q.active == 0 {
			if t = q.pop(true); t == nil {
				q.phase = ended
				q.signal()
			}
		}
		return t != nil || q.phase == ended
	})
	return t, err
}

// help gives a helper its next task; nil: there is none and none is to come.
func (h *Hash) help(ctx context.Context, w *exec.Worker) (t *task, err error) {
	err = h.await(ctx, w, func() bool {
		q := &h.queue
		if q.phase == joining && w.Statement().LongRow() == 0 {
			if t = q.pop(false); t != nil {
				q.active++
			}
		}
		return t != nil || q.phase == ended
	})
	return t, err
}

// joined counts a task that is done, or split.
func (h *Hash) joined(helper bool) {
	h.mu.Lock()
	h.rounds++
	if helper {
		h.shared++
	}
	h.mu.Unlock()
}

// helped ends a helper's work on a task, which is closed, or was given back.
func (h *Hash) helped() {
	h.mu.Lock()
	h.queue.active--
	h.queue.signal()
	h.mu.Unlock()
}

// postpone leaves a task to the leader, once it is alone.
func (h *Hash) postpone(t *task) {
	t.heavy = true
	h.mu.Lock()
	h.queue.tasks = append(h.queue.tasks, t)
	h.queue.signal()
	h.mu.Unlock()
}

// contended says if helpers have tasks in memory: what does not fit now may do so later.
func (h *Hash) contended() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.queue.active > 0
}
