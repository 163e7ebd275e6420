package dashboards_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/connectycube-exporter/connectycube_exporter/internal/boards"
	"github.com/connectycube-exporter/connectycube_exporter/internal/exposed"
	"github.com/connectycube-exporter/connectycube_exporter/internal/nested"
)

// TestGenerate runs the tests of the generator, a module of its own: the boards
// are what it writes, and Prometheus' parser takes their queries.
func TestGenerate(t *testing.T) { nested.Test(t, "generate") }

func read(t *testing.T) []boards.Board {
	t.Helper()
	bs, err := boards.Read(".")
	if err != nil {
		t.Fatal(err)
	}
	return bs
}

const source = "${datasource}"

// TestBoardsCanBeProvisioned holds what Grafana 10 and later take as a file, and
// what links from elsewhere rely on.
func TestBoardsCanBeProvisioned(t *testing.T) {
	uids, titles := map[string]string{}, map[string]bool{}
	for _, b := range read(t) {
		if b.UID == "" || len(b.UID) > 40 || uids[b.UID] != "" {
			t.Errorf("%s: the uid %q is not one of its own", b.File, b.UID)
		}
		if b.Title == "" || titles[b.Title] {
			t.Errorf("%s: the title %q is not one of its own", b.File, b.Title)
		}
		uids[b.UID], titles[b.Title] = b.File, true
		switch {
		case b.Description == "":
			t.Errorf("%s has no description", b.File)
		case b.SchemaVersion != 38 && b.SchemaVersion != 39:
			t.Errorf("%s: schemaVersion %d", b.File, b.SchemaVersion)
		case b.Editable:
			t.Errorf("%s can be edited in the browser", b.File)
		case b.ID != nil:
			t.Errorf("%s has an id, which belongs to one installation", b.File)
		case !slices.Equal(b.Tags, []string{"connectycube"}):
			t.Errorf("%s: tags %v", b.File, b.Tags)
		}
	}
	for _, uid := range []string{"connectycube-overview", "connectycube-broken", "connectycube-mutes", "connectycube-exporter"} {
		if uids[uid] == "" {
			t.Errorf("no board has the uid %s, which users may have linked to", uid)
		}
	}
}

// TestVariables holds the linter's rules of variables.
func TestVariables(t *testing.T) {
	for _, b := range read(t) {
		var names []string
		for _, v := range b.Templating.List {
			names = append(names, v.Name)
			if v.SkipURLSync {
				t.Errorf("%s: %s is not in the URL, so links lose it", b.File, v.Name)
			}
			if v.Name == "datasource" {
				if v.Type != "datasource" || v.Query != "prometheus" || v.Label != "Data Source" {
					t.Errorf("%s: the data source is %+v", b.File, v)
				}
				continue
			}
			label := strings.ToUpper(v.Name[:1]) + v.Name[1:]
			if v.Type != "query" || v.Label != label || v.Datasource.UID != source || !v.Multi || !v.IncludeAll || v.AllValue != ".+" {
				t.Errorf("%s: the variable %s is %+v", b.File, v.Name, v)
			}
			if v.Refresh != 2 {
				t.Errorf("%s: %s is not asked again when the time changes", b.File, v.Name)
			}
		}
		if want := []string{"datasource", "job", "instance", "application"}; !slices.Equal(names, want) {
			t.Errorf("%s has the variables %v, want %v", b.File, names, want)
		}
	}
}

