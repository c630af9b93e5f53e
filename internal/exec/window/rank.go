package window

import (
	"github.com/spillwaydb/spillway/internal/vector"
)

// function computes one column. segment is called for each segment of a chunk, in order; then finish writes the results
// of the chunk's n rows to out, unless they are strings, which strings does.
type function interface {
	segment(s *segment) error
	finish(n int, out *vector.Vector) error
	close()
}

// ranking are the functions of a row's number and its peers: ROW_NUMBER, RANK, DENSE_RANK, NTILE, PERCENT_RANK,
// CUME_DIST.
type ranking struct {
	name           string
	groups         int64 // of NTILE
	peers, peersTo *[chunkRows]int64
	dense          uint64
	numbers        [chunkRows]uint64
	shares         [chunkRows]float64
}

func (r *ranking) segment(s *segment) error {
	if s.fresh {
		r.dense = 0
	}
	count := s.end - s.start
	for k := range s.n {
		row, at := s.from+int64(k), s.at+k
		switch r.name {
		case "row_number":
			r.numbers[at] = uint64(row - s.start + 1)
		case "rank":
			r.numbers[at] = uint64(r.peers[at] - s.start + 1)
		case "dense_rank":
			if r.peers[at] == row {
				r.dense++
			}
			r.numbers[at] = r.dense
		case "ntile":
			r.numbers[at] = tile(row-s.start, count, r.groups)
		case "percent_rank":
			r.shares[at] = 0
			if count > 1 {
				r.shares[at] = float64(r.peers[at]-s.start) / float64(count-1)
			}
		case "cume_dist":
			r.shares[at] = float64(r.peersTo[at]-s.start) / float64(count)
		}
	}
	return nil
}

// tile is the group of row i of count rows: the first groups get one row more if they do not come out even.
func tile(i, count, groups int64) uint64 {
	least, more := count/groups, count%groups
	if i < more*(least+1) {
		return uint64(i/(least+1) + 1)
	}
	return uint64(more + (i-more*(least+1))/least + 1)
}

func (r *ranking) finish(n int, out *vector.Vector) error {
	clear(out.Null[:n])
	if out.F64 != nil {
		copy(out.F64, r.shares[:n])
	} else {
		copy(out.U64, r.numbers[:n])
	}
	return nil
}

func (r *ranking) close() {}
