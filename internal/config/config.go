// Package config reads the configuration file that names several applications.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/collector"
)

// Load reads a configuration file. What neither an application nor the key
// defaults sets is taken from base. Key files are named but not opened, so that
// one that is missing concerns its own application only. Errors name the file
// and the lines; they do not repeat values, some of which may be secrets.
func Load(path string, base collector.Target) ([]collector.Target, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration file: %w", err)
	}
	targets, err := Parse(data, filepath.Dir(path), base)
	if err != nil {
		return nil, fmt.Errorf("configuration file %s: %w", path, err)
	}
	return targets, nil
}

// Parse is Load without the file; relative key files are taken to be in dir.
func Parse(data []byte, dir string, base collector.Target) ([]collector.Target, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	var f file
	switch err := dec.Decode(&f); {
	case errors.Is(err, io.EOF):
		return nil, errors.New("it is empty; it needs a list of applications under the key apps")
	case err != nil:
		return nil, explain(err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("it holds more than one YAML document")
	}

	var problems problems
	f.Defaults.apply(&base, dir, &problems)
	lines := appLines(data, &problems)
	if len(lines) == 0 && len(problems) == 0 {
		return nil, errors.New("it names no application; it needs a list of them under the key apps")
	}
	seen := map[string]int{}
	var targets []collector.Target
	for i, a := range f.Apps {
		t := base
		t.Name = a.Name.Value
		first, taken := seen[t.Name]
		switch {
		case a.Name.Line == 0:
			problems.add(lines[i], "the application has no name")
		case taken:
			problems.add(a.Name.Line, "the name %q is taken by the application in line %d", t.Name, first)
		case problems.check(a.Name.Line, "name", a.Name.err, CheckName(t.Name)):
			seen[t.Name] = a.Name.Line
		}
		a.apply(&t, dir, &problems)
		if t.KeyFile == "" {
			problems.add(lines[i], "the application has no api_key_file")
		}
		targets = append(targets, t)
	}
	if len(problems) > 0 {
		return nil, errors.New(strings.Join(problems, "; "))
	}
	return targets, nil
}

type file struct {
	Defaults access `yaml:"defaults"`
	Apps     []app  `yaml:"apps"`
}

type app struct {
	Name   field[string] `yaml:"name"`
	access `yaml:",inline"`
}

// access holds what may stand both under defaults and in an application.
type access struct {
	URL         field[string]   `yaml:"url"`
	APIKeyFile  field[string]   `yaml:"api_key_file"`
	Timeout     field[duration] `yaml:"timeout"`
	RateLimit   field[float64]  `yaml:"rate_limit"`
	Concurrency field[int]      `yaml:"concurrency"`
	TimeZone    field[string]   `yaml:"time_zone"`
	Holidays    field[[]string] `yaml:"holidays"`
}

// apply overrides in t what is set in a.
func (a *access) apply(t *collector.Target, dir string, p *problems) {
	if f := a.URL; f.Line > 0 {
		u, err := chatapi.ParseURL(f.Value)
		if p.check(f.Line, "url", f.err, err) {
			t.URL = u.String()
		}
	}
	if f := a.APIKeyFile; f.Line > 0 && p.check(f.Line, "api_key_file", f.err, checkSet(f.Value)) {
		t.KeyFile = f.Value
		if !filepath.IsAbs(f.Value) {
			t.KeyFile = filepath.Join(dir, f.Value)
		}
	}
	if f := a.Timeout; f.Line > 0 && p.check(f.Line, "timeout", f.err, CheckTimeout(f.Value.Duration)) {
		t.Timeout = f.Value.Duration
	}
	if f := a.RateLimit; f.Line > 0 && p.check(f.Line, "rate_limit", f.err, CheckRateLimit(f.Value)) {
		t.RateLimit = f.Value
	}
	if f := a.Concurrency; f.Line > 0 && p.check(f.Line, "concurrency", f.err, CheckConcurrency(f.Value)) {
		t.Concurrency = f.Value
	}
	if f := a.TimeZone; f.Line > 0 && p.check(f.Line, "time_zone", f.err, CheckTimeZone(f.Value)) {
		t.TimeZone = f.Value
	}
	if f := a.Holidays; f.Line > 0 && p.check(f.Line, "holidays", f.err) {
		t.Holidays = collector.JoinHolidays(f.Value)
	}
}

// problems collects everything that is wrong, so that one run names it all.
type problems []string

func (p *problems) add(line int, format string, args ...any) {
	*p = append(*p, fmt.Sprintf("line %d: ", line)+fmt.Sprintf(format, args...))
}

// check adds the first of the errors, and tells whether there was none.
func (p *problems) check(line int, key string, errs ...error) bool {
	i := slices.IndexFunc(errs, func(err error) bool { return err != nil })
	if i >= 0 {
		p.add(line, "%s: %v", key, errs[i])
	}
	return i < 0
}

// appLines finds the lines where the applications begin. The decoder passes
// over list items that are empty; here they are problems.
func appLines(data []byte, p *problems) (lines []int) {
	var root struct {
		Apps []yaml.Node `yaml:"apps"`
	}
	if err := yaml.Unmarshal(data, &root); err != nil {
		p.add(1, "%v", explain(err))
	}
	for _, n := range root.Apps {
		value := &n
		if n.Kind == yaml.AliasNode {
			value = n.Alias
		}
		if value.ShortTag() == "!!null" {
			p.add(n.Line, "an application must hold keys such as name and api_key_file")
			continue
		}
		lines = append(lines, n.Line)
	}
	return lines
}

// explain puts the decoder's errors into the user's words. Those quote
// parts of values and speak of Go types.
func explain(err error) error {
	var typeErr *yaml.TypeError
	if !errors.As(err, &typeErr) {
		text := strings.TrimPrefix(err.Error(), "yaml: ")
		if strings.Contains(text, "unknown anchor") {
			text = "an alias (*) names no anchor (&)"
		}
		return errors.New("not valid YAML: " + text)
	}
	unknown := regexp.MustCompile(`^line (\d+): field (.+) not found in type config\.(\w+)$`)
	kind := regexp.MustCompile(`^line (\d+): cannot unmarshal !!(\w+)(?: .*)? into (\S+)$`)
	var out problems
	for _, text := range typeErr.Errors {
		if m := unknown.FindStringSubmatch(text); m != nil {
			text = "line " + m[1] + ": unknown key " + m[2] + hint(m[2], m[3])
		} else if m := kind.FindStringSubmatch(text); m != nil {
			text = "line " + m[1] + ": " + expected(m[3])
		}
		out = append(out, text)
	}
	return errors.New(strings.Join(out, "; "))
}

func hint(key, in string) string {
	switch {
	case key == "name" && in == "access":
		return " under defaults (each application has its own)"
	case strings.Contains(key, "key"):
		return " (the key itself stands in a file that api_key_file names)"
	default:
		return ""
	}
}

func expected(goType string) string {
	switch goType {
	case "config.file":
		return "the file must hold the keys apps and defaults"
	case "[]config.app":
		return "apps must be a list"
	case "config.app":
		return "an application must hold keys such as name and api_key_file"
	default:
		return "defaults must hold keys such as url and timeout"
	}
}