// TestPanels holds the linter's rules of panels, and ours: nothing is empty or
// red without a word, no state is told by colour alone.
func TestPanels(t *testing.T) {
	known := []string{"row", "stat", "timeseries", "table", "state-timeline", "text"} // all are built in
	units := []string{"short", "none", "percentunit", "s", "bytes", "reqps"}
	for _, b := range read(t) {
		ids := map[int]bool{}
		for _, p := range b.All() {
			bad := func(format string, args ...any) {
				t.Helper()
				t.Errorf("%s, panel %d, %q: "+format, append([]any{b.File, p.ID, p.Title}, args...)...)
			}
			if p.ID <= 0 || ids[p.ID] {
				bad("has no id of its own")
			}
			ids[p.ID] = true
			if p.Title == "" {
				bad("has no title")
			}
			if !slices.Contains(known, p.Type) {
				bad("is a %s", p.Type)
			}
			if p.Type == "row" {
				continue
			}
			if len(p.Description) < 15 || !strings.HasSuffix(p.Description, ".") {
				bad("says of itself %q", p.Description)
			}
			if p.Datasource.UID != source || p.Datasource.Type != "prometheus" {
				bad("has the data source %v", p.Datasource)
			}
			if p.Type == "text" {
				continue
			}
			if len(p.Targets) == 0 {
				bad("asks nothing")
			}
			refs := map[string]bool{}
			for _, q := range p.Targets {
				if q.Datasource.UID != source || refs[q.RefID] || q.Instant == q.Range {
					bad("query %+v", q)
				}
				refs[q.RefID] = true
			}
			if p.FieldConfig.Defaults.NoValue == "" {
				bad("says nothing where there is nothing")
			}
			checkUnits(bad, p, units)
			if p.Type == "timeseries" || p.Type == "state-timeline" {
				if l := p.Options.Legend; l == nil || l.ShowLegend == nil {
					bad("does not say whether it has a legend")
				}
			}
			if p.Type == "stat" {
				checkStat(bad, p)
			}
		}
	}
}

func checkUnits(bad func(string, ...any), p boards.Panel, units []string) {
	if u := p.FieldConfig.Defaults.Unit; (p.Type == "stat" || p.Type == "timeseries" || p.Type == "table") && !slices.Contains(units, u) {
		bad("has the unit %q", u)
	}
	for _, o := range p.FieldConfig.Overrides {
		for _, property := range o.Properties {
			if u, ok := property.Value.(string); property.ID == "unit" && (!ok || !slices.Contains(units, u)) {
				bad("has the unit %v", property.Value)
			}
		}
	}
}

// checkStat wants a single number to show what is there now, or that there is
// nothing: never what was there last.
func checkStat(bad func(string, ...any), p boards.Panel) {
	if r := p.Options.ReduceOptions; r == nil || !slices.Equal(r.Calcs, []string{"last"}) {
		bad("does not show the last value")
	}
	for _, q := range p.Targets {
		if !strings.Contains(q.LegendFormat, "{{") && !strings.HasSuffix(q.Expr, "\nor vector(NaN)") {
			bad("shows an old value where there is none: %s", q.Expr)
		}
		if q.Range && strings.Contains(q.Expr, "time()") {
			bad("shows an age as it was up to a step ago")
		}
	}
	if len(p.FieldConfig.Defaults.Mappings) == 0 {
		bad("shows NaN as it is")
	}
}

