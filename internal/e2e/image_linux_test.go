package e2e

import (
	"debug/elf"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

const repository = "../.."

// instruction is one of the Dockerfile, such as {"COPY", "go.mod go.sum ./"}.
type instruction struct{ name, args string }

func dockerfile(t *testing.T) []instruction {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	var out []instruction
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", " ")) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, args, ok := strings.Cut(line, " ")
		if !ok || !regexp.MustCompile(`^(FROM|ARG|ENV|WORKDIR|COPY|RUN|LABEL|USER|EXPOSE|HEALTHCHECK|ENTRYPOINT)$`).MatchString(name) {
			t.Fatalf("not an instruction: %s", line)
		}
		out = append(out, instruction{name, strings.Join(strings.Fields(args), " ")})
	}
	return out
}

// find gives the arguments of all instructions of one kind.
func find(file []instruction, name string) (args []string) {
	for _, in := range file {
		if in.name == name {
			args = append(args, in.args)
		}
	}
	return args
}

func TestDockerfile(t *testing.T) {
	t.Parallel()
	file := dockerfile(t)
	from := find(file, "FROM")
	if len(from) != 2 || !regexp.MustCompile(`\bgolang:1\.26\S* AS build$`).MatchString(from[0]) || from[1] != "scratch" {
		t.Errorf("stages %q", from)
	}
	for name, want := range map[string]string{
		"USER":        `^[1-9]\d*:[1-9]\d*$`, // a number: the image has no /etc/passwd
		"EXPOSE":      `^10425$`,
		"ENTRYPOINT":  `^\["/connectycube_exporter"\]$`, // no shell in the image, so the exec form
		"HEALTHCHECK": `CMD \["/connectycube_exporter", "healthcheck"\]$`,
		"LABEL":       `org\.opencontainers\.image\.version="\$\{VERSION\}"`,
	} {
		if got := find(file, name); len(got) != 1 || !regexp.MustCompile(want).MatchString(got[0]) {
			t.Errorf("%s %q does not match %s", name, got, want)
		}
	}

	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	context := buildContext(t)
	for _, args := range find(file, "COPY") {
		words := strings.Fields(args)
		sources := slices.DeleteFunc(words[:len(words)-1], func(word string) bool { return strings.HasPrefix(word, "--") })
		if strings.HasPrefix(args, "--from=build ") {
			for _, source := range sources {
				switch {
				case slices.Contains(find(file, "RUN"), "mkdir "+source):
				case source == "/connectycube_exporter" || source == "/etc/ssl/certs/ca-certificates.crt":
					// built, and a file of the base image
				case strings.HasPrefix(source, "/usr/local/go/"):
					exists(t, strings.Replace(source, "/usr/local/go", strings.TrimSpace(string(goroot)), 1))
				default:
					t.Errorf("%s may not be in the build stage", source)
				}
			}
			continue
		}
		for _, source := range sources {
			exists(t, filepath.Join(context, source))
		}
	}
}

func exists(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

// The build command of the Dockerfile, run on what .dockerignore leaves, makes
// a program that needs nothing beside it.
func TestTheImageBuilds(t *testing.T) {
	t.Parallel()
	runs := find(dockerfile(t), "RUN")
	build := runs[len(runs)-1]
	if !strings.Contains(build, "go build -trimpath") || !strings.Contains(build, "-o /connectycube_exporter") {
		t.Fatalf("not a build command: %s", build)
	}
	program := filepath.Join(t.TempDir(), "connectycube_exporter")
	cmd := exec.Command("/bin/sh", "-ec", strings.Replace(build, "-o /connectycube_exporter", "-o "+program, 1))
	cmd.Dir = buildContext(t)
	cmd.Env = append(os.Environ(), "TARGETOS="+runtime.GOOS, "TARGETARCH="+runtime.GOARCH, "VERSION=1.2.3-test", "REVISION=0123abcd")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s\n%v\n%s", build, err, out)
	}

	out, err := exec.Command(program, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "version 1.2.3-test (") || !strings.Contains(string(out), "revision: 0123abcd)") {
		t.Errorf("--version says\n%s", out)
	}
	binary, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	libraries, err := binary.ImportedLibraries()
	if err != nil {
		t.Fatal(err)
	}
	dynamic := slices.ContainsFunc(binary.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
	if len(libraries) > 0 || dynamic {
		t.Errorf("the program is not static: libraries %v", libraries)
	}
}

// buildContext is a copy of the repository without what .dockerignore names.
func buildContext(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	patterns := strings.Fields(string(text))
	target := t.TempDir()
	err = filepath.WalkDir(repository, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(repository, name)
		if err != nil || rel == "." {
			return err
		}
		if entry.Name() == ".git" {
			return fs.SkipDir
		}
		if ignored(patterns, filepath.ToSlash(rel)) {
			return nil // a directory may hold files that are not ignored
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(target, rel), 0o700)
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(target, rel), data, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// ignored follows the rules of .dockerignore as far as ours goes: the last
// pattern that matches the path or a directory above it decides.
func ignored(patterns []string, name string) bool {
	out := false
	for _, pattern := range patterns {
		rule, keep := strings.CutPrefix(pattern, "!")
		if covers(rule, name) {
			out = !keep
		}
	}
	return out
}

func covers(pattern, name string) bool {
	base, anywhere := strings.CutPrefix(pattern, "**/")
	for dir := name; dir != "."; dir = path.Dir(dir) {
		candidate := dir
		if anywhere {
			candidate = path.Base(dir)
		}
		if ok, err := path.Match(base, candidate); ok && err == nil {
			return true
		}
	}
	return false
}
