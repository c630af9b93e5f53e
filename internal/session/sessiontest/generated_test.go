package sessiontest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/session/sessiontest/querygen"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
)

// maxGenerated is how many failures of generated queries are shown before the test stops.
const maxGenerated = 5

// timeout is what a refusal of a query that takes too long begins with.
var timeout = fmt.Sprintf("%d:", sqlerr.ErrQueryTimeout)

// generated runs generated queries over one generated schema.
type generated struct {
	t        *testing.T
	r        *rand.Rand
	c        *Client
	schema   *querygen.Schema
	options  querygen.Options
	base     baseline
	ran      int // queries with rows or without
	refused  map[string]int
	failures int
}

// seedsOf are a random test's seeds: some that are always the same, or many new ones.
func seedsOf(t *testing.T, few, many uint64) (from, to uint64) {
	if os.Getenv(testutil.SeedVariable) != "" {
		seed := testutil.Seed(t)
		return seed, seed + 1
	}
	if testutil.Long() {
		seed := testutil.Seed(t) / 1000 * 1000
		return seed, seed + many
	}
	return 1, 1 + few
}

// overGenerated runs f over schemas of several seeds.
func overGenerated(t *testing.T, few, many uint64, f func(g *generated)) {
	refused, ran := map[string]int{}, 0
	from, to := seedsOf(t, few, many)
	for seed := from; seed < to; seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			g := &generated{t: t, r: rand.New(rand.NewPCG(seed, 7)), refused: refused}
			if seed%4 == 0 {
				g.options.Rows = 1200
			}
			g.schema = querygen.NewSchema(g.r, g.options)
			rig := New(t, Options{})
			g.c = rig.Connect(t, "")
			for _, db := range []string{"indexed", "plain"} {
				g.c.Must("create database " + db + "; use " + db)
				for _, s := range g.schema.Statements(db == "indexed") {
					g.c.Must(s)
				}
			}
			g.c.Must("use indexed; set max_execution_time = 3000")
			g.base = rig.baseline()
			f(g)
			ran += g.ran
		})
	}
	total := 0
	for text, n := range refused {
		t.Logf("%5d refused: %s", n, text)
		if strings.HasPrefix(text, timeout) {
			ran += n // on a slow machine
		} else {
			total += n
		}
	}
	t.Logf("%d queries ran, %d were refused", ran, total)
	if to-from > 1 {
		require.Less(t, total, ran/4+3, "most queries must run")
	}
}

// fail shows a query, made smaller, for which broken says what is wrong.
func (g *generated) fail(root *querygen.Node, text func(*querygen.Node) string, broken func(*querygen.Node) error) {
	g.t.Helper()
	small := querygen.Reduce(root, 400, func(n *querygen.Node) bool { return broken(n) != nil })
	err := broken(small)
	if err == nil {
		err = errors.New("it fails no longer") // an answer that changes by itself
	}
	var data strings.Builder
	for _, s := range g.schema.Statements(true) {
		name := regexp.MustCompile(`^(CREATE TABLE|INSERT INTO) (t\d+) `).FindStringSubmatch(s)[2]
		if regexp.MustCompile(`\b` + name + `\b`).MatchString(text(small)) {
			data.WriteString(s + ";\n")
		}
	}
	g.t.Errorf("%v\nquery:\n%s\nas it was made:\n%s\ndata:\n%.60000s", err, text(small), text(root), data.String())
	if g.failures++; g.failures >= maxGenerated {
		g.t.FailNow()
	}
}

// settings are ways to run a query that must not change its rows.
type settings struct {
	quota                       int64
	workers, force, zero, batch int
	hints                       string
	plain, rewritten            bool
}

func (s settings) String() string {
	return fmt.Sprintf("quota %d, workers %d, force %d, zero %d, batch %d, hints %q, plain %v, rewritten %v",
		s.quota, s.workers, s.force, s.zero, s.batch, s.hints, s.plain, s.rewritten)
}

var defaults = settings{quota: 1 << 30, workers: 2, rewritten: true}

// run runs a query; an error that no client should see is wrong whatever the query is.
func (g *generated) run(root *querygen.Node, s settings) (rows []string, err, wrong error) {
	set(g.c, s.quota, s.workers, s.force, s.zero, s.batch)
	g.c.Must("set spillway_disable_rewrites = " + strconv.FormatBool(!s.rewritten))
	if s.plain {
		g.c.Must("use plain")
		defer g.c.Must("use indexed")
	}
	rows, err = g.c.Run(g.t.Context(), root.Text(s.hints))
	if now := g.c.rig.baseline(); now != g.base {
		g.t.Errorf("left behind: %v, before: %v\n%v\n%v\n%s", now, g.base, err, s, root.Text(s.hints))
		g.base = now
	}
	if err != nil {
		var e *sqlerr.Error
		switch {
		case !errors.As(err, &e):
			wrong = fmt.Errorf("no error of MySQL's: %w", err)
		case vague.MatchString(e.Message) || unclear[e.Code] && !strings.Contains(e.Message, "Quota"):
			wrong = err
		}
	}
	return rows, err, wrong
}

