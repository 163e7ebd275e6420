package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/exporter-toolkit/web"
	webflag "github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
	"github.com/connectycube-exporter/connectycube_exporter/internal/config"
)

const (
	defaultAddress = ":10425"
	defaultURL     = "https://api.connectycube.com"
	keyVariable    = "CONNECTYCUBE_API_KEY"
)

// flags are those of the whole application: they work with every command, in
// any place, and each has an environment variable.
type flags struct {
	app   *kingpin.Application
	given map[string]*bool // on the command line

	configFile string

	application string
	apiURL      string
	keyFile     string
	timeout     time.Duration
	rateLimit   float64
	concurrency int

	pollInterval     time.Duration
	windows          string
	collectors       map[string]*bool
	scanInterval     time.Duration
	fullScanInterval time.Duration

	timeZone     string
	weeks        int
	holidaysFile string

	stateFile string

	web           *web.FlagConfig
	telemetryPath string
	lifecycle     bool
	pprof         bool

	logLevel, logFormat string
}

func newFlags(app *kingpin.Application) *flags {
	f := &flags{app: app, given: map[string]*bool{}, collectors: map[string]*bool{}}

	f.text(&f.configFile, "config.file", "YAML file that names several applications. Reloaded on SIGHUP.").PlaceHolder("FILE")
	f.text(&f.application, "app", "Value of the label application. With --config.file, the one that check, export, dialog, backfill and backtest work on.").Default("default")
	f.text(&f.apiURL, "api.url", "Base URL of the API.").Default(defaultURL)
	f.text(&f.keyFile, "api.key-file", "File that holds the administration API key. Without it, the key is taken from $"+keyVariable+".").PlaceHolder("FILE")
	f.duration(&f.timeout, "api.timeout", "Timeout of one API request.").Default("10s")
	f.number(&f.rateLimit, "api.rate-limit", "API requests per second and application. 0 lifts the limit.").Default("2")
	f.whole(&f.concurrency, "api.concurrency", "API requests in flight per application.").Default("4")

	f.duration(&f.pollInterval, "poll.interval", "Base interval between two polls, at least 1s.").Default("1m")
	f.text(&f.windows, "windows", "Windows to count in, separated by commas. The label window has them as they are spelled.").Default("15m,1h,6h,1d,7d,30d")
	for _, name := range collector.Names() {
		f.collectors[name] = new(bool)
		f.toggle(f.collectors[name], "collector."+name, "Poll for the collector "+name+".").Default("true")
	}
	f.duration(&f.scanInterval, "scan.interval", "Interval between two looks for dialogs that changed, at least 1s.").Default("5m")
	f.duration(&f.fullScanInterval, "scan.full-interval", "Time from the end of a scan of all dialogs to the next one.").Default("6h")
	f.text(&f.timeZone, "activity.time-zone", "Time zone in which days and weeks repeat, such as Europe/Kyiv.").Default("UTC")
	f.whole(&f.weeks, "activity.weeks", fmt.Sprintf("Past weeks to compare the messages of late with, %d to %d.", activity.LeastWeeks, activity.MostWeeks)).Default(strconv.Itoa(activity.DefaultWeeks))
	f.text(&f.holidaysFile, "activity.holidays-file", "File of days that are unlike others, one date such as 2026-12-25 a line. Reloaded on SIGHUP.").PlaceHolder("FILE")
	f.text(&f.stateFile, "state.file", "File in which scans, history and counters survive a restart. Without it they begin anew.").PlaceHolder("FILE")

	f.web = webflag.AddFlags(app, defaultAddress)
	for _, name := range []string{"web.listen-address", "web.config.file", "web.systemd-socket"} {
		if flag := app.GetFlag(name); flag != nil { // the socket is for Linux only
			f.register(name, flag)
		}
	}
	if flag := app.GetFlag("web.systemd-socket"); flag != nil {
		flag.SetValue(&boolValue{value[bool]{name: "web.systemd-socket", target: f.web.WebSystemdSocket, parse: parseBool}})
	}
	f.text(&f.telemetryPath, "web.telemetry-path", "Path of the metrics.").Default("/metrics")
	f.toggle(&f.lifecycle, "web.enable-lifecycle", "Reload the configuration on POST /-/reload.")
	f.toggle(&f.pprof, "web.enable-pprof", "Serve Go profiles under /debug/pprof/.")

	f.choice(&f.logLevel, "log.level", "Least level of the messages that are logged.", "debug", "info", "warn", "error").Default("info")
	f.choice(&f.logFormat, "log.format", "Format of log messages.", "logfmt", "json").Default("logfmt")
	return f
}

// register gives a flag its environment variable, and notes whether the flag
// was given.
func (f *flags) register(name string, flag *kingpin.FlagClause) *kingpin.FlagClause {
	f.given[name] = new(bool)
	return flag.Envar(envName(name)).IsSetByUser(f.given[name])
}

