package cli

import (
	"math"
	"strings"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
	"github.com/connectycube-exporter/connectycube_exporter/internal/backtest"
)

// The alerts that are judged, by activity.Kind: what people call them, and
// their names in the rules.
var alertNames = [...]struct{ plain, rule string }{
	activity.Silent: {"chat silent", "ConnectyCubeChatSilent"},
	activity.Drop:   {"message volume drop", "ConnectyCubeMessageVolumeDrop"},
}

// backtestJSON is what backtest --format=json prints. Its keys stay; others may
// be added. What is not known is null.
type backtestJSON struct {
	Version     string        `json:"version"`
	Application string        `json:"application"`
	URL         string        `json:"url"`
	From        time.Time     `json:"from"`
	To          time.Time     `json:"to"`
	TimeZone    string        `json:"time_zone"`
	Weeks       int           `json:"weeks"` // compared with
	Holidays    []string      `json:"holidays"`
	Alerts      []alertJSON   `json:"alerts"`  // in the order in which they began
	Summary     []summaryJSON `json:"summary"` // one of each alert
	Windows     []judgedJSON  `json:"windows"` // of the message volume drop

	HolidayRatio float64   `json:"holiday_ratio"` // share of the time on listed holidays, when nothing is judged
	Hours        hoursJSON `json:"hours"`
}

type alertJSON struct {
	Alert     string     `json:"alert"` // name of the rule
	Condition time.Time  `json:"condition_since"`
	Began     time.Time  `json:"began"`
	Ended     *time.Time `json:"ended"` // null: not before to
	Seconds   int64      `json:"seconds"`

	// The worst moment.
	At       time.Time `json:"at"`
	Window   *string   `json:"window"` // null: a silence
	Observed int64     `json:"observed_messages"`
	Expected float64   `json:"expected_messages"`
	Bound    float64   `json:"bound_messages"` // of a window the most, of a silence the least expected messages to fire
}

type summaryJSON struct {
	Alert       string     `json:"alert"`
	Alerts      int        `json:"alerts"`
	Per30Days   *float64   `json:"alerts_per_30_days"` // of time that could be judged; null: that was less than a day
	JudgedRatio float64    `json:"judged_ratio"`       // share of the time
	JudgedSince *time.Time `json:"judged_since"`       // null: never
}

type judgedJSON struct {
	Window      string     `json:"window"`
	JudgedRatio float64    `json:"judged_ratio"`
	JudgedSince *time.Time `json:"judged_since"`
}

type hoursJSON struct {
	All       int64 `json:"all"`
	Coarse    int64 `json:"not_looked_at_closer"` // taken as spread evenly
	Suspected int64 `json:"not_looked_at_closer_though_low"`
}

func newBacktestJSON(r *backtest.Result, t collector.Target) backtestJSON {
	out := backtestJSON{
		Version: programVersion(), Application: t.Name, URL: t.URL,
		From: activity.Time(r.From), To: activity.Time(r.To), TimeZone: zoneOf(t).String(), Weeks: r.Weeks,
		Holidays: []string{}, Alerts: []alertJSON{},
		HolidayRatio: share(r.Holidays, r.Times), Hours: hoursJSON{r.Hours, r.Coarse, r.Unlooked},
	}
	if t.Holidays != "" {
		out.Holidays = strings.Split(t.Holidays, ",")
	}
	for _, e := range r.Alerts {
		a := alertJSON{
			Alert: alertNames[e.Kind].rule, Condition: activity.Time(e.Since), Began: activity.Time(e.From), Ended: unixMoment(e.To),
			Seconds: until(e, r) - e.From, At: activity.Time(e.At), Observed: e.Messages, Expected: tenths(e.Expected), Bound: tenths(e.Bound),
		}
		if e.Window != "" {
			a.Window = &e.Window
		}
		out.Alerts = append(out.Alerts, a)
	}
	for k, s := range r.Kinds {
		sum := summaryJSON{Alert: alertNames[k].rule, Alerts: s.Alerts, JudgedRatio: share(s.Times, r.Times), JudgedSince: unixMoment(s.First)}
		if n, known := s.Per30Days(); known {
			n = math.Round(n*100) / 100
			sum.Per30Days = &n
		}
		out.Summary = append(out.Summary, sum)
	}
	for i, w := range r.Windows {
		out.Windows = append(out.Windows, judgedJSON{activity.Windows[i].Label, share(w.Times, r.Times), unixMoment(w.First)})
	}
	return out
}

// until is where an alert ended, or the time that was looked at.
func until(e activity.Episode, r *backtest.Result) int64 {
	if e.To == 0 {
		return r.To
	}
	return e.To
}

func unixMoment(unix int64) *time.Time {
	if unix == 0 {
		return nil
	}
	return moment(activity.Time(unix))
}

func share(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return math.Floor(float64(part)/float64(whole)*1000) / 1000
}

func tenths(n float64) float64 { return math.Round(n*10) / 10 }

// zoneOf is the time zone of an application, which was loaded before.
func zoneOf(t collector.Target) *time.Location {
	zone, err := time.LoadLocation(t.TimeZone)
	if err != nil {
		return time.UTC
	}
	return zone
}
