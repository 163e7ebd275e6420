package statefile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(writerVariable); path != "" {
		os.Exit(writeForever(path))
	}
	goleak.VerifyTestMain(m)
}

// open opens a file for the time of the test.
func open(t testing.TB, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// expect wants the file to hold the payload.
func expect(t *testing.T, f *File, want string) {
	t.Helper()
	got, err := f.Read()
	if err != nil || string(got) != want {
		t.Errorf("read %q, error %v, want %q", got, err, want)
	}
}

func put(t *testing.T, f *File, payload string) {
	t.Helper()
	if err := f.Write([]byte(payload)); err != nil {
		t.Fatal(err)
	}
}

func overwrite(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state")
	f := open(t, path)
	if got, err := f.Read(); got != nil || err != nil {
		t.Errorf("without a file: %q, error %v", got, err)
	}
	for _, payload := range []string{`{"a":1}`, "", "two\nlines\n", "\n", magic + "1", strings.Repeat("x", 1<<20), "short"} {
		put(t, f, payload)
		expect(t, f, payload)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	expect(t, open(t, path), "short")
	content, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(content), "connectycube_exporter state 1 sha256=f9b0078b5df596d2ea19010c001bbd009e651de2c57e8fb7e355f31eb9d3f739 bytes=5\nshort") {
		t.Errorf("error %v, the file is %q", err, content)
	}
}

// Whatever happened to the file, it is seen; nothing but what was written is
// ever given back.
func TestDamage(t *testing.T) {
	t.Parallel()
	payload := []byte(`{"version":1,"applications":[{"name":"shop"}]}`)
	whole := append(header(payload), payload...)
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":               {nil, "empty"},
		"a line of another":   {[]byte("# some other file\n"), "does not begin like"},
		"only a name":         {[]byte(magic), "does not begin like"},
		"no number":           {[]byte(magic + "one sha256=\n"), "does not begin like"},
		"zeros":               {make([]byte, 4096), "does not begin like"},
		"a header alone":      {header(payload), "checksum"},
		"no end of the line":  {whole[:len(header(payload))-1], "checksum"},
		"cut in the middle":   {whole[:len(whole)/2], "checksum"},
		"one byte too few":    {whole[:len(whole)-1], "checksum"},
		"one byte too many":   {append(slices.Clone(whole), '\n'), "checksum"},
		"another's header":    {append(header([]byte("other")), payload...), "checksum"},
		"twice":               {append(slices.Clone(whole), whole...), "checksum"},
		"the payload alone":   {payload, "does not begin like"},
		"lines end with CRLF": {bytes.Replace(whole, []byte("\n"), []byte("\r\n"), 1), "checksum"},
	} {
		path := filepath.Join(t.TempDir(), "state")
		f := open(t, path)
		overwrite(t, path, c.content)
		got, err := f.Read()
		if got != nil || !errors.Is(err, ErrDamaged) || errors.Is(err, ErrVersion) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: read %q, error %v", name, got, err)
		}
		put(t, f, "new")
		expect(t, f, "new")
	}
}

func TestEveryFlippedBitAndEveryCutIsSeen(t *testing.T) {
	t.Parallel()
	payload := []byte(`{"a":[1,2,3]}`)
	whole := append(header(payload), payload...)
	for i := range whole {
		for bit := range 8 {
			flipped := slices.Clone(whole)
			flipped[i] ^= 1 << bit
			if got, err := decode(flipped); err == nil {
				t.Errorf("bit %d of byte %d flipped: %q", bit, i, got)
			}
		}
		if got, err := decode(whole[:i]); err == nil {
			t.Errorf("cut to %d bytes: %q", i, got)
		}
	}
}

func TestAnotherVersionIsNoDamage(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state")
	f := open(t, path)
	for _, content := range []string{magic + "2 zstd blake3=00\nx", magic + "0 \n", magic + "12345 sha256=00 bytes=0\n", magic + "2"} {
		overwrite(t, path, []byte(content))
		got, err := f.Read()
		if got != nil || !errors.Is(err, ErrVersion) || errors.Is(err, ErrDamaged) {
			t.Errorf("%q: read %q, error %v", content, got, err)
		}
	}
}

func TestHugeFilesAreNotRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state")
	f := open(t, path)
	overwrite(t, path, header(nil))
	if err := os.Truncate(path, maxSize+1); err != nil { // sparse: it takes no room
		t.Fatal(err)
	}
	if got, err := f.Read(); got != nil || !errors.Is(err, ErrDamaged) {
		t.Errorf("read %d bytes, error %v", len(got), err)
	}
}

func TestASecondUserIsKeptAway(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state")
	first := open(t, path)
	put(t, first, "kept")
	if _, err := Open(path); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), path+".lock") {
		t.Errorf("error %v", err)
	}
	expect(t, first, "kept")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	expect(t, open(t, path), "kept")
}

func TestTwoFilesInOneDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, other := open(t, filepath.Join(dir, "state")), open(t, filepath.Join(dir, "state2"))
	put(t, one, "1")
	put(t, other, "2")
	expect(t, one, "1")
	expect(t, other, "2")
}

func TestALeftoverOfAKilledProcessIsRemoved(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state")
	f := open(t, path)
	put(t, f, "kept")
	overwrite(t, f.temporary(), []byte("half a sta"))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	expect(t, open(t, path), "kept")
	if got := names(t, filepath.Dir(path)); !slices.Equal(got, []string{"state", "state.lock"}) {
		t.Errorf("the directory has %q", got)
	}
}

func TestPathsThatCannotBe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	overwrite(t, filepath.Join(dir, "plain"), nil)
	if err := os.MkdirAll(filepath.Join(dir, "locked.lock"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		path string
		is   error // nil: any
		want string
	}{
		"a directory":              {dir, ErrNotFile, "is a directory"},
		"the working directory":    {".", ErrNotFile, "is a directory"},
		"its lock is a directory":  {filepath.Join(dir, "locked"), ErrNotFile, "locked.lock is a directory"},
		"a missing directory":      {filepath.Join(dir, "missing", "state"), fs.ErrNotExist, "its directory"},
		"a file as the directory":  {filepath.Join(dir, "plain", "state"), nil, "plain"},
		"a name that is too long":  {filepath.Join(dir, strings.Repeat("x", 300)), nil, "xxx"},
		"a name with no end of it": {"sta\x00te", nil, ""},
	} {
		f, err := Open(c.path)
		if err == nil {
			_ = f.Close()
			t.Errorf("%s: no error", name)
			continue
		}
		if c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestAWriteThatFailsLeavesTheOldState(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "state")
	f := open(t, path)
	put(t, f, "old")

	// Nothing can be made where a directory with something in it stands.
	if err := os.MkdirAll(filepath.Join(f.temporary(), "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := f.Write([]byte("new")); err == nil {
		t.Error("no error")
	}
	expect(t, f, "old")

	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := f.Write([]byte("new")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a directory that is gone: %v", err)
	}

	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, f, "new")
	expect(t, f, "new")

	if err := f.Write(make([]byte, maxSize)); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("a state that could not be read again: %v", err)
	}
	expect(t, f, "new")
}

func BenchmarkWrite(b *testing.B) {
	f, payload := open(b, filepath.Join(b.TempDir(), "state")), numbered(1, 4<<20)
	b.SetBytes(int64(len(payload)))
	for b.Loop() {
		if err := f.Write(payload); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	f, payload := open(b, filepath.Join(b.TempDir(), "state")), numbered(1, 4<<20)
	if err := f.Write(payload); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(payload)))
	for b.Loop() {
		if _, err := f.Read(); err != nil {
			b.Fatal(err)
		}
	}
}

// What cannot be used is kept, and is in nobody's way.
func TestSetAside(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state")
	f := open(t, path)
	for _, content := range []string{"somebody's file", "another one"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		aside, err := f.SetAside()
		if err != nil {
			t.Fatal(err)
		}
		if kept, err := os.ReadFile(aside); err != nil || string(kept) != content {
			t.Errorf("kept is %q, %v", kept, err)
		}
		if payload, err := f.Read(); payload != nil || err != nil {
			t.Errorf("read %q, %v", payload, err)
		}
	}
	if err := f.Write([]byte("{}")); err != nil {
		t.Error(err)
	}
}
