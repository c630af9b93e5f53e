package expr

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spillwaydb/spillway/internal/types"
)

// operatorNames are the names that EXPLAIN has for operators, those of TiDB.
var operatorNames = map[string]string{
	"+": "plus", "-": "minus", "*": "mul", "/": "div", "div": "intdiv", "%": "mod", "=": "eq", "<=>": "nulleq",
	"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "!=": "ne", "is null": "isnull", "&": "bitand", "|": "bitor",
	"^": "bitxor", "~": "bitneg", "<<": "leftshift", ">>": "rightshift", "unary -": "unaryminus",
	"is true": "istrue", "is false": "isfalse",
}

// String implements Expr.
func (c *Column) String() string {
	if c.Name == "" {
		return fmt.Sprintf("Column#%d", c.Index)
	}
	return c.Name
}

// String implements Expr: numbers as they are, all else in double quotes.
func (c *Const) String() string {
	if c.D.IsNull() {
		return "NULL"
	}
	text := c.D.AppendText(nil, nil)
	if c.D.Type.IsNumeric() {
		return string(text)
	}
	return `"` + string(text) + `"`
}

// String implements Expr.
func (d *Default) String() string { return "default" }

// String implements Expr.
func (c *Call) String() string {
	if c.text != "" {
		return c.text
	}
	var b strings.Builder
	name := c.fn.name
	if n, ok := operatorNames[name]; ok {
		name = n
	}
	b.WriteString(name)
	b.WriteByte('(')
	for i, a := range c.args {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(a.String())
	}
	if c.fn.name == "cast" {
		b.WriteString(", ")
		b.WriteString(c.t.String())
	}
	b.WriteByte(')')
	return b.String()
}

// errorText is the form in which MySQL's errors name an expression: operators between their operands, in parentheses,
// names in backquotes, implicit casts not shown.
func errorText(e Expr) string {
	switch e := e.(type) {
	case *Column:
		if e.Name == "" {
			return e.String()
		}
		return "`" + strings.ReplaceAll(e.Name, ".", "`.`") + "`"
	case *Const:
		if !e.D.IsNull() && !e.D.Type.IsNumeric() {
			text := bytes.ReplaceAll(e.D.AppendText(nil, nil), []byte("'"), []byte("\\'"))
			return "'" + string(text) + "'"
		}
		return e.String()
	case *Call:
		return callErrorText(e)
	default:
		return e.String()
	}
}

func callErrorText(c *Call) string {
	switch {
	case c.fn.name == "cast" && len(c.args) == 1:
		return errorText(c.args[0])
	case c.fn.name == "unary -" && len(c.args) == 1:
		return "-(" + errorText(c.args[0]) + ")"
	case operatorNames[c.fn.name] != "" && len(c.args) == 2:
		return "(" + errorText(c.args[0]) + " " + c.fn.name + " " + errorText(c.args[1]) + ")"
	}
	parts := make([]string, len(c.args))
	for i, a := range c.args {
		parts[i] = errorText(a)
	}
	return c.fn.name + "(" + strings.Join(parts, ",") + ")"
}

// typeName is what 1690 calls the type of a number.
func typeName(t types.Type) string {
	switch {
	case t.ID == types.Decimal:
		return "DECIMAL"
	case t.IsFloat():
		return "DOUBLE"
	case t.Unsigned:
		return "BIGINT UNSIGNED"
	default:
		return "BIGINT"
	}
}
