package exec

import (
	"errors"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Parts runs an evaluation over a batch, all rows at once or, where surplus is refused (sqlerr.ErrNoSurplus), over ever
// smaller parts of its rows. Between calls it remembers which rows are left.
type Parts struct {
	rest []uint16 // rows of the current batch that are still to come; nil: a new batch
	step int      // rows a call; 0: all
	all  [vector.MaxRows]uint16
}

// Run calls eval with in.Sel set to the next part. more says that Run is to be called again with the same batch.
func (p *Parts) Run(in *vector.Batch, eval func() error) (more bool, err error) {
	if p.rest == nil {
		sel := in.Sel
		err = eval()
		if !errors.Is(err, sqlerr.ErrNoSurplus) || in.Rows() <= 1 {
			return false, err
		}
		in.Sel = sel
		p.keep(in)
		p.step = len(p.rest)
	}
	for {
		n := min(p.step, len(p.rest))
		in.Sel = p.rest[:n]
		err = eval()
		if err == nil {
			p.rest = p.rest[n:]
			if len(p.rest) == 0 {
				p.rest = nil
			}
			return p.rest != nil, nil
		}
		if !errors.Is(err, sqlerr.ErrNoSurplus) || n == 1 {
			p.rest = nil
			return false, err
		}
		p.step = (n + 1) / 2
	}
}

// keep lists the rows of in that count.
func (p *Parts) keep(in *vector.Batch) {
	if in.Sel != nil {
		p.rest = p.all[:copy(p.all[:], in.Sel)]
		return
	}
	for i := range in.Len {
		p.all[i] = uint16(i)
	}
	p.rest = p.all[:in.Len]
}