// TestLayout wants every line to be full, and nothing to lie on anything else.
func TestLayout(t *testing.T) {
	for _, b := range read(t) {
		taken, bottom := map[[2]int]string{}, 0
		for _, p := range b.Panels {
			g := p.GridPos
			if g.W < 1 || g.H < 1 || g.X < 0 || g.Y < 0 || g.X+g.W > 24 {
				t.Errorf("%s: %q is at %+v", b.File, p.Title, g)
				continue
			}
			if p.Collapsed || len(p.Panels) > 0 {
				t.Errorf("%s: the row %q is closed: its panels would not be seen", b.File, p.Title)
			}
			for y := g.Y; y < g.Y+g.H; y++ {
				for x := g.X; x < g.X+g.W; x++ {
					if other := taken[[2]int{x, y}]; other != "" {
						t.Fatalf("%s: %q lies on %q", b.File, p.Title, other)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
			bottom = max(bottom, g.Y+g.H)
			// On a phone panels are as wide as the screen and as high as here.
			if p.Type != "row" && g.H < 4 {
				t.Errorf("%s: %q is too low to be read", b.File, p.Title)
			}
		}
		if len(taken) != bottom*24 {
			t.Errorf("%s: %d of %d places are empty", b.File, bottom*24-len(taken), bottom*24)
		}
	}
}

// TestColours wants only colours that can be told apart by everybody.
func TestColours(t *testing.T) {
	safe := []string{"#56B4E9", "#E69F00", "#D55E00", "#009E73", "#CC79A7", "#0072B2", "#8E8E8E", "transparent"}
	colour := regexp.MustCompile(`"(?:color|fixedColor|iconColor)": "([^"]*)"`)
	mode := regexp.MustCompile(`"mode": "(palette|continuous|shades)[^"]*"`)
	for _, b := range read(t) {
		text := file(t, b.File)
		for _, m := range colour.FindAllStringSubmatch(text, -1) {
			if !slices.Contains(safe, m[1]) {
				t.Errorf("%s: the colour %s", b.File, m[1])
			}
		}
		if m := mode.FindString(text); m != "" {
			t.Errorf("%s: Grafana chooses colours: %s", b.File, m)
		}
	}
}

func file(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestLinks follows every link of the boards, and those that lead to them.
func TestLinks(t *testing.T) {
	uids := map[string]string{} // to the part of the address after it, made of the title
	slug := regexp.MustCompile(`[^a-z0-9]+`)
	for _, b := range read(t) {
		uids[b.UID] = strings.Trim(slug.ReplaceAllString(strings.ToLower(b.Title), "-"), "-")
	}
	texts := map[string]string{}
	for _, b := range read(t) {
		texts[b.File] = file(t, b.File)
		found := false
		for _, l := range b.Links {
			if l.Type == "dashboards" {
				found = found || (slices.Equal(l.Tags, b.Tags) && l.IncludeVars && l.KeepTime)
			}
		}
		if !found {
			t.Errorf("%s does not lead to the others with its time and variables", b.File)
		}
	}
	rules, err := filepath.Glob("../alerts/*.rules.yml")
	if err != nil || len(rules) == 0 {
		t.Fatal("no rules", err)
	}
	for _, name := range rules {
		texts[name] = file(t, name)
	}
	board := regexp.MustCompile(`/d/([a-z0-9-]+)(?:/([a-z0-9-]+))?([^"\n]*)`)
	repository := regexp.MustCompile(`https://github\.com/connectycube-exporter/connectycube_exporter/blob/main/([\w./-]+)`)
	links := 0
	for name, text := range texts {
		for _, m := range board.FindAllStringSubmatch(text, -1) {
			links++
			if want, ok := uids[m[1]]; !ok || m[2] != want {
				t.Errorf("%s leads to the board %s/%s, which is not there", name, m[1], m[2])
			}
			if !strings.Contains(m[3], "var-application=") {
				t.Errorf("%s leads to %s without the application", name, m[1])
			}
			if !strings.Contains(m[3], "${__url_time_range}") && !strings.Contains(m[3], "from=") {
				t.Errorf("%s leads to %s without a time", name, m[1])
			}
		}
		for _, m := range repository.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
				t.Errorf("%s leads to %s, which is not there", name, m[1])
			}
		}
	}
	if links < 10 {
		t.Errorf("only %d links were seen", links)
	}
}

// TestEveryMetricIsOnABoard wants each to be looked at. None has a reason not to
// be.
func TestEveryMetricIsOnABoard(t *testing.T) {
	known, err := exposed.Read("..")
	if err != nil {
		t.Fatal(err)
	}
	word := regexp.MustCompile(`\b[a-z]+(?:_[a-z0-9]+)+\b`)
	shown := map[string]bool{}
	look := func(expr string) {
		for _, name := range word.FindAllString(expr, -1) {
			shown[strings.TrimSuffix(name, "_bucket")] = true
		}
	}
	for _, b := range read(t) {
		for _, a := range b.Annotations.List {
			look(a.Expr)
		}
		for _, p := range b.All() {
			for _, q := range p.Targets {
				look(q.Expr)
			}
		}
	}
	for name := range known {
		name = regexp.MustCompile(`_(bucket|count|sum)$`).ReplaceAllString(name, "")
		if !shown[name] {
			t.Errorf("%s is on no board", name)
		}
	}
}
