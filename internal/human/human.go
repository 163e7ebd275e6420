// Package human writes numbers, times and settings for people to read.
package human

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/collector"
)

// Unknown stands where a number would, if it were known.
const Unknown = "–"

const thinSpace = "\u202f" // narrow and no-break

// Value writes a count that may not be known.
func Value(v collector.Value) string {
	if !v.Known {
		return Unknown
	}
	return Count(v.N)
}

// Count writes n, long numbers in groups of three digits.
func Count(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "−", s[1:]
	}
	if len(s) < 5 {
		return sign + s
	}
	var b strings.Builder
	for i, digit := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteString(thinSpace)
		}
		b.WriteRune(digit)
	}
	return sign + b.String()
}

// Ago says how long before now t was.
func Ago(now, t time.Time) string {
	switch d := now.Sub(t); {
	case t.IsZero():
		return "never"
	case d < time.Second:
		return "just now"
	default:
		return span(d) + " ago"
	}
}

// Until says how long after now t is.
func Until(now, t time.Time) string {
	switch d := t.Sub(now); {
	case t.IsZero():
		return Unknown
	case d < time.Second:
		return "now"
	default:
		return "in " + span(d)
	}
}

// span writes d with its two largest units at most.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min %02d s", d/time.Minute, d%time.Minute/time.Second)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %02d min", d/time.Hour, d%time.Hour/time.Minute)
	default:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
}

// Took writes how long something lasted.
func Took(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "< 1 ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	default:
		return span(d)
	}
}

// Percent writes a share of 1, and never rounds up to all of it.
func Percent(share float64) string {
	return strconv.Itoa(int(math.Floor(100*share))) + " %"
}

// Skew compares the API's clock with this machine's.
func Skew(s collector.Status) string {
	switch {
	case !s.ClockKnown:
		return "not known"
	case s.ClockSkew == 0:
		return "in step"
	case s.ClockSkew > 0:
		return Took(s.ClockSkew) + " ahead"
	default:
		return Took(-s.ClockSkew) + " behind"
	}
}

// Rate writes a rate limit; +Inf is none.
func Rate(perSecond float64) string {
	if math.IsInf(perSecond, 1) {
		return "none"
	}
	return strconv.FormatFloat(perSecond, 'g', 3, 64) + " per second"
}
