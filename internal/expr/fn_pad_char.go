package expr

import "github.com/spillwaydb/spillway/internal/types"

// padCharFunction gives a CHAR value the spaces back that are not stored.
var padCharFunction = &function{name: "pad char", row: func(r *row) error {
	s := r.str(0)
	missing := max(0, int(r.out.Type.Length)-r.chars(0, s))
	return r.build(int64(len(s)+missing), func(dst []byte) {
		for i := copy(dst, s); i < len(dst); i++ {
			dst[i] = ' '
		}
	})
}}

// PadChar is a column as it is read in sql_mode PAD_CHAR_TO_FULL_LENGTH.
func PadChar(c *Column) Expr {
	if c.T.ID != types.Char {
		return c
	}
	return &Call{
		fn: padCharFunction, args: []Expr{c}, t: c.T, coerc: coercibilityOf(c), text: c.String(),
	}
}
