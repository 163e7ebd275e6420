package cli

import (
	"context"

	"github.com/alecthomas/kingpin/v2"
	"github.com/go-kit/log/level"
)

func newServe(app *kingpin.Application) command {
	clause := app.Command("serve", "Poll the applications and serve their metrics.").Default()
	return command{clause, serve}
}

func serve(ctx context.Context, s *session) error {
	logger, err := s.logger()
	if err != nil {
		return err
	}
	settings, err := s.settings()
	if err != nil {
		return err
	}
	if err := s.checkWeb(); err != nil {
		return err
	}
	targets, err := s.targets()
	if err != nil {
		return err
	}
	e := &exporter{flags: s.flags, logger: logger, settings: settings, targets: targets}
	if s.configFile != "" || s.holidaysFile != "" {
		e.load = s.targets
	}
	if s.configFile != "" {
		if s.set("app") {
			level.Warn(logger).Log("msg", s.origin("app")+" has no effect on serve with --config.file")
		}
	}
	return e.run(ctx)
}
