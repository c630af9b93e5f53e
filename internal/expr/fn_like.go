package expr

import (
	"bytes"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// LIKE. A pattern that is the same for many rows is compiled once, if it is not too long for that.

var likeFunction = &function{name: "like", flags: boolean, row: rowLike}

// likeState is the pattern that was compiled last.
type likeState struct {
	pattern, escape []byte
	like            *collation.Like
}

func buildLike(b *builder, args []Expr) (Expr, error) {
	b.name = "like"
	if len(args) == 2 && b.env.SQLMode.Has(types.ModeNoBackslashEscapes) {
		args = append(args, NewString("", connection(b.env))) // ESCAPE '', which index ranges see, too
	}
	c, err := b.aggregateCompare(args[:2])
	if err != nil {
		return nil, err
	}
	out := []Expr{b.fold(b.toCollation(args[0], c)), b.fold(b.toCollation(args[1], c))}
	if len(args) > 2 {
		e := b.fold(b.toCollation(args[2], c))
		if k, ok := e.(*Const); ok && !k.D.IsNull() && collation.CharLength(c, k.D.S) > 1 {
			return nil, sqlerr.New(sqlerr.ErrWrongArguments, "ESCAPE")
		}
		out = append(out, e)
	}
	// The pattern's type carries the collation to match with.
	if t := out[1].Type(); t.Collation != c {
		t.Collation = c
		out[1] = relabel(out[1], t)
	}
	return b.call(likeFunction, out, types.NewBool(), 0, 0), nil
}

func escapeRune(b []byte, c collation.ID) rune {
	if len(b) == 0 {
		return 0
	}
	u := b
	if cs := collation.Charset(c); cs != "utf8mb4" && cs != "binary" {
		u, _ = collation.Convert(nil, b, cs, "utf8mb4")
	}
	for _, r := range string(u) {
		return r
	}
	return 0
}

func rowLike(r *row) error {
	s, _ := r.nd.state.(*likeState)
	if s == nil {
		s = &likeState{}
		r.nd.state = s
	}
	pattern := r.str(1)
	var escape []byte
	if r.nargs() > 2 {
		escape = r.str(2)
	}
	like := s.like
	if like == nil || !bytes.Equal(s.pattern, pattern) || !bytes.Equal(s.escape, escape) {
		like = collation.NewLike(r.argType(1).Collation, pattern, r.likeEscape(escape))
		if len(pattern) <= collation.LikeCompileMax {
			s.pattern, s.escape = append(s.pattern[:0], pattern...), append(s.escape[:0], escape...)
			s.like = like
		}
	}
	is, err := like.Match(r.ev.context(), r.str(0))
	if err != nil {
		return err
	}
	return r.setBool(is)
}

// likeEscape is the escape character: what ESCAPE says, else a backslash.
func (r *row) likeEscape(escape []byte) rune {
	if r.nargs() > 2 {
		return escapeRune(escape, r.argType(1).Collation)
	}
	return '\\'
}
