package logging

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

func TestLevelFilter(t *testing.T) {
	t.Parallel()
	levels := []string{"debug", "info", "warn", "error"}
	for i, lvl := range levels {
		var buf bytes.Buffer
		logger, err := New(&buf, lvl, "logfmt")
		if err != nil {
			t.Fatal(err)
		}
		level.Debug(logger).Log("msg", "d")
		level.Info(logger).Log("msg", "i")
		level.Warn(logger).Log("msg", "w")
		level.Error(logger).Log("msg", "e")
		if got, want := strings.Count(buf.String(), "\n"), len(levels)-i; got != want {
			t.Errorf("%s: %d lines, want %d:\n%s", lvl, got, want, buf.String())
		}
	}
}

func TestUnknownLevelAndFormat(t *testing.T) {
	t.Parallel()
	if _, err := New(&bytes.Buffer{}, "loud", "logfmt"); err == nil {
		t.Error("level loud was accepted")
	}
	if _, err := New(&bytes.Buffer{}, "info", "xml"); err == nil {
		t.Error("format xml was accepted")
	}
}

// Lines that come through slog look like the program's own.
func TestSameShapeBothWays(t *testing.T) {
	t.Parallel()
	stamp := regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`)
	for _, format := range []string{"logfmt", "json"} {
		var native, bridged bytes.Buffer
		a, err := New(&native, "info", format)
		if err != nil {
			t.Fatal(err)
		}
		b, err := New(&bridged, "info", format)
		if err != nil {
			t.Fatal(err)
		}
		level.Warn(a).Log("msg", "slow", "n", 3, "ok", true, "took", time.Second, "err", errors.New("no"))
		Slog(b).Warn("slow", "n", 3, "ok", true, "took", time.Second, "err", errors.New("no"))
		Slog(b).Debug("not to be seen")
		got := stamp.ReplaceAllString(bridged.String(), "T")
		if want := stamp.ReplaceAllString(native.String(), "T"); got != want {
			t.Errorf("%s:\n got %s\nwant %s", format, got, want)
		}
	}
}

func TestEveryLevelHasItsCounterpart(t *testing.T) {
	t.Parallel()
	for in, want := range map[slog.Level]string{
		slog.LevelDebug - 4: "debug", slog.LevelDebug: "debug", slog.LevelInfo: "info",
		slog.LevelInfo + 1: "info", slog.LevelWarn: "warn", slog.LevelError: "error", slog.LevelError + 4: "error",
	} {
		if got := levelOf(in).String(); got != want {
			t.Errorf("%v: %s, want %s", in, got, want)
		}
	}
}

func TestLogfmtPrintsCompositeValues(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	Slog(log.NewLogfmtLogger(&buf)).Info("m", "list", []string{"a", "b"}, "map", map[string]int{"x": 1}, "none", nil)
	if want := "level=info msg=m list=\"[a b]\" map=map[x:1] none=null\n"; buf.String() != want {
		t.Errorf("got %q, want %q", buf.String(), want)
	}
}

func TestSiblingsDoNotShareAttributes(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	parent := Slog(log.NewLogfmtLogger(&buf)).With("a", 1, "b", 2, "c", 3)
	first, second := parent.With("d", "first"), parent.With("d", "second")
	first.Info("m")
	second.Info("m")
	if !strings.Contains(buf.String(), "d=first") || !strings.Contains(buf.String(), "d=second") {
		t.Errorf("attributes were overwritten:\n%s", buf.String())
	}
}

func TestSlogContract(t *testing.T) {
	t.Parallel()
	var buf *bytes.Buffer
	slogtest.Run(t, func(t *testing.T) slog.Handler {
		buf = &bytes.Buffer{}
		logger := log.NewJSONLogger(buf)
		// The time is the go-kit logger's business, in every line: the handler
		// never passes the record's on.
		if !strings.HasSuffix(t.Name(), "/zero-time") {
			logger = log.With(logger, slog.TimeKey, log.DefaultTimestampUTC)
		}
		return Slog(logger).Handler()
	}, func(t *testing.T) map[string]any {
		flat := map[string]any{}
		if err := json.Unmarshal(buf.Bytes(), &flat); err != nil {
			t.Fatalf("%v in %s", err, buf)
		}
		return nest(flat)
	})
}

// nest turns dotted keys into maps.
func nest(flat map[string]any) map[string]any {
	out := map[string]any{}
	for key, v := range flat {
		path := strings.Split(key, ".")
		m := out
		for _, group := range path[:len(path)-1] {
			inner, ok := m[group].(map[string]any)
			if !ok {
				inner = map[string]any{}
				m[group] = inner
			}
			m = inner
		}
		m[path[len(path)-1]] = v
	}
	return out
}
