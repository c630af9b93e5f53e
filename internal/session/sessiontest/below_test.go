package sessiontest

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// below are operators that run many times, for the rows of an apply, or in the rounds of a recursive expression.
var below = []query{
	{name: "apply loop", sql: `select id, (select q.v from u p join w q on p.x + u.x < q.k and p.y < q.v
		where q.id < 40 + u.x order by q.v, q.id, p.id limit 1) from u where id < 4`},
	{name: "apply left loop", sql: `select id, (select max(q.v) from u p left join w q on p.x + u.x < q.k and q.id < 40)
		from u where id < 4`},
	{name: "apply merge", sql: `select id, (select /*+ MERGE_JOIN(p, q) */ p.y from u p join w q on p.id = q.id
		where q.k > u.x order by q.v, q.id limit 1) from u where id < 4`},
	{name: "apply hash", sql: `select id, (select /*+ HASH_JOIN(p, q) */ q.v from t p join w q on p.b = q.v
		where p.a > u.x order by q.v, q.id, p.id limit 3, 1) from u where id < 4`},
	{name: "apply index", sql: `select id, (select /*+ INL_JOIN(q) */ q.v from u p join w q on q.k = p.x
		where p.x > u.x order by q.v, q.id, p.id limit 3, 1) from u where id < 4`},
	{name: "apply group", sql: `select id, (select group_concat(n order by n) from (select a, count(*) n from t
		where t.id > u.x * 10 group by a) d) from u where id < 4`},
	{name: "apply window", sql: `select id, (select max(n) from (select row_number() over (order by b, id) +
		sum(c) over (partition by a) n from t where t.id > u.x * 10) d) from u where id < 4`},
	{name: "apply union", sql: `select id, (select count(*) from (select a from t where id > u.x union
		select k from w where id > u.x) d) from u where id < 4`},
	{name: "apply in apply", sql: `select id, (select p.y from u p where p.x > (select q.k from w q
		where q.id > u.x + p.x order by q.v, q.id limit 1) and p.id < 6 order by p.y, p.id limit 1) from u where id < 4`},
	{name: "rounds loop", sql: `with recursive r as (select id, x, 0 n from u where id < 9 union all
		select r.id, u.x, n + 1 from r join u on u.x > r.x and u.x < r.x + 4 where n < 3) select * from r`},
	{name: "rounds merge", sql: `with recursive r as (select id, 0 n from u where id < 9 union all
		select /*+ MERGE_JOIN(r, u) */ u.id + 1, n + 1 from r join u on u.id = r.id where n < 3) select * from r`},
	{name: "rounds hash", sql: `with recursive r as (select id, 0 n from u where id < 9 union all
		select /*+ HASH_JOIN(r, w) */ w.id + 1, n + 1 from r join w on w.k = r.id where n < 3 and w.id < 200)
		select * from r`},
	{name: "rounds distinct", sql: `with recursive r as (select id from w where k < 9 union
		select u.id from r join u on u.x > r.id) select * from r`},
	{name: "rounds apply", sql: `with recursive r as (select id, 0 n from u where id < 9 union all
		select (select w.id from w where w.k > r.id order by w.v, w.id limit 1), n + 1 from r where n < 3)
		select * from r`},
	{name: "apply rounds", sql: `select id, (with recursive r as (select id, x, 0 n from u p where p.id < 9 union all
		select r.id, u.x, n + 1 from r join u on u.x > r.x and u.x < r.x + 4 where n < 3) select count(*) from r)
		from u where id < 4`},
	{name: "cte below apply", sql: `with c as (select a, b, count(*) n from t group by a, b)
		select id, (select p.b from c p join c q on p.a < q.a and p.n + u.x > q.n where p.a < 5 order by p.b, q.b, p.a, q.a
		limit 1) from u where id < 4`},
}

// TestBelow ends each query at the N-th operation of the pool, by KILL QUERY and by operations that fail: what is open
// then are operators of a part of the plan that has run before, and is never to run again.
func TestBelow(t *testing.T) {
	r := New(t, Options{})
	c := fill(t, r, sweepRows/10)
	var modes []mode
	for _, m := range diskModes {
		if slices.Contains([]string{"minimum", "block write", "block read"}, m.name) {
			modes = append(modes, m)
		}
	}
	require.Len(t, modes, 3)
	for i := range below {
		q := &below[i]
		t.Run(q.name, func(t *testing.T) {
			set(c, 1<<30, 1+i%3, 1, 0, 64)
			want, err := q.run(t.Context(), t, c, nil)
			require.NoError(t, err)
			base := r.baseline()
			killSweep(t, c, q, each, want, base)
			for _, m := range modes {
				sweep(t, c, q, m, each, want, base)
			}
		})
	}
}

// TestBelowManyBlocks ends a statement whose join, below an apply, keeps so many blocks that their list is in blocks as
// well, which are in temporary storage: while they are written, once they are read.
func TestBelowManyBlocks(t *testing.T) {
	r := New(t, Options{})
	c := fill(t, r, sweepRows/10)
	q := &query{name: "apply of many blocks", sql: `select id, (select count(r.s) from u l left join
		(select repeat(p.b, 300) s, p.a from t p join w q limit 40000) r on l.x < r.a + u.x and r.s > l.y)
		from u where id < 2`}
	require.Contains(t, strings.Join(c.Must("explain "+q.sql), "\n"), "Apply")
	set(c, 4<<20, 1, 1, 0, 0)
	base := r.baseline()
	for _, op := range []memory.Op{memory.OpWrite, memory.OpRead} {
		for _, n := range []int64{10, 2300} {
			var count atomic.Int64
			_, err := q.run(t.Context(), t, c, func() func() {
				r.Refuse(func(o memory.Op, _ string, _ int) error {
					if o == op && count.Add(1) == n {
						return r.Sessions.Kill(c.ID(), true)
					}
					return nil
				})
				return func() { r.Refuse(nil) }
			})
			require.GreaterOrEqual(t, count.Load(), n)
			require.Equal(t, sqlerr.ErrQueryInterrupted, code(err))
			clean(t, c, base, q.name)
		}
	}
}
