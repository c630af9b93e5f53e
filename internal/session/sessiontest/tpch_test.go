package sessiontest

import (
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/testutil"
)

// tpchVariable names a directory with the data of TPC-H (data/T.tbl.zst) and the answers to its queries
// (answers/qNN.csv).
const tpchVariable = "SPILLWAY_TPCH"

// tpchUnordered are the queries whose ORDER BY leaves the order of some rows open, tpchLimited those whose LIMIT then
// leaves rows open.
var (
	tpchUnordered = map[int]bool{5: true, 11: true}
	tpchLimited   = map[int]bool{3: true, 10: true, 18: true}
)

func tpchQuery(t testing.TB, n int) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "tpch", fmt.Sprintf("q%02d.sql", n)))
	require.NoError(t, err)
	return string(text)
}

func tpchSchema(t testing.TB, c *Client) {
	t.Helper()
	c.Must("create database tpch")
	require.NoError(t, c.InitDB(t.Context(), "tpch"))
	schema, err := os.ReadFile(filepath.Join("testdata", "tpch", "schema.sql"))
	require.NoError(t, err)
	c.Must(string(schema))
}

// tpchFill fills the tables at random, from domains so small that every query finds something in a few thousand rows.
func tpchFill(c *Client) {
	r := rand.New(rand.NewPCG(1, 22))
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	money := func(most int) string { return fmt.Sprintf("%d.%02d", r.IntN(most)-most/20, r.IntN(100)) }
	nations := []string{
		"ALGERIA 0", "ARGENTINA 1", "BRAZIL 1", "CANADA 1", "EGYPT 4", "ETHIOPIA 0", "FRANCE 3", "GERMANY 3",
		"INDIA 2", "INDONESIA 2", "IRAN 4", "IRAQ 4", "JAPAN 2", "JORDAN 4", "KENYA 0", "MOROCCO 0", "MOZAMBIQUE 0",
		"PERU 1", "CHINA 2", "ROMANIA 3", "SAUDI ARABIA 4", "VIETNAM 2", "RUSSIA 3", "UNITED KINGDOM 3",
		"UNITED STATES 1",
	}
	some := []string{"3", "6", "7", "20", "2"} // nations that queries ask for
	nation := func() string {
		if r.IntN(3) == 0 {
			return strconv.Itoa(r.IntN(len(nations)))
		}
		return pick(some...)
	}
	regions := []string{"AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST"}
	insert(c, "region", len(regions), func(i int) string { return fmt.Sprintf("(%d, '%s', 'r')", i, regions[i]) })
	insert(c, "nation", len(nations), func(i int) string {
		at := strings.LastIndexByte(nations[i], ' ')
		return fmt.Sprintf("(%d, '%s', %s, 'n')", i, nations[i][:at], nations[i][at+1:])
	})
	const parts, suppliers, customers, orders = 200, 40, 150, 1500
	insert(c, "part", parts, func(i int) string {
		return fmt.Sprintf("(%d, '%s %s', 'Manufacturer#%d', 'Brand#%s', '%s', %s, '%s', %s, 'p')", i+1,
			pick("forest", "green", "red"), pick("green", "blue"), r.IntN(5), pick("12", "23", "34", "45"),
			pick("ECONOMY ANODIZED STEEL", "SMALL BRASS", "PROMO TIN", "MEDIUM POLISHED TIN"),
			pick("15", "3", "9", "49"), pick("SM CASE", "MED BOX", "MED BAG", "LG CASE"), money(2000))
	})
	insert(c, "supplier", suppliers, func(i int) string {
		return fmt.Sprintf("(%d, 'Supplier#%03d', 'at %d', %s, '%d-555', %s, '%s')", i+1, i+1, r.IntN(99), nation(),
			10+r.IntN(25), money(10000), pick("x", "y", "z", "w Customer q Complaints"))
	})
	insert(c, "partsupp", parts*4, func(i int) string {
		return fmt.Sprintf("(%d, %d, %d, %s, 'ps')", i/4+1, (i/4+i%4*10)%suppliers+1, r.IntN(9999), money(1000))
	})
	insert(c, "customer", customers, func(i int) string {
		return fmt.Sprintf("(%d, 'Customer#%03d', 'at %d', %s, '%s-555', %s, '%s', 'c')", i+1, i+1, r.IntN(99),
			nation(), pick("13", "31", "23", "11"), money(10000), pick("BUILDING", "MACHINERY"))
	})
	date := func(from, days int) string {
		return fmt.Sprintf("date_add('1992-01-01', interval %d day)", from+r.IntN(days))
	}
	insert(c, "orders", orders, func(i int) string {
		return fmt.Sprintf("(%d, %d, '%s', %s, %s, '%s', 'Clerk#%d', 0, '%s')", i*3+1, r.IntN(customers*2/3)+1,
			pick("F", "O", "P"), money(400000), date(0, 2400), pick("1-URGENT", "2-HIGH", "3-MEDIUM", "5-LOW"),
			r.IntN(9), pick("o", "special requests", "o"))
	})
	insert(c, "lineitem", orders*4, func(i int) string {
		day, part := r.IntN(2500), r.IntN(parts)
		quantity := r.IntN(50) + 1
		if i/4%50 == 0 {
			quantity = 76 + r.IntN(20) // large orders, of which q18 wants those of more than 300
		}
		return fmt.Sprintf("(%d, %d, %d, %d, %d, %s, 0.%02d, 0.%02d, '%s', '%s', %s, %s, %s, '%s', '%s', 'l')",
			i/4*3+1, part+1, (part+r.IntN(4)*10)%suppliers+1, i%4, quantity, money(90000), r.IntN(11), r.IntN(9),
			pick("R", "A", "N"), pick("O", "F"), date(day, 1), date(day, 60), date(day, 60),
			pick("DELIVER IN PERSON", "NONE"), pick("AIR", "AIR REG", "MAIL", "SHIP"))
	})
}

