package human

import (
	"math"
	"testing"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/collector"
)

func TestFormats(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct{ got, want string }{
		{Count(0), "0"},
		{Count(-1234), "−1234"},
		{Count(9999), "9999"},
		{Count(10000), "10\u202f000"},
		{Count(-1234567), "−1\u202f234\u202f567"},
		{Value(collector.Value{}), "–"},
		{Value(collector.Value{Known: true}), "0"},
		{Ago(noon, time.Time{}), "never"},
		{Ago(noon, noon.Add(time.Minute)), "just now"},
		{Ago(noon, noon.Add(-3661*time.Second)), "1 h 01 min ago"},
		{Ago(noon, noon.Add(-47*time.Hour)), "47 h 00 min ago"},
		{Ago(noon, noon.Add(-49*time.Hour)), "2 days ago"},
		{Until(noon, time.Time{}), "–"},
		{Until(noon, noon.Add(-time.Hour)), "now"},
		{Until(noon, noon.Add(59*time.Second)), "in 59 s"},
		{Took(time.Microsecond), "< 1 ms"},
		{Took(999 * time.Millisecond), "999 ms"},
		{Took(59 * time.Second), "59.0 s"},
		{Took(90 * time.Second), "1 min 30 s"},
		{Percent(0.9999), "99 %"},
		{Skew(collector.Status{ClockKnown: true}), "in step"},
		{Skew(collector.Status{ClockKnown: true, ClockSkew: time.Minute}), "1 min 00 s ahead"},
		{Rate(0.25), "0.25 per second"},
		{Rate(math.Inf(1)), "none"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