// dependsOnOrder are errors that a query need not have in each plan, as they come from values that another plan does
// not compute.
var dependsOnOrder = map[uint16]bool{
	uint16(sqlerr.ErrQueryTimeout): true, uint16(sqlerr.ErrDataOutOfRange): true,
	uint16(sqlerr.ErrCTEMaxRecursionDepth): true,
}

// longValue says if a value was too long for the pages that a small quota leaves: a minimum has none for values of more
// than 64 KiB.
func longValue(err error) bool {
	return codeOf(err) == uint16(sqlerr.ErrOutOfResources) && strings.Contains(err.Error(), "a value of more than ")
}

// unclear are the codes of errors that say nothing to a client.
var unclear = map[uint16]bool{uint16(sqlerr.ErrUnknown): true, uint16(sqlerr.ErrInternal): true}

// codeOf is an error's code, 0 without one.
func codeOf(err error) uint16 {
	var e *sqlerr.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// note counts a query that is refused.
func (g *generated) note(err error) {
	text := regexp.MustCompile(`'[^']*'|\d+`).ReplaceAllString(err.Error(), "_")
	g.refused[fmt.Sprintf("%d: %.100s", codeOf(err), text)]++
}

// variants are the settings for one query.
func (g *generated) variants(minimum int64) []settings {
	out := []settings{{quota: minimum, workers: 1}, {quota: minimum, workers: 4}}
	for workers := 1; workers <= 4; workers++ {
		out = append(out, settings{quota: 1 << 30, workers: workers, force: workers % 2})
	}
	out = append(out,
		settings{quota: 1 << 30, workers: 2, force: 1, batch: 7},
		settings{quota: 1 << 30, workers: 2, zero: 1},
		settings{quota: minimum + minimum/2, workers: 2, force: 1, zero: 1, batch: 3},
		settings{quota: 1 << 30, workers: 1, batch: 1},
		settings{quota: 1 << 30, workers: 3, batch: 2},
	)
	for i := range out {
		out[i].rewritten = true
	}
	out = append(out, settings{quota: 1 << 30, workers: 2})
	for _, h := range []string{"HASH_JOIN()", "MERGE_JOIN()", "INL_JOIN()", "HASH_AGG()", "STREAM_AGG()"} {
		s := settings{quota: 1 << 30, workers: 1 + g.r.IntN(3), hints: h, rewritten: true, plain: g.r.IntN(4) == 0}
		if g.r.IntN(3) == 0 {
			s.quota, s.force, s.batch = 16<<20, 1, g.r.IntN(9)
		}
		out = append(out, s)
	}
	return append(out, settings{quota: 1 << 30, workers: 2, rewritten: true, plain: true})
}

// minimum is what the statement needs at least, as EXPLAIN says.
func (g *generated) minimum(root *querygen.Node) (int64, error) {
	set(g.c, 64<<10, 1, 0, 0, 0)
	g.c.Must("set spillway_disable_rewrites = 0")
	plan, err := g.c.Run(g.t.Context(), "explain "+root.Text(""))
	if err != nil {
		return 0, err
	}
	return int64(minimumOf(g.t, strings.Join(plan, "\n")) * (1 << 20)), nil
}

// same compares results; nil: they are the same.
func same(want, got []string, ordered, fold, approximate bool) error {
	prepare := func(rows []string) []string {
		rows = slices.Clone(rows)
		for i := range rows {
			if fold {
				rows[i] = strings.ToUpper(regexp.MustCompile(` *(\||$)`).ReplaceAllString(rows[i], "$1"))
			}
			if approximate {
				rows[i] = rounded(rows[i])
			}
		}
		if !ordered {
			slices.Sort(rows)
		}
		return rows
	}
	if slices.Equal(want, got) {
		return nil
	}
	want, got = prepare(want), prepare(got)
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] {
			return fmt.Errorf("%d rows, not %d; row %d is\n%.500s\nnot\n%.500s",
				len(got), len(want), i, got[i], want[i])
		}
	}
	if len(want) != len(got) {
		return fmt.Errorf("%d rows, not %d", len(got), len(want))
	}
	return nil
}

// rounded leaves out the last digits of numbers.
func rounded(row string) string {
	cells := strings.Split(row, "|")
	for i, cell := range cells {
		if x, err := strconv.ParseFloat(cell, 64); err == nil && strings.ContainsAny(cell, ".e") {
			cells[i] = strconv.FormatFloat(x, 'e', 9, 64)
		}
	}
	return strings.Join(cells, "|")
}

