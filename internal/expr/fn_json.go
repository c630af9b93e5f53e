package expr

import (
	"bytes"
	"errors"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// JSON functions. A document may come as JSON or as text, which is parsed row by row; error 3141 names the argument.

// jsonKind says what an argument of a JSON function is.
//
//	j document   p path   v value, texts becoming JSON strings   s text   x anything
func (t table) json(name, kinds string, least, most int, result resultType, f function) {
	f.name = name
	fn := &f
	t[name] = definition{least, most, func(b *builder, args []Expr) (Expr, error) {
		out := make([]Expr, len(args))
		for i, a := range args {
			// Behind the letters given, the last two repeat for pairs (path, value), the last one otherwise.
			kind := kinds[min(i, len(kinds)-1)]
			if n := len(kinds); i >= n && n >= 2 && kinds[n-1] == 'v' && kinds[n-2] != 'v' {
				kind = kinds[n-2+(i-n)%2]
			}
			switch kind {
			case 'j':
				out[i] = a
				if t := a.Type(); t.ID != types.JSON {
					if t.IsNumeric() || t.IsTemporal() {
						return nil, sqlerr.New(sqlerr.ErrInvalidTypeForJSON, i+1, name)
					}
					out[i] = b.utf8(a)
				}
			case 'p', 's':
				out[i] = b.utf8(a)
			case 'v':
				out[i] = b.jsonValue(a)
			default:
				out[i] = a
			}
		}
		return b.call(fn, out, result(b, out), collation.UTF8MB4Bin, collation.CoerceImplicit), nil
	}}
}

func returnsJSON(*builder, []Expr) types.Type { return types.NewJSON() }

func returnsJSONText(*builder, []Expr) types.Type {
	return types.NewText(types.LongText, collation.UTF8MB4Bin)
}

var jsonOfBool = &function{name: "cast", row: func(r *row) error {
	return r.setBuf(types.AppendJSONBool(r.buf(), r.i64(0) != 0))
}}

func defineJSON(t table) {
	t.json("json_extract", "jp", 2, -1, returnsJSON, function{flags: mayNull, row: rowJSONExtract})
	t["->"] = definition{2, 2, func(b *builder, args []Expr) (Expr, error) {
		return NewCall("json_extract", args, b.env)
	}}
	t["->>"] = definition{2, 2, func(b *builder, args []Expr) (Expr, error) {
		e, err := NewCall("json_extract", args, b.env)
		if err != nil {
			return nil, err
		}
		return NewCall("json_unquote", []Expr{e}, b.env)
	}}
	t.json("json_unquote", "x", 1, 1, returnsJSONText, function{row: rowJSONUnquote})
	t.json("json_quote", "s", 1, 1, returnsJSONText, function{row: func(r *row) error {
		return r.setBuf(types.AppendJSONQuote(r.buf(), r.str(0)))
	}})
	t.json("json_valid", "x", 1, 1, returnsBool, function{flags: boolean, row: rowJSONValid})
	t.json("json_array", "v", 0, -1, returnsJSON, function{flags: seesNull, row: rowJSONArray})
	t["json_object"] = definition{0, -1, buildJSONObject}
	t.json("json_length", "jp", 1, 2, returnsInt, function{flags: mayNull, row: func(r *row) error {
		return r.withDocument(func(v []byte) error { return r.setI64(int64(types.JSONLen(v))) })
	}})
	t.json("json_depth", "j", 1, 1, returnsInt, function{row: func(r *row) error {
		return r.withDocument(func(v []byte) error { return r.setI64(int64(types.JSONDepth(v))) })
	}})
	t.json("json_type", "j", 1, 1, returnsJSONText, function{row: func(r *row) error {
		return r.withDocument(func(v []byte) error { return r.setStr([]byte(types.JSONTypeName(v))) })
	}})
	t.json("json_keys", "jp", 1, 2, returnsJSON, function{flags: mayNull, row: func(r *row) error {
		return r.withDocument(func(v []byte) error {
			out, ok := types.AppendJSONKeys(r.buf(), v)
			if !ok {
				return r.setNull()
			}
			return r.setBuf(out)
		})
	}})
	t.json("json_pretty", "j", 1, 1, returnsJSONText, function{row: func(r *row) error {
		return r.withDocument(func(v []byte) error { return r.setBuf(types.AppendJSONPretty(r.buf(), v)) })
	}})
	t.json("json_contains", "jjp", 2, 3, returnsBool, function{flags: boolean | mayNull, row: rowJSONContains})
	t.json("json_overlaps", "j", 2, 2, returnsBool, function{flags: boolean, row: func(r *row) error {
		a, b, err := r.twoDocuments()
		if err != nil {
			return err
		}
		return r.setBool(types.JSONOverlaps(a, b))
	}})
	t.json("json_contains_path", "jsp", 3, -1, returnsBool, function{flags: boolean, row: rowJSONContainsPath})
	t.json("member of", "vj", 2, 2, returnsBool, function{flags: boolean, row: rowMemberOf})
	for name, mode := range map[string]types.JSONModifyMode{
		"json_set": types.JSONModifySet, "json_insert": types.JSONModifyInsert, "json_replace": types.JSONModifyReplace,
	} {
		t.json(name, "jpv", 3, -1, returnsJSON, function{flags: seesNull | mayNull, row: func(r *row) error {
			return r.modify(func(dst, doc []byte, p *types.JSONPath, v []byte) ([]byte, error) {
				return types.AppendJSONModify(dst, doc, p, v, mode)
			})
		}})
	}
	t.json("json_array_append", "jpv", 3, -1, returnsJSON, function{flags: seesNull | mayNull, row: func(r *row) error {
		return r.modify(types.AppendJSONArrayAppend)
	}})
	t.json("json_array_insert", "jpv", 3, -1, returnsJSON, function{flags: seesNull | mayNull, row: func(r *row) error {
		return r.modify(types.AppendJSONArrayInsert)
	}})
	t.json("json_remove", "jp", 2, -1, returnsJSON, function{flags: mayNull, row: rowJSONRemove})
	merge := func(f func(dst, a, b []byte) ([]byte, error)) func(*row) error {
		return func(r *row) error { return r.merge(f) }
	}
	t.json("json_merge_preserve", "j", 2, -1, returnsJSON, function{row: merge(types.AppendJSONMergePreserve)})
	t.json("json_merge_patch", "j", 2, -1, returnsJSON, function{row: merge(types.AppendJSONMergePatch)})
	t.alias("json_merge", "json_merge_preserve")
	t.json("json_search", "jsssp", 3, -1, returnsJSON, function{flags: seesNull | mayNull, row: rowJSONSearch})
	t.json("json_storage_size", "j", 1, 1, returnsInt, function{row: func(r *row) error {
		return r.withDocument(func(v []byte) error { return r.setI64(int64(len(v))) })
	}})
}

// jsonState keeps buffers for parsed arguments and the paths seen last.
type jsonState struct {
	docs  [][]byte
	paths map[string]*types.JSONPath
	out   [2][]byte
}

// maxCachedPaths bounds the paths kept by one call, maxCachedPath their length: more and longer ones are not worth it.
const (
	maxCachedPaths = 16
	maxCachedPath  = 4 << 10
)

func (r *row) json() *jsonState {
	s, ok := r.nd.state.(*jsonState)
	if !ok {
		s = &jsonState{docs: make([][]byte, r.nargs()), paths: map[string]*types.JSONPath{}}
		r.nd.state = s
	}
	return s
}

// document is argument k in binary form.
func (r *row) document(k int) ([]byte, error) {
	b := r.str(k)
	if r.argType(k).ID == types.JSON {
		return b, nil
	}
	s := r.json()
	if cap(s.docs[k]) > scratchFree {
		s.docs[k] = nil
	}
	var err error
	if s.docs[k], err = types.ParseJSON(b, s.docs[k][:0]); err != nil {
		return nil, jsonError(err, k+1, r.nd.fn.name)
	}
	return s.docs[k], nil
}

// jsonError turns a syntax error into 3141.
func jsonError(err error, argument int, function string) error {
	var syntax *types.JSONSyntaxError
	if errors.As(err, &syntax) {
		return sqlerr.New(sqlerr.ErrInvalidJSONTextInParam, argument, function, syntax.Reason, syntax.Pos, "")
	}
	return err
}

func (r *row) path(k int) (*types.JSONPath, error) {
	s := r.json()
	b := r.str(k)
	if p, ok := s.paths[string(b)]; ok {
		return p, nil
	}
	p, err := types.ParseJSONPath(b)
	if err != nil {
		return nil, err
	}
	if len(b) > maxCachedPath {
		return p, nil
	}
	if len(s.paths) >= maxCachedPaths {
		clear(s.paths)
	}
	s.paths[string(b)] = p
	return p, nil
}

// singlePath is the path of argument k, which must not lead to several values. Error 3149.
func (r *row) singlePath(k int) (p *types.JSONPath, err error) {
	if p, err = r.path(k); err == nil && !p.Single() {
		err = sqlerr.New(sqlerr.ErrInvalidJSONPathWildcard)
	}
	return p, err
}

// withDocument calls f with the document, or with what the path of argument 1 leads to; NULL if to nothing.
func (r *row) withDocument(f func(v []byte) error) error {
	v, err := r.document(0)
	if err != nil {
		return err
	}
	v, ok, err := r.lookup(v, 1)
	if err != nil {
		return err
	}
	if !ok {
		return r.setNull()
	}
	return f(v)
}

// lookup is what the path of argument k leads to in a document, or the document where there is no such argument.
func (r *row) lookup(doc []byte, k int) (v []byte, ok bool, err error) {
	if r.nargs() <= k {
		return doc, true, nil
	}
	p, err := r.singlePath(k)
	if err != nil {
		return nil, false, err
	}
	v, ok = types.JSONLookup(doc, p)
	return v, ok, nil
}

func (r *row) twoDocuments() (a, b []byte, err error) {
	if a, err = r.document(0); err != nil {
		return nil, nil, err
	}
	b, err = r.document(1)
	return a, b, err
}

func rowJSONExtract(r *row) error {
	doc, err := r.document(0)
	if err != nil {
		return err
	}
	paths := make([]*types.JSONPath, r.nargs()-1)
	for k := range paths {
		if paths[k], err = r.path(k + 1); err != nil {
			return err
		}
	}
	out, found := types.AppendJSONExtract(r.buf(), doc, paths)
	if !found {
		return r.setNull()
	}
	return r.setBuf(out)
}

func rowJSONUnquote(r *row) error {
	d := r.datum(0)
	if d.Type.ID == types.JSON {
		return r.setBuf(types.AppendJSONUnquote(r.buf(), d.S))
	}
	text := d.AppendText(nil, r.ev.location())
	out, err := types.UnquoteJSONText(r.buf(), text)
	if err != nil {
		return jsonError(err, 1, "json_unquote")
	}
	return r.setBuf(out)
}

func rowJSONValid(r *row) error {
	d := r.datum(0)
	switch {
	case d.Type.ID == types.JSON:
		return r.setBool(true)
	case d.Kind != types.PhysString || d.Type.Collation == collation.Binary:
		return r.setBool(false)
	}
	_, err := types.ParseJSON(d.S, r.buf())
	return r.setBool(err == nil)
}

// value is argument k, which is JSON or NULL.
func (r *row) value(k int) []byte {
	if r.isNull(k) {
		return types.AppendJSONNull(nil)
	}
	return r.str(k)
}

func rowJSONArray(r *row) error {
	elems := make([][]byte, r.nargs())
	for k := range elems {
		elems[k] = r.value(k)
	}
	return r.setBuf(types.AppendJSONArray(r.buf(), elems))
}

var jsonObject = &function{name: "json_object", flags: seesNull, row: rowJSONObject}

func buildJSONObject(b *builder, args []Expr) (Expr, error) {
	if len(args)%2 != 0 {
		return nil, sqlerr.New(sqlerr.ErrWrongParamCountToNativeFct, b.name)
	}
	out := make([]Expr, len(args))
	for i, a := range args {
		if i%2 == 0 {
			out[i] = b.utf8(a)
		} else {
			out[i] = b.jsonValue(a)
		}
	}
	return b.call(jsonObject, out, types.NewJSON(), collation.UTF8MB4Bin, collation.CoerceImplicit), nil
}

func rowJSONObject(r *row) error {
	keys, values := make([][]byte, r.nargs()/2), make([][]byte, r.nargs()/2)
	for k := range keys {
		if r.isNull(2 * k) {
			return sqlerr.New(sqlerr.ErrJSONDocumentNULLKey)
		}
		keys[k], values[k] = r.str(2*k), r.value(2*k+1)
	}
	return r.setBuf(types.AppendJSONObject(r.buf(), keys, values))
}

func rowJSONContains(r *row) error {
	target, candidate, err := r.twoDocuments()
	if err != nil {
		return err
	}
	target, ok, err := r.lookup(target, 2)
	if err != nil {
		return err
	}
	if !ok {
		return r.setNull()
	}
	return r.setBool(types.JSONContains(target, candidate))
}

// oneOrAll reads such an argument: all is true for 'all'.
func (r *row) oneOrAll(k int) (all bool, err error) {
	switch {
	case bytes.EqualFold(r.str(k), []byte("one")):
		return false, nil
	case bytes.EqualFold(r.str(k), []byte("all")):
		return true, nil
	}
	return false, sqlerr.New(sqlerr.ErrJSONBadOneOrAllArg, r.nd.fn.name)
}

func rowJSONContainsPath(r *row) error {
	doc, err := r.document(0)
	if err != nil {
		return err
	}
	all, err := r.oneOrAll(1)
	if err != nil {
		return err
	}
	for k := 2; k < r.nargs(); k++ {
		p, err := r.path(k)
		if err != nil {
			return err
		}
		if _, ok := types.JSONLookup(doc, p); ok != all {
			return r.setBool(ok)
		}
	}
	return r.setBool(all)
}

func rowMemberOf(r *row) error {
	array, err := r.document(1)
	if err != nil {
		return err
	}
	return r.setBool(types.JSONMemberOf(r.str(0), array))
}

// modify applies pairs of path and value one after the other; a NULL document or path makes the result NULL.
func (r *row) modify(f func(dst, doc []byte, p *types.JSONPath, v []byte) ([]byte, error)) error {
	if r.nargs()%2 == 0 {
		return sqlerr.New(sqlerr.ErrWrongParamCountToNativeFct, r.nd.fn.name)
	}
	for k := 0; k < r.nargs(); k++ {
		if (k == 0 || k%2 == 1) && r.isNull(k) {
			return r.setNull()
		}
	}
	doc, err := r.document(0)
	if err != nil {
		return err
	}
	s := r.json()
	for k := 1; k+1 < r.nargs(); k += 2 {
		p, err := r.singlePath(k)
		if err != nil {
			return err
		}
		buf := &s.out[k/2%2]
		if *buf, err = f((*buf)[:0], doc, p, r.value(k+1)); err != nil {
			return err
		}
		doc = *buf
	}
	return r.setStr(doc)
}

func rowJSONRemove(r *row) error {
	doc, err := r.document(0)
	if err != nil {
		return err
	}
	s := r.json()
	for k := 1; k < r.nargs(); k++ {
		p, err := r.path(k)
		if err != nil {
			return err
		}
		buf := &s.out[k%2]
		if *buf, err = types.AppendJSONRemove((*buf)[:0], doc, p); err != nil {
			return err
		}
		doc = *buf
	}
	return r.setStr(doc)
}

func (r *row) merge(f func(dst, a, b []byte) ([]byte, error)) error {
	doc, err := r.document(0)
	if err != nil {
		return err
	}
	s := r.json()
	for k := 1; k < r.nargs(); k++ {
		b, err := r.document(k)
		if err != nil {
			return err
		}
		buf := &s.out[k%2]
		if *buf, err = f((*buf)[:0], doc, b); err != nil {
			return err
		}
		doc = *buf
	}
	return r.setStr(doc)
}

// rowJSONSearch is JSON_SEARCH(doc, one or all, pattern, escape, path...).
func rowJSONSearch(r *row) error {
	for k := range r.nargs() {
		if k != 3 && r.isNull(k) {
			return r.setNull()
		}
	}
	doc, err := r.document(0)
	if err != nil {
		return err
	}
	all, err := r.oneOrAll(1)
	if err != nil {
		return err
	}
	escape := rune('\\')
	if r.nargs() > 3 && !r.isNull(3) && len(r.str(3)) > 0 {
		escape = escapeRune(r.str(3), collation.UTF8MB4Bin)
	}
	var under []*types.JSONPath
	for k := 4; k < r.nargs(); k++ {
		p, err := r.path(k)
		if err != nil {
			return err
		}
		under = append(under, p)
	}
	pattern := r.str(2)
	like := collation.NewLike(collation.UTF8MB4Bin, pattern, escape)
	paths := types.JSONSearch(doc, under, all, func(s []byte) (is bool) {
		if err == nil {
			is, err = like.Match(r.ev.context(), s)
		}
		return is
	})
	if err != nil {
		return err
	}
	switch len(paths) {
	case 0:
		return r.setNull()
	case 1:
		return r.setBuf(types.AppendJSONString(r.buf(), []byte(paths[0])))
	}
	elems := make([][]byte, len(paths))
	for i, p := range paths {
		elems[i] = types.AppendJSONString(nil, []byte(p))
	}
	return r.setBuf(types.AppendJSONArray(r.buf(), elems))
}
