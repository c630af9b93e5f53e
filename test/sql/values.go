package sql

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// numberPrefix is the longest beginning of a text that reads as a number.
func numberPrefix(text string) string {
	text = strings.TrimLeft(text, " ")
	end, digits, point, exponent := 0, false, false, false
	for i, c := range []byte(text) {
		switch {
		case '0' <= c && c <= '9':
			digits, end = true, i+1
			continue
		case (c == '-' || c == '+') && (i == 0 || text[i-1]|0x20 == 'e'):
			continue
		case c == '.' && !point && !exponent:
			point = true
			continue
		case c|0x20 == 'e' && digits && !exponent:
			exponent = true
			continue
		}
		break
	}
	return text[:end]
}

// mysqlFloat writes a number as MySQL writes a DOUBLE: shortest, in scientific notation when very large or small.
func mysqlFloat(f float64, bits int) string {
	if a := math.Abs(f); a != 0 && (a < 1e-15 || a >= 1e15) {
		text := strconv.FormatFloat(f, 'e', -1, bits)
		mantissa, exponent, _ := strings.Cut(text, "e")
		sign := strings.TrimRight(exponent[:1], "+")
		return mantissa + "e" + sign + strings.TrimLeft(exponent[1:], "0")
	}
	return strconv.FormatFloat(f, 'f', -1, bits)
}

// valueText is a value as the driver gives it, as the server meant it.
func valueText(v any) string {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case float64:
		return mysqlFloat(v, 64)
	case float32:
		return mysqlFloat(float64(v), 32)
	}
	return fmt.Sprint(v)
}

// render writes a value for a column of the type I, R or T.
func render(v any, column byte) string {
	if v == nil {
		return "NULL"
	}
	text := valueText(v)
	switch column {
	case 'I':
		return renderInteger(text)
	case 'R':
		f, err := strconv.ParseFloat(numberPrefix(text), 64)
		if err != nil {
			f = 0
		}
		return fmt.Sprintf("%.3f", f)
	}
	if text == "" {
		return "(empty)"
	}
	out := []byte(text)
	for i, c := range out {
		if c < ' ' || c > '~' {
			out[i] = '@'
		}
	}
	return string(out)
}

// renderInteger cuts off the fraction.
func renderInteger(text string) string {
	number := numberPrefix(text)
	if whole, _, _ := strings.Cut(number, "."); !strings.ContainsAny(number, "eE") && len(whole) > 0 {
		number = whole
	}
	if i, err := strconv.ParseInt(number, 10, 64); err == nil {
		return strconv.FormatInt(i, 10)
	}
	if u, err := strconv.ParseUint(number, 10, 64); err == nil {
		return strconv.FormatUint(u, 10)
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return "0"
	}
	return strconv.FormatFloat(math.Trunc(f), 'f', 0, 64)
}

// sortResult sorts rendered rows as the record says, and returns them; valuesort gives rows of one value.
func sortResult(rows [][]string, mode sortMode) [][]string {
	switch mode {
	case rowSort:
		slices.SortFunc(rows, slices.Compare)
	case valueSort:
		values := slices.Sorted(slices.Values(slices.Concat(rows...)))
		rows = make([][]string, len(values))
		for i := range values {
			rows[i] = values[i : i+1]
		}
	}
	return rows
}

// hashOf is the MD5 over each value and a newline.
func hashOf(rows [][]string) string {
	h := md5.New()
	for _, row := range rows {
		for _, v := range row {
			_, _ = io.WriteString(h, v+"\n")
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// resultLines writes a sorted result as the script has it.
func (r *record) resultLines(rows [][]string) []string {
	values := len(slices.Concat(rows...))
	if r.hashThreshold > 0 && values > r.hashThreshold && !r.rowLines {
		return []string{fmt.Sprintf("%d values hashing to %s", values, hashOf(rows))}
	}
	lines := []string{}
	for _, row := range rows {
		if r.rowLines {
			lines = append(lines, strings.Join(row, " | "))
		} else {
			lines = append(lines, row...)
		}
	}
	return lines
}
