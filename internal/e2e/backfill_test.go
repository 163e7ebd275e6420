//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"math"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
	"github.com/connectycube-exporter/connectycube_exporter/internal/promtool"
)

// TestPrometheusTakesTheBackfill makes blocks of the output with the real
// promtool, without a warning; they hold as many samples as the program said,
// and the values that the rows of the sandbox say.
func TestPrometheusTakesTheBackfill(t *testing.T) {
	tool := promtool.Path(t)
	api := chatapitest.New(chatapitest.Config{Seed: 3, Dialogs: 700, Messages: 40_000, Weeks: 12})
	srv := httptest.NewServer(api)
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	holiday := time.Now().In(kyiv(t)).AddDate(0, 0, -4).Format(time.DateOnly)
	holidays := filepath.Join(dir, "holidays")
	if err := os.WriteFile(holidays, []byte(holiday+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := runProgram(t, []string{"CONNECTYCUBE_API_KEY=" + api.Key()}, "backfill", "--app=shop", "--api.url="+srv.URL, "--api.rate-limit=0",
		"--from=10d", "--step=30m", "--output="+filepath.Join(dir, "past.om"), `--label=job=chat "one"`, "--label=instance=host:10425",
		"--activity.time-zone=Europe/Kyiv", "--activity.holidays-file="+holidays)
	if code != 0 {
		t.Fatalf("code %d: %s", code, stderr)
	}
	said := regexp.MustCompile(`past\.om: (\d+) series, (\d+) samples`).FindStringSubmatch(stdout)
	command := regexp.MustCompile(`(?m)^  promtool (.*) (\S+/past\.om) \./blocks$`).FindStringSubmatch(stdout)
	if said == nil || command == nil {
		t.Fatalf("no manifest or no command in:\n%s", stdout)
	}

	blocks := filepath.Join(dir, "blocks")
	args := append(strings.Fields(command[1]), command[2], blocks)
	out, err := exec.Command(tool, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
	if bad := regexp.MustCompile(`(?i)warn|error|level=|skip|duplicate`).Find(out); bad != nil {
		t.Errorf("promtool says %q:\n%s", bad, out)
	}
	// BLOCK ULID, MIN TIME, MAX TIME, DURATION, NUM SAMPLES, NUM CHUNKS, NUM SERIES, SIZE
	row := regexp.MustCompile(`(?m)^[0-9A-Z]{26}\s+\d+\s+\d+\s+\S+\s+(\d+)\s`)
	list, err := exec.Command(tool, "tsdb", "list", blocks).Output()
	if err != nil {
		t.Fatal(err)
	}
	samples := 0
	for _, m := range row.FindAllStringSubmatch(string(list), -1) {
		n, _ := strconv.Atoi(m[1])
		samples += n
	}
	if strconv.Itoa(samples) != said[2] {
		t.Errorf("the blocks hold %d samples, the program said %s:\n%s", samples, said[2], list)
	}
	// A block lacks series that had no value in its time.
	if series := compareDump(t, tool, blocks, api.Truth(), holiday); strconv.Itoa(series) != said[1] {
		t.Errorf("the blocks hold %d series, the program said %s", series, said[1])
	}
}

func kyiv(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Kyiv")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// compareDump holds every sample of the totals, of the windows' counts and of
// activity against the rows, and gives the number of series.
func compareDump(t *testing.T, tool, blocks string, rows *chatapitest.Truth, holiday string) int {
	t.Helper()
	normal := newNormality(t, rows, kyiv(t), holiday)
	// dump wants a whole database, and blocks alone have no log.
	if err := os.Mkdir(filepath.Join(blocks, "wal"), 0o755); err != nil {
		t.Fatal(err)
	}
	dump := exec.Command(tool, "tsdb", "dump", blocks)
	pipe, err := dump.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := dump.Start(); err != nil {
		t.Fatal(err)
	}
	// {__name__="connectycube_messages", application="shop", ...} 12 1770000000000
	line := regexp.MustCompile(`^\{(.*)\} (\S+) (\d+)$`)
	label := regexp.MustCompile(`(\w+)="((?:[^"\\]|\\.)*)"`)
	lengths := map[string]time.Duration{"15m": 15 * time.Minute, "1h": time.Hour, "6h": 6 * time.Hour, "1d": 24 * time.Hour, "7d": 7 * 24 * time.Hour, "30d": 30 * 24 * time.Hour}
	types := map[string]int{"broadcast": 1, "group": 2, "private": 3, "public": 4}
	compared, series := map[string]int{}, map[string]bool{}
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		m := line.FindStringSubmatch(lines.Text())
		if m == nil {
			t.Errorf("promtool dumps %q", lines.Text())
			continue
		}
		series[m[1]] = true
		labels := map[string]string{}
		for _, l := range label.FindAllStringSubmatch(m[1], -1) {
			labels[l[1]] = l[2]
		}
		if labels["application"] != "shop" || labels["job"] != `chat \"one\"` || labels["instance"] != "host:10425" {
			t.Fatalf("labels %q", labels)
		}
		ms, _ := strconv.ParseInt(m[3], 10, 64)
		at := ms / 1000
		length, windowed := lengths[labels["window"]]
		want := -1
		switch name := labels["__name__"]; {
		case name == "connectycube_messages":
			want = rows.NewMessages(0, at)
		case name == "connectycube_new_messages" && windowed:
			want = rows.NewMessages(at-int64(length.Seconds()), at)
		case name == "connectycube_new_dialogs" && windowed:
			want = rows.NewDialogs(at-int64(length.Seconds()), at)
		case name == "connectycube_dialogs" && types[labels["dialog_type"]] > 0:
			want = rows.CountDialogs(func(d chatapitest.TruthDialog) bool {
				return d.Type == types[labels["dialog_type"]] && d.CreatedAt < at
			})
		case strings.HasPrefix(name, "connectycube_activity_"):
			compared[name]++
			v, err := strconv.ParseFloat(m[2], 64)
			if want, there := normal.of(strings.TrimPrefix(name, "connectycube_activity_"), labels["window"], at); err != nil || !there || math.Abs(v-want) > 1e-9*max(1, math.Abs(want)) {
				t.Fatalf("%s is %s, the rows say %v (there: %t)", lines.Text(), m[2], want, there)
			}
			continue
		default:
			continue
		}
		compared[labels["__name__"]]++
		if m[2] != fmt.Sprint(want) && m[2] != strconv.FormatFloat(float64(want), 'g', -1, 64) {
			t.Fatalf("%s is %s, the rows say %d", lines.Text(), m[2], want)
		}
	}
	if err := dump.Wait(); err != nil {
		t.Fatal(err)
	}
	if len(compared) != 12 || compared["connectycube_new_messages"] < 2000 || compared["connectycube_activity_expected_messages"] < 1800 ||
		normal.holidays < 46 || compared["connectycube_activity_drop_score"] < 1000 {
		t.Errorf("compared only %v, %d times on a holiday", compared, normal.holidays)
	}
	return len(series)
}

// normality is what the rows say of activity. What was normal is worked out
// here once more; how far the past strays from it, a judge tells who knows all
// five minutes.
type normality struct {
	rows     *chatapitest.Truth
	zone     *time.Location
	first    int64   // hour
	before   []int64 // messages, at each hour from first
	judge    *activity.Judge
	verdicts map[int64]activity.Verdict
	holiday  string
	holidays int // times seen that lie on it
}

const (
	hour = int64(3600)
	day  = 24 * hour
)

func newNormality(t *testing.T, rows *chatapitest.Truth, zone *time.Location, holiday string) *normality {
	t.Helper()
	const bin = activity.BinSeconds
	now := time.Now().Unix()
	n := &normality{rows: rows, zone: zone, first: (now - 130*day) / hour * hour, before: []int64{0}, verdicts: map[int64]activity.Verdict{}, holiday: holiday}
	bins := map[int64]int64{}
	for _, m := range rows.Messages {
		bins[m.CreatedAt/bin*bin]++
	}
	history := activity.NewHistory()
	sum := int64(0)
	for at := n.first; at < now/hour*hour; at += bin {
		history.SetBin(at, bins[at])
		if sum += bins[at]; (at+bin)%hour == 0 {
			n.before = append(n.before, sum)
		}
	}
	calendar, err := activity.NewCalendar(zone, []string{holiday})
	if err != nil {
		t.Fatal(err)
	}
	n.judge = activity.NewJudge(history, calendar, 6)
	return n
}

// upTo is the number of messages before t, an hour's spread evenly over it.
func (n *normality) upTo(t int64) float64 {
	i, part := (t-n.first)/hour, (t-n.first)%hour
	out := float64(n.before[i])
	if part > 0 {
		out += float64(n.before[i+1]-n.before[i]) * float64(part) / float64(hour)
	}
	return out
}

// expected is the median of the same local time in the six weeks before t, by
// the trend between the week that ended a day before each.
func (n *normality) expected(t, length int64) (messages float64, weeks int) {
	week := func(t int64) float64 { return n.upTo(t-day) - n.upTo(t-8*day) }
	var roots []float64
	for k := 1; k <= 6; k++ {
		then := time.Unix(t, 0).In(n.zone).AddDate(0, 0, -7*k).Unix()
		if week(then) < week(t)/5 {
			continue
		}
		trend := 1.0
		if week(then) >= 50 && week(t) >= 50 {
			trend = min(max(week(t)/week(then), 0.5), 2)
		}
		count := n.upTo(then) - n.upTo(then-length)
		if middle := then - length/2; length < hour {
			count = min(count, (n.upTo(middle+hour/2)-n.upTo(middle-hour/2))*float64(length)/float64(hour))
		}
		roots = append(roots, math.Sqrt(trend*count+0.375))
	}
	slices.Sort(roots)
	if weeks = len(roots); weeks == 0 {
		return 0, 0
	}
	root := (roots[(weeks-1)/2] + roots[weeks/2]) / 2
	return max(0, root*root-0.375), weeks
}

// of is the value of a gauge of activity at a time, if it has one.
func (n *normality) of(name, window string, t int64) (float64, bool) {
	verdict, known := n.verdicts[t]
	if !known {
		verdict = n.judge.At(t, 0)
		n.verdicts[t] = verdict
	}
	if name == "holiday" {
		if time.Unix(t-1, 0).In(n.zone).Format(time.DateOnly) == n.holiday {
			n.holidays++
			return 1, true
		}
		return 0, true
	}
	i := slices.IndexFunc(activity.Windows[:], func(w activity.Window) bool { return w.Label == window })
	if i < 0 {
		return 0, false
	}
	length, v := activity.Windows[i].Seconds, verdict.Windows[i]
	expected, weeks := n.expected(t, length)
	switch name {
	case "messages":
		return float64(n.rows.NewMessages(t-length, t)), true
	case "window_end_timestamp_seconds":
		return float64(t), true
	case "expected_messages":
		return expected, weeks > 0
	case "baseline_samples":
		return float64(weeks), true
	case "lower_bound_messages":
		return float64(v.Bound), true
	case "drop_score":
		return v.Score, v.Judged
	case "dispersion_ratio":
		return v.Dispersion, v.Judged
	}
	return 0, false
}
