package types

// JSONKind is the kind of a JSON value.
type JSONKind uint8

// The kinds; the numbers are the first byte of the binary form.
const (
	JSONNull JSONKind = iota
	JSONFalse
	JSONTrue
	JSONInt
	JSONUint
	JSONDouble
	JSONString
	JSONDecimal
	JSONDate
	JSONDateTime
	JSONTimestamp
	JSONTime
	JSONOpaque // bytes of another type: BLOB, BIT
	JSONArray
	JSONObject
)

// JSONPath is a parsed path such as $.a[1] or $**.b. Immutable.
type JSONPath struct{}

// JSONModify says what JSONModify* does where the path leads to something or to nothing.
type JSONModifyMode uint8

// The modes of AppendJSONModify.
const (
	JSONModifySet     JSONModifyMode = iota // replace or insert
	JSONModifyInsert                        // only where nothing is
	JSONModifyReplace                       // only where something is
)

// ValidateJSON checks bytes from outside; all other functions may be given only what passed it or was built here.
func ValidateJSON(bin []byte) error { return errStub }

// JSONKindOf returns the kind of a value.
func JSONKindOf(bin []byte) JSONKind { return 0 }

// JSONTypeName is JSON_TYPE: OBJECT, ARRAY, INTEGER, UNSIGNED INTEGER, DOUBLE, DECIMAL, STRING, BOOLEAN, NULL, ...
func JSONTypeName(bin []byte) string { return "" }

// The builders append the binary form of a scalar.

// AppendJSONNull appends null.
func AppendJSONNull(dst []byte) []byte { return dst }

// AppendJSONBool appends true or false.
func AppendJSONBool(dst []byte, v bool) []byte { return dst }

// AppendJSONInt appends a signed integer.
func AppendJSONInt(dst []byte, v int64) []byte { return dst }

// AppendJSONUint appends an unsigned integer.
func AppendJSONUint(dst []byte, v uint64) []byte { return dst }

// AppendJSONDouble appends a floating point number; not NaN or infinite.
func AppendJSONDouble(dst []byte, v float64) []byte { return dst }

// AppendJSONDecimal appends a decimal number.
func AppendJSONDecimal(dst []byte, d Dec, scale uint8) []byte { return dst }

// AppendJSONString appends a string, in utf8mb4.
func AppendJSONString(dst []byte, s []byte) []byte { return dst }

// AppendJSONTemporal appends a value of type Date, DateTime, Timestamp (session's local time) or Time.
func AppendJSONTemporal(dst []byte, id ID, v int64) []byte { return dst }

// AppendJSONOpaque appends bytes of a type that JSON does not know; t is the protocol's byte of the type.
func AppendJSONOpaque(dst []byte, t ProtocolByte, b []byte) []byte { return dst }

// AppendJSONArray appends an array of values in binary form.
func AppendJSONArray(dst []byte, elems [][]byte) []byte { return dst }

// AppendJSONObject appends an object; keys in any order, the last of equal ones wins.
func AppendJSONObject(dst []byte, keys, values [][]byte) []byte { return dst }

// DatumToJSON appends CAST(d AS JSON): numbers, texts parsed (parse) or taken as strings, temporal values.
func DatumToJSON(dst []byte, d Datum, parse bool) ([]byte, error) { return dst, errStub }

// JSONCompare orders values as MySQL does.
func JSONCompare(a, b []byte) int { return 0 }

// JSONLen is JSON_LENGTH: elements, members, 1 for scalars.
func JSONLen(bin []byte) int { return 0 }

// JSONDepth is JSON_DEPTH.
func JSONDepth(bin []byte) int { return 0 }

// JSONElem returns the i-th element of an array or value of an object.
func JSONElem(bin []byte, i int) []byte { return nil }

// JSONKey returns the i-th key of an object.
func JSONKey(bin []byte, i int) []byte { return nil }

// JSONMember finds a member of an object.
func JSONMember(bin, key []byte) (v []byte, ok bool) { return nil, false }

