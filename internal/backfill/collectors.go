package backfill

import "slices"

// The collectors whose gauges have a past.
const (
	collectorTotals   = "totals"
	collectorWindows  = "windows"
	collectorActivity = "activity"
)

// fillable are the collectors of a configuration whose gauges have a past.
func (c Config) fillable() (out []string) {
	for _, name := range []string{collectorTotals, collectorWindows, collectorActivity} {
		if c.Collectors == nil || slices.Contains(c.Collectors, name) {
			out = append(out, name)
		}
	}
	return out
}

func (c Config) fills(name string) bool { return slices.Contains(c.fillable(), name) }

// CheckCollectors tells whether any of the collectors has a past.
func CheckCollectors(names []string) error {
	if (Config{Collectors: names}).fillable() == nil {
		return usagef("only the collectors %s, %s and %s have a past, and all are switched off", collectorTotals, collectorWindows, collectorActivity)
	}
	return nil
}
