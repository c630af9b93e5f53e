package matrix

import (
	"cmp"
	"hash/crc32"
	"slices"
	"strconv"
)

func wantGroups(s *shape) string {
	c := check{s: s}
	groups(s.byT, s.kt, func(k int32, ids []int32) {
		sum, high := int64(0), int32(0)
		for _, id := range ids {
			sum += s.vt[id]
			high = max(high, id)
		}
		n := int64(len(ids))
		c.row(n, sum, k, n, sum, s.vt[ids[0]], int64(high))
	})
	return c.String()
}

func wantDistinctAgg(s *shape) string {
	c := check{s: s}
	var stamp [1000]int32 // the group that has seen a value, from 1
	group := int32(0)
	groups(s.byT, s.kt, func(k int32, ids []int32) {
		group++
		n, sum, last := int64(0), int64(0), int64(-1)
		for _, id := range ids {
			if v := s.vt[id]; v != last {
				last = v
				n++
			}
			if m := s.vt[id] % 1000; stamp[m] != group {
				stamp[m] = group
				sum += m
			}
		}
		c.row(n, sum, k, n, sum)
	})
	return c.String()
}

func wantConcat(s *shape) string {
	c := check{s: s}
	var b []byte
	groups(s.byT, s.kt, func(k int32, ids []int32) {
		b = b[:0]
		for i, id := range ids {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, int64(id), 10)
			if len(b) > 16384 {
				b = b[:16384]
				break
			}
		}
		n := int64(len(ids))
		c.row(int64(len(b)), n, k, int64(crc32.ChecksumIEEE(b)), n)
	})
	return c.String()
}

// wantSet is what is left of equal rows (key, v % 100) when t has some and u has some.
func wantSet(s *shape, rows func(t, u int) int) string {
	codes := func(k []int32, v []int64) []int64 {
		out := make([]int64, len(k))
		for i := range k {
			out[i] = int64(k[i])*100 + v[i]%100 // NULL is -100 to -1
		}
		slices.Sort(out)
		return out
	}
	t, u := codes(s.kt, s.vt), codes(s.ku, s.vu)
	c := check{s: s}
	for i, j := 0, 0; i < len(t) || j < len(u); {
		code := int64(0)
		switch {
		case i == len(t):
			code = u[j]
		case j == len(u):
			code = t[i]
		default:
			code = min(t[i], u[j])
		}
		nt, nu := 0, 0
		for ; i < len(t) && t[i] == code; i++ {
			nt++
		}
		for ; j < len(u) && u[j] == code; j++ {
			nu++
		}
		key, m := int32(code/100), code%100
		if code < 0 {
			key, m = null, code+100
		}
		for range rows(nt, nu) {
			c.row(m, m, key, m)
		}
	}
	return c.String()
}

// pairs is the fingerprint of a join.
type pairs struct {
	n, a, b int64
	xor     uint64
}

func (p *pairs) String() string {
	return line(p.n, p.a, p.b) + "|" + strconv.FormatUint(p.xor, 10)
}

func (p *pairs) add(a, b, x, y int64) {
	p.n++
	p.a += a
	p.b += b
	p.xor ^= uint64(x*1_000_003 + y)
}

// byKey are the ids below a number, by key.
func byKey(k []int32, by []int32, below int) (ids [][]int32) {
	ids = make([][]int32, slices.Max(k)+1)
	groups(by, k, func(code int32, group []int32) {
		if code == null {
			return
		}
		if below < len(k) {
			group = slices.DeleteFunc(slices.Clone(group), func(id int32) bool { return int(id) >= below })
		}
		ids[code] = group
	})
	return ids
}

func wantJoin(s *shape, few int, left, right bool) string {
	u := byKey(s.ku, s.byU, few)
	p := &pairs{}
	for i, k := range s.kt {
		if k == null || int(k) >= len(u) || len(u[k]) == 0 {
			if left {
				p.add(s.vt[i], 0, int64(i), 0)
			}
			continue
		}
		for _, j := range u[k] {
			p.add(s.vt[i], s.vu[j], int64(i), int64(j))
		}
	}
	if right {
		n := count(s.kt)
		for j, k := range s.ku[:few] {
			if at(n, k) == 0 {
				p.add(0, s.vu[j], 0, int64(j))
			}
		}
	}
	return p.String()
}

// wantSelfJoin joins rows of u below an id with u.
func wantSelfJoin(s *shape, few int) string {
	u := byKey(s.ku, s.byU, s.rows)
	p := &pairs{}
	for i, k := range s.ku[:few] {
		if k == null {
			continue
		}
		for _, j := range u[k] {
			p.add(s.vu[i], s.vu[j], int64(i), int64(j))
		}
	}
	return p.String()
}

// wantOuterJoin joins rows of t below an id with u.
func wantOuterJoin(s *shape, outer int) string {
	u := byKey(s.ku, s.byU, s.rows)
	p := &pairs{}
	for i, k := range s.kt[:outer] {
		if k == null || int(k) >= len(u) {
			continue
		}
		for _, j := range u[k] {
			p.add(s.vt[i], s.vu[j], int64(i), int64(j))
		}
	}
	return p.String()
}

