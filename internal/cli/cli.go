// Package cli is the command line: flags, commands and exit codes. Each
// command is one file.
package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kingpin/v2"
	"github.com/go-kit/log"
	"github.com/prometheus/common/version"

	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/internal/logging"
)

// Name of the program.
const Name = "connectycube_exporter"

const about = "Exports totals, windows and growth of the chat of ConnectyCube applications to Prometheus.\n\n" +
	"Without a command it serves. `" + Name + " demo` shows it on generated data, with no key."

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1 // the work failed
	exitUsage  = 2 // wrong usage or configuration
)

// usageError is what the user must put right before the program can work.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// errReported ends a command that has already shown what failed.
var errReported = errors.New("already reported")

// command is one of the program's commands.
type command struct {
	clause *kingpin.CmdClause
	run    func(context.Context, *session) error
}

// session is what a command works with.
type session struct {
	*flags
	stdout, stderr io.Writer
}

// logger logs to standard error at the level of --log.level.
func (s *session) logger() (log.Logger, error) {
	return logging.New(s.stderr, s.logLevel, s.logFormat)
}

// prepare gives what a command needs whose result says what went wrong: unless
// the user wants it otherwise, only errors are logged.
func (s *session) prepare() (log.Logger, collector.Settings, error) {
	if !s.set("log.level") {
		s.logLevel = "error"
	}
	logger, err := s.logger()
	if err != nil {
		return nil, collector.Settings{}, err
	}
	settings, err := s.settings()
	return logger, settings, err
}

// Run runs the program until it is done or ctx ends, and returns its exit
// code. args are without the program's name. Flags may also come from the
// environment of the process.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	app, flags, commands := newApplication()
	ended := false // by --help, --version or the command help
	app.Terminate(func(int) { ended = true })
	app.UsageWriter(stdout).ErrorWriter(stderr)
	args = joined(args)
	selected, err := app.Parse(args)
	if ended {
		return exitDone
	}
	switch lacking := checkValues(app.Model(), args); {
	case lacking != nil:
		err = lacking
	case err != nil:
		err = usageError{flags.explain(err)}
	default:
		err = run(ctx, commands, selected, &session{flags, stdout, stderr})
	}
	return report(err, stderr)
}

// report shows the error to the user and gives its exit code.
func report(err error, stderr io.Writer) int {
	if err == nil {
		return exitDone
	}
	if !errors.Is(err, errReported) {
		fmt.Fprintf(stderr, "%s: %v\n", Name, err)
	}
	var usage usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

func newApplication() (*kingpin.Application, *flags, []command) {
	app := kingpin.New(Name, about)
	app.HelpFlag.Short('h')
	app.Version(version.Print(Name))
	flags := newFlags(app)
	commands := []command{
		newServe(app),
		newDemo(app),
		newCheck(app),
		newHealthcheck(app),
		newBackfill(app),
		newBacktest(app),
	}
	commands = append(commands, newDialog(app)...)
	return app, flags, append(commands, newExport(app)...)
}

func run(ctx context.Context, commands []command, selected string, s *session) error {
	for _, c := range commands {
		if c.clause.FullCommand() == selected {
			return c.run(ctx, s)
		}
	}
	return fmt.Errorf("the command %q is not implemented", selected)
}

// programVersion is for log lines, pages and the User-Agent.
func programVersion() string { return cmp.Or(version.Version, "unknown") }