// TestGenerated runs generated queries with much and little memory, one and several workers, small batches, colliding
// hashes, other joins, without rewrites, without indexes: the rows are always the same.
func TestGenerated(t *testing.T) {
	queries := 5
	if testutil.Long() {
		queries = 60
	}
	overGenerated(t, 3, 400, func(g *generated) {
		for range queries {
			g.metamorphic(querygen.New(g.r, g.schema, g.options))
		}
	})
}

func (g *generated) metamorphic(q *querygen.Query) {
	want, err, wrong := g.run(q.Root, defaults)
	if wrong != nil {
		g.fail(q.Root, plainText, func(n *querygen.Node) error {
			_, _, wrong := g.run(n, defaults)
			return wrong
		})
		return
	}
	if err != nil && dependsOnOrder[codeOf(err)] {
		g.note(err)
		return
	}
	minimum, explainErr := g.minimum(q.Root)
	switch {
	case explainErr != nil && dependsOnOrder[codeOf(explainErr)]:
		g.note(explainErr)
		return
	case err != nil:
		g.note(err)
	default:
		g.ran++
		require.NoError(g.t, explainErr, "EXPLAIN %s", q.Root.Text(""))
		if minimum > 8<<20 {
			g.t.Logf("%s\nneeds %d bytes", q.Root.Text(""), minimum)
		}
	}
	variants := g.variants(minimum)
	if testing.Short() {
		variants = variants[:6]
	}
	for _, s := range variants {
		broken := func(n *querygen.Node, want []string, first error) error {
			got, err, wrong := g.run(n, s)
			switch {
			case wrong != nil:
				return fmt.Errorf("%v: %w", s, wrong)
			case err != nil && (dependsOnOrder[codeOf(err)] || s.quota < 16<<20 && longValue(err)):
				return nil
			case codeOf(err) != codeOf(first):
				return fmt.Errorf("%v: error %v, not %v", s, err, first)
			case err != nil:
				return nil
			}
			if err := same(want, got, querygen.Ordered(n), q.Fold, q.Approximate); err != nil {
				return fmt.Errorf("%v: %w", s, err)
			}
			return nil
		}
		if broken(q.Root, want, err) == nil {
			continue
		}
		g.fail(q.Root, plainText, func(n *querygen.Node) error {
			want, err, _ := g.run(n, defaults)
			if err != nil {
				return nil
			}
			return broken(n, want, err)
		})
		return
	}
}

func plainText(n *querygen.Node) string { return n.Text("") }

// TestGeneratedOracles runs queries whose rows other queries must have, too: split by a predicate that is true, false
// or NULL, or with a filter's condition as a value.
func TestGeneratedOracles(t *testing.T) {
	checks := 15
	if testutil.Long() {
		checks = 150
	}
	overGenerated(t, 3, 400, func(g *generated) {
		for range checks {
			g.oracle(querygen.NewOracle(g.r, g.schema, g.options))
		}
	})
}

func (g *generated) oracle(o *querygen.Oracle) {
	s := defaults
	if g.r.IntN(4) == 0 {
		s.hints = []string{"HASH_JOIN()", "MERGE_JOIN()", "INL_JOIN()"}[g.r.IntN(3)]
	}
	broken := func(pieces *querygen.Node) (refused, wrong error) {
		whole, parts := o.Build(pieces)
		want, err, wrong := g.run(whole, s)
		if err != nil || wrong != nil {
			return err, wrong
		}
		var got []string
		for _, p := range parts {
			rows, err, wrong := g.run(p, s)
			if err != nil || wrong != nil {
				return err, wrong
			}
			got = append(got, rows...)
		}
		if o.Distinct {
			want, got = folded(want), folded(got)
		}
		if err := same(want, got, false, o.Fold, true); err != nil {
			return nil, fmt.Errorf("%s: %v: %w", o.Name, s, err)
		}
		return nil, nil
	}
	refused, wrong := broken(o.Pieces)
	if wrong == nil {
		if refused != nil {
			g.note(refused)
		} else {
			g.ran++
		}
		return
	}
	text := func(pieces *querygen.Node) string {
		whole, parts := o.Build(pieces)
		out := whole.Text(s.hints)
		for _, p := range parts {
			out += ";\n" + p.Text(s.hints)
		}
		return out
	}
	g.fail(o.Pieces, text, func(n *querygen.Node) error {
		_, wrong := broken(n)
		return wrong
	})
}

// folded are rows without repetitions, texts in capitals and without blanks at the end.
func folded(rows []string) []string {
	out := make([]string, len(rows))
	for i, row := range rows {
		out[i] = strings.ToUpper(regexp.MustCompile(` *(\||$)`).ReplaceAllString(row, "$1"))
	}
	slices.Sort(out)
	return slices.Compact(out)
}
