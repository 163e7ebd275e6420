package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/collector"
)

func base() collector.Target {
	return collector.Target{URL: "https://api.connectycube.com", Timeout: 10 * time.Second, RateLimit: 2, Concurrency: 4}
}

func TestApplicationsWinOverDefaultsAndDefaultsOverFlags(t *testing.T) {
	t.Parallel()
	got, err := Parse([]byte(`
defaults:
  rate_limit: 0.5
  timeout: 1m30s
  time_zone: UTC
  holidays: [2027-01-01]
apps:
  - name: shop
    api_key_file: /run/secrets/shop
    rate_limit: 0
    concurrency: 1
    time_zone: Europe/Kyiv
    holidays:
      - 2026-12-25
      - 2026-08-24
  - name: Підтримка
    url: chat.example.com/eu/
    api_key_file: keys/support
    timeout: 500ms
`), "/etc/exporter", base())
	if err != nil {
		t.Fatal(err)
	}
	want := []collector.Target{
		{
			Name: "shop", URL: "https://api.connectycube.com", KeyFile: "/run/secrets/shop",
			Timeout: 90 * time.Second, RateLimit: 0, Concurrency: 1, TimeZone: "Europe/Kyiv", Holidays: "2026-08-24,2026-12-25",
		},
		{
			Name: "Підтримка", URL: "https://chat.example.com/eu", KeyFile: "/etc/exporter/keys/support",
			Timeout: 500 * time.Millisecond, RateLimit: 0.5, Concurrency: 4, TimeZone: "UTC", Holidays: "2027-01-01",
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestAnchorsAndMergeKeys(t *testing.T) {
	t.Parallel()
	got, err := Parse([]byte(`
apps:
  - &shop
    name: shop
    api_key_file: &key /k
    timeout: 3s
  - <<: *shop
    name: stage
  - {name: third, api_key_file: *key}
`), "/", base())
	if err != nil {
		t.Fatal(err)
	}
	if got[1].Name != "stage" || got[1].Timeout != 3*time.Second || got[2].KeyFile != "/k" {
		t.Errorf("got %+v", got)
	}
}

// Nothing in these files may come back in an error: the word SECRET stands
// where people put keys by mistake.
func TestWrongFiles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ yaml, want string }{
		"empty":                      {"", "it is empty; it needs a list of applications under the key apps"},
		"comments only":              {"# nothing\n", "it is empty; it needs a list of applications under the key apps"},
		"no apps":                    {"defaults: {timeout: 1s}", "it names no application; it needs a list of them under the key apps"},
		"empty list":                 {"apps: []", "it names no application; it needs a list of them under the key apps"},
		"a key file":                 {"SECRETSECRET", "line 1: the file must hold the keys apps and defaults"},
		"a list":                     {"- SECRET", "line 1: the file must hold the keys apps and defaults"},
		"apps is a mapping":          {"apps: {shop: {}}", "line 1: apps must be a list"},
		"an app is a word":           {"apps:\n- SECRET", "line 2: an application must hold keys such as name and api_key_file"},
		"defaults is a list":         {"defaults: [1]\napps: []", "line 1: defaults must hold keys such as url and timeout"},
		"not YAML":                   {"apps:\n\t- x", "not valid YAML: line 2: found character that cannot start any token"},
		"unknown anchor":             {"apps: *SECRET", "not valid YAML: an alias (*) names no anchor (&)"},
		"two documents":              {"apps: [{name: a, api_key_file: k}]\n---\napps: []", "it holds more than one YAML document"},
		"unknown key in the file":    {"apps: []\nscrape: 1", "line 2: unknown key scrape"},
		"unknown key in an app":      {"apps:\n- name: a\n  api_key_file: k\n  colour: SECRET", "line 4: unknown key colour"},
		"unknown keys, all named":    {"x: 1\napps:\n- y: 1", "line 1: unknown key x; line 3: unknown key y"},
		"key in the file":            {"apps:\n- name: a\n  api_key: SECRET", "line 3: unknown key api_key (the key itself stands in a file that api_key_file names)"},
		"name under defaults":        {"defaults:\n  name: a", "line 2: unknown key name under defaults (each application has its own)"},
		"key given twice":            {"apps:\n- name: a\n  name: b", `line 3: mapping key "name" already defined at line 2`},
		"no name":                    {"apps:\n- api_key_file: k", "line 2: the application has no name"},
		"null name":                  {"apps:\n- name:\n  api_key_file: k", "line 2: the application has no name"},
		"empty name":                 {"apps:\n- name: ' '\n  api_key_file: k", "line 2: name: must not be empty"},
		"line break in the name":     {"apps:\n- name: \"a\\nb\"\n  api_key_file: k", "line 2: name: must be text without control characters"},
		"name twice":                 {"apps:\n- {name: a, api_key_file: k}\n- {name: a, api_key_file: l}", `line 3: the name "a" is taken by the application in line 2`},
		"no key file":                {"apps:\n- name: a", "line 2: the application has no api_key_file"},
		"empty key file":             {"apps:\n- {name: a, api_key_file: ''}", "line 2: api_key_file: must not be empty; line 2: the application has no api_key_file"},
		"empty item":                 {"apps:\n-\n- {name: a, api_key_file: k}", "line 2: an application must hold keys such as name and api_key_file"},
		"name is a list":             {"apps:\n- {name: [SECRET], api_key_file: k}", "line 2: name: must be a single value"},
		"URL with a password":        {"apps:\n- {name: a, api_key_file: k, url: 'https://u:SECRET@h'}", "line 2: url: the URL must not hold a user name or password"},
		"URL of another kind":        {"apps:\n- {name: a, api_key_file: k, url: 'ftp://SECRET'}", "line 2: url: the URL must start with https:// or http://"},
		"timeout without a unit":     {"apps:\n- {name: a, api_key_file: k, timeout: 10}", "line 2: timeout: must be a duration such as 500ms, 10s or 1h30m"},
		"timeout of a fraction":      {"apps:\n- {name: a, api_key_file: k, timeout: 1.5s}", "line 2: timeout: must be a duration such as 500ms, 10s or 1h30m"},
		"timeout of zero":            {"apps:\n- {name: a, api_key_file: k, timeout: 0s}", "line 2: timeout: must be above 0"},
		"rate limit below zero":      {"apps:\n- {name: a, api_key_file: k, rate_limit: -1}", "line 2: rate_limit: must be 0 (no limit) or a number above it"},
		"rate limit not a number":    {"apps:\n- {name: a, api_key_file: k, rate_limit: .nan}", "line 2: rate_limit: must be 0 (no limit) or a number above it"},
		"rate limit infinite":        {"apps:\n- {name: a, api_key_file: k, rate_limit: .inf}", "line 2: rate_limit: must be 0 (no limit) or a number above it"},
		"rate limit a word":          {"apps:\n- {name: a, api_key_file: k, rate_limit: SECRET}", "line 2: rate_limit: must be a number"},
		"concurrency of zero":        {"apps:\n- {name: a, api_key_file: k, concurrency: 0}", "line 2: concurrency: must be 1 or more"},
		"concurrency of a fraction":  {"apps:\n- {name: a, api_key_file: k, concurrency: 1.9}", "line 2: concurrency: must be a whole number"},
		"unknown time zone":          {"apps:\n- {name: a, api_key_file: k, time_zone: SECRET}", "line 2: time_zone: must be the name of a time zone, such as Europe/Kyiv or UTC"},
		"empty time zone":            {"apps:\n- {name: a, api_key_file: k, time_zone: ''}", "line 2: time_zone: must be the name of a time zone, such as Europe/Kyiv or UTC"},
		"one holiday":                {"apps:\n- {name: a, api_key_file: k, holidays: 2026-12-25}", "line 2: holidays: must be a list of dates such as [2026-12-25]"},
		"a holiday that is none":     {"apps:\n- name: a\n  api_key_file: k\n  holidays:\n  - 2026-12-25\n  - SECRET", "line 5: holidays: line 6: each must be a date such as 2026-12-25"},
		"a wrong value in defaults":  {"defaults:\n  concurrency: many\napps: [{name: a, api_key_file: k}]", "line 2: concurrency: must be a whole number"},
		"several problems, all told": {"apps:\n- name: a\n  timeout: 0s\n- name: a", `line 3: timeout: must be above 0; line 2: the application has no api_key_file; line 4: the name "a" is taken by the application in line 2; line 4: the application has no api_key_file`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			targets, err := Parse([]byte(c.yaml), "/", base())
			if err == nil {
				t.Fatalf("accepted as %+v", targets)
			}
			if err.Error() != c.want {
				t.Errorf("got  %s\nwant %s", err, c.want)
			}
		})
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "apps.yml")
	if _, err := Load(path, base()); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("missing file: %v", err)
	}
	if err := os.WriteFile(path, []byte("apps:\n- {name: a, api_key_file: key}"), 0o600); err != nil {
		t.Fatal(err)
	}
	targets, err := Load(path, base())
	if err != nil {
		t.Fatal(err)
	}
	// The key file is not there: that is the application's trouble alone.
	if want := filepath.Join(dir, "key"); targets[0].KeyFile != want {
		t.Errorf("key file %s, want %s beside the configuration", targets[0].KeyFile, want)
	}
	if err := os.WriteFile(path, []byte("apps: 3"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, base()); err == nil || !strings.HasPrefix(err.Error(), "configuration file "+path+": line 1: ") {
		t.Errorf("wrong file: %v", err)
	}
}

