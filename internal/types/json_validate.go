package types

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// ValidateJSON checks bytes from outside: error 3142. All other functions may be given only what has passed it or was
// built here.
func ValidateJSON(bin []byte) error {
	if len(bin) > jsonSizeMax || validJSON(bin, 1) != len(bin) || len(bin) == 0 {
		return sqlerr.New(sqlerr.ErrInvalidJSONBinaryData)
	}
	return nil
}

// validJSON returns the size of the value at the start of bin, 0 when there is none.
func validJSON(bin []byte, depth int) int {
	if len(bin) == 0 || depth > jsonDepthMax {
		return 0
	}
	kind := JSONKind(bin[0])
	switch kind {
	case JSONNull, JSONFalse, JSONTrue:
		return 1
	case JSONArray, JSONObject:
		return validJSONContainer(bin, kind, depth)
	}
	head := jsonNumberSize
	switch kind {
	case JSONDecimal:
		head = jsonDecimalSize
	case JSONString:
		head = jsonStringHead
	case JSONOpaque:
		head = jsonOpaqueHead
	}
	if kind >= jsonKindEnd || len(bin) < head {
		return 0
	}
	size := head
	if kind == JSONString || kind == JSONOpaque {
		size += le32(bin, head-4)
		if size > len(bin) {
			return 0
		}
	}
	if !validJSONScalar(bin[:size], kind) {
		return 0
	}
	return size
}

func validJSONScalar(bin []byte, kind JSONKind) bool {
	switch kind {
	case JSONDouble:
		f := math.Float64frombits(binary.LittleEndian.Uint64(bin[1:]))
		return !math.IsNaN(f) && !math.IsInf(f, 0)
	case JSONString:
		return utf8.Valid(bin[jsonStringHead:])
	case JSONDecimal:
		d, scale := jsonDecimal(bin)
		return scale <= MaxScale && d.inRange()
	case JSONDate:
		v := jsonInt64(bin)
		return v >= 0 && v&timeMask == 0 && CheckDate(v, TemporalMode{AllowInvalidDates: true})
	case JSONDateTime, JSONTimestamp:
		v := jsonInt64(bin)
		return v >= 0 && v&microMask < microsPerSecond && CheckDate(v, TemporalMode{AllowInvalidDates: true})
	case JSONTime:
		v := jsonInt64(bin)
		return v >= -MaxTimeMicros && v <= MaxTimeMicros
	}
	return true
}

func validJSONContainer(bin []byte, kind JSONKind, depth int) int {
	entry := jsonArrayEntry
	if kind == JSONObject {
		entry = jsonObjectEntry
	}
	if len(bin) < jsonHeader {
		return 0
	}
	size, count := le32(bin, 1), le32(bin, 5)
	if size > len(bin) || size < jsonHeader || count > (size-jsonHeader)/entry {
		return 0
	}
	table := size - count*entry
	// What the parts take together is bounded by the room for them: parts that overlap, which could be visited more
	// often than there are bytes, do not pass.
	left := table - jsonHeader
	for i := range count {
		value := le32(bin, table+i*entry)
		if kind == JSONObject {
			e := table + i*entry
			key, length := value, le32(bin, e+4)
			value = le32(bin, e+8)
			left -= length
			if length > jsonKeyMax || key < jsonHeader || key > table-length || !utf8.Valid(bin[key:key+length]) {
				return 0
			}
			if i > 0 && compareJSONKeys(jsonKeyAt(bin, e-entry), bin[key:key+length]) >= 0 {
				return 0
			}
		}
		if value < jsonHeader || value >= table {
			return 0
		}
		n := validJSON(bin[value:table], depth+1)
		left -= n
		if n == 0 || left < 0 {
			return 0
		}
	}
	if left != 0 {
		return 0
	}
	return size
}

// jsonKeyAt is the key of an entry that was checked.
func jsonKeyAt(bin []byte, entry int) []byte {
	at := le32(bin, entry)
	return bin[at : at+le32(bin, entry+4)]
}
