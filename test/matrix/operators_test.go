package matrix

import (
	"fmt"
	"strings"
)

// operator is one statement of the matrix. In its text {T}, {U} and {K} are the shape's tables and key.
type operator struct {
	name string
	// query has one row as sums or several numbers; or, if ordered, rows of id and v in the order of the reference.
	query func(s *shape) string
	// want is the reference.
	want    func(s *shape) string
	ordered func(s *shape) []int32
	// before and after are run around the query; its result is of the last.
	before []string
	after  []string
	// change is the statement that is measured, where it is not the query.
	change string
	// state is at least how many bytes must be kept at once; nil: nothing that depends on the number of rows. Changes
	// of a transaction are bounded by the pool, not by the statement's quota.
	state func(s *shape) int64
	// only are the shapes; nil: all.
	only []string
	// refused says whether one value of the result is larger than a quota can hold: error 1041 is right then.
	refused func(s *shape, quota int64) bool
}

// text puts the shape's names into a statement.
func (s *shape) names(sql string) string {
	return strings.NewReplacer("{T}", s.t, "{U}", s.u, "{K}", s.key).Replace(sql)
}

func fixed(sql string) func(*shape) string { return func(*shape) string { return sql } }

var (
	integers = []string{"uniform", "skew", "equal", "null"}
	uniform  = []string{"uniform"}
)

// rowState is the state of so many rows with a key.
func (s *shape) rowState(rows int) int64 {
	if s.strings {
		return int64(rows) * mostBytes * 9 / 20
	}
	return int64(rows) * 16
}

func allRows(s *shape) int64   { return s.rowState(s.rows) }
func someRows(s *shape) int64  { return s.rowState(s.rows * 7 / 8) }
func wholeRows(s *shape) int64 { return int64(s.rows) * 16 }

// groupState is that of an aggregation by the key.
func groupState(s *shape) int64 {
	n := 0
	groups(s.byT, s.kt, func(int32, []int32) { n++ })
	return s.rowState(n)
}

// keyState is that of a set of u's keys.
func keyState(s *shape) int64 {
	n := 0
	groups(s.byU, s.ku, func(k int32, _ []int32) {
		if k != null {
			n++
		}
	})
	return s.rowState(n) / 2
}

// buildState is that of a join with the rows of u that are joined. Keys that are NULL match nothing and are not kept.
func buildState(s *shape) int64 {
	if s.name == "null" {
		return 0
	}
	return s.rowState(s.few())
}

// largestGroup is the number of rows of t with the most frequent key.
func largestGroup(s *shape) (n int64) {
	groups(s.byT, s.kt, func(_ int32, ids []int32) { n = max(n, int64(len(ids))) })
	return n
}

