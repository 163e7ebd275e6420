package web

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"html/template"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
)

const hostile = `<script>alert("x")</script>'&` + "`"

func known(n int64) collector.Value { return collector.Value{N: n, Known: true} }

// full is an application for which everything is known.
func full(name string) collector.Status {
	return collector.Status{
		Name: name, URL: "https://api.connectycube.com", Up: true,
		ClockSkew: -1500 * time.Millisecond, ClockKnown: true, RateLimit: 2, Requests: 612,
		Dialogs:  []collector.TypeCount{{Type: "private", N: 1200}, {Type: "group", N: 34}},
		Messages: known(1234567), LastMessage: noon.Add(-75 * time.Second),
		Windows: []collector.WindowStatus{
			{
				Label: "15m", End: noon.Add(-5 * time.Second), NewDialogs: known(3), NewMessages: known(98),
				UpdatedDialogs: known(21), UpdatedMessages: known(120), ActiveDialogs: known(19),
			},
			{Label: "30d"},
		},
		Activity: &collector.ActivityStatus{
			At: noon.Add(-2 * time.Minute), Ready: 0.375, Holiday: true,
			Windows: []collector.ActivityWindow{
				{Label: "1h", WindowVerdict: activity.WindowVerdict{Messages: 12, Counted: true, Expected: 340.4, Samples: 6, Judged: true, Bound: 160}},
				{Label: "6h", WindowVerdict: activity.WindowVerdict{Messages: 2011, Counted: true, Expected: 2040, Samples: 6, Judged: true, Bound: 960}},
				{Label: "1d", WindowVerdict: activity.WindowVerdict{Bound: -1}},
			},
			Silence: activity.SilenceVerdict{Known: true, Expected: 83.7, Bound: 50},
		},
		Mutes: &collector.MuteStatus{
			Types: []collector.MuteCount{{Type: "group", Muted: 81, Mutes: 345, Deleted: 12, Deletions: 17, Members: 9876, Encrypted: 5, Unused: 6}},
			Users: 222, LastFull: noon.Add(-3 * time.Hour), Took: 61 * time.Minute, Rows: 65432, Missing: 3, Drift: 44,
		},
		Scan: &collector.ScanProgress{Rows: 54321, Ratio: 0.999, PerSecond: 98.25, Remaining: 90 * time.Minute},
		Filters: []collector.FilterStatus{
			{Endpoint: "dialogs", Filter: "created_at", State: "supported"},
			{Endpoint: "dialogs", Filter: "last_message_date_sent", State: "unsupported", Reason: "the API answers 422"},
		},
		Collectors: []collector.CollectorStatus{
			{Name: "totals", Attempted: true, Success: true, LastSuccess: noon.Add(-30 * time.Second), NextRun: noon.Add(30 * time.Second), Interval: time.Minute, Duration: 120 * time.Millisecond},
			{Name: "windows", Attempted: true, LastSuccess: noon.Add(-2 * time.Hour), NextRun: noon.Add(time.Minute), Interval: time.Minute, Duration: 3 * time.Second, Error: "1h: asking for dialogs: no complete answer in time"},
		},
		Polls: []collector.Poll{
			{Time: noon.Add(-3 * time.Second), Collector: "windows", Part: "1h", Duration: 3 * time.Second, Error: "asking for dialogs: no complete answer in time"},
			{Time: noon.Add(-9 * time.Second), Collector: "totals", Part: "messages", Duration: 80 * time.Millisecond},
		},
	}
}

func page(t *testing.T, target string, apps ...collector.Status) string {
	t.Helper()
	cfg := testConfig()
	cfg.Status = statuses(apps)
	code, body, _ := ask(t, New(cfg), "GET", target)
	if code != 200 {
		t.Fatalf("status %d", code)
	}
	return body
}