// Whatever a file holds, it is refused or gives targets that can be polled.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "apps: []", "apps:\n- {name: a, api_key_file: k}",
		"defaults: {timeout: 1s, rate_limit: .inf}\napps: [{name: a, api_key_file: k, url: x.example}]",
		"apps: &x\n- *x", "apps:\n- <<: {name: b}\n  api_key_file: !!binary aGk=", "a: &a [*a]",
		"apps:\n- name: a\n  concurrency: 0x10\n  api_key_file: |\n    k\n", "\xef\xbb\xbfapps: 1", "apps: [~]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		targets, err := Parse(data, "/etc", base())
		if err != nil {
			if strings.TrimSpace(err.Error()) == "" || targets != nil {
				t.Fatalf("error %q with targets %v", err, targets)
			}
			return
		}
		names := map[string]bool{}
		for _, target := range targets {
			if CheckName(target.Name) != nil || names[target.Name] || CheckTimeout(target.Timeout) != nil ||
				CheckRateLimit(target.RateLimit) != nil || CheckConcurrency(target.Concurrency) != nil ||
				!strings.HasPrefix(target.URL, "http") || !filepath.IsAbs(target.KeyFile) {
				t.Fatalf("accepted %+v", target)
			}
			names[target.Name] = true
		}
		if len(targets) == 0 {
			t.Fatal("accepted without applications")
		}
	})
}
