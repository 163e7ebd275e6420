package cli

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// timeFlag is a time as a flag has it: a time, or an age that is resolved when
// the clock to measure it by is known. The zero value is now.
type timeFlag struct {
	at  time.Time     // zero: ago counts
	ago time.Duration // whole seconds
}

// unix gives the time in unix seconds, ages before now.
func (m timeFlag) unix(now time.Time) int64 {
	if !m.at.IsZero() {
		return m.at.Unix()
	}
	return now.Add(-m.ago).Unix()
}

// milliseconds begin where unix seconds would be the year 5138.
const milliseconds = 100_000_000_000

// parseTime reads RFC 3339, unix seconds, an age such as 30d, or now.
// Fractions of a second are cut off.
func parseTime(s string) (timeFlag, error) {
	s = strings.TrimSpace(s)
	if s == "now" {
		return timeFlag{}, nil
	}
	if unix, err := strconv.ParseInt(s, 10, 64); err == nil {
		switch {
		case unix >= milliseconds:
			return timeFlag{}, errors.New("must be in seconds, not in milliseconds")
		case unix <= 0:
			return timeFlag{}, errors.New("must be a time after 1970")
		}
		return timeFlag{at: time.Unix(unix, 0).UTC()}, nil
	}
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		if at.Unix() <= 0 || at.Unix() >= milliseconds {
			return timeFlag{}, errors.New("must be a time after 1970")
		}
		return timeFlag{at: at.UTC().Truncate(time.Second)}, nil
	}
	if ago, err := model.ParseDuration(s); err == nil {
		return timeFlag{ago: time.Duration(ago).Truncate(time.Second)}, nil
	}
	return timeFlag{}, errors.New("must be a time such as 2026-01-31T18:00:00Z, unix seconds, or an age such as 30d")
}