func TestStatusPageShowsAnApplication(t *testing.T) {
	t.Parallel()
	body := page(t, "/", full("shop"))
	for what, want := range map[string]string{
		"version":                  "Version 1.2.3",
		"link to the metrics":      `href="/metrics"`,
		"name":                     `<h2 id="app-1">shop`,
		"state":                    `<span class="state warn">up, in part</span>`,
		"URL":                      "https://api.connectycube.com",
		"sum of the dialogs":       "<dt>Dialogs</dt><dd>1234</dd>",
		"messages":                 "<dt>Messages</dt><dd>1\u202f234\u202f567</dd>",
		"age of the newest":        "1 min 15 s ago",
		"too few messages":         `<tr><th scope="row">1h</th><td class="n">12</td><td class="n">340</td><td class="n">160</td><td><span class="state bad">too few</span></td></tr>`,
		"enough messages":          `<td class="n">2011</td><td class="n">2040</td><td class="n">960</td><td><span class="state good">normal</span></td></tr>`,
		"a window not judged":      `<tr><th scope="row">1d</th><td class="n">–</td><td class="n">–</td><td class="n">–</td><td><span class="state wait">not judged</span></td></tr>`,
		"silence":                  `In the time since the newest message 84 messages are normal; 50 would be <span class="state bad">too many</span>.`,
		"the past being counted":   `<progress max="1" value="0.375"></progress> 37 %`,
		"holiday":                  "Today is a listed holiday: nothing is judged.",
		"requests":                 "<dt>API requests, last hour</dt><dd>612</dd>",
		"rate limit":               "2 per second",
		"clock":                    "1.5 s behind",
		"dialogs of a type":        `<td class="n">1200</td>`,
		"a window":                 `<th scope="row">15m</th><td class="n">98</td><td class="n">3</td><td class="n">19</td><td class="n">120</td><td class="n">21</td>`,
		"its age":                  "5 s ago",
		"a window not counted":     `<th scope="row">30d</th><td class="n">–</td>`,
		"last success":             "30 s ago",
		"mutes of a type":          `<th scope="row">group</th><td class="n">81</td><td class="n">345</td><td class="n">12</td><td class="n">17</td><td class="n">9876</td><td class="n">5</td><td class="n">6</td>`,
		"users who mute":           "222 users muted at least one dialog",
		"latest full scan":         `3 h 00 min ago</time>: 65` + "\u202f" + `432 dialogs in 1 h 01 min, <span class="state bad">3 missing</span>`,
		"drift":                    "found 44 dialogs with other mutes",
		"running full scan":        "99 %, 54\u202f321 dialogs, 98.2 a second, done in 1 h 30 min",
		"next run":                 "in 30 s",
		"error of a collector":     "1h: asking for dialogs: no complete answer in time",
		"a filter that is not one": `<code>last_message_date_sent</code> of dialogs: <span class="state bad">unsupported</span> the API answers 422`,
		"time of a poll":           "11:59:57</time>",
		"part of a poll":           "<td>messages</td>",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%s: %q is not in the page", what, want)
		}
	}
	if strings.Contains(body, "API requests, last hour</th>") {
		t.Error("one application alone needs no overview")
	}
}

func TestSeveralApplicationsGetAnOverview(t *testing.T) {
	t.Parallel()
	body := page(t, "/", full("shop"), full("support"))
	for _, want := range []string{`<a href="#app-1">shop</a>`, `<a href="#app-2">support</a>`, `<h2 id="app-2">support`} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is not in the page", want)
		}
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	totals := func(attempted, success bool) []collector.CollectorStatus {
		return []collector.CollectorStatus{{Name: "totals", Attempted: attempted, Success: success}}
	}
	for want, s := range map[string]collector.Status{
		"first poll pending": {Collectors: totals(false, false)},
		"down":               {Collectors: totals(true, false)},
		"up, in part":        {Collectors: totals(true, false), Up: true},
		"up":                 {Collectors: totals(true, true), Up: true},
	} {
		if got := newAppView(s, 0, noon).State; got != want {
			t.Errorf("%+v: %q, want %q", s, got, want)
		}
	}
}

func TestNothingKnownYet(t *testing.T) {
	t.Parallel()
	body := page(t, "/", collector.Status{
		Name: "shop", RateLimit: math.Inf(1), Paused: 90 * time.Second,
		Filters: []collector.FilterStatus{{Endpoint: "dialogs", Filter: "type", State: "unknown"}},
	})
	for _, want := range []string{"<dt>Messages</dt><dd>–</dd>", "<dt>API clock</dt><dd>not known</dd>", "<dt>Rate limit</dt><dd>none</dd>", "requests go on in 1 min 30 s", "None is proven yet"} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is not in the page", want)
		}
	}
	if none := page(t, "/"); !strings.Contains(none, "No application is being polled yet") {
		t.Error("the page without applications does not say so")
	}
}

