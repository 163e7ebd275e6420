package export_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/internal/export"
)

// unfinished leaves an export that was stopped at its first page.
func (b *bench) unfinished(cfg export.Config) {
	b.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	pages := 0
	b.onRequest(func(r *http.Request) {
		if r.URL.Query().Get("limit") == "100" {
			if pages++; pages > 2 {
				stop()
			}
		}
	})
	defer b.onRequest(nil)
	cfg.Workers = 1
	e, err := export.Prepare(context.Background(), cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := e.Run(ctx); !errors.Is(err, context.Canceled) {
		b.t.Fatalf("stopped with %v", err)
	}
	if err := e.Close(); err != nil {
		b.t.Fatal(err)
	}
}

// TestWhatIsThereStays: nothing is overwritten unasked, whatever is asked.
func TestWhatIsThereStays(t *testing.T) {
	t.Parallel()
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		prepare func(t *testing.T, b *bench, cfg *export.Config)
		says    string // empty: it goes on
	}{
		"an output": {func(_ *testing.T, _ *bench, cfg *export.Config) { write(cfg.Name, "old") }, "exists; name another file, or replace it with --force"},
		"an output, forced": {func(_ *testing.T, _ *bench, cfg *export.Config) {
			write(cfg.Name, "old")
			cfg.Force = true
		}, ""},
		"an output, resumed": {func(_ *testing.T, _ *bench, cfg *export.Config) {
			write(cfg.Name, "old")
			cfg.Resume = true
		}, "there is nothing to resume"},
		"a part": {func(_ *testing.T, b *bench, cfg *export.Config) { b.unfinished(*cfg) }, "go on with --resume, or begin anew with --force"},
		"a part, forced": {func(t *testing.T, b *bench, cfg *export.Config) {
			b.unfinished(*cfg)
			cfg.Force = true
		}, ""},
		"a part of other settings": {func(t *testing.T, b *bench, cfg *export.Config) {
			b.unfinished(*cfg)
			cfg.Resume, cfg.Spec.Fields = true, []string{"_id"}
		}, "was begun with other --fields"},
		"a part of other filters": {func(t *testing.T, b *bench, cfg *export.Config) {
			b.unfinished(*cfg)
			cfg.Resume, cfg.Spec.Filters = true, []string{"--created-after=7d"}
		}, "was begun with the filters"},
		"a part that was cut short": {func(t *testing.T, b *bench, cfg *export.Config) {
			one := *cfg
			one.Spec.Format, cfg.Spec.Format = export.CSV, export.CSV
			b.unfinished(one)
			if err := os.Truncate(cfg.Name+".part", 3); err != nil {
				t.Fatal(err)
			}
			cfg.Resume = true
		}, "is not what its journal says"},
		"a part that is gone": {func(t *testing.T, b *bench, cfg *export.Config) {
			b.unfinished(*cfg)
			if err := os.Remove(cfg.Name + ".part"); err != nil {
				t.Fatal(err)
			}
			cfg.Resume = true
		}, "is gone, though its journal is there"},
		"a journal that is damaged": {func(t *testing.T, b *bench, cfg *export.Config) {
			b.unfinished(*cfg)
			write(cfg.Name+".part.journal", "x")
			cfg.Resume = true
		}, "cannot be resumed"},
		"nothing, resumed":   {func(_ *testing.T, _ *bench, cfg *export.Config) { cfg.Resume = true }, ""},
		"no directory":       {func(_ *testing.T, b *bench, cfg *export.Config) { cfg.Name = filepath.Join(b.dir, "no", "out") }, "there is no directory"},
		"a directory's name": {func(_ *testing.T, b *bench, cfg *export.Config) { cfg.Name = b.dir }, "is not a regular file"},
		"another export": {func(t *testing.T, b *bench, cfg *export.Config) {
			one := *cfg
			e, err := export.Prepare(t.Context(), one)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = e.Close() })
			cfg.Resume = true
		}, "another export is writing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, 6, 50, 700)
			cfg := b.config("out.ndjson")
			test.prepare(t, b, &cfg)
			e, err := export.Prepare(t.Context(), cfg)
			if test.says == "" {
				if err != nil {
					t.Fatal(err)
				}
				defer e.Close()
				if _, err := e.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				b.same(b.lines(cfg.Name), b.stored(chatapi.Messages))
				b.only("out.ndjson")
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("%v, want it to say %q", err, test.says)
			}
			var usage export.UsageError
			if !errors.As(err, &usage) && !errors.Is(err, export.ErrComplete) {
				t.Errorf("%v is no wrong usage", err)
			}
			if old, err := os.ReadFile(cfg.Name); err == nil && string(old) != "old" {
				t.Error("what was there is overwritten")
			}
		})
	}
}

