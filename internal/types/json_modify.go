package types

import (
	"slices"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// JSONModifyMode says what AppendJSONModify does where the path leads to something or to nothing.
type JSONModifyMode uint8

// The modes of AppendJSONModify.
const (
	JSONModifySet     JSONModifyMode = iota // replace or insert
	JSONModifyInsert                        // only where nothing is
	JSONModifyReplace                       // only where something is
)

func checkSingle(p *JSONPath) error {
	if !p.Single() {
		return sqlerr.New(sqlerr.ErrInvalidJSONPathWildcard)
	}
	return nil
}

// finishModified refuses documents that have become too deep or too large: 3157, 3150.
func finishModified(dst, doc []byte) ([]byte, error) {
	switch {
	case len(doc) > jsonSizeMax:
		return dst, sqlerr.New(sqlerr.ErrJSONValueTooBig)
	case JSONDepth(doc) > jsonDepthMax:
		return dst, sqlerr.New(sqlerr.ErrJSONDocumentTooDeep)
	}
	return append(dst, doc...), nil
}

// AppendJSONModify is one step of JSON_SET, JSON_INSERT, JSON_REPLACE: the document with the value at the path. Errors:
// 3149 for a path that is not Single, 3157, 3150.
func AppendJSONModify(dst, bin []byte, p *JSONPath, value []byte, mode JSONModifyMode) ([]byte, error) {
	if err := checkSingle(p); err != nil {
		return dst, err
	}
	return finishModified(dst, modifyJSON(bin, p.legs, value, mode))
}

// modifyJSON returns bin itself where nothing changes.
func modifyJSON(bin []byte, legs []jsonLeg, value []byte, mode JSONModifyMode) []byte {
	if len(legs) == 0 {
		if mode == JSONModifyInsert {
			return bin
		}
		return value
	}
	leg, rest := &legs[0], legs[1:]
	insert := len(rest) == 0 && mode != JSONModifyReplace
	if leg.kind == legMember {
		if JSONKindOf(bin) != JSONObject {
			return bin
		}
		i, ok := jsonFind(bin, leg.key)
		switch {
		case ok:
			return replaceAt(bin, i, modifyJSON(JSONElem(bin, i), rest, value, mode))
		case insert:
			return AppendJSONObject(nil, append(jsonKeys(bin), leg.key), append(jsonElems(bin), value))
		}
		return bin
	}
	elems := [][]byte{bin}
	if JSONKindOf(bin) == JSONArray {
		elems = jsonElems(bin)
	}
	switch i := leg.from.in(len(elems)); {
	case i >= 0 && i < len(elems):
		changed := modifyJSON(elems[i], rest, value, mode)
		if JSONKindOf(bin) != JSONArray {
			return changed
		}
		return replaceAt(bin, i, changed)
	case !insert:
		return bin
	case i < 0:
		return AppendJSONArray(nil, slices.Insert(elems, 0, value))
	}
	return AppendJSONArray(nil, append(elems, value))
}

// replaceAt puts another value in the place of an element or member.
func replaceAt(bin []byte, i int, value []byte) []byte {
	elems := jsonElems(bin)
	elems[i] = value
	if JSONKindOf(bin) == JSONArray {
		return AppendJSONArray(nil, elems)
	}
	return AppendJSONObject(nil, jsonKeys(bin), elems)
}

// AppendJSONRemove is one step of JSON_REMOVE. Errors: 3153 for '$', 3149 for wildcards.
func AppendJSONRemove(dst, bin []byte, p *JSONPath) ([]byte, error) {
	if p.Root() {
		return dst, sqlerr.New(sqlerr.ErrJSONVacuousPath)
	}
	if err := checkSingle(p); err != nil {
		return dst, err
	}
	return append(dst, removeJSON(bin, p.legs)...), nil
}

func removeJSON(bin []byte, legs []jsonLeg) []byte {
	leg, rest := &legs[0], legs[1:]
	i, ok := -1, false
	switch {
	case leg.kind == legMember && JSONKindOf(bin) == JSONObject:
		i, ok = jsonFind(bin, leg.key)
	case leg.kind == legCell && JSONKindOf(bin) == JSONArray:
		i = leg.from.in(jsonCount(bin))
		ok = i >= 0 && i < jsonCount(bin)
	case leg.kind == legCell && leg.from.in(1) == 0 && len(rest) > 0:
		return removeJSON(bin, rest)
	}
	switch {
	case !ok:
		return bin
	case len(rest) > 0:
		return replaceAt(bin, i, removeJSON(JSONElem(bin, i), rest))
	case leg.kind == legMember:
		return AppendJSONObject(nil, slices.Delete(jsonKeys(bin), i, i+1), slices.Delete(jsonElems(bin), i, i+1))
	}
	return AppendJSONArray(nil, slices.Delete(jsonElems(bin), i, i+1))
}

// AppendJSONArrayAppend is one step of JSON_ARRAY_APPEND: a value that is no array becomes one. Errors as for
// AppendJSONModify.
func AppendJSONArrayAppend(dst, bin []byte, p *JSONPath, value []byte) ([]byte, error) {
	if err := checkSingle(p); err != nil {
		return dst, err
	}
	old, ok := JSONLookup(bin, p)
	if !ok {
		return append(dst, bin...), nil
	}
	elems := [][]byte{old}
	if JSONKindOf(old) == JSONArray {
		elems = jsonElems(old)
	}
	longer := AppendJSONArray(nil, append(elems, value))
	return finishModified(dst, modifyJSON(bin, p.legs, longer, JSONModifyReplace))
}

// AppendJSONArrayInsert is one step of JSON_ARRAY_INSERT. Errors: 3165 for a path that ends in no place of an array,
// and those of AppendJSONModify.
func AppendJSONArrayInsert(dst, bin []byte, p *JSONPath, value []byte) ([]byte, error) {
	if err := checkSingle(p); err != nil {
		return dst, err
	}
	if !p.EndsInCell() {
		return dst, sqlerr.New(sqlerr.ErrInvalidJSONPathArrayCell)
	}
	last := len(p.legs) - 1
	parent := &JSONPath{legs: p.legs[:last]}
	old, ok := JSONLookup(bin, parent)
	if !ok || JSONKindOf(old) != JSONArray {
		return append(dst, bin...), nil
	}
	elems := jsonElems(old)
	i := min(max(p.legs[last].from.in(len(elems)), 0), len(elems))
	longer := AppendJSONArray(nil, slices.Insert(elems, i, value))
	return finishModified(dst, modifyJSON(bin, parent.legs, longer, JSONModifyReplace))
}

// AppendJSONMergePreserve is JSON_MERGE_PRESERVE of two values: objects by member, all else as arrays one after the
// other. Errors: 3157, 3150.
func AppendJSONMergePreserve(dst, a, b []byte) ([]byte, error) {
	return finishModified(dst, mergePreserve(a, b))
}

func mergePreserve(a, b []byte) []byte {
	if JSONKindOf(a) == JSONObject && JSONKindOf(b) == JSONObject {
		keys, values := jsonKeys(a), jsonElems(a)
		for i := range jsonCount(b) {
			key, v := JSONKey(b, i), JSONElem(b, i)
			if at, ok := jsonFind(a, key); ok {
				values[at] = mergePreserve(values[at], v)
			} else {
				keys, values = append(keys, key), append(values, v)
			}
		}
		return AppendJSONObject(nil, keys, values)
	}
	var elems [][]byte
	for _, v := range [][]byte{a, b} {
		if JSONKindOf(v) == JSONArray {
			elems = append(elems, jsonElems(v)...)
		} else {
			elems = append(elems, v)
		}
	}
	return AppendJSONArray(nil, elems)
}

// AppendJSONMergePatch is JSON_MERGE_PATCH of two values, RFC 7396. Errors: 3157, 3150.
func AppendJSONMergePatch(dst, a, b []byte) ([]byte, error) {
	return finishModified(dst, mergePatch(a, b))
}

func mergePatch(a, b []byte) []byte {
	if JSONKindOf(b) != JSONObject {
		return b
	}
	var keys, values [][]byte
	if JSONKindOf(a) == JSONObject {
		keys, values = jsonKeys(a), jsonElems(a)
	}
	for i := range jsonCount(b) {
		key, v := JSONKey(b, i), JSONElem(b, i)
		at := slices.IndexFunc(keys, func(k []byte) bool { return compareJSONKeys(k, key) == 0 })
		switch {
		case JSONKindOf(v) == JSONNull && at >= 0:
			keys, values = slices.Delete(keys, at, at+1), slices.Delete(values, at, at+1)
		case JSONKindOf(v) == JSONNull:
		case at >= 0:
			values[at] = mergePatch(values[at], v)
		default:
			keys, values = append(keys, key), append(values, mergePatch(AppendJSONNull(nil), v))
		}
	}
	return AppendJSONObject(nil, keys, values)
}