func TestAllTextIsEscaped(t *testing.T) {
	t.Parallel()
	s := full(hostile)
	s.URL = hostile
	s.Dialogs[0].Type, s.Windows[0].Label = hostile, hostile
	s.Filters[1] = collector.FilterStatus{Endpoint: hostile, Filter: hostile, State: hostile, Reason: hostile}
	s.Collectors[1].Name, s.Collectors[1].Error = hostile, hostile
	s.Polls[0] = collector.Poll{Collector: hostile, Part: hostile, Error: hostile}
	cfg := testConfig()
	cfg.Status, cfg.Version, cfg.Notice = statuses{s, s}, hostile, hostile
	_, body, _ := ask(t, New(cfg), "GET", "/?refresh="+`"><script>`)
	if strings.Contains(body, "<script") || strings.Contains(body, "alert(\"") {
		t.Error("text came through as markup")
	}
	if !strings.Contains(body, "&lt;script&gt;") {
		t.Error("the text is not there at all")
	}
}

// The page works under its own policy: the one style it has is the one whose
// hash is allowed, and it asks for nothing else.
func TestPolicyAllowsTheStyleOnly(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	cfg.Status = statuses{full("shop")}
	_, body, header := ask(t, New(cfg), "GET", "/")
	_, rest, _ := strings.Cut(body, "<style>")
	style, _, found := strings.Cut(rest, "</style>")
	if !found {
		t.Fatal("no style")
	}
	hash := sha256.Sum256([]byte(style))
	policy := header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "style-src 'sha256-"+base64.StdEncoding.EncodeToString(hash[:])+"'") {
		t.Errorf("the style's hash is not in %q", policy)
	}
	for _, not := range []string{"<script", " style=", " onclick", "src=", "@import", "url(", "javascript:"} {
		if strings.Contains(body, not) {
			t.Errorf("%q is in the page", not)
		}
	}
}

func TestPageRefreshesOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"/":                "",
		"/?refresh=5":      `<meta http-equiv="refresh" content="5">`,
		"/?refresh=0":      "",
		"/?refresh=-1":     "",
		"/?refresh=999999": "",
		"/?refresh=a":      "",
	} {
		body := page(t, target)
		if got := strings.Contains(body, "http-equiv"); got != (want != "") || !strings.Contains(body, want) {
			t.Errorf("%s: refreshes: %t, want %q", target, got, want)
		}
	}
}

// Tables are wide and phones are not: each table scrolls in its own box.
func TestMarkup(t *testing.T) {
	t.Parallel()
	body := page(t, "/", full("shop"), full("support"))
	if n, m := strings.Count(body, "<table"), strings.Count(body, `<div class="scroll"`); n == 0 || n != m {
		t.Errorf("%d tables in %d boxes", n, m)
	}
	dec := xml.NewDecoder(strings.NewReader(body))
	dec.Strict, dec.AutoClose, dec.Entity = false, []string{"meta", "link"}, xml.HTMLEntity
	var open []string
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			open = append(open, token.Name.Local)
		case xml.EndElement:
			if last := open[len(open)-1]; last != token.Name.Local {
				t.Fatalf("<%s> is closed by </%s>", last, token.Name.Local)
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		t.Errorf("left open: %v", open)
	}
}

// A template that fails half-way must not leave half a page with status 200.
func TestPageIsMadeBeforeItIsSent(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	p := newStatusPage(cfg)
	p.tmpl = template500(t)
	code, body, _ := ask(t, http.HandlerFunc(p.ServeHTTP), "GET", "/")
	if code != http.StatusInternalServerError || strings.Contains(body, "begin") {
		t.Errorf("%d %q", code, body)
	}
}

func template500(t *testing.T) *template.Template {
	t.Helper()
	tmpl, err := template.New("status").Parse("begin {{.NoSuchField}}")
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}
