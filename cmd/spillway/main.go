// Command spillway is the server: flags, configuration, wiring and shutdown. What it wires is in internal.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // named time zones on machines without a zone database
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

const usage = `Usage: spillway serve [flags]     start the server
       spillway version           print the version
       spillway serve -h          list the flags
`

// run is main without the process: it returns the exit status, 0 after a graceful shutdown.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(errs, usage)
		return 2
	}
	switch args[0] {
	case "serve":
		c, err := parseConfig(args[1:], errs)
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		if err != nil {
			fmt.Fprintln(errs, "spillway:", err)
			return 2
		}
		if err := serve(ctx, c, out); err != nil {
			fmt.Fprintln(errs, "spillway:", err)
			return 1
		}
		return 0
	case "version", "-V", "--version":
		fmt.Fprintln(out, "spillway", version)
		return 0
	case "help", "-h", "--help":
		fmt.Fprint(out, usage)
		return 0
	}
	fmt.Fprintf(errs, "spillway: unknown command %q\n%s", args[0], usage)
	return 2
}