var operators = []operator{
	{
		name:  "sort",
		query: fixed("SELECT id, v FROM {T} ORDER BY {K}, v, id"),
		ordered: func(s *shape) []int32 {
			return s.byT
		},
		state: allRows,
	},
	{
		name: "topn",
		query: func(s *shape) string {
			return fmt.Sprintf("SELECT id, v FROM {T} ORDER BY {K}, v, id LIMIT %d, %d", s.rows/10, s.rows/2)
		},
		ordered: func(s *shape) []int32 {
			return s.byT[s.rows/10:][:s.rows/2]
		},
		state: func(s *shape) int64 { return s.rowState(s.rows / 2) },
	},
	{
		name: "hash_agg",
		query: fixed(sums("c", "s", "k, c, s, lo, hi", "SELECT /*+ HASH_AGG() */ {K} k, COUNT(*) c, SUM(v) s, "+
			"MIN(v) lo, MAX(id) hi FROM {T} GROUP BY {K}")),
		want:  wantGroups,
		state: groupState,
	},
	{
		name: "hash_agg_rows",
		query: fixed(sums("c", "s", "k, id, c, s", "SELECT /*+ HASH_AGG() */ {K} k, id, COUNT(*) c, SUM(v) s FROM {T} "+
			"GROUP BY {K}, id")),
		want: func(s *shape) string {
			c := check{s: s}
			for i := range s.rows {
				c.row(1, s.vt[i], s.kt[i], int64(i), 1, s.vt[i])
			}
			return c.String()
		},
		state: allRows,
	},
	{
		name: "stream_agg",
		query: fixed(sums("c", "s", "k, c, s, lo, hi", "SELECT /*+ STREAM_AGG() */ {K} k, COUNT(*) c, SUM(v) s, "+
			"MIN(v) lo, MAX(id) hi FROM {T} GROUP BY {K}")),
		want:  wantGroups,
		state: allRows,
	},
	{
		name:  "distinct",
		query: fixed(sums("m", "m", "k, m", "SELECT DISTINCT {K} k, v % 100 m FROM {T}")),
		want:  func(s *shape) string { return wantSet(s, func(t, u int) int { return min(t, 1) }) },
		state: groupState,
	},
	{
		name: "distinct_agg",
		query: fixed(sums("c", "d", "k, c, d", "SELECT {K} k, COUNT(DISTINCT v) c, SUM(DISTINCT v % 1000) d FROM {T} "+
			"GROUP BY {K}")),
		want:  wantDistinctAgg,
		state: func(s *shape) int64 { return int64(min(s.rows, valueMod)) * 16 },
	},
	{
		name:   "group_concat",
		before: []string{"SET group_concat_max_len = 16384"},
		query: fixed(sums("LENGTH(g)", "c", "k, CRC32(g), c", "SELECT {K} k, COUNT(*) c, "+
			"GROUP_CONCAT(id ORDER BY v, id) g FROM {T} GROUP BY {K}")),
		want:  wantConcat,
		state: allRows,
	},
	{
		name: "json_arrayagg",
		query: fixed(sums("JSON_LENGTH(g)", "c", "k, c", "SELECT {K} k, COUNT(*) c, JSON_ARRAYAGG(id) g FROM {T} "+
			"GROUP BY {K}")),
		want: func(s *shape) string {
			c := check{s: s}
			groups(s.byT, s.kt, func(k int32, ids []int32) {
				n := int64(len(ids))
				c.row(n, n, k, n)
			})
			return c.String()
		},
		state:   allRows,
		refused: func(s *shape, quota int64) bool { return quota < largestGroup(s)*256 },
	},
	{
		name:  "hash_join",
		query: join("SELECT /*+ HASH_JOIN({T}, {U}) */ %s FROM {T} JOIN {U} ON {T}.{K} = {U}.{K}%s"),
		want:  func(s *shape) string { return wantJoin(s, s.few(), false, false) },
		state: buildState,
	},
	{
		name:  "left_join",
		query: join("SELECT /*+ HASH_JOIN({T}, {U}) */ %s FROM {T} LEFT JOIN {U} ON {T}.{K} = {U}.{K}%s"),
		want:  func(s *shape) string { return wantJoin(s, s.few(), true, false) },
		state: buildState,
	},
	{
		// Without an index on t, the side that is kept is the large one.
		name: "right_join",
		query: func(s *shape) string {
			return join("SELECT /*+ HASH_JOIN({T}, {U}) */ %s FROM {T} RIGHT JOIN (SELECT * FROM {U}" +
				fmt.Sprintf(" WHERE id < %d) {U} ON {T}.{K} = {U}.{K}", s.few()) + "%.0s")(s)
		},
		want: func(s *shape) string { return wantJoin(s, s.few(), false, true) },
		state: func(s *shape) int64 {
			if s.name == "null" {
				return 0
			}
			return allRows(s)
		},
	},
	{
		name:  "semi_join",
		query: fixed("SELECT COUNT(*), COALESCE(SUM(v), 0), BIT_XOR(id) FROM {T} WHERE {K} IN (SELECT {K} FROM {U})"),
		want:  func(s *shape) string { return wantFilter(s, func(k int32, found bool) bool { return found }) },
		state: keyState,
	},
	{
		name: "anti_join",
		query: fixed("SELECT COUNT(*), COALESCE(SUM(v), 0), BIT_XOR(id) FROM {T} WHERE NOT EXISTS " +
			"(SELECT 1 FROM {U} WHERE {U}.{K} = {T}.{K})"),
		want:  func(s *shape) string { return wantFilter(s, func(k int32, found bool) bool { return !found }) },
		state: keyState,
	},
	{
		name: "not_in",
		query: fixed("SELECT COUNT(*), COALESCE(SUM(v), 0), BIT_XOR(id) FROM {T} WHERE {K} NOT IN " +
			"(SELECT {K} FROM {U})"),
		want: func(s *shape) string {
			return wantFilter(s, func(k int32, found bool) bool { return k != null && !found })
		},
		state: keyState,
	},
	{
		name: "in_value",
		query: fixed("SELECT COUNT(*), COALESCE(SUM(x), 0), COALESCE(SUM(x IS NULL), 0), BIT_XOR(IF(x, id, 0)) FROM " +
			"(SELECT id, {K} IN (SELECT {K} FROM {U}) x FROM {T}) q"),
		want:  wantInValue,
		state: keyState,
	},
	{
		name: "merge_join",
		query: func(s *shape) string {
			return fmt.Sprintf("SELECT /*+ MERGE_JOIN(a, b) */ COUNT(*), COALESCE(SUM(a.v), 0), "+
				"COALESCE(SUM(b.v), 0), "+
				"BIT_XOR(a.id * 1000003 + b.id) FROM {U} a JOIN {U} b ON a.{K} = b.{K} AND a.id < %d", s.few())
		},
		want: func(s *shape) string { return wantSelfJoin(s, s.few()) },
		only: integers,
	},
	{
		name: "index_join",
		query: func(s *shape) string {
			return fmt.Sprintf("SELECT /*+ INL_JOIN({U}) */ COUNT(*), COALESCE(SUM({T}.v), 0), "+
				"COALESCE(SUM({U}.v), 0), "+
				"BIT_XOR({T}.id * 1000003 + {U}.id) FROM {T} JOIN {U} ON {T}.{K} = {U}.{K} WHERE {T}.id < %d",
				s.outer())
		},
		want: func(s *shape) string { return wantOuterJoin(s, s.outer()) },
		only: integers,
	},
	{
		name: "nested_loop",
		query: func(s *shape) string {
			return fmt.Sprintf("SELECT COUNT(*), COALESCE(SUM({T}.v), 0), COALESCE(SUM({U}.v), 0), "+
				"BIT_XOR({T}.id * 1000003 + {U}.id) FROM {T} JOIN {U} ON {T}.v < {U}.v AND {U}.id < %d", loopRows)
		},
		want: wantLoop,
		only: uniform,
	},
	{
		name: "window_one",
		query: fixed(sums("n", "s", "id, n, s", "SELECT id, ROW_NUMBER() OVER w n, SUM(v) OVER w % 1000003 s FROM {T} "+
			"WINDOW w AS (ORDER BY {K}, v, id)")),
		want:  wantWindowOne,
		state: allRows,
	},
	{
		name: "window_many",
		query: fixed(sums("r", "s", "id, r, c, s, l", "SELECT id, RANK() OVER (PARTITION BY {K} ORDER BY v) r, "+
			"COUNT(*) OVER (PARTITION BY {K}) c, "+
			"SUM(v) OVER (PARTITION BY {K} ORDER BY v, id ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) s, "+
			"LAST_VALUE(id) OVER (PARTITION BY {K} ORDER BY v, id ROWS BETWEEN UNBOUNDED PRECEDING AND "+
			"UNBOUNDED FOLLOWING) l FROM {T}")),
		want:  wantWindowMany,
		state: allRows,
	},
	setOperator("union", func(t, u int) int { return min(t+u, 1) }),
	setOperator("union all", func(t, u int) int { return t + u }),
	setOperator("intersect", func(t, u int) int { return min(t, u, 1) }),
	setOperator("intersect all", func(t, u int) int { return min(t, u) }),
	setOperator("except", func(t, u int) int {
		if u > 0 {
			return 0
		}
		return min(t, 1)
	}),
	setOperator("except all", func(t, u int) int { return max(t-u, 0) }),
	{
		name: "cte_reads",
		query: fixed("WITH c AS (SELECT id, {K} k, v FROM {T} WHERE v % 8 <> 0) SELECT (SELECT COUNT(*) FROM c), " +
			"(SELECT SUM(v) FROM c), (SELECT SUM(id) FROM c WHERE v % 2 = 1), " +
			"(SELECT BIT_XOR(CRC32(CONCAT_WS(',', k, id, v))) FROM c)"),
		want:  wantReads,
		state: someRows,
	},
	{
		name: "cte_recursive",
		query: func(s *shape) string {
			return sums("v", "n", "k, id, v, n", fmt.Sprintf("WITH RECURSIVE r AS "+
				"(SELECT id, {K} k, v, 0 n FROM {T} WHERE id < %d UNION ALL "+
				"SELECT id, k, (v * 31 + n) %% 1000003, n + 1 FROM r WHERE n < %d) SELECT * FROM r",
				s.rows/rounds, rounds-1))
		},
		want:  wantRecursive,
		state: func(s *shape) int64 { return int64(s.rows/rounds) * 24 },
		only:  []string{"uniform", "null"},
	},
	{
		name: "cte_recursive_distinct",
		query: func(s *shape) string {
			return sums("id", "n", "id, n", fmt.Sprintf("WITH RECURSIVE r AS (SELECT id, 0 n FROM {T} WHERE id < %d "+
				"UNION SELECT id DIV 2, n + 1 FROM r WHERE n < 10) SELECT * FROM r", s.rows/2))
		},
		want:  wantRecursiveDistinct,
		state: wholeRows,
		only:  uniform,
	},
	{
		name: "rollup",
		query: fixed(sums("c", "s", "k, m, c, s", "SELECT {K} k, v % 10 m, COUNT(*) c, SUM(v) s FROM {T} "+
			"GROUP BY {K}, v % 10 WITH ROLLUP")),
		want:  wantRollup,
		state: groupState,
	},
	{
		name: "apply",
		query: func(s *shape) string {
			return sums("v", "id", "id, v", fmt.Sprintf("SELECT id, (SELECT {U}.v FROM {U} WHERE {U}.id >= {T}.id * 7 "+
				"AND {U}.v %% 3 = 0 ORDER BY {U}.id LIMIT 1) v FROM {T} WHERE id < %d", s.rows/100))
		},
		want: wantApply,
		only: uniform,
	},
	{
		name: "apply_topn",
		query: func(s *shape) string {
			return sums("o", "id", "id, o", fmt.Sprintf("SELECT id, (SELECT {U}.id FROM {U} WHERE {U}.v > {T}.v "+
				"ORDER BY {U}.{K} DESC, {U}.id LIMIT %d, 1) o FROM {T} WHERE id < %d", s.rows/20, applyRows))
		},
		want: wantApplyTopN,
		// A row of top-N has the key, the order and the row's name.
		state: func(s *shape) int64 { return s.rowState(s.rows / 20) },
	},
	{
		name:   "create_index",
		change: "CREATE INDEX made ON {T} ({K}, v)",
		query:  fixed("SELECT COUNT(*), SUM(v), BIT_XOR(id) FROM {T} FORCE INDEX (made)"),
		want:   wantAll,
		after:  []string{"DROP INDEX made ON {T}"},
		state:  allRows,
		only:   integers,
	},
	{
		name:   "create_index_prefix",
		change: "CREATE INDEX made ON {T} ({K}(300), v)",
		query:  fixed("SELECT COUNT(*), SUM(v), BIT_XOR(id) FROM {T} WHERE {K} >= ''"),
		want:   wantAll,
		after:  []string{"DROP INDEX made ON {T}"},
		only:   []string{"strings"},
	},
	{
		name:   "insert_select",
		before: []string{"CREATE TABLE made LIKE {T}"},
		change: "INSERT INTO made SELECT * FROM {T}",
		query:  fixed("SELECT COUNT(*), SUM(v), BIT_XOR(id) FROM made"),
		want:   wantAll,
		after:  []string{"DROP TABLE made"},
		state:  allRows,
		only:   []string{"uniform", "strings"},
	},
	{
		name:   "update",
		before: []string{"BEGIN"},
		change: "UPDATE {T} SET v = v + 1",
		query:  fixed("SELECT COUNT(*), SUM(v), BIT_XOR(id) FROM {T}"),
		want:   wantUpdated,
		after:  []string{"ROLLBACK"},
		state:  allRows,
		only:   []string{"uniform", "strings"},
	},
	{
		name:   "delete",
		before: []string{"BEGIN"},
		change: "DELETE FROM {T} WHERE id % 3 <> 0",
		query:  fixed("SELECT COUNT(*), SUM(v), BIT_XOR(id) FROM {T}"),
		want:   wantDeleted,
		after:  []string{"ROLLBACK"},
		state:  func(s *shape) int64 { return int64(s.rows) * 8 },
		only:   []string{"uniform", "strings"},
	},
}