// envName is the environment variable of a flag.
func envName(flag string) string {
	return strings.ToUpper(Name + "_" + strings.NewReplacer(".", "_", "-", "_").Replace(flag))
}

// set tells whether the user gave the flag, in one way or the other.
func (f *flags) set(name string) bool {
	return *f.given[name] || os.Getenv(envName(name)) != ""
}

// origin names the flag, and the variable if the value came from there.
func (f *flags) origin(name string) string {
	if !*f.given[name] && os.Getenv(envName(name)) != "" {
		return fmt.Sprintf("--%s (from the environment variable %s)", name, envName(name))
	}
	return "--" + name
}

// wrong is the error for a flag whose value cannot be.
func (f *flags) wrong(name string, err error) error {
	return usagef("%s %w", f.origin(name), err)
}

// explain turns kingpin's errors into sentences that name the culprit.
func (f *flags) explain(err error) error {
	var bad *valueError
	if errors.As(err, &bad) {
		if _, ok := f.given[bad.flag]; ok {
			return fmt.Errorf("%s %w", f.origin(bad.flag), bad.error)
		}
		return fmt.Errorf("--%s %w", bad.flag, bad.error)
	}
	if name, ok := strings.CutPrefix(err.Error(), "must select a subcommand of '"); ok {
		return fmt.Errorf("the command %s needs one more word after it: %s", strings.Trim(name, "'"), strings.Join(f.subcommands(strings.Trim(name, "'")), ", "))
	}
	if word, ok := strings.CutPrefix(err.Error(), "unexpected "); ok {
		err = fmt.Errorf("unexpected argument %q: not a command", word)
	}
	return fmt.Errorf("%w (%s --help lists commands and flags)", err, Name)
}

// joined gives a flag and a lone dash after it as one argument: of the dash
// kingpin makes nothing.
func joined(args []string) (out []string) {
	for i := 0; i < len(args); i++ {
		if i+1 < len(args) && args[i+1] == "-" && strings.HasPrefix(args[i], "--") && len(args[i]) > 2 && !strings.Contains(args[i], "=") {
			out = append(out, args[i]+"=-")
			i++
			continue
		}
		out = append(out, args[i])
	}
	return out
}

// subcommands are the words that can follow a command.
func (f *flags) subcommands(name string) (words []string) {
	for _, c := range f.app.Model().Commands {
		if c.Name == name {
			for _, sub := range c.Commands {
				words = append(words, sub.Name)
			}
		}
	}
	return words
}

// checkValues finds a flag that lacks its value. kingpin loses the flag, and
// its place in the arguments, where there is a default command.
func checkValues(app *kingpin.ApplicationModel, args []string) error {
	flags := slices.Clone(app.Flags)
	for _, command := range app.FlattenedCommands() {
		flags = append(flags, command.Flags...)
	}
	for i, arg := range args {
		if arg == "--" {
			return nil
		}
		name, _ := strings.CutPrefix(arg, "--")
		wants := slices.ContainsFunc(flags, func(f *kingpin.FlagModel) bool { return f.Name == name && !f.IsBoolFlag() })
		if wants && name != arg && (i+1 == len(args) || len(args[i+1]) > 1 && args[i+1][0] == '-') {
			return usagef("--%s needs a value", name)
		}
	}
	return nil
}

func (f *flags) text(target *string, name, help string) *kingpin.FlagClause {
	flag := f.register(name, f.app.Flag(name, help))
	flag.StringVar(target)
	return flag
}

func (f *flags) duration(target *time.Duration, name, help string) *kingpin.FlagClause {
	flag := f.register(name, f.app.Flag(name, help))
	flag.SetValue(&value[time.Duration]{name: name, target: target, parse: config.ParseDuration})
	return flag
}

func (f *flags) number(target *float64, name, help string) *kingpin.FlagClause {
	flag := f.register(name, f.app.Flag(name, help))
	flag.SetValue(&value[float64]{name: name, target: target, parse: parseNumber})
	return flag
}

func (f *flags) whole(target *int, name, help string) *kingpin.FlagClause {
	flag := f.register(name, f.app.Flag(name, help))
	flag.SetValue(&value[int]{name: name, target: target, parse: parseWhole})
	return flag
}

func (f *flags) toggle(target *bool, name, help string) *kingpin.FlagClause {
	flag := f.register(name, f.app.Flag(name, help))
	flag.SetValue(&boolValue{value[bool]{name: name, target: target, parse: parseBool}})
	return flag
}

func (f *flags) choice(target *string, name, help string, choices ...string) *kingpin.FlagClause {
	flag := f.register(name, f.app.Flag(name, help+" One of "+strings.Join(choices, ", ")+"."))
	flag.SetValue(&value[string]{name: name, target: target, parse: oneOf(choices)})
	return flag.HintOptions(choices...)
}
