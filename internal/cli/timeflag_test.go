package cli

import (
	"strings"
	"testing"
	"time"
)

func TestTimesOfFlags(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"now":                       "2026-05-10T12:00:00Z",
		"0s":                        "2026-05-10T12:00:00Z",
		"30d":                       "2026-04-10T12:00:00Z",
		"1h30m":                     "2026-05-10T10:30:00Z",
		" 1d ":                      "2026-05-09T12:00:00Z",
		"1500ms":                    "2026-05-10T11:59:59Z",
		"1770000000":                "2026-02-02T02:40:00Z",
		"2026-01-31T18:00:00Z":      "2026-01-31T18:00:00Z",
		"2026-01-31T18:00:00+02:00": "2026-01-31T16:00:00Z",
		"2026-01-31T18:00:00.9Z":    "2026-01-31T18:00:00Z",
	} {
		at, err := parseTime(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := time.Unix(at.unix(now), 0).UTC().Format(time.RFC3339); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"":                     "must be a time such as",
		"yesterday":            "must be a time such as",
		"2026-01-31":           "must be a time such as",
		"2026-01-31T18:00:00":  "must be a time such as",
		"-30d":                 "must be a time such as",
		"1770000000000":        "must be in seconds, not in milliseconds",
		"-5":                   "must be a time after 1970",
		"1969-01-31T18:00:00Z": "must be a time after 1970",
	} {
		if _, err := parseTime(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