// AppendJSONKeys appends an array of an object's keys; ok is false for other kinds.
func AppendJSONKeys(dst, bin []byte) (out []byte, ok bool) { return dst, false }

// ParseJSONPath reads a path. Error: sqlerr 3143.
func ParseJSONPath(s []byte) (*JSONPath, error) { return nil, errStub }

// Single tells that the path has no wildcard or range, so leads to one value at most.
func (p *JSONPath) Single() bool { return true }

// JSONFind calls f for each value the path leads to, until it returns false.
func JSONFind(bin []byte, p *JSONPath, f func(v []byte) bool) {}

// JSONLookup returns the first value the path leads to.
func JSONLookup(bin []byte, p *JSONPath) (v []byte, ok bool) { return nil, false }

// AppendJSONExtract is JSON_EXTRACT: the value, or an array of all when there are several paths or a wildcard.
func AppendJSONExtract(dst, bin []byte, paths []*JSONPath) (out []byte, found bool) {
	return dst, false
}

// AppendJSONModify is one step of JSON_SET, JSON_INSERT, JSON_REPLACE. The path must be Single.
func AppendJSONModify(dst, bin []byte, p *JSONPath, value []byte, mode JSONModifyMode) ([]byte, error) {
	return dst, errStub
}

// AppendJSONRemove is one step of JSON_REMOVE. Errors: 3153 for '$', 3149 for wildcards.
func AppendJSONRemove(dst, bin []byte, p *JSONPath) ([]byte, error) { return dst, errStub }

// AppendJSONArrayAppend is one step of JSON_ARRAY_APPEND.
func AppendJSONArrayAppend(dst, bin []byte, p *JSONPath, value []byte) ([]byte, error) {
	return dst, errStub
}

// AppendJSONArrayInsert is one step of JSON_ARRAY_INSERT.
func AppendJSONArrayInsert(dst, bin []byte, p *JSONPath, value []byte) ([]byte, error) {
	return dst, errStub
}

// JSONContains is JSON_CONTAINS.
func JSONContains(target, candidate []byte) bool { return false }

// JSONOverlaps is JSON_OVERLAPS.
func JSONOverlaps(a, b []byte) bool { return false }

// AppendJSONMergePreserve is JSON_MERGE_PRESERVE of two values.
func AppendJSONMergePreserve(dst, a, b []byte) []byte { return dst }

// AppendJSONMergePatch is JSON_MERGE_PATCH of two values.
func AppendJSONMergePatch(dst, a, b []byte) []byte { return dst }

// AppendJSONQuote is JSON_QUOTE.
func AppendJSONQuote(dst, s []byte) []byte { return dst }

// AppendJSONUnquote is JSON_UNQUOTE of a JSON value: a string without quotes, others as text.
func AppendJSONUnquote(dst, bin []byte) []byte { return dst }

// UnquoteJSONText is JSON_UNQUOTE of a text: unescaped if it is in double quotes, else as it is. Error: sqlerr 3140.
func UnquoteJSONText(dst, s []byte) ([]byte, error) { return dst, errStub }

// AppendJSONPretty is JSON_PRETTY.
func AppendJSONPretty(dst, bin []byte) []byte { return dst }

// JSONSearch is JSON_SEARCH: paths of the strings for which match is true, all or the first one.
func JSONSearch(bin []byte, under []*JSONPath, all bool, match func(s []byte) bool) (paths [][]byte) {
	return nil
}

// JSONSyntaxError says what is wrong in a JSON text.
type JSONSyntaxError struct {
	Reason string // in MySQL's words
	Pos    int    // byte, from 0
}

func (e *JSONSyntaxError) Error() string { return e.Reason }

// jsonBytes returns the text of a string or the bytes of an opaque value.
func jsonBytes(bin []byte) []byte { return nil }

// JSONToDatum returns a number, boolean, string, decimal or temporal value; ok is false for others.
func JSONToDatum(bin []byte) (d Datum, ok bool) { return Datum{}, false }
