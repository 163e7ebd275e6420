package backfill

import (
	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
)

// activities are the families of the collector activity that have a past. Each
// series is there or absent as in the live exporter.
func activities() []family {
	out := []family{{
		name: "connectycube_activity_holiday",
		help: "1 on a listed holiday, local time, when nothing is judged; else 0.",
		series: []series{{
			endpoint: chatapi.Messages,
			sample: func(c *counts, t int64) (float64, bool) {
				switch v := c.verdicts.at(t); {
				case v == nil:
					return 0, false
				case v.Holiday:
					return 1, true
				}
				return 0, true
			},
		}},
	}}
	for _, f := range []struct {
		name, help string
		of         func(t int64, w *activity.WindowVerdict) (float64, bool)
	}{
		{
			"messages", "Messages that still exist, created in the window that ends then.",
			func(_ int64, w *activity.WindowVerdict) (float64, bool) { return float64(w.Messages), w.Counted },
		},
		{
			"expected_messages", "Messages that were normal for the window: the median of the same local time in the weeks before, corrected for the trend.",
			func(_ int64, w *activity.WindowVerdict) (float64, bool) { return w.Expected, w.Samples > 0 },
		},
		{
			"lower_bound_messages", "At or below it, messages were fewer than half of what was normal, and further below than hours like this one strayed. -1: cannot be judged.",
			func(_ int64, w *activity.WindowVerdict) (float64, bool) { return float64(w.Bound), true },
		},
		{
			"drop_score", "How many spreads of hours like this one the messages lay below the expected, on the square-root scale.",
			func(_ int64, w *activity.WindowVerdict) (float64, bool) { return w.Score, w.Judged },
		},
		{
			"baseline_samples", "Weeks before that the expected messages come from.",
			func(_ int64, w *activity.WindowVerdict) (float64, bool) { return float64(w.Samples), true },
		},
		{
			"dispersion_ratio", "Variance of hours like this one over that of a Poisson count.",
			func(_ int64, w *activity.WindowVerdict) (float64, bool) { return w.Dispersion, w.Judged },
		},
		{
			"window_end_timestamp_seconds", "End of the window that the values of this label window are for, in unix seconds.",
			func(t int64, _ *activity.WindowVerdict) (float64, bool) { return float64(t), true },
		},
	} {
		judged := family{name: "connectycube_activity_" + f.name, help: f.help, label: "window"}
		for i, w := range activity.Windows {
			judged.series = append(judged.series, series{
				value: w.Label, endpoint: chatapi.Messages,
				sample: func(c *counts, t int64) (float64, bool) {
					v := c.verdicts.at(t)
					if v == nil {
						return 0, false
					}
					return f.of(t, &v.Windows[i])
				},
			})
		}
		out = append(out, judged)
	}
	return out
}
