package nested

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// module makes one of a few files.
func module(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestRun(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"go.mod":    "module example.com/m\n\ngo 1.26\n",
		"a_test.go": "package m\n\nimport \"testing\"\n\nfunc Test(t *testing.T) {}\n",
	}
	if err := run(t.Context(), module(t, files)); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		file, text string
		want       string
	}{
		"a test that fails":     {"b_test.go", "package m\n\nimport \"testing\"\n\nfunc TestB(t *testing.T) { t.Error(\"the reason\") }\n", "the reason"},
		"what does not compile": {"b_test.go", "package m\n\nvar _ = nothing\n", "undefined: nothing"},
		"no tests":              {"a_test.go", "package m\n", "no tests"},
		"no module":             {"go.mod", "", "no go.mod"},
	} {
		changed := maps.Clone(files)
		changed[c.file] = c.text
		if c.text == "" {
			delete(changed, c.file)
		}
		if err := run(t.Context(), module(t, changed)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestStack(t *testing.T) { Test(t, "../stack") }

// What go test remembers of a run must not outlive a change of any file.
func TestSee(t *testing.T) {
	t.Parallel()
	if err := see("."); err != nil {
		t.Error(err)
	}
	if err := see(filepath.VolumeName(t.TempDir()) + string(filepath.Separator)); err == nil || !strings.Contains(err.Error(), "no go.mod") {
		t.Errorf("got %v", err)
	}
}