const (
	loopRows  = 20 // of u in a nested loop
	rounds    = 50 // of a recursion
	applyRows = 5  // of t, each with a sort of u
)

// few is how many rows of u are joined with t: all, unless a key has too many on both sides.
func (s *shape) few() int {
	if s.fewRows > 0 {
		return s.fewRows
	}
	return s.rows
}

// outer is how many rows of t are looked up in u's index.
func (s *shape) outer() int { return min(max(s.few()/10, 1), s.rows/25) }

// join fills in what is selected, and which rows of u.
func join(sql string) func(*shape) string {
	return func(s *shape) string {
		few := ""
		if s.few() < s.rows {
			few = fmt.Sprintf(" AND {U}.id < %d", s.few())
		}
		return fmt.Sprintf(sql, "COUNT(*), COALESCE(SUM({T}.v), 0), COALESCE(SUM({U}.v), 0), "+
			"BIT_XOR(COALESCE({T}.id, 0) * 1000003 + COALESCE({U}.id, 0))", few)
	}
}

func setOperator(name string, rows func(t, u int) int) operator {
	return operator{
		name: strings.ReplaceAll(name, " ", "_"),
		query: fixed(sums("m", "m", "k, m",
			"SELECT {K} k, v % 100 m FROM {T} "+strings.ToUpper(name)+" SELECT {K}, v % 100 FROM {U}")),
		want: func(s *shape) string { return wantSet(s, rows) },
		state: func(s *shape) int64 {
			if name == "union all" {
				return 0
			}
			return groupState(s) / 2
		},
	}
}
