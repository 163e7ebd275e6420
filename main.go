// Connectycube_exporter exports totals, windows and growth of the chat of
// ConnectyCube applications to Prometheus.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // for machines without a time zone database

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"

	"github.com/connectycube-exporter/connectycube_exporter/internal/cli"
)

func main() { os.Exit(run()) }

func run() int {
	// An argument that begins with @ is an argument, not the name of a file with
	// more of them. The switch is global to kingpin.
	kingpin.EnableFileExpansion = false

	// net/http tells the standard logger what a server sends unasked, and
	// repeats it: that may be people's messages.
	log.SetOutput(io.Discard)

	// Builds without linker flags know their version from the module.
	if info, ok := debug.ReadBuildInfo(); ok && version.Version == "" {
		version.Version = info.Main.Version
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	return cli.Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
}
