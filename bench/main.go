package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := bench(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is the command without its surroundings.
func bench(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(out)
	binary := flags.String("bin", "bin/spillway", "the `program` to measure")
	dir := flags.String("dir", "", "`directory` on the disk to measure, for all files; default: TMPDIR")
	only := flags.String("run", "", "only scenarios that match this `regexp`")
	quick := flags.Bool("quick", false, "small sizes: within a minute on a machine of two cores")
	tiny := flags.Bool("tiny", false, "the smallest sizes: to see that it works")
	list := flags.Bool("list", false, "print the scenarios' names and end")
	z := fullSizes
	var change []func() error
	number := func(name, what string, to *int) {
		flags.Func(name, what, func(s string) error {
			n, err := strconv.Atoi(s)
			change = append(change, func() error { *to = n; return nil })
			return err
		})
	}
	number("groups", "demo: the third power of this `number` of rows is grouped", &z.groups)
	number("sorted", "sort: the third power of this `number` of rows is sorted", &z.sorted)
	number("rows", "scan, point, dump: `number` of rows of the table", &z.table)
	flags.Func("ledgers", "ledger: `numbers` of rows, with commas between them", func(s string) error {
		var l []int
		for _, f := range strings.Split(s, ",") {
			n, err := strconv.Atoi(f)
			if err != nil {
				return err
			}
			l = append(l, n)
		}
		change = append(change, func() error { z.ledgers = l; return nil })
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	switch {
	case *tiny:
		z = tinySizes
	case *quick:
		z = quickSizes
	}
	for _, f := range change {
		if err := f(); err != nil {
			return err
		}
	}
	r := &report{out: out}
	if !*list {
		r.head(*binary, args)
	}
	for _, c := range scenarios(z) {
		switch {
		case !wanted.MatchString(c.name):
		case *list:
			fmt.Fprintln(out, c.name)
		default:
			f, err := measure(ctx, &c, *binary, *dir)
			if errors.Is(err, errSkipped) {
				r.skip(c.name, err)
				continue
			}
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			r.line(&c, f)
		}
	}
	return nil
}

// figures are what a scenario took.
type figures struct {
	wall  time.Duration
	units int64
	used  usage // peak is absolute, the others are differences
}

// measure runs a scenario on a server of its own.
func measure(ctx context.Context, c *scenario, binary, dir string) (f figures, err error) {
	s, err := start(ctx, binary, dir, c.quota, c.workers)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	db, err := s.open()
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	b := &bed{s: s, db: db}
	if c.prepare != nil {
		if err := c.prepare(ctx, b); err != nil {
			return f, err
		}
	}
	if err := s.forget(); err != nil {
		return f, err
	}
	before, err := s.usage()
	if err != nil {
		return f, err
	}
	began := time.Now()
	if f.units, err = c.run(ctx, b); err != nil {
		return f, err
	}
	f.wall = time.Since(began)
	f.used, err = s.usage()
	f.used.user -= before.user
	f.used.system -= before.system
	f.used.written -= before.written
	return f, err
}

// report prints the table, each line when its scenario has ended.
type report struct{ out io.Writer }

// head says on what and how the figures were obtained.
func (r *report) head(binary string, args []string) {
	revision := "unknown"
	if info, err := readBuild(binary); err == nil {
		revision = info
	}
	fmt.Fprintf(r.out, "machine: %s\n", machine())
	fmt.Fprintf(r.out, "server: %s, revision %s\n", binary, revision)
	fmt.Fprintf(r.out, "command: bench %s\n", strings.Join(args, " "))
	fmt.Fprintf(r.out, "date: %s\n\n", time.Now().UTC().Format(time.DateTime))
	fmt.Fprintf(r.out, "%-24s %8s %8s %8s %8s %9s %9s %10s %20s %10s\n", "scenario", "wall s", "cpu s", "user",
		"system", "VmHWM MiB", "limit MiB", "written MB", "units", "a second")
}

func (r *report) line(c *scenario, f figures) {
	fmt.Fprintf(r.out, "%-24s %8.2f %8.2f %8.2f %8.2f %9d %9d %10d %20s %10.0f\n", c.name, f.wall.Seconds(),
		(f.used.user + f.used.system).Seconds(), f.used.user.Seconds(), f.used.system.Seconds(), f.used.peak/mib,
		(c.quota+besideQuota)/mib, f.used.written/1_000_000, fmt.Sprintf("%d %s", f.units, c.unit),
		float64(f.units)/f.wall.Seconds())
}

func (r *report) skip(name string, why error) { fmt.Fprintf(r.out, "%-24s %v\n", name, why) }

// machine is cores, processor, memory and load.
func machine() string {
	l := []string{strconv.Itoa(runtime.NumCPU()) + " cores"}
	for _, f := range []struct{ path, key string }{{"/proc/cpuinfo", "model name"}, {"/proc/meminfo", "MemTotal"}} {
		text, err := os.ReadFile(f.path)
		if err != nil {
			continue
		}
		for _, line := range strings.Split(string(text), "\n") {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == f.key {
				l = append(l, strings.TrimSpace(value))
				break
			}
		}
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		l = append(l, "load "+strings.Fields(string(text))[0])
	}
	if text, err := exec.Command("uname", "-sr").Output(); err == nil {
		l = append(l, strings.TrimSpace(string(text)))
	}
	return strings.Join(l, ", ")
}

// readBuild is the revision that a program was built from.
func readBuild(binary string) (string, error) {
	path, err := filepath.Abs(binary)
	if err != nil {
		return "", err
	}
	out, err := exec.Command("go", "version", "-m", path).Output()
	if err != nil {
		return "", err
	}
	_, rest, ok := strings.Cut(string(out), "\n")
	if !ok {
		return "", errors.New("no build information")
	}
	info, err := debug.ParseBuildInfo(rest)
	if err != nil {
		return "", err
	}
	revision, changed := "", ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value
		case "vcs.modified":
			if s.Value == "true" {
				changed = " with changes"
			}
		}
	}
	if revision == "" {
		return "", errors.New("no revision")
	}
	return revision + changed, nil
}
