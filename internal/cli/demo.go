package cli

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/collector"
)

const (
	demoInterval         = 5 * time.Second
	demoScanInterval     = 15 * time.Second
	demoFullScanInterval = 10 * time.Minute

	demoURL    = "https://sandbox.invalid" // never resolved: the sandbox is in the process
	demoNotice = "Generated data: this is the demo, with a sandbox in place of the API."
)

// demo serves the metrics of a sandbox API that lives in the process.
type demo struct {
	dialogs, messages, weeks int
	seed                     uint64
	rate                     float64
	apiAddress               string
}

func newDemo(app *kingpin.Application) command {
	d := &demo{}
	clause := app.Command("demo", "The same on generated data with live traffic: no key, no network.")
	clause.Flag("demo.dialogs", "Dialogs at the start.").Default("10000").
		SetValue(&value[int]{name: "demo.dialogs", target: &d.dialogs, parse: parseWhole})
	clause.Flag("demo.messages", "Messages at the start.").Default("500000").
		SetValue(&value[int]{name: "demo.messages", target: &d.messages, parse: parseWhole})
	clause.Flag("demo.weeks", "Weeks over which they are spread.").Default("13").
		SetValue(&value[int]{name: "demo.weeks", target: &d.weeks, parse: parseWhole})
	clause.Flag("demo.rate", "Live messages a second.").Default("0.2").
		SetValue(&value[float64]{name: "demo.rate", target: &d.rate, parse: parseNumber})
	clause.Flag("demo.seed", "Seed of the generated data.").Default("1").
		SetValue(&value[uint64]{name: "demo.seed", target: &d.seed, parse: parseSeed})
	clause.Flag("demo.api-listen-address", "Serve the sandbox API over plain http there, too, such as localhost:10426.").PlaceHolder("ADDR").
		SetValue(&value[string]{name: "demo.api-listen-address", target: &d.apiAddress, parse: parseAPIAddress})
	return command{clause, d.run}
}

func (d *demo) run(ctx context.Context, s *session) error {
	if err := d.check(s.flags); err != nil {
		return err
	}
	logger, err := s.logger()
	if err != nil {
		return err
	}
	if !s.set("poll.interval") {
		s.pollInterval = demoInterval
	}
	if !s.set("scan.interval") {
		s.scanInterval = demoScanInterval
	}
	if !s.set("scan.full-interval") {
		s.fullScanInterval = demoFullScanInterval
	}
	s.stateFile = "" // the environment's is for serve
	if !s.set("api.rate-limit") {
		s.rateLimit = 0
	}
	if !s.set("app") {
		s.application = "demo"
	}
	settings, err := s.settings()
	if err != nil {
		return err
	}
	if err := s.checkWeb(); err != nil {
		return err
	}
	target, err := s.base()
	if err != nil {
		return err
	}
	api, err := d.listenAPI()
	if err != nil {
		return err
	}
	sandbox := chatapitest.New(chatapitest.Config{
		Seed: d.seed, Dialogs: d.dialogs, Messages: d.messages, Weeks: d.weeks, Rate: d.rate, Key: chatapitest.DefaultKey,
	})
	target.URL, target.Key, target.Transport = demoURL, chatapi.NewSecret(chatapitest.DefaultKey), sandbox.Transport()

	ctx, stop := context.WithCancel(ctx)
	var traffic sync.WaitGroup
	defer traffic.Wait()
	defer stop()
	traffic.Go(func() { sandbox.Run(ctx) })
	if api != nil {
		defer serveAPI(api, sandbox, logger)()
	}
	e := &exporter{
		flags: s.flags, logger: logger, settings: settings, notice: demoNotice,
		targets: []collector.Target{target},
		serving: func(addresses []net.Addr) { d.welcome(s, addresses, api) },
	}
	return e.run(ctx)
}

func (d *demo) check(f *flags) error {
	for _, name := range []string{"config.file", "api.url", "api.key-file"} {
		if *f.given[name] {
			return usagef("--%s is not for demo, which has its own API inside", name)
		}
	}
	if *f.given["state.file"] {
		return usagef("--state.file is not for demo, whose data is made anew at each start")
	}
	for _, c := range []struct {
		flag string
		ok   bool
		want string
	}{
		{"demo.dialogs", d.dialogs >= 1, "must be 1 or more"},
		{"demo.messages", d.messages >= 0, "must be 0 or more"},
		{"demo.weeks", d.weeks >= 1 && d.weeks <= 520, "must be between 1 and 520"},
		{"demo.rate", d.rate >= 0 && d.rate <= 1000, "must be between 0 and 1000"},
	} {
		if !c.ok {
			return usagef("--%s %s", c.flag, c.want)
		}
	}
	return nil
}

// welcome says where to look and what to try.
func (d *demo) welcome(s *session, addresses []net.Addr, api net.Listener) {
	cfg, err := webConfig(*s.web.WebConfigFile)
	if err != nil || len(addresses) == 0 {
		return // the file was good a moment ago; the log has the addresses
	}
	root, err := rootURL(cfg, addresses[0].String(), "localhost")
	if err != nil {
		return
	}
	metrics := root + s.telemetryPath
	where, try := welcomeAPI(api)
	fmt.Fprintf(s.stdout, `
connectycube_exporter is showing a sandbox: %d dialogs, %d messages, %d weeks of history,
about %g new messages a second. All of it is generated, nothing leaves this process.

  Status page   %s/?refresh=5
  Metrics       %s
%s
Try:
  1. See the totals grow:      curl -s %s | grep '^connectycube_messages{'
  2. See the last 15 minutes:  curl -s %s | grep 'window="15m"'
  3. See what users muted:     curl -s %s | grep -E '^connectycube_(muted|muting|dialog_mutes)'
  4. Is it too quiet?          curl -s %s | grep '^connectycube_activity'
  5. Scrape it: point Prometheus at %s and graph connectycube_messages_growth_per_second
%s
Ctrl-C stops it.
`, d.dialogs, d.messages, d.weeks, d.rate, root, metrics, where, metrics, metrics, metrics, metrics, metrics, try)
}
