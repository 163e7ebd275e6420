package config

import (
	"errors"
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
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
