package parse

import (
	"io"
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/charset"
	"github.com/pingcap/tidb/pkg/parser/format"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	"github.com/pingcap/tidb/pkg/parser/types"
)

// Kind tells which literal a Value is.
type Kind uint8

// The kinds of literals.
const (
	KindNull    Kind = iota
	KindInt          // Int
	KindUint         // Uint
	KindBool         // Int is 0 or 1: FALSE, TRUE
	KindFloat        // Text, as written
	KindDecimal      // Text, as written; also integers beyond 64 bits
	KindString       // Text, without quotes and escapes
	KindHex          // Text: the bytes of x'41', 0x41
	KindBit          // Text: the bytes of b'101', 0b101
)

// Value is a literal in a tree. Millions of them may be alive, so it has 32 bytes.
type Value struct {
	kind    Kind
	charset uint8 // introducer: index in charsetNames + 1; 0: none
	// nameLen is the number of bytes that name the column, when adjacent strings were joined ('a' 'b' is named a);
	// -1: all.
	nameLen int32
	num     uint64
	text    string
}

// connection marks literals that have no introducer: the library hands the parser's collation through to the hook.
const connection = "connection"

// charsetNames are the charsets that were met as introducers; fixed, because Values only hold the index.
var charsetNames = func() []string {
	var names []string
	for _, c := range charset.GetSupportedCharsets() {
		names = append(names, c.Name)
	}
	return names
}()

type (
	decimalText string
	hexBytes    string
	bitBytes    string
)

// NewValue makes the literal of a Go value as the library's grammar gives them.
func newValue(v any, cs, collate string) *Value {
	if old, ok := v.(*Value); ok {
		return old
	}
	n := &Value{nameLen: -1}
	n.SetValue(v)
	if collate != connection && collate != "" {
		for i, name := range charsetNames {
			if name == cs {
				n.charset = uint8(i + 1)
			}
		}
	}
	return n
}

// Kind is the kind of the literal.
func (n *Value) Kind() Kind { return n.kind }

// Int is the value of KindInt and KindBool.
func (n *Value) Int() int64 { return int64(n.num) }

// Uint is the value of KindUint.
func (n *Value) Uint() uint64 { return n.num }

// Literal is the text of the other kinds. It may lie in the statement's text.
func (n *Value) Literal() string { return n.text }

// Introducer is the charset of _charset'text', "" without.
func (n *Value) Introducer() string {
	if n.charset == 0 {
		return ""
	}
	return charsetNames[n.charset-1]
}

// ColumnName is what names a result column that is a string literal.
func (n *Value) ColumnName() string {
	if n.nameLen >= 0 && int(n.nameLen) <= len(n.text) {
		return n.text[:n.nameLen]
	}
	return n.text
}

// SetValue implements ast.ValueExpr.
func (n *Value) SetValue(v any) {
	n.kind, n.num, n.text = KindNull, 0, ""
	switch v := v.(type) {
	case bool:
		n.kind = KindBool
		if v {
			n.num = 1
		}
	case int:
		n.kind, n.num = KindInt, uint64(v)
	case int64:
		n.kind, n.num = KindInt, uint64(v)
	case uint64:
		n.kind, n.num = KindUint, v
	case float64:
		n.kind, n.text = KindFloat, strconv.FormatFloat(v, 'g', -1, 64)
	case decimalText:
		n.kind, n.text = KindDecimal, string(v)
	case string:
		n.kind, n.text = KindString, v
	case []byte:
		n.kind, n.text = KindString, string(v)
	case hexBytes:
		n.kind, n.text = KindHex, string(v)
	case bitBytes:
		n.kind, n.text = KindBit, string(v)
	}
}

// GetValue implements ast.ValueExpr; the grammar asks it for integers (ORDER BY 1) and strings.
func (n *Value) GetValue() any {
	switch n.kind {
	case KindNull:
		return nil
	case KindBool, KindInt:
		return int64(n.num)
	case KindUint:
		return n.num
	default:
		return n.text
	}
}

// GetString implements ast.ValueExpr.
func (n *Value) GetString() string { return n.text }

// GetDatumString implements ast.ValueExpr.
func (n *Value) GetDatumString() string { return n.text }

// GetProjectionOffset implements ast.ValueExpr.
func (n *Value) GetProjectionOffset() int { return int(n.nameLen) }

// SetProjectionOffset implements ast.ValueExpr.
func (n *Value) SetProjectionOffset(offset int) { n.nameLen = int32(offset) }

