package collector_test

import (
	"strings"
	"testing"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/collector"
)

func TestParseWindows(t *testing.T) {
	for list, want := range map[string][]collector.Window{
		"15m,1h,6h,1d,7d,30d": {
			{Label: "15m", Length: 15 * time.Minute}, {Label: "1h", Length: time.Hour}, {Label: "6h", Length: 6 * time.Hour},
			{Label: "1d", Length: 24 * time.Hour}, {Label: "7d", Length: 7 * 24 * time.Hour}, {Label: "30d", Length: 30 * 24 * time.Hour},
		},
		" 90m , 1d": {{Label: "90m", Length: 90 * time.Minute}, {Label: "1d", Length: 24 * time.Hour}},
		"1h30m":     {{Label: "1h30m", Length: 90 * time.Minute}},
	} {
		got, err := collector.ParseWindows(list)
		if err != nil || len(got) != len(want) {
			t.Errorf("%q: %v, %v", list, got, err)
			continue
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%q: item %d is %+v, not %+v", list, i, got[i], want[i])
			}
		}
	}
	for list, want := range map[string]string{
		"":            `"" is not a window`,
		"1h,,6h":      `"" is not a window`,
		"1h,soon":     `"soon" is not a window`,
		"0s":          `"0s" is not between`,
		"500ms":       `"500ms" is not between`,
		"-1h":         `"-1h" is not a window`,
		"60m,1h":      `"1h" is given twice (as "60m" before)`,
		"1000000d":    `is not`,
		"1h,1h":       `"1h" is given twice`,
		manyWindows(): "more than 24 windows",
	} {
		if got, err := collector.ParseWindows(list); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v; want an error about %s", list, got, err, want)
		}
	}
}

func manyWindows() string {
	var items []string
	for n := 2; n < 30; n++ {
		items = append(items, (time.Duration(n) * time.Second).String())
	}
	return strings.Join(items, ",")
}
