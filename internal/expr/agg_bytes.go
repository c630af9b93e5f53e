package expr

import (
	"bytes"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// BIT_AND, BIT_OR and BIT_XOR of binary strings: byte by byte, all of one length.

// bitBytesMost is the longest argument.
const bitBytesMost = 511

// ofBytes says if a bit aggregate works on bytes: on binary strings that are no literals, as these are numbers.
func ofBytes(e Expr) bool {
	t := e.Type()
	_, literal := e.(*Const)
	return !literal && t.IsString() && t.Collation == collation.Binary
}

// typeBits types a bit aggregate.
func typeBits(a *Aggregate) error {
	e := a.Args[0]
	if !ofBytes(e) {
		a.Args, a.T = []Expr{NewCast(e, types.NewUBigInt())}, types.NewUBigInt().WithNullable(false)
		return nil
	}
	n := e.Type().MaxBytes()
	if n > bitBytesMost {
		return sqlerr.New(sqlerr.ErrInvalidBitwiseAggregateOperandsSize)
	}
	a.T = types.NewVarBinary(n).WithNullable(false)
	return nil
}

// neutralBytes is what a bit aggregate of no bytes gives.
func (a *Aggregate) neutralBytes() []byte {
	fill := byte(0)
	if a.Name == "bit_and" {
		fill = 0xff
	}
	return bytes.Repeat([]byte{fill}, int(a.T.Length))
}

// Empty is the value for no rows.
func (a *Aggregate) Empty() types.Datum {
	switch a.Name {
	case "count":
		return types.NewIntDatum(a.T, 0)
	case "bit_and", "bit_or", "bit_xor":
		if a.T.IsString() {
			return types.NewStringDatum(a.T, a.neutralBytes())
		}
		d := types.NewUintDatum(a.T, 0)
		if a.Name == "bit_and" {
			d.U = 1<<64 - 1
		}
		return d
	}
	return types.NullDatum(a.T.WithNullable(true))
}

// bits adds a value to a bit aggregate.
func (s *variableState) bits(v []byte) error {
	if !s.set {
		s.set = true
		return s.buf.append(v)
	}
	own := s.buf.bytes()
	if len(own) != len(v) {
		return sqlerr.New(sqlerr.ErrInvalidBitwiseOperandsSize)
	}
	for i, b := range v {
		switch s.a.Name {
		case "bit_and":
			own[i] &= b
		case "bit_or":
			own[i] |= b
		default:
			own[i] ^= b
		}
	}
	return nil
}
