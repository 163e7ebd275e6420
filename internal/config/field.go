package config

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
)

// field is one value of the file, and the line it stands in: 0 when it is
// not set.
type field[T any] struct {
	Value T
	Line  int
	err   error
}

// UnmarshalYAML keeps the error, so that the rest of the file is read too.
func (f *field[T]) UnmarshalYAML(node *yaml.Node) error {
	f.Line = node.Line
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	dates, list := any(&f.Value).(*[]string)
	if list {
		*dates, f.err = dateList(node)
		return nil
	}
	if node.Kind != yaml.ScalarNode {
		f.err = errors.New("must be a single value")
		return nil
	}
	switch v := any(&f.Value).(type) {
	case *string:
		*v = node.Value
	case *duration:
		f.err = v.Set(node.Value)
	case *float64:
		if node.Decode(v) != nil {
			f.err = errors.New("must be a number")
		}
	case *int:
		// Decode alone would cut the fraction off.
		if node.ShortTag() != "!!int" || node.Decode(v) != nil {
			f.err = errors.New("must be a whole number")
		}
	}
	return nil
}

// dateList reads a list of dates.
func dateList(node *yaml.Node) ([]string, error) {
	if node.Kind != yaml.SequenceNode {
		return nil, errors.New("must be a list of dates such as [2026-12-25]")
	}
	var out []string
	for _, item := range node.Content {
		if item.Kind == yaml.AliasNode {
			item = item.Alias
		}
		if err := activity.CheckHoliday(item.Value); err != nil {
			return nil, fmt.Errorf("line %d: each %w", item.Line, err)
		}
		out = append(out, item.Value)
	}
	return out, nil
}

// Holidays reads a file of one date a line.
func Holidays(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the file of holidays: %w", err)
	}
	dates, err := activity.ParseHolidays(string(text))
	if err != nil {
		return nil, fmt.Errorf("file of holidays %s: %w", path, err)
	}
	return dates, nil
}

// CheckTimeZone tells whether s names a time zone.
func CheckTimeZone(s string) error {
	if _, err := time.LoadLocation(s); err != nil || s == "Local" || strings.TrimSpace(s) == "" {
		return errors.New("must be the name of a time zone, such as Europe/Kyiv or UTC")
	}
	return nil
}

// duration reads durations as Prometheus spells them.
type duration struct{ time.Duration }

func (d *duration) Set(s string) (err error) {
	d.Duration, err = ParseDuration(s)
	return err
}

// ParseDuration reads a duration as Prometheus spells it: 90s, 1m30s, 30d.
func ParseDuration(s string) (time.Duration, error) {
	d, err := model.ParseDuration(strings.TrimSpace(s))
	if err != nil {
		return 0, errors.New("must be a duration such as 500ms, 10s or 1h30m")
	}
	return time.Duration(d), nil
}

// CheckName tells whether s can be the value of the label application.
func CheckName(s string) error {
	switch {
	case strings.TrimSpace(s) == "":
		return errors.New("must not be empty")
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return errors.New("must be text without control characters")
	default:
		return nil
	}
}

// CheckTimeout tells whether d can limit one request.
func CheckTimeout(d time.Duration) error {
	switch {
	case d <= 0:
		return errors.New("must be above 0")
	case d > time.Hour:
		return errors.New("must be at most 1h")
	}
	return nil
}

// CheckRateLimit tells whether f is a number of requests per second; 0 means
// that there is no limit.
func CheckRateLimit(f float64) error {
	switch {
	case !(f >= 0) || math.IsInf(f, 0):
		return errors.New("must be 0 (no limit) or a number above it")
	case f > 0 && f < 0.001:
		return errors.New("must be at least 0.001 requests per second, or 0 (no limit)")
	}
	return nil
}

// CheckConcurrency tells whether n requests can be in flight.
func CheckConcurrency(n int) error {
	if n < 1 {
		return errors.New("must be 1 or more")
	}
	return nil
}

func checkSet(s string) error {
	if strings.TrimSpace(s) == "" {
		return errors.New("must not be empty")
	}
	return nil
}
