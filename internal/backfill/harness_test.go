package backfill_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/log"
	"go.uber.org/goleak"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
	"github.com/connectycube-exporter/connectycube_exporter/internal/backfill"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// config fills the month before three hours ago from a sandbox, hour by hour.
func config(t *testing.T, api *chatapitest.Server) backfill.Config {
	t.Helper()
	return backfill.Config{
		Target: collector.Target{
			Name: "shop", URL: "https://sandbox.invalid", Key: chatapi.NewSecret(api.Key()),
			Timeout: 10 * time.Second, Concurrency: 4, Transport: api.Transport(),
		},
		Windows: windows(t, "15m,1h,6h,1d,7d,30d"),
		From:    backfill.Bound{Ago: 30 * 24 * 3600},
		Step:    time.Hour,
		Logger:  log.NewNopLogger(),
	}
}

func windows(t *testing.T, list string) []collector.Window {
	t.Helper()
	w, err := collector.ParseWindows(list)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// result is a run that was finished.
type result struct {
	text     string
	manifest backfill.Manifest
	grid     backfill.Grid
	notes    []string
	estimate backfill.Estimate
	requests int64
}

// fill runs to the end.
func fill(t *testing.T, cfg backfill.Config) result {
	t.Helper()
	out, err := try(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func try(ctx context.Context, cfg backfill.Config) (out result, err error) {
	run, err := backfill.Prepare(ctx, cfg)
	if err != nil {
		return out, err
	}
	defer run.Close()
	out.grid, out.notes, out.estimate = run.Grid(), run.Notes(), run.Estimate()
	if err := run.Count(ctx); err != nil {
		return out, err
	}
	var text bytes.Buffer
	if out.manifest, err = run.Write(&text); err != nil {
		return out, err
	}
	p := run.Progress()
	if p.Done != p.Bins {
		return out, fmt.Errorf("%d of %d bins are done at the end", p.Done, p.Bins)
	}
	out.text, out.requests = text.String(), p.Requests
	return out, run.Finish()
}

// samples are those of a file: by series, by time.
type samples map[string]map[int64]float64

// without leaves out the families whose names begin like that.
func (s samples) without(prefix string) samples {
	for name := range s {
		if strings.HasPrefix(name, prefix) {
			delete(s, name)
		}
	}
	return s
}

var sampleLine = regexp.MustCompile(`^([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)+\}) (-?[0-9.]+(?:e[+-][0-9]+)?) ([0-9]+)$`)

// parse reads a file as strictly as promtool should: what it accepts in silence
// is refused here.
func parse(t *testing.T, text string) samples {
	t.Helper()
	body, ended := strings.CutSuffix(text, "# EOF\n")
	if !ended || strings.Contains(body, "# EOF") || strings.ContainsAny(body, "\r\x00") {
		t.Fatal("the end is not one # EOF in a line of its own")
	}
	out := samples{}
	var families, series []string
	var help string
	last := int64(0)
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "# HELP "); ok {
			help, _, _ = strings.Cut(name, " ")
			continue
		}
		if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
			if name != help+" gauge" {
				t.Fatalf("%q follows the help of %s", line, help)
			}
			if n := len(families); n > 0 && families[n-1] >= help {
				t.Fatalf("family %s after %s", help, families[n-1])
			}
			families, series = append(families, help), nil
			continue
		}
		m := sampleLine.FindStringSubmatch(line)
		if m == nil || m[1] != help {
			t.Fatalf("%q is no sample of %s", line, help)
		}
		name := m[1] + m[2]
		at, _ := strconv.ParseInt(m[4], 10, 64)
		if n := len(series); n == 0 || series[n-1] != name {
			if n > 0 && series[n-1] >= name {
				t.Fatalf("series %s after %s", name, series[n-1])
			}
			series, last = append(series, name), 0
			out[name] = map[int64]float64{}
		}
		if at <= last {
			t.Fatalf("%s: time %d after %d", name, at, last)
		}
		v, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			t.Fatal(line, err)
		}
		last, out[name][at] = at, v
	}
	for _, f := range families {
		if !slices.ContainsFunc(slices.Collect(keys(out)), func(s string) bool { return strings.HasPrefix(s, f+"{") }) {
			t.Errorf("the family %s has no sample", f)
		}
	}
	return out
}

func keys(s samples) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range s {
			if !yield(k) {
				return
			}
		}
	}
}