func wantLoop(s *shape) string {
	p := &pairs{}
	for i, v := range s.vt {
		for j, w := range s.vu[:loopRows] {
			if v < w {
				p.add(v, w, int64(i), int64(j))
			}
		}
	}
	return p.String()
}

func wantFilter(s *shape, keep func(k int32, found bool) bool) string {
	n := count(s.ku)
	rows, sum, xor := int64(0), int64(0), int64(0)
	for i, k := range s.kt {
		if keep(k, at(n, k) > 0) {
			rows++
			sum += s.vt[i]
			xor ^= int64(i)
		}
	}
	return line(rows, sum, xor)
}

// wantInValue: no key of u is NULL, or all are.
func wantInValue(s *shape) string {
	n := count(s.ku)
	found, unknown, xor := int64(0), int64(0), int64(0)
	for i, k := range s.kt {
		switch {
		case k == null || s.ku[0] == null:
			unknown++
		case at(n, k) > 0:
			found++
			xor ^= int64(i)
		}
	}
	return line(int64(s.rows), found, unknown, xor)
}

func wantWindowOne(s *shape) string {
	c := check{s: s}
	sum := int64(0)
	for i, id := range s.byT {
		sum = (sum + s.vt[id]) % valueMod
		n := int64(i + 1)
		c.numbers(n, sum, int64(id), n, sum)
	}
	return c.String()
}

func wantWindowMany(s *shape) string {
	c := check{s: s}
	groups(s.byT, s.kt, func(_ int32, ids []int32) {
		n, last := int64(len(ids)), int64(ids[len(ids)-1])
		rank, sum := int64(1), int64(0)
		for i, id := range ids {
			if i > 0 && s.vt[id] != s.vt[ids[i-1]] {
				rank = int64(i + 1)
			}
			sum += s.vt[id]
			if i > 3 {
				sum -= s.vt[ids[i-4]]
			}
			c.numbers(rank, sum, int64(id), rank, n, sum, last)
		}
	})
	return c.String()
}

func wantReads(s *shape) string {
	c := check{s: s}
	ids := int64(0)
	for i, v := range s.vt {
		if v%8 == 0 {
			continue
		}
		c.row(v, 0, s.kt[i], int64(i), v)
		if v%2 == 1 {
			ids += int64(i)
		}
	}
	return line(c.n, c.a, ids, int64(c.xor))
}

func wantRecursive(s *shape) string {
	c := check{s: s}
	for i := range s.rows / rounds {
		v := s.vt[i]
		for n := range int64(rounds) {
			c.row(v, n, s.kt[i], int64(i), v, n)
			v = (v*31 + n) % valueMod
		}
	}
	return c.String()
}

func wantRecursiveDistinct(s *shape) string {
	c := check{s: s}
	last := s.rows/2 - 1
	for n := range int64(11) {
		for id := range int64(last + 1) {
			c.numbers(id, n, id, n)
		}
		last /= 2
	}
	return c.String()
}

func wantRollup(s *shape) string {
	c := check{s: s}
	total := int64(0)
	groups(s.byT, s.kt, func(k int32, ids []int32) {
		var n, sums [10]int64
		sum := int64(0)
		for _, id := range ids {
			v := s.vt[id]
			n[v%10]++
			sums[v%10] += v
			sum += v
		}
		for m := range n {
			if n[m] > 0 {
				c.row(n[m], sums[m], k, int64(m), n[m], sums[m])
			}
		}
		c.row(int64(len(ids)), sum, k, int64(len(ids)), sum)
		total += sum
	})
	c.numbers(int64(s.rows), total, int64(s.rows), total)
	return c.String()
}

func wantApply(s *shape) string {
	c := check{s: s}
	for i := range s.rows / 100 {
		for j := 7 * i; ; j++ {
			if v := s.vu[j]; v%3 == 0 {
				c.numbers(v, int64(i), int64(i), v)
				break
			}
		}
	}
	return c.String()
}

func wantApplyTopN(s *shape) string {
	ids := make([]int32, s.rows)
	for j := range ids {
		ids[j] = int32(j)
	}
	slices.SortFunc(ids, func(a, b int32) int { return cmp.Or(cmp.Compare(s.ku[b], s.ku[a]), cmp.Compare(a, b)) })
	c := check{s: s}
	for i := range applyRows {
		skip := s.rows / 20
		for _, j := range ids {
			if s.vu[j] <= s.vt[i] {
				continue
			}
			if skip == 0 {
				c.numbers(int64(j), int64(i), int64(i), int64(j))
				break
			}
			skip--
		}
	}
	return c.String()
}

func wantAll(s *shape) string { return all(s.vt, 0, func(int) bool { return true }) }

func wantUpdated(s *shape) string { return all(s.vt, 1, func(int) bool { return true }) }

func wantDeleted(s *shape) string { return all(s.vt, 0, func(id int) bool { return id%3 == 0 }) }

// all is the fingerprint of the rows that are left, with something added to v.
func all(v []int64, more int64, keep func(id int) bool) string {
	rows, sum, xor := int64(0), int64(0), int64(0)
	for id := range v {
		if keep(id) {
			rows++
			sum += v[id] + more
			xor ^= int64(id)
		}
	}
	return line(rows, sum, xor)
}
