package window

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/vector"
)

// horizon says which rows of a partition that is still coming have frames that will not grow any more, where frames end
// so far behind the current row: those whose limit lies before the last key that came.
type horizon struct {
	*reader // key, limit
	desc    bool
	compare func(x *vector.Vector, i int, y *vector.Vector, k int) int
	key     int           // column of the input
	last    *vector.Batch // the last key that came
	row     int64         // the rows before are ready
}

// ahead says if a frame ends at a limit behind the current row.
func (f *Frame) ahead() bool { return f.End.Limited && f.End.Kind == expr.Following }

func (h *horizon) close() {
	h.reader.close()
	h.last.Close()
}

// came notes the key of the last row of a batch.
func (h *horizon) came(in *vector.Batch, row uint16) {
	v := in.Cols[h.key]
	copyValue(h.last.Cols[0], 0, v, v.Index(int(row)))
}

// ready moves on to the first row that is not ready. start is the first row of the partition that is coming, or a row
// of it; peers is the first of the last peers; count is the number of rows.
func (h *horizon) ready(start, peers, count int64) (int64, error) {
	h.row = max(h.row, start)
	last := h.last.Cols[0]
	for h.row < count {
		i, err := h.load(h.row)
		if err != nil {
			return 0, err
		}
		key, limit := h.batch.Cols[0], h.batch.Cols[1]
		switch {
		case key.Null[i] != 0: // its frame ends with its peers
			if h.row >= peers {
				return h.row, nil
			}
		case last.Null[0] != 0 && h.desc: // NULLs come last
		case last.Null[0] != 0 || limit.Null[i] != 0:
			return h.row, nil
		default:
			c := h.compare(last, 0, limit, i)
			if h.desc {
				c = -c
			}
			if c <= 0 {
				return h.row, nil
			}
		}
		h.row++
	}
	return h.row, nil
}
