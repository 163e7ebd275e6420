// Package logging makes the program's go-kit logger, and hands it to libraries
// that want log/slog.
package logging

import (
	"fmt"
	"io"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// New makes a logger that writes one line per entry to w, stamped with the
// time in UTC. The level is debug, info, warn or error; the format logfmt or
// json. It is safe for concurrent use.
func New(w io.Writer, lvl, format string) (log.Logger, error) {
	allowed, err := level.Parse(lvl)
	if err != nil {
		return nil, fmt.Errorf("log level %q: %w", lvl, err)
	}
	var logger log.Logger
	switch format {
	case "logfmt":
		logger = log.NewLogfmtLogger(log.NewSyncWriter(w))
	case "json":
		logger = log.NewJSONLogger(log.NewSyncWriter(w))
	default:
		return nil, fmt.Errorf("log format %q: neither logfmt nor json", format)
	}
	return log.With(level.NewFilter(logger, level.Allow(allowed)), "ts", log.DefaultTimestampUTC), nil
}
