package session

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"
	parsertypes "github.com/pingcap/tidb/pkg/parser/types"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// Limits of declared types, MySQL's.
const (
	maxCharLength    = 255
	maxVarLength     = 65535 // bytes
	maxDecimalDigits = 65
	maxDecimalScale  = 30
	maxBits          = 64
	maxFsp           = 6
	maxDisplayWidth  = 255
	maxFloatBits     = 24 // FLOAT(p) has 32 bits up to here
	maxDoubleBits    = 53 // and 64 up to here
)

// columnType turns the type of a column definition into ours. tableCollation is for columns without one.
func columnType(name string, ft *parsertypes.FieldType, tableCollation collation.ID) (types.Type, error) {
	coll, err := columnCollation(ft, tableCollation)
	if err != nil {
		return types.Type{}, err
	}
	length, scale := ft.GetFlen(), ft.GetDecimal()
	unsigned, zeroFill := mysql.HasUnsignedFlag(ft.GetFlag()), mysql.HasZerofillFlag(ft.GetFlag())
	t := types.Type{}
	switch ft.GetType() {
	case mysql.TypeTiny, mysql.TypeShort, mysql.TypeInt24, mysql.TypeLong, mysql.TypeLonglong:
		t = types.NewInteger(integers[ft.GetType()], unsigned)
		if ft.GetType() == mysql.TypeTiny && length == 1 {
			t.Length = 1
		}
		if length > maxDisplayWidth {
			return t, sqlerr.New(sqlerr.ErrTooBigDisplayWidth, name, maxDisplayWidth)
		}
		if t.ZeroFill = zeroFill; zeroFill && length > 0 {
			t.Length = int32(length)
		}
	case mysql.TypeFloat, mysql.TypeDouble:
		if t, err = floatType(name, ft); err != nil {
			return t, err
		}
		t.Unsigned, t.ZeroFill = unsigned, zeroFill
	case mysql.TypeNewDecimal:
		if length < 0 {
			length = 10
		}
		scale = max(scale, 0)
		if length == 0 {
			length = 10
		}
		switch {
		case length > maxDecimalDigits:
			return t, sqlerr.New(sqlerr.ErrTooBigPrecision, length, name, maxDecimalDigits)
		case scale > maxDecimalScale:
			return t, sqlerr.New(sqlerr.ErrTooBigScale, scale, name, maxDecimalScale)
		case scale > length:
			return t, sqlerr.New(sqlerr.ErrMBiggerThanD, name)
		}
		t = types.NewDecimal(length, scale)
		t.Unsigned, t.ZeroFill = unsigned, zeroFill
	case mysql.TypeDate, mysql.TypeNewDate:
		t = types.NewDate()
	case mysql.TypeDatetime, mysql.TypeTimestamp, mysql.TypeDuration:
		fsp := max(scale, 0)
		if fsp > maxFsp {
			return t, sqlerr.New(sqlerr.ErrTooBigPrecision, fsp, name, maxFsp)
		}
		switch ft.GetType() {
		case mysql.TypeDatetime:
			t = types.NewDateTime(fsp)
		case mysql.TypeTimestamp:
			t = types.NewTimestamp(fsp)
		default:
			t = types.NewTime(fsp)
		}
	case mysql.TypeYear:
		t = types.NewYear()
	case mysql.TypeBit:
		length = max(length, 1)
		if length > maxBits {
			return t, sqlerr.New(sqlerr.ErrTooBigDisplayWidth, name, maxBits)
		}
		t = types.NewBit(length)
	case mysql.TypeString, mysql.TypeVarchar, mysql.TypeVarString:
		return stringType(name, ft, coll)
	case mysql.TypeTinyBlob, mysql.TypeBlob, mysql.TypeMediumBlob, mysql.TypeLongBlob:
		return blobType(ft, coll), nil
	case mysql.TypeEnum, mysql.TypeSet:
		return memberType(name, ft, coll)
	case mysql.TypeJSON:
		t = types.NewJSON()
	default:
		return t, sqlerr.New(sqlerr.ErrNotSupportedYet, "the type of column '"+name+"'")
	}
	return t, nil
}

// floatType is FLOAT and DOUBLE, with (M,D) or without, and FLOAT(p).
func floatType(name string, ft *parsertypes.FieldType) (types.Type, error) {
	length, scale := ft.GetFlen(), ft.GetDecimal()
	t := types.NewDouble()
	if ft.GetType() == mysql.TypeFloat && (length <= maxFloatBits || scale >= 0) {
		t = types.NewFloat()
	}
	switch {
	case scale < 0 && ft.GetType() == mysql.TypeFloat && length > maxDoubleBits:
		return t, sqlerr.New(sqlerr.ErrWrongFieldSpec, name)
	case scale < 0:
		return t, nil
	case scale > maxDecimalScale:
		return t, sqlerr.New(sqlerr.ErrTooBigScale, scale, name, maxDecimalScale)
	case length > maxDisplayWidth:
		return t, sqlerr.New(sqlerr.ErrTooBigDisplayWidth, name, maxDisplayWidth)
	case scale > length:
		return t, sqlerr.New(sqlerr.ErrMBiggerThanD, name)
	}
	t.Precision, t.Scale = uint8(length), uint8(scale)
	return t, nil
}