// tpchHinted asks for a kind of joins wherever they can be made.
func tpchHinted(sql, hint string) string {
	const tables = "(part, supplier, partsupp, customer, orders, lineitem, nation, region, n1, n2, l1, l2, l3, " +
		"revenue, shipping, all_nations, profit, c_orders) */ "
	return regexp.MustCompile(`(?i)\bselect\s`).ReplaceAllString(sql, "select /*+ "+hint+tables)
}

// TestTPCH runs the queries of TPC-H: whatever memory there is, however tables are joined, the rows are the same.
func TestTPCH(t *testing.T) {
	r := New(t, Options{})
	c := r.Connect(t, "")
	tpchSchema(t, c)
	tpchFill(c)
	merges, lookups := 0, 0
	for n := 1; n <= 22; n++ {
		sql := tpchQuery(t, n)
		set(c, 1<<30, 1, 0, 0, 0)
		want := c.Must(sql)
		require.NotEmpty(t, want, "q%02d finds nothing", n)
		ordered := !tpchUnordered[n] && !tpchLimited[n]
		same := func(sql, what string) {
			t.Helper()
			got := c.Must(sql)
			if tpchLimited[n] {
				require.Len(t, got, len(want), "q%02d %s", n, what)
				return
			}
			requireRows(t, want, got, ordered, fmt.Sprintf("q%02d %s", n, what))
		}
		set(c, 2<<20, 2, 0, 0, 0)
		same(sql, "small")
		set(c, 8<<20, 2, 1, 0, 0)
		same(sql, "spilled")
		set(c, 8<<20, 2, 0, 0, 0)
		merged, lookedUp := tpchHinted(sql, "MERGE_JOIN"), tpchHinted(sql, "INL_JOIN")
		if strings.Contains(strings.Join(c.Must("explain "+merged), "\n"), "MergeJoin") {
			merges++
			same(merged, "merged")
		}
		if strings.Contains(strings.Join(c.Must("explain "+lookedUp), "\n"), "IndexJoin") {
			lookups++
			same(lookedUp, "looked up")
		}
		if testutil.Long() {
			set(c, 8<<20, 4, 1, 1, 0)
			same(sql, "all hashes equal")
			set(c, 4<<20, 2, 1, 0, 33)
			same(merged, "merged and spilled")
			same(lookedUp, "looked up and spilled")
		}
		set(c, 1<<20, 1, 0, 0, 0)
		plan := strings.Join(c.Must("explain "+sql), "\n")
		require.LessOrEqual(t, minimumOf(t, plan), 8.0, "q%02d: MiB that it needs at least", n)
		if n != 19 {
			require.NotContains(t, plan, "CARTESIAN inner join", "q%02d", n)
		}
	}
	require.Greater(t, merges, 15, "queries with a merge join")
	require.Greater(t, lookups, 15, "queries with an index join")
}

// minimumOf is the minimum that EXPLAIN shows, in MiB.
func minimumOf(t testing.TB, plan string) float64 {
	t.Helper()
	found := regexp.MustCompile(`minimum: ([0-9.]+) ([KM])B`).FindStringSubmatch(plan)
	require.NotNil(t, found, plan)
	n, err := strconv.ParseFloat(found[1], 64)
	require.NoError(t, err)
	if found[2] == "K" {
		n /= 1024
	}
	return n
}

// TestTPCHAnswers compares the answers on data of the specification's generator with those of other servers.
func TestTPCHAnswers(t *testing.T) {
	dir := os.Getenv(tpchVariable)
	if dir == "" {
		t.Skipf("%s does not say where the data is", tpchVariable)
	}
	r := New(t, Options{LimitBytes: 512 << 20})
	c := r.Connect(t, "")
	tpchSchema(t, c)
	for _, table := range []string{
		"region", "nation", "part", "supplier", "partsupp", "customer", "orders", "lineitem",
	} {
		text, err := exec.Command("zstd", "-dc", filepath.Join(dir, "data", table+".tbl.zst")).Output()
		require.NoError(t, err)
		lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
		insert(c, table, len(lines), func(i int) string {
			fields := strings.Split(strings.TrimSuffix(lines[i], "|"), "|")
			return "('" + strings.Join(fields, "', '") + "')"
		})
	}
	for _, quota := range []int64{1 << 30, 64 << 20, 16 << 20, 4 << 20} {
		set(c, quota, 2, 0, 0, 0)
		for n := 1; n <= 22; n++ {
			f, err := os.Open(filepath.Join(dir, "answers", fmt.Sprintf("q%02d.csv", n)))
			require.NoError(t, err)
			want, err := csv.NewReader(f).ReadAll()
			require.NoError(t, err)
			require.NoError(t, f.Close())
			got := c.Must(tpchQuery(t, n))
			require.Len(t, got, len(want)-1, "q%02d", n)
			for i, line := range got {
				requireAnswer(t, want[i+1], strings.Split(line, "|"), fmt.Sprintf("q%02d, row %d", n, i))
			}
		}
	}
}

// requireAnswer compares texts, and numbers as such: averages and ratios have different numbers of digits.
func requireAnswer(t *testing.T, want, got []string, what string) {
	t.Helper()
	require.Len(t, got, len(want), what)
	for i := range want {
		if want[i] == got[i] {
			continue
		}
		x, err := strconv.ParseFloat(want[i], 64)
		require.NoError(t, err, "%s: %s, not %s", what, got[i], want[i])
		y, err := strconv.ParseFloat(got[i], 64)
		require.NoError(t, err, what)
		require.InDelta(t, x, y, 1e-6*max(1, x, -x), what)
	}
}