// GetType returns a type of its own each time, which the grammar changes for introducers; the binder does not use it.
func (n *Value) GetType() *types.FieldType { return types.NewFieldType(mysql.TypeUnspecified) }

// SetType implements ast.ExprNode; nothing to keep.
func (*Value) SetType(*types.FieldType) {}

// SetFlag implements ast.ExprNode.
func (*Value) SetFlag(uint64) {}

// GetFlag implements ast.ExprNode.
func (*Value) GetFlag() uint64 { return ast.FlagConstant }

// Text implements ast.Node.
func (*Value) Text() string { return "" }

// OriginalText implements ast.Node.
func (*Value) OriginalText() string { return "" }

// SetText implements ast.Node.
func (*Value) SetText(charset.Encoding, string) {}

// SetOriginTextPosition implements ast.Node.
func (*Value) SetOriginTextPosition(int) {}

// OriginTextPosition implements ast.Node.
func (*Value) OriginTextPosition() int { return 0 }

// Accept implements ast.Node.
func (n *Value) Accept(v ast.Visitor) (ast.Node, bool) {
	node, _ := v.Enter(n)
	return v.Leave(node)
}

// Format implements ast.ExprNode.
func (n *Value) Format(w io.Writer) { _, _ = io.WriteString(w, n.sql()) }

// Restore implements ast.Node.
func (n *Value) Restore(ctx *format.RestoreCtx) error {
	if cs := n.Introducer(); cs != "" && !ctx.Flags.HasStringWithoutCharset() {
		ctx.WritePlain("_")
		ctx.WriteKeyWord(cs)
		ctx.WritePlain(" ")
	}
	if n.kind == KindString {
		ctx.WriteString(n.text)
		return nil
	}
	ctx.WritePlain(n.sql())
	return nil
}

// sql is the literal as a statement has it.
func (n *Value) sql() string {
	switch n.kind {
	case KindNull:
		return "NULL"
	case KindBool:
		if n.num != 0 {
			return "TRUE"
		}
		return "FALSE"
	case KindInt:
		return strconv.FormatInt(int64(n.num), 10)
	case KindUint:
		return strconv.FormatUint(n.num, 10)
	case KindString:
		return "'" + strings.ReplaceAll(strings.ReplaceAll(n.text, `\`, `\\`), "'", "''") + "'"
	case KindHex, KindBit:
		const digits = "0123456789abcdef"
		var b strings.Builder
		b.WriteString("x'")
		for i := range len(n.text) {
			b.WriteByte(digits[n.text[i]>>4])
			b.WriteByte(digits[n.text[i]&15])
		}
		b.WriteByte('\'')
		return b.String()
	case KindFloat:
		if !strings.ContainsAny(n.text, "eE") {
			return n.text + "e0" // without an exponent it is a decimal
		}
		return n.text
	default:
		return n.text
	}
}

// Param is the place of a parameter of a prepared statement, ?, or of what was cut off: a list or a long literal.
type Param struct {
	Value
	Order  int   // from 0, by place in the text
	List   *List // all there is between the parentheses of an IN; nil: something else
	Long   *Long // a literal; nil: something else
	offset int
}

// SetOrder implements ast.ParamMarkerExpr.
func (n *Param) SetOrder(order int) { n.Order = order }

// Accept implements ast.Node.
func (n *Param) Accept(v ast.Visitor) (ast.Node, bool) {
	node, _ := v.Enter(n)
	return v.Leave(node)
}

// Restore implements ast.Node.
func (n *Param) Restore(ctx *format.RestoreCtx) error {
	ctx.WritePlain("?")
	return nil
}

// Format implements ast.ExprNode.
func (n *Param) Format(w io.Writer) { _, _ = io.WriteString(w, "?") }

var (
	_ ast.ValueExpr       = (*Value)(nil)
	_ ast.ParamMarkerExpr = (*Param)(nil)
)

// The library takes its literals from package variables.
func init() {
	ast.NewValueExpr = func(v any, cs, collate string) ast.ValueExpr { return newValue(v, cs, collate) }
	ast.NewParamMarkerExpr = func(offset int) ast.ParamMarkerExpr {
		return &Param{Value: Value{nameLen: -1}, offset: offset}
	}
	ast.NewDecimal = func(s string) (any, error) { return decimalText(s), nil }
	ast.NewHexLiteral = func(s string) (any, error) {
		b, err := hexLiteral(s)
		return hexBytes(b), err
	}
	ast.NewBitLiteral = func(s string) (any, error) {
		b, err := bitLiteral(s)
		return bitBytes(b), err
	}
}
