package collector_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a fleet on sandboxes, inside a synctest bubble.
type bench struct {
	t     *testing.T
	fleet *collector.Fleet
	reg   *prometheus.Registry
	log   *safeBuffer
}

func newBench(t *testing.T, set collector.Settings) *bench {
	t.Helper()
	b := &bench{t: t, log: &safeBuffer{}}
	b.fleet = collector.NewFleet(set, log.NewLogfmtLogger(b.log))
	b.reg = prometheus.NewPedanticRegistry()
	b.reg.MustRegister(b.fleet)
	t.Cleanup(b.fleet.Close)
	return b
}

func (b *bench) apply(targets ...collector.Target) {
	b.t.Helper()
	if err := b.fleet.Apply(targets); err != nil {
		b.t.Fatal(err)
	}
}

// restarted ends the fleet, and gives another one with its state.
func (b *bench) restarted(set collector.Settings) *bench {
	b.t.Helper()
	b.fleet.Close()
	state, err := b.fleet.Save()
	if err != nil {
		b.t.Fatal(err)
	}
	next := newBench(b.t, set)
	if err := next.fleet.Restore(state); err != nil {
		b.t.Fatal(err)
	}
	return next
}

// defaults are the settings of an exporter started without flags.
func defaults(t *testing.T) collector.Settings {
	t.Helper()
	w, err := collector.ParseWindows("15m,1h,6h,1d,7d,30d")
	if err != nil {
		t.Fatal(err)
	}
	return collector.Settings{PollInterval: time.Minute, Windows: w}
}

// target is a sandbox's application at the default limits.
func target(name string, s *chatapitest.Server) collector.Target {
	return collector.Target{
		Name: name, URL: "https://sandbox.invalid", Key: chatapi.NewSecret(s.Key()),
		Timeout: 10 * time.Second, RateLimit: 2, Concurrency: 4, Transport: s.Transport(),
	}
}

// unlimited lifts the rate limit, so that a pass takes no time at all.
func unlimited(t collector.Target) collector.Target {
	t.RateLimit = 0
	return t
}

// scrape gathers every counter and gauge as `name{label="value",...}`, without
// the label application where only one is watched, and without the prefix.
func (b *bench) scrape() series {
	b.t.Helper()
	families, err := b.reg.Gather()
	if err != nil {
		b.t.Fatal(err)
	}
	out := series{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetType() == dto.MetricType_HISTOGRAM {
				continue
			}
			var labels []string
			for _, l := range m.GetLabel() {
				if l.GetName() != "application" || l.GetValue() != "app" {
					labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
				}
			}
			name := strings.TrimPrefix(f.GetName(), "connectycube_")
			if len(labels) > 0 {
				name += "{" + strings.Join(labels, ",") + "}"
			}
			out[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return out
}

type series map[string]float64

// business drops what is about the exporter and its polling, and what is not a
// count of rows.
func (s series) business() series {
	out := series{}
	for k, v := range s {
		if strings.HasPrefix(k, "activity_") && !strings.HasPrefix(k, "activity_messages{") {
			continue
		}
		if !strings.HasPrefix(k, "api_") && !strings.HasPrefix(k, "collector_") && !strings.HasPrefix(k, "dialog_scan_") && k != "up" {
			out[k] = v
		}
	}
	return out
}

// truth is what the API's rows say that each business series should be, for
// window ends as they were published.
func truth(rows *chatapitest.Truth, published series, windows []collector.Window) series {
	out := series{}
	types := map[int]string{1: "broadcast", 2: "group", 3: "private", 4: "public"}
	for name, byType := range map[string]map[int]int{
		"dialogs":           rows.DialogsByType(),
		"muted_dialogs":     rows.MutedDialogs(),
		"dialog_mutes":      rows.DialogMutes(),
		"deleted_dialogs":   rows.DeletedDialogs(),
		"dialog_deletions":  rows.DialogDeletions(),
		"dialog_members":    rows.Members(),
		"encrypted_dialogs": rows.EncryptedDialogs(),
		"unused_dialogs":    rows.UnusedDialogs(),
	} {
		for _, label := range []string{"private", "group", "broadcast", "public", "other"} {
			out[fmt.Sprintf("%s{dialog_type=%q}", name, label)] = 0
		}
		for code, n := range byType {
			label, ok := types[code]
			if !ok {
				label = "other"
			}
			out[fmt.Sprintf("%s{dialog_type=%q}", name, label)] += float64(n)
		}
	}
	out["muting_users"] = float64(rows.MutingUsers())
	dialogs, messages := float64(len(rows.Dialogs)), float64(len(rows.Messages))
	out["messages"] = messages
	out["dialogs_created_total"], out["messages_created_total"] = 0, 0 // none while the exporter runs
	if newest, ok := rows.NewestMessage(); ok {
		out["last_message_timestamp_seconds"] = float64(newest)
	}
	for _, w := range activity.Windows {
		label := fmt.Sprintf("{window=%q}", w.Label)
		if end, ok := published["activity_window_end_timestamp_seconds"+label]; ok {
			out["activity_messages"+label] = float64(rows.NewMessages(int64(end)-w.Seconds, int64(end)))
		}
	}
	for _, w := range windows {
		label := fmt.Sprintf("{window=%q}", w.Label)
		end, ok := published["window_end_timestamp_seconds"+label]
		if !ok {
			continue
		}
		to := int64(end)
		from := to - int64(w.Length/time.Second)
		newDialogs, newMessages := float64(rows.NewDialogs(from, to)), float64(rows.NewMessages(from, to))
		out["window_end_timestamp_seconds"+label] = end
		out["new_dialogs"+label] = newDialogs
		out["new_messages"+label] = newMessages
		out["updated_dialogs"+label] = float64(rows.UpdatedDialogs(from, to))
		out["updated_messages"+label] = float64(rows.UpdatedMessages(from, to))
		out["active_dialogs"+label] = float64(rows.ActiveDialogs(from, to))
		out["dialogs_growth_per_second"+label] = newDialogs / w.Length.Seconds()
		out["messages_growth_per_second"+label] = newMessages / w.Length.Seconds()
		if dialogs > newDialogs {
			out["dialogs_growth_ratio"+label] = newDialogs / (dialogs - newDialogs)
		}
		if messages > newMessages {
			out["messages_growth_ratio"+label] = newMessages / (messages - newMessages)
		}
	}
	return out
}

// expectTruth polls for ten minutes and then wants every series, with the value
// that the rows prove.
func (b *bench) expectTruth(api *chatapitest.Server, set collector.Settings) series {
	b.t.Helper()
	time.Sleep(10 * time.Minute)
	synctest.Wait()
	got := b.scrape()
	want := truth(api.Truth(), got, set.Windows)
	for _, line := range append(wrong(got.business(), want), missing(got, want)...) {
		b.t.Error(line)
	}
	return got
}

// wrong lists the series that were published with another value than want.
func wrong(got, want series) (out []string) {
	for k, v := range got {
		if w, ok := want[k]; !ok || w != v {
			out = append(out, fmt.Sprintf("%s = %v, not %v", k, v, w))
		}
	}
	return out
}

// missing lists the series that were not published.
func missing(got, want series) (out []string) {
	for k := range want {
		if _, ok := got[k]; !ok {
			out = append(out, k)
		}
	}
	return out
}

// safeBuffer is a log that may be written to and read at the same time.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
