package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/go-kit/log"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/internal/human"
)

// target is the one application that a command works on.
func (s *session) target() (collector.Target, error) {
	targets, err := s.targets()
	if err != nil {
		return collector.Target{}, err
	}
	if s.configFile != "" && s.set("app") {
		targets = slices.DeleteFunc(targets, func(t collector.Target) bool { return t.Name != s.application })
		if len(targets) == 0 {
			return collector.Target{}, usagef("%s is %q, of which the configuration file knows nothing", s.origin("app"), s.application)
		}
	}
	if len(targets) > 1 {
		return collector.Target{}, usagef("the configuration file names %d applications; pick one with --app", len(targets))
	}
	return targets[0], nil
}

// takes says how long so many requests take; empty: not worth saying.
func takes(requests int64, perSecond float64) string {
	if perSecond <= 0 {
		return ""
	}
	d := time.Duration(float64(requests) / perSecond * float64(time.Second))
	if d < 5*time.Second {
		return ""
	}
	return human.Took(d)
}

// interrupted puts the cause first where the user stopped the work.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted: %w", context.Cause(ctx))
	}
	return err
}

// shellWord quotes a path where the shell would take it apart.
func shellWord(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/._-+=:,@%", r)
	}) {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}

// newClient is the client of a command that works on one application.
func newClient(t collector.Target, set collector.Settings, logger log.Logger) (*chatapi.Client, error) {
	cfg, err := t.ClientConfig()
	if err != nil {
		return nil, err
	}
	cfg.UserAgent, cfg.Logger = set.UserAgent, logger
	return chatapi.New(cfg), nil
}