var integers = map[byte]types.ID{
	mysql.TypeTiny: types.TinyInt, mysql.TypeShort: types.SmallInt, mysql.TypeInt24: types.MediumInt,
	mysql.TypeLong: types.Int, mysql.TypeLonglong: types.BigInt,
}

// columnCollation is the collation a string column is declared with.
func columnCollation(ft *parsertypes.FieldType, table collation.ID) (collation.ID, error) {
	charset, name := strings.ToLower(ft.GetCharset()), strings.ToLower(ft.GetCollate())
	if name != "" {
		id, ok := collation.ByName(name)
		if !ok {
			return 0, sqlerr.New(sqlerr.ErrUnknownCollation, name)
		}
		if charset != "" && collation.Charset(id) != charset {
			return 0, sqlerr.New(sqlerr.ErrCollationCharsetMismatch, name, charset)
		}
		return id, nil
	}
	if charset == "" {
		return table, nil
	}
	id, ok := collation.DefaultOf(charset)
	if !ok {
		return 0, sqlerr.New(sqlerr.ErrUnknownCharacterSet, charset)
	}
	return id, nil
}

func stringType(name string, ft *parsertypes.FieldType, coll collation.ID) (types.Type, error) {
	n := ft.GetFlen()
	binary := coll == collation.Binary
	if ft.GetType() == mysql.TypeString {
		if n < 0 {
			n = 1
		}
		if n > maxCharLength {
			return types.Type{}, sqlerr.New(sqlerr.ErrTooBigFieldLength, name, maxCharLength)
		}
		if binary {
			return types.NewBinary(n), nil
		}
		return types.NewChar(n, coll), nil
	}
	limit := maxVarLength
	if !binary {
		limit /= collation.MaxWidth(coll)
	}
	if n > limit {
		return types.Type{}, sqlerr.New(sqlerr.ErrTooBigFieldLength, name, limit)
	}
	if binary {
		return types.NewVarBinary(n), nil
	}
	return types.NewVarChar(n, coll), nil
}

// blobType also finds the smallest type for TEXT(n) and BLOB(n).
func blobType(ft *parsertypes.FieldType, coll collation.ID) types.Type {
	ids := [...][2]types.ID{
		{types.TinyText, types.TinyBlob}, {types.Text, types.Blob}, {types.MediumText, types.MediumBlob},
		{types.LongText, types.LongBlob},
	}
	size := map[byte]int{
		mysql.TypeTinyBlob: 0, mysql.TypeBlob: 1, mysql.TypeMediumBlob: 2, mysql.TypeLongBlob: 3,
	}[ft.GetType()]
	if n := ft.GetFlen(); ft.GetType() == mysql.TypeBlob && n > 0 {
		if coll != collation.Binary {
			n *= collation.MaxWidth(coll)
		}
		switch {
		case n < 1<<8:
			size = 0
		case n < 1<<16:
			size = 1
		case n < 1<<24:
			size = 2
		default:
			size = 3
		}
	}
	if coll == collation.Binary {
		return types.NewBlob(ids[size][1])
	}
	return types.NewText(ids[size][0], coll)
}

func memberType(name string, ft *parsertypes.FieldType, coll collation.ID) (types.Type, error) {
	names := make([]string, len(ft.GetElems()))
	seen := make(map[string]bool, len(names))
	for i, n := range ft.GetElems() {
		if ft.GetType() == mysql.TypeSet && strings.Contains(n, ",") {
			return types.Type{}, sqlerr.New(sqlerr.ErrIllegalValueForType, "set", n)
		}
		n = strings.TrimRight(n, " ")
		key := string(collation.WeightString(coll, nil, []byte(n)))
		if seen[key] {
			kind := "ENUM"
			if ft.GetType() == mysql.TypeSet {
				kind = "SET"
			}
			return types.Type{}, sqlerr.New(sqlerr.ErrDuplicatedValueInType, name, n, kind)
		}
		seen[key], names[i] = true, n
	}
	if ft.GetType() == mysql.TypeSet {
		if len(names) > 64 {
			return types.Type{}, sqlerr.New(sqlerr.ErrTooBigSet, name)
		}
		return types.NewSet(types.NewMembers(names...), coll), nil
	}
	if len(names) > 65535 {
		return types.Type{}, sqlerr.Newf(sqlerr.ErrTooBigSet, "Too many enumeration values for column %s", name)
	}
	return types.NewEnum(types.NewMembers(names...), coll), nil
}
