package parse

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/stretchr/testify/require"
)

// places finds what stands in a tree for parameters and lists.
type places struct{ found []*Param }

func (p *places) Enter(n ast.Node) (ast.Node, bool) {
	if x, ok := n.(*Param); ok {
		p.found = append(p.found, x)
	}
	return n, false
}

func (p *places) Leave(n ast.Node) (ast.Node, bool) { return n, true }

func placesOf(t *testing.T, sql string) ([]*Param, *Statement) {
	t.Helper()
	st := one(t, sql)
	var p places
	st.Node.Accept(&p)
	return p.found, st
}

func TestLongList(t *testing.T) {
	var b strings.Builder
	for i := range longList {
		fmt.Fprintf(&b, ", %s", []string{"1", "-2.5", "'it''s'", "x'41'", "NULL", "TRUE", "1e3", "_binary 'b'"}[i%8])
	}
	list := b.String()[2:]
	found, st := placesOf(t, "SELECT ?, a IN ("+list+"), ? FROM t WHERE (a, b) NOT IN ("+
		strings.Repeat("(1, 2),", longList)+"(3 /* ) */, 4)) AND ? IN (1, 2, 3)")
	require.Equal(t, 3, st.Params)
	require.Len(t, found, 5)
	orders := []int{}
	var lists []*List
	for _, p := range found {
		if p.List == nil {
			orders = append(orders, p.Order)
		} else {
			lists = append(lists, p.List)
		}
	}
	require.ElementsMatch(t, []int{0, 1, 2}, orders)
	require.Len(t, lists, 2)
	require.Equal(t, longList, lists[0].Count())
	require.Equal(t, 0, lists[0].Width())
	require.Equal(t, longList+1, lists[1].Count())
	require.Equal(t, 2, lists[1].Width())
	for range 2 {
		var kinds []Kind
		row := make([]Value, 1)
		for {
			ok, err := lists[0].Next(row)
			require.NoError(t, err)
			if !ok {
				break
			}
			kinds = append(kinds, row[0].Kind())
		}
		require.Len(t, kinds, longList)
		require.Equal(t, []Kind{KindInt, KindDecimal, KindString, KindHex, KindNull, KindBool, KindFloat, KindString},
			kinds[:8])
		lists[0].Rewind()
	}
	for _, sql := range []string{
		"SELECT a IN (" + list + ", b)",
		"SELECT a IN (" + list + ", ?)",
		"SELECT a IN (" + list + ", 'a' 'b')",
		"SELECT (a, b) IN (" + strings.Repeat("(1, 2),", longList) + "(3, 4, 5))",
		"SELECT (a, b) IN (" + strings.Repeat("(1, 2),", longList) + "3)",
		"SELECT a IN (" + strings.Repeat("(1),", longList) + "(3))",
		"SELECT a IN (1, 2, 3)",
	} {
		found, _ := placesOf(t, sql)
		for _, p := range found {
			require.Nil(t, p.List)
		}
	}
	for _, sql := range []string{
		"SELECT a IN (" + list, "SELECT a IN (" + list + ",)", "SELECT a IN (" + list + "))",
		"SELECT a IN (" + list + " 5)",
	} {
		_, err := Parse([]byte(sql), Options{})
		require.Error(t, err)
	}
}

// FuzzList: a list that is cut off is one that the grammar takes, too, and all of it can be read.
func FuzzList(f *testing.F) {
	for _, s := range []string{
		"1", "-1.5e3", "'a''b'", `'\'x'`, "x'41'", "0x4", "b'2'", "NULL", "(1, 'a')", "_binary 'x'", "1 2", "a",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, element string) {
		if len(element) > 50 {
			return
		}
		stmts, err := Parse([]byte("SELECT a IN ("+strings.Repeat(element+",", longList)+element+") FROM t"), Options{})
		if err != nil || len(stmts) != 1 || stmts[0].Node == nil {
			return
		}
		var p places
		stmts[0].Node.Accept(&p)
		if len(p.found) != 1 || p.found[0].List == nil {
			return
		}
		l := p.found[0].List
		row, n := make([]Value, max(l.Width(), 1)), 0
		for {
			ok, err := l.Next(row)
			if err != nil {
				return // a number that is too large, b'2'
			}
			if !ok {
				break
			}
			n++
		}
		require.Equal(t, l.Count(), n)
		_, err = Parse([]byte("SELECT a IN ("+element+", "+element+") FROM t"), Options{})
		require.NoError(t, err)
	})
}