// TestForceBeginsAnew: what was there before, part, journal and sorted file, has
// no part in what comes after, even if that is stopped at once.
func TestForceBeginsAnew(t *testing.T) {
	t.Parallel()
	b := newBench(t, 7, 50, 3000)
	cfg := b.config("out.ndjson")
	b.unfinished(cfg)
	old, err := os.ReadFile(cfg.Name + ".part.journal")
	if err != nil {
		t.Fatal(err)
	}
	forced := cfg
	forced.Force = true
	e, err := export.Prepare(t.Context(), forced)
	if err != nil {
		t.Fatal(err)
	}
	// A kill, from here on.
	now, err := os.ReadFile(cfg.Name + ".part.journal")
	if err != nil || string(now) == string(old) {
		t.Fatalf("%v: the journal is that of the export before", err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	cfg.Resume = true
	b.run(cfg)
	b.same(b.lines(cfg.Name), b.stored(chatapi.Messages))
	b.only("out.ndjson")
}

// TestForceForgetsTheJournalFirst: were the part replaced before, a kill between
// the two would leave the journal of another part.
func TestForceForgetsTheJournalFirst(t *testing.T) {
	t.Parallel()
	b := newBench(t, 7, 50, 700)
	cfg := b.config("out.ndjson")
	b.unfinished(cfg)
	// The part cannot be replaced.
	if err := errors.Join(os.Remove(cfg.Name+".part"), os.MkdirAll(cfg.Name+".part/x", 0o700)); err != nil {
		t.Fatal(err)
	}
	cfg.Force = true
	if _, err := export.Prepare(t.Context(), cfg); err == nil {
		t.Fatal("a directory was replaced")
	}
	if _, err := os.Stat(cfg.Name + ".part.journal"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the old journal is still there: %v", err)
	}
}

// TestAnOutputThatComesMeanwhile is not overwritten either.
func TestAnOutputThatComesMeanwhile(t *testing.T) {
	t.Parallel()
	b := newBench(t, 7, 50, 700)
	cfg := b.config("out.ndjson")
	e, err := export.Prepare(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cfg.Name, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = e.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "has come into being meanwhile; what was exported is in "+cfg.Name+".part") {
		t.Error(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(cfg.Name); err != nil || string(text) != "old" {
		t.Error("it is overwritten")
	}
	if err := os.Remove(cfg.Name); err != nil {
		t.Fatal(err)
	}
	cfg.Resume = true
	b.run(cfg)
	b.same(b.lines(cfg.Name), b.stored(chatapi.Messages))
}

// TestACrashAtTheEnd takes up what a crash leaves around the moment in which the
// output gets its name.
func TestACrashAtTheEnd(t *testing.T) {
	t.Parallel()
	for _, order := range []export.Order{{}, {Field: "_id"}} {
		for name, crash := range map[string]func(cfg export.Config, whole string, journal []byte) error{
			"linked, the other name not removed": func(cfg export.Config, whole string, journal []byte) error {
				return errors.Join(os.Link(cfg.Name, whole), os.WriteFile(cfg.Name+".part.journal", journal, 0o600))
			},
			"named, the journal not removed": func(cfg export.Config, _ string, journal []byte) error {
				return os.WriteFile(cfg.Name+".part.journal", journal, 0o600)
			},
		} {
			b := newBench(t, 8, 50, 700)
			cfg := b.config("out.ndjson")
			cfg.Spec.Order = order
			journal := wholeJournal(t, b, cfg)
			b.run(cfg)
			whole := cfg.Name + ".part"
			if order.Field != "" {
				whole = cfg.Name + ".part.sorted"
				err := errors.Join(os.WriteFile(cfg.Name+".part", []byte("spool"), 0o600), os.MkdirAll(cfg.Name+".part.sorting/x", 0o700))
				if err != nil {
					t.Fatal(err)
				}
			}
			if err := crash(cfg, whole, journal); err != nil {
				t.Fatal(err)
			}
			cfg.Resume = true
			if _, err := export.Prepare(t.Context(), cfg); !errors.Is(err, export.ErrComplete) {
				t.Errorf("%s, sorted by %q: %v", name, order.Field, err)
			}
			b.same(b.lines(cfg.Name), b.stored(chatapi.Messages))
			b.only("out.ndjson")
		}
	}
}

// wholeJournal is the journal of an export that lacks nothing but the name: one
// that cannot have it, since its output is a directory by then.
func wholeJournal(t *testing.T, b *bench, cfg export.Config) []byte {
	t.Helper()
	other := cfg
	other.Name = filepath.Join(b.dir, "aside")
	e, err := export.Prepare(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(other.Name, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Run(t.Context()); err == nil {
		t.Fatal("the output took the place of a directory")
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	journal, err := os.ReadFile(other.Name + ".part.journal")
	if err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(other.Name + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range left {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	return journal
}

// TestAnotherApplicationBehindTheURL is not taken for the one that an export was
// begun at.
func TestAnotherApplicationBehindTheURL(t *testing.T) {
	t.Parallel()
	b := newBench(t, 9, 50, 3000)
	cfg := b.config("out.ndjson")
	b.unfinished(cfg)
	other := newBench(t, 10, 50, 3000)
	cfg.Resume, cfg.Client = true, other.client
	_, err := export.Prepare(t.Context(), cfg)
	if err == nil || !strings.Contains(err.Error(), "is the key that of another application?") {
		t.Fatal(err)
	}
	cfg.Client = b.client
	b.run(cfg)
	b.same(b.lines(cfg.Name), b.stored(chatapi.Messages))
}

// TestAnAPIThatCannotCount leaves nothing behind, and destroys nothing.
func TestAnAPIThatCannotCount(t *testing.T) {
	t.Parallel()
	b := newBench(t, 11, 50, 3000)
	cfg := b.config("out.ndjson")
	refuse := func(force bool) {
		t.Helper()
		b.api.Inject(chatapitest.Fault{Kind: chatapitest.Status, Status: http.StatusForbidden})
		defer b.api.ClearFaults()
		forced := cfg
		forced.Force = force
		if _, err := export.Prepare(t.Context(), forced); err == nil {
			t.Fatal("a refused key was not noticed")
		}
	}
	refuse(false)
	b.only()
	b.unfinished(cfg)
	before, err := os.ReadFile(cfg.Name + ".part")
	if err != nil {
		t.Fatal(err)
	}
	refuse(true)
	if after, err := os.ReadFile(cfg.Name + ".part"); err != nil || string(after) != string(before) {
		t.Error("an unfinished export is gone")
	}
	cfg.Resume = true
	b.run(cfg)
	b.same(b.lines(cfg.Name), b.stored(chatapi.Messages))
}

// TestLinks are followed once, and what lies in wait
// under the names of our own files is not written to.
func TestLinks(t *testing.T) {
	t.Parallel()
	b := newBench(t, 12, 50, 700)
	victim := filepath.Join(b.dir, "victim")
	if err := os.WriteFile(victim, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	cfg := b.config("out.ndjson")
	cfg.Spec.Order = export.Order{Field: "_id"}
	if err := os.Symlink(victim, cfg.Name+".part.sorted"); err != nil {
		t.Fatal(err)
	}
	b.run(cfg)
	if text, err := os.ReadFile(victim); err != nil || string(text) != "old" {
		t.Error("a link was written through")
	}
	if info, err := os.Lstat(cfg.Name); err != nil || !info.Mode().IsRegular() || info.Mode().Perm() != 0o600 {
		t.Errorf("the output is %v, %v", info.Mode(), err)
	}

	linked := b.config("link")
	if err := os.Symlink(filepath.Join(b.dir, "nothing"), linked.Name); err != nil {
		t.Fatal(err)
	}
	if _, err := export.Prepare(t.Context(), linked); err == nil || !strings.Contains(err.Error(), "symbolic link to nothing") {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(b.dir, "nothing"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	linked.Force = true
	b.run(linked)
	if info, err := os.Lstat(linked.Name); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Error("the link was replaced, not what it leads to")
	}
	b.same(b.lines(filepath.Join(b.dir, "nothing")), b.stored(chatapi.Messages))
}

// TestResumeKeepsItsFilters: an age means the time at which the export was begun.
func TestResumeKeepsItsFilters(t *testing.T) {
	t.Parallel()
	b := newBench(t, 13, 50, 3000)
	bound := b.api.Truth().Messages[1500].CreatedAt
	asked := 0
	cfg := b.config("out.ndjson")
	cfg.Where = func() ([]chatapi.Cond, error) {
		asked++
		return []chatapi.Cond{chatapi.CreatedAt.Cond(chatapi.Gte, bound+int64(asked-1)*86400)}, nil
	}
	b.unfinished(cfg)
	cfg.Resume = true
	result := b.run(cfg)
	want := b.api.Truth().CountMessages(func(m chatapitest.TruthMessage) bool { return m.CreatedAt >= bound })
	if asked != 1 || !result.Exact() || result.Rows != int64(want) {
		t.Errorf("asked %d times, %+v, want %d rows", asked, result, want)
	}
}

// TestEmptyOutputsAreOfTheirKind: standard tools refuse a file of no bytes.
func TestEmptyOutputsAreOfTheirKind(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"out.ndjson.gz", "out.ndjson.zst"} {
		for _, order := range []export.Order{{}, {Field: "_id"}} {
			b := newBench(t, 1, 0, 0)
			cfg := b.config(name)
			cfg.Spec.Order = order
			b.run(cfg)
			if info, err := os.Stat(cfg.Name); err != nil || info.Size() == 0 {
				t.Errorf("%s has %d bytes: %v", name, info.Size(), err)
			}
			if got := b.read(cfg.Name); len(got) > 0 {
				t.Errorf("%s holds %q", name, got)
			}
		}
	}
}

// TestAnotherSpec: each setting is compared before an export is resumed.
func TestAnotherSpec(t *testing.T) {
	t.Parallel()
	for says, change := range map[string]func(*export.Spec){
		"--app":             func(s *export.Spec) { s.Application = "game" },
		"--api.url":         func(s *export.Spec) { s.URL = "https://other.test" },
		"for messages":      func(s *export.Spec) { s.List = chatapi.Dialogs },
		"the filters":       func(s *export.Spec) { s.Filters = []string{"--type=2"} },
		"--format":          func(s *export.Spec) { s.Format = export.CSV },
		"--fields":          func(s *export.Spec) { s.Fields = []string{"_id"} },
		"the compression":   func(s *export.Spec) { s.Compression = export.Gzip },
		"with another --so": func(s *export.Spec) { s.Order = export.Order{Field: "_id"} },
	} {
		b := newBench(t, 14, 10, 700)
		cfg := b.config("out.ndjson")
		b.unfinished(cfg)
		cfg.Resume = true
		change(&cfg.Spec)
		if _, err := export.Prepare(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want it to speak of %q", err, says)
		}
	}
}