// truth is what the rows of the sandbox say that a file should hold.
func truth(rows *chatapitest.Truth, g backfill.Grid, windows []collector.Window) samples {
	out := judge(rows, g, judgment{})
	set := func(t int64, v float64, format string, args ...any) {
		name := "connectycube_" + fmt.Sprintf(format, args...)
		if out[name] == nil {
			out[name] = map[int64]float64{}
		}
		out[name][t] = v
	}
	types := map[int]string{1: "broadcast", 2: "group", 3: "private", 4: "public"}
	for t := g.First; t <= g.Last; t += g.Step {
		byType := map[string]int{"broadcast": 0, "group": 0, "private": 0, "public": 0, "other": 0}
		for _, d := range rows.Dialogs {
			if d.CreatedAt < t {
				label, ok := types[d.Type]
				if !ok {
					label = "other"
				}
				byType[label]++
			}
		}
		for label, n := range byType {
			set(t, float64(n), `dialogs{application="shop",dialog_type=%q}`, label)
		}
		dialogs, messages := rows.NewDialogs(0, t), rows.NewMessages(0, t)
		set(t, float64(messages), `messages{application="shop"}`)
		for _, w := range windows {
			length := int64(w.Length / time.Second)
			set(t, float64(t), `window_end_timestamp_seconds{application="shop",window=%q}`, w.Label)
			for _, list := range []struct {
				name       string
				total, new int
			}{{"dialogs", dialogs, rows.NewDialogs(t-length, t)}, {"messages", messages, rows.NewMessages(t-length, t)}} {
				set(t, float64(list.new), `new_%s{application="shop",window=%q}`, list.name, w.Label)
				set(t, float64(list.new)/float64(length), `%s_growth_per_second{application="shop",window=%q}`, list.name, w.Label)
				if list.total > list.new {
					set(t, float64(list.new)/float64(list.total-list.new), `%s_growth_ratio{application="shop",window=%q}`, list.name, w.Label)
				}
			}
		}
	}
	return out
}

// judgment is what verdicts depend on besides counts.
type judgment struct {
	weeks    int // 0: the default
	zone     *time.Location
	holidays []string
}

// judge is what a file should hold of activity: what a judge says who knows all
// five minutes of the past, and more of it than it needs. Every few times have a
// judge of their own, who has seen no other.
func judge(rows *chatapitest.Truth, g backfill.Grid, by judgment) samples {
	if by.weeks == 0 {
		by.weeks = activity.DefaultWeeks
	}
	if by.zone == nil {
		by.zone = time.UTC
	}
	calendar, err := activity.NewCalendar(by.zone, by.holidays)
	if err != nil {
		panic(err)
	}
	const bin, day = activity.BinSeconds, 24 * 3600
	bins := map[int64]int64{}
	for _, m := range rows.Messages {
		bins[activity.Floor(m.CreatedAt, bin)]++
	}
	history := activity.NewHistory()
	for t := activity.Floor(g.First-int64(by.weeks*7+30)*day, day); t < g.Last; t += bin {
		history.SetBin(t, bins[t])
	}
	out := samples{}
	var judge *activity.Judge
	for t, n := g.First, 0; t <= g.Last; t += g.Step {
		if t%bin != 0 {
			continue
		}
		if n++; n%10 == 1 {
			judge = activity.NewJudge(history, calendar, by.weeks)
		}
		v := judge.At(t, 0)
		set := func(name string, v float64) {
			name = `connectycube_activity_` + name
			if out[name] == nil {
				out[name] = map[int64]float64{}
			}
			out[name][t] = v
		}
		holiday := 0.0
		if v.Holiday {
			holiday = 1
		}
		set(`holiday{application="shop"}`, holiday)
		for i, w := range activity.Windows {
			v, label := v.Windows[i], fmt.Sprintf(`{application="shop",window=%q}`, w.Label)
			set("messages"+label, float64(rows.NewMessages(t-w.Seconds, t)))
			set("lower_bound_messages"+label, float64(v.Bound))
			set("baseline_samples"+label, float64(v.Samples))
			set("window_end_timestamp_seconds"+label, float64(t))
			if v.Samples > 0 {
				set("expected_messages"+label, v.Expected)
			}
			if v.Judged {
				set("drop_score"+label, v.Score)
				set("dispersion_ratio"+label, v.Dispersion)
			}
		}
	}
	return out
}

// same compares two files sample by sample.
func same(t *testing.T, got, want samples) {
	t.Helper()
	wrong := 0
	complain := func(format string, args ...any) {
		t.Helper()
		if wrong++; wrong <= 10 {
			t.Errorf(format, args...)
		}
	}
	for name, values := range want {
		for at, v := range values {
			if w, ok := got[name][at]; !ok || w != v && !(strings.HasPrefix(name, "connectycube_activity_") && near(v, w)) {
				complain("%s at %d is %v (there: %t), the rows say %v", name, at, w, ok, v)
			}
		}
	}
	for name, values := range got {
		for at := range values {
			if _, ok := want[name][at]; !ok {
				complain("%s at %d should not be there", name, at)
			}
		}
	}
}

// near allows for sums of which more or less lies further back.
func near(v, w float64) bool { return math.Abs(v-w) <= 1e-9*max(1, math.Abs(v)) }

// countQuestions are the requests that count bins, with how often each was sent.
func countQuestions(requests []chatapitest.Request) map[string]int {
	out := map[string]int{}
	for _, r := range requests {
		if r.Query.Has("created_at[gte]") && !r.Query.Has("_id[gte]") {
			out[r.Endpoint+"?"+r.Query.Encode()]++
		}
	}
	return out
}

// after calls do with each request that counts bins, before it is sent.
type after struct {
	next http.RoundTripper
	n    atomic.Int64
	do   func(n int64, r *http.Request)
}

func (a *after) RoundTrip(r *http.Request) (*http.Response, error) {
	if q := r.URL.Query(); q.Has("created_at[gte]") && !q.Has("_id[gte]") {
		a.do(a.n.Add(1), r)
	}
	return a.next.RoundTrip(r)
}

// ascending gives the times in their order.
func ascending(values map[int64]float64) func(func(int64) bool) {
	var times []int64
	for at := range values {
		times = append(times, at)
	}
	slices.Sort(times)
	return slices.Values(times)
}
