package cli

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Whatever is wrong with the settings, the program says so in one sentence on
// standard error, names the setting, and exits with 2 before it does anything.
func TestWrongSettings(t *testing.T) {
	t.Parallel()
	key := write(t, "key", "secret-key\n")
	empty := write(t, "empty", " \n")
	torn := write(t, "torn", "half a key, half\na story")
	good := write(t, "good.yml", "apps: [{name: shop, api_key_file: "+key+"}]")
	unknown := write(t, "unknown.yml", "apps:\n- name: shop\n  colour: red\n")
	webBad := write(t, "web.yml", "tls_server_config: {cert_file: nowhere.pem, key_file: nowhere.key}")
	webWrong := write(t, "webwrong.yml", "tls: yes")
	withKey := func(args ...string) []string { return append(args, "--api.key-file="+key) }

	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"nothing configured":                   {nil, []string{"--api.key-file", "CONNECTYCUBE_API_KEY", "--config.file", "connectycube_exporter demo"}},
		"nothing configured for check":         {[]string{"check"}, []string{"no application is configured", "demo"}},
		"unknown command":                      {[]string{"sevre"}, []string{`"sevre"`, "--help"}},
		"unknown flag":                         {[]string{"--colour=red"}, []string{"--colour", "--help"}},
		"flag of another command":              {[]string{"serve", "--demo.seed=1"}, []string{"--demo.seed"}},
		"argument too many":                    {[]string{"check", "shop"}, []string{`"shop"`}},
		"argument that looks like a file":      {[]string{"@" + key}, []string{"@" + key}},
		"flag without its value":               {[]string{"--log.level"}, []string{"--log.level needs a value"}},
		"flag without its value, then another": {withKey("--log.level", "--windows=1h"), []string{"--log.level needs a value"}},
		"flag of check without its value":      {[]string{"check", "--format"}, []string{"--format needs a value"}},
		"flag given twice":                     {withKey("--windows=1h", "--windows=1d"), []string{"windows", "repeated"}},

		"poll interval too short":     {withKey("--poll.interval=999ms"), []string{"--poll.interval must be at least 1s"}},
		"poll interval of zero":       {withKey("--poll.interval=0s"), []string{"--poll.interval must be at least 1s"}},
		"poll interval not a time":    {withKey("--poll.interval=soon"), []string{"--poll.interval must be a duration such as"}},
		"poll interval in Go's style": {withKey("--poll.interval=1.5m"), []string{"--poll.interval must be a duration such as"}},
		"poll interval too long":      {withKey("--poll.interval=60y"), []string{"--poll.interval must be at most 1d"}},
		"scan interval too short":     {withKey("--scan.interval=999ms"), []string{"--scan.interval must be at least 1s"}},
		"scan interval of zero":       {withKey("--scan.interval=0s"), []string{"--scan.interval must be at least 1s"}},
		"scan interval too long":      {withKey("--scan.interval=31d", "--scan.full-interval=32d"), []string{"--scan.interval must be at most 30d"}},
		"scan interval not a time":    {withKey("--scan.interval=often"), []string{"--scan.interval must be a duration such as"}},
		"full scans of no interval":   {withKey("--scan.full-interval=0s"), []string{"--scan.full-interval must be at least 1s"}},
		"full scans too rare":         {withKey("--scan.full-interval=31d"), []string{"--scan.full-interval must be at most 30d"}},
		"full scans before others":    {withKey("--scan.interval=90m", "--scan.full-interval=1h"), []string{"--scan.full-interval must not be below --scan.interval, which is 1h30m"}},
		"scans above the default":     {withKey("--scan.interval=12h"), []string{"--scan.full-interval must not be below --scan.interval, which is 12h"}},
		"scans of check":              {withKey("check", "--scan.interval=0s"), []string{"--scan.interval must be at least 1s"}},
		"timeout too long":            {withKey("--api.timeout=100y"), []string{"--api.timeout must be at most 1h"}},
		"rate limit next to nothing":  {withKey("--api.rate-limit=1e-12"), []string{"--api.rate-limit must be at least 0.001"}},
		"timeout of zero":             {withKey("--api.timeout=0s"), []string{"--api.timeout must be above 0"}},
		"negative timeout":            {withKey("--api.timeout=-1s"), []string{"--api.timeout must be a duration"}},
		"negative rate limit":         {withKey("--api.rate-limit=-1"), []string{"--api.rate-limit must be 0 (no limit) or a number above it"}},
		"rate limit not a number":     {withKey("--api.rate-limit=NaN"), []string{"--api.rate-limit must be 0 (no limit) or a number above it"}},
		"infinite rate limit":         {withKey("--api.rate-limit=Inf"), []string{"--api.rate-limit must be 0 (no limit)"}},
		"rate limit in words":         {withKey("--api.rate-limit=two"), []string{"--api.rate-limit must be a number"}},
		"no concurrency":              {withKey("--api.concurrency=0"), []string{"--api.concurrency must be 1 or more"}},
		"half a concurrency":          {withKey("--api.concurrency=1.5"), []string{"--api.concurrency must be a whole number"}},
		"bad window":                  {withKey("--windows=1h,fortnight"), []string{"--windows", `"fortnight"`}},
		"window given twice":          {withKey("--windows=1h,60m"), []string{"--windows", `"60m"`, `"1h"`}},
		"window too short":            {withKey("--windows=500ms"), []string{"--windows", `"500ms"`}},
		"empty window":                {withKey("--windows=1h,"), []string{"--windows", `""`}},
		"every collector off":         {withKey("--no-collector.totals", "--no-collector.windows", "--no-collector.mutes", "--no-collector.activity"), []string{"--collector.totals", "--collector.windows", "--collector.mutes", "--collector.activity"}},
		"empty application name":      {withKey("--app="), []string{"--app must not be empty"}},
		"application name with a tab": {withKey("--app=a\tb"), []string{"--app must be text without control characters"}},
		"unknown log level":           {withKey("--log.level=loud"), []string{"--log.level must be one of debug, info, warn, error"}},
		"unknown log format":          {withKey("--log.format=xml"), []string{"--log.format must be one of logfmt, json"}},

		"URL with a password":     {withKey("--api.url=https://u:hunter2@h"), []string{"--api.url", "user name or password"}},
		"URL with a query":        {withKey("--api.url=https://h?token=hunter2"), []string{"--api.url", "query"}},
		"URL with a fragment":     {withKey("--api.url=https://h#hunter2"), []string{"--api.url", "fragment"}},
		"URL of another kind":     {withKey("--api.url=ftp://hunter2"), []string{"--api.url", "https://"}},
		"URL that is none":        {withKey("--api.url=https://%zz/hunter2"), []string{"--api.url", "not a URL"}},
		"empty URL":               {withKey("--api.url="), []string{"--api.url", "empty"}},
		"missing key file":        {[]string{"--api.key-file=/nowhere/key"}, []string{"--api.key-file", "/nowhere/key", "no such file"}},
		"missing key file, check": {[]string{"check", "--api.key-file=/nowhere/key"}, []string{"--api.key-file", "/nowhere/key"}},
		"empty key file":          {[]string{"--api.key-file=" + empty}, []string{"--api.key-file", empty, "empty"}},
		"key file of two lines":   {[]string{"--api.key-file=" + torn}, []string{"--api.key-file", torn, "white space"}},
		"directory as key file":   {[]string{"--api.key-file=/"}, []string{"--api.key-file", "/"}},

		"directory as state file": {withKey("--state.file=" + filepath.Dir(key)), []string{"--state.file: cannot use", filepath.Dir(key), "is a directory"}},
		"state in no directory":   {withKey("--state.file=/nowhere/state"), []string{"--state.file: cannot use /nowhere/state", "its directory", "no such file"}},
		"state without its file":  {withKey("--state.file"), []string{"--state.file needs a value"}},

		"missing configuration":        {[]string{"--config.file=/nowhere.yml"}, []string{"--config.file", "/nowhere.yml", "no such file"}},
		"unknown key in it":            {[]string{"--config.file=" + unknown}, []string{"--config.file", unknown, "line 3: unknown key colour"}},
		"configuration beside a URL":   {[]string{"--config.file=" + good, "--api.url=https://h"}, []string{"--api.url cannot stand beside --config.file"}},
		"configuration beside a key":   {withKey("--config.file=" + good), []string{"--api.key-file cannot stand beside --config.file"}},
		"check of an unknown app":      {[]string{"check", "--config.file=" + good, "--app=shed"}, []string{"--app", `"shed"`}},
		"unknown time zone":            {withKey("--activity.time-zone=Mars/North"), []string{"--activity.time-zone must be the name of a time zone"}},
		"time zone of the machine":     {withKey("--activity.time-zone=Local"), []string{"--activity.time-zone"}},
		"too few weeks":                {withKey("--activity.weeks=2"), []string{"--activity.weeks must be between 3 and 26"}},
		"missing holidays":             {withKey("--activity.holidays-file=/nowhere"), []string{"--activity.holidays-file", "/nowhere"}},
		"holidays that are none":       {withKey("--activity.holidays-file=" + write(t, "holidays", "2026-12-25\n25.12.2027\n")), []string{"line 2: it must be a date such as 2026-12-25"}},
		"demo beside a configuration":  {[]string{"demo", "--config.file=" + good}, []string{"--config.file is not for demo"}},
		"demo beside a URL":            {[]string{"demo", "--api.url=https://h"}, []string{"--api.url is not for demo"}},
		"demo beside a key":            {[]string{"demo", "--api.key-file=" + key}, []string{"--api.key-file is not for demo"}},
		"demo with a state":            {[]string{"demo", "--state.file=" + key}, []string{"--state.file is not for demo"}},
		"demo scanned too often":       {[]string{"demo", "--scan.interval=1ms"}, []string{"--scan.interval must be at least 1s"}},
		"demo without dialogs":         {[]string{"demo", "--demo.dialogs=0"}, []string{"--demo.dialogs must be 1 or more"}},
		"demo of negative messages":    {[]string{"demo", "--demo.messages=-1"}, []string{"--demo.messages must be 0 or more"}},
		"demo of no weeks":             {[]string{"demo", "--demo.weeks=0"}, []string{"--demo.weeks must be between 1 and 520"}},
		"demo of a negative rate":      {[]string{"demo", "--demo.rate=-1"}, []string{"--demo.rate must be between 0 and 1000"}},
		"demo of no rate at all":       {[]string{"demo", "--demo.rate=NaN"}, []string{"--demo.rate must be between 0 and 1000"}},
		"demo with a seed of letters":  {[]string{"demo", "--demo.seed=x"}, []string{"--demo.seed must be a whole number"}},
		"demo API without a port":      {[]string{"demo", "--demo.api-listen-address=localhost"}, []string{"--demo.api-listen-address must look like :10426"}},
		"demo API over vsock":          {[]string{"demo", "--demo.api-listen-address=vsock://:1"}, []string{"--demo.api-listen-address must look like :10426"}},
		"demo polled too often":        {[]string{"demo", "--poll.interval=1ms"}, []string{"--poll.interval must be at least 1s"}},
		"unknown format of check":      {withKey("check", "--format=xml"), []string{"--format must be one of table, json"}},
		"telemetry path without slash": {withKey("--web.telemetry-path=metrics"), []string{"--web.telemetry-path must start with /"}},
		"telemetry path of the status": {withKey("--web.telemetry-path=/"), []string{"--web.telemetry-path", "status page"}},
		"telemetry path of our own":    {withKey("--web.telemetry-path=/-/ready"), []string{"--web.telemetry-path", "/-/"}},
		"listen address without port":  {withKey("--web.listen-address=localhost"), []string{"--web.listen-address must look like :10425"}},
		"listen address empty":         {withKey("--web.listen-address="), []string{"--web.listen-address must look like :10425"}},
		"vsock address without port":   {withKey("--web.listen-address=vsock://"), []string{"--web.listen-address must look like vsock://:10425"}},
		"missing web configuration":    {withKey("--web.config.file=/nowhere.yml"), []string{"--web.config.file", "/nowhere.yml"}},
		"unknown key in it as well":    {withKey("--web.config.file=" + webWrong), []string{"--web.config.file", "tls"}},
		"missing certificate":          {withKey("--web.config.file=" + webBad), []string{"--web.config.file", "nowhere.pem"}},
		"health of an unknown port":    {[]string{"healthcheck", "--web.listen-address=:0"}, []string{"--web.listen-address"}},
		"health over vsock":            {[]string{"healthcheck", "--web.listen-address=vsock://:1"}, []string{"--web.listen-address"}},
		"health with missing TLS file": {[]string{"healthcheck", "--web.config.file=/nowhere.yml"}, []string{"--web.config.file", "/nowhere.yml"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // settings that are accepted by mistake end here
			code, stdout, stderr := executeUntil(ctx, c.args...)
			if code != exitUsage {
				t.Errorf("exit code %d, want %d", code, exitUsage)
			}
			if stdout != "" {
				t.Errorf("standard output: %q", stdout)
			}
			if !strings.HasPrefix(stderr, Name+": ") {
				t.Errorf("standard error does not begin with the program's name: %q", stderr)
			}
			for _, want := range c.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("standard error lacks %q: %q", want, stderr)
				}
			}
			for _, secret := range []string{"secret-key", "hunter2", "half a key"} {
				if strings.Contains(stderr, secret) {
					t.Errorf("standard error shows what may be a secret: %q", stderr)
				}
			}
		})
	}
}

func TestHelpAndVersionGoToStandardOutput(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--help"}, "--poll.interval=1m"},
		{[]string{"-h"}, "usage: connectycube_exporter"},
		{[]string{"help"}, "usage: connectycube_exporter"},
		{[]string{"help", "demo"}, "--demo.seed"},
		{[]string{"check", "--help"}, "--format=table"},
		{[]string{"--version"}, "connectycube_exporter, version"},
		{[]string{"serve", "--version"}, "connectycube_exporter, version"},
	} {
		code, stdout, stderr := execute(t, c.args...)
		if code != exitDone || stderr != "" || !strings.Contains(stdout, c.want) {
			t.Errorf("%v: code %d, stderr %q, stdout without %q:\n%s", c.args, code, stderr, c.want, stdout)
		}
	}
}

func TestErrorsNameTheEnvironmentVariable(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for variable, c := range map[string]struct{ value, want string }{
		"CONNECTYCUBE_EXPORTER_POLL_INTERVAL":      {"often", "--poll.interval (from the environment variable CONNECTYCUBE_EXPORTER_POLL_INTERVAL) must be a duration"},
		"CONNECTYCUBE_EXPORTER_API_RATE_LIMIT":     {"-3", "--api.rate-limit (from the environment variable CONNECTYCUBE_EXPORTER_API_RATE_LIMIT) must be 0"},
		"CONNECTYCUBE_EXPORTER_API_CONCURRENCY":    {"x", "--api.concurrency (from the environment variable CONNECTYCUBE_EXPORTER_API_CONCURRENCY) must be a whole"},
		"CONNECTYCUBE_EXPORTER_SCAN_INTERVAL":      {"0s", "--scan.interval (from the environment variable CONNECTYCUBE_EXPORTER_SCAN_INTERVAL) must be at least 1s"},
		"CONNECTYCUBE_EXPORTER_SCAN_FULL_INTERVAL": {"1m", "--scan.full-interval (from the environment variable CONNECTYCUBE_EXPORTER_SCAN_FULL_INTERVAL) must not be below"},
		"CONNECTYCUBE_EXPORTER_STATE_FILE":         {"/nowhere/state", "--state.file (from the environment variable CONNECTYCUBE_EXPORTER_STATE_FILE): cannot use /nowhere/state"},
		"CONNECTYCUBE_EXPORTER_WINDOWS":            {"1h,1h", "--windows (from the environment variable CONNECTYCUBE_EXPORTER_WINDOWS): "},
		"CONNECTYCUBE_EXPORTER_COLLECTOR_TOTALS":   {"off?", "--collector.totals (from the environment variable CONNECTYCUBE_EXPORTER_COLLECTOR_TOTALS) must be true or false"},
		"CONNECTYCUBE_EXPORTER_WEB_SYSTEMD_SOCKET": {"maybe", "--web.systemd-socket (from the environment variable CONNECTYCUBE_EXPORTER_WEB_SYSTEMD_SOCKET) must be true or false"},
		"CONNECTYCUBE_EXPORTER_WEB_LISTEN_ADDRESS": {"nowhere", "--web.listen-address (from the environment variable CONNECTYCUBE_EXPORTER_WEB_LISTEN_ADDRESS) must look like"},
		"CONNECTYCUBE_EXPORTER_LOG_LEVEL":          {"loud", "--log.level (from the environment variable CONNECTYCUBE_EXPORTER_LOG_LEVEL) must be one of"},
		"CONNECTYCUBE_EXPORTER_API_KEY_FILE":       {"/nowhere", "--api.key-file (from the environment variable CONNECTYCUBE_EXPORTER_API_KEY_FILE): "},
		"CONNECTYCUBE_EXPORTER_API_URL":            {"https://h?hunter2", "--api.url (from the environment variable CONNECTYCUBE_EXPORTER_API_URL): "},
		"CONNECTYCUBE_API_KEY":                     {"two words", "the environment variable CONNECTYCUBE_API_KEY: "},
	} {
		t.Run(variable, func(t *testing.T) {
			if variable != keyVariable {
				t.Setenv(keyVariable, "hunter2")
			}
			t.Setenv(variable, c.value)
			code, _, stderr := executeUntil(ctx)
			if code != exitUsage || !strings.Contains(stderr, c.want) {
				t.Errorf("code %d, %q, want %d and %q", code, stderr, exitUsage, c.want)
			}
			if strings.Contains(stderr, "hunter2") || strings.Contains(stderr, "two words") {
				t.Errorf("the error shows what may be a secret: %q", stderr)
			}
		})
	}
}

func TestTheCommandLineWinsOverTheEnvironment(t *testing.T) {
	t.Setenv("CONNECTYCUBE_EXPORTER_POLL_INTERVAL", "nonsense")
	t.Setenv("CONNECTYCUBE_EXPORTER_LOG_FORMAT", "nonsense")
	code, _, stderr := execute(t, "--poll.interval=1m", "--log.format=json")
	if code != exitUsage || !strings.Contains(stderr, "no application is configured") {
		t.Errorf("code %d, %q", code, stderr)
	}
}

func TestSettingsFromTheEnvironment(t *testing.T) {
	key, holidays := write(t, "key", "k"), write(t, "holidays", "2027-01-01 # new year\n\n2026-12-25\n")
	for name, value := range map[string]string{
		"POLL_INTERVAL": "30s", "WINDOWS": "2h,1d", "COLLECTOR_TOTALS": "false", "API_KEY_FILE": key,
		"API_URL": "https://chat.example.com/eu/", "API_TIMEOUT": "3s", "API_RATE_LIMIT": "0.5", "API_CONCURRENCY": "2",
		"SCAN_INTERVAL": "2m", "SCAN_FULL_INTERVAL": "1d", "STATE_FILE": "/var/lib/state",
		"ACTIVITY_TIME_ZONE": "Europe/Kyiv", "ACTIVITY_WEEKS": "8", "ACTIVITY_HOLIDAYS_FILE": holidays,
		"APP": "shop", "WEB_LISTEN_ADDRESS": "127.0.0.1:1\n127.0.0.1:2", "WEB_ENABLE_PPROF": "true",
	} {
		t.Setenv("CONNECTYCUBE_EXPORTER_"+name, value)
	}
	app, f, _ := newApplication()
	command, err := app.Parse(nil)
	if err != nil || command != "serve" {
		t.Fatalf("command %q, error %v", command, err)
	}
	settings, err := f.settings()
	if err != nil {
		t.Fatal(err)
	}
	if settings.PollInterval.String() != "30s" || len(settings.Windows) != 2 || settings.Windows[0].Label != "2h" || strings.Join(settings.Collectors, ",") != "windows,mutes,activity" || settings.ActivityWeeks != 8 {
		t.Errorf("settings %+v", settings)
	}
	if settings.ScanInterval != 2*time.Minute || settings.FullScanInterval != 24*time.Hour || f.stateFile != "/var/lib/state" {
		t.Errorf("settings %+v, state file %q", settings, f.stateFile)
	}
	targets, err := f.targets()
	if err != nil {
		t.Fatal(err)
	}
	if got := targets[0]; got.Name != "shop" || got.KeyFile != key || got.URL != "https://chat.example.com/eu" ||
		got.Timeout.String() != "3s" || got.RateLimit != 0.5 || got.Concurrency != 2 ||
		got.TimeZone != "Europe/Kyiv" || got.Holidays != "2026-12-25,2027-01-01" {
		t.Errorf("target %+v", got)
	}
	if got := *f.web.WebListenAddresses; len(got) != 2 || !f.pprof {
		t.Errorf("addresses %q, pprof %t", got, f.pprof)
	}
}

// Every flag of the whole application has its variable; help and version have
// none, since an image that sets ..._VERSION must start; and no flag of a
// single command has one, since a variable must not confirm anything.
func TestEnvironmentVariablesOfFlags(t *testing.T) {
	t.Parallel()
	app, f, _ := newApplication()
	model := app.Model()
	for _, flag := range model.Flags {
		want := envName(flag.Name)
		if f.given[flag.Name] == nil {
			want = ""
			if flag.Name != "version" && !strings.HasPrefix(flag.Name, "help") && !strings.HasPrefix(flag.Name, "completion") {
				t.Errorf("--%s was not registered", flag.Name)
			}
		}
		if flag.Envar != want {
			t.Errorf("--%s has the variable %q, want %q", flag.Name, flag.Envar, want)
		}
	}
	for _, command := range model.Commands {
		for _, flag := range command.Flags {
			if flag.Envar != "" {
				t.Errorf("--%s of %s has the variable %s", flag.Name, command.Name, flag.Envar)
			}
		}
	}
}

// Kubernetes sets variables for each Service; for one that is called
// connectycube-exporter they begin like ours.
func TestVariablesOfKubernetesMeanNothing(t *testing.T) {
	for name, value := range map[string]string{
		"CONNECTYCUBE_EXPORTER_SERVICE_HOST": "10.0.0.1", "CONNECTYCUBE_EXPORTER_SERVICE_PORT": "10425",
		"CONNECTYCUBE_EXPORTER_SERVICE_PORT_WEB": "10425", "CONNECTYCUBE_EXPORTER_PORT": "tcp://10.0.0.1:10425",
		"CONNECTYCUBE_EXPORTER_PORT_10425_TCP": "tcp://10.0.0.1:10425", "CONNECTYCUBE_EXPORTER_VERSION": "1.2.3",
		"CONNECTYCUBE_EXPORTER_HELP": "yes", "CONNECTYCUBE_EXPORTER_FORMAT": "xml", "CONNECTYCUBE_EXPORTER_DEMO_SEED": "x",
	} {
		t.Setenv(name, value)
	}
	app, f, _ := newApplication()
	if _, err := app.Parse([]string{"demo"}); err != nil {
		t.Fatal(f.explain(err))
	}
	if got := *f.web.WebListenAddresses; len(got) != 1 || got[0] != defaultAddress {
		t.Errorf("listen addresses %q", got)
	}
}

// Flags of the application may stand before the command, after it, and without
// any.
func TestFlagsStandAnywhere(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--poll.interval=7s"},
		{"serve", "--poll.interval=7s"},
		{"--poll.interval=7s", "serve"},
		{"--poll.interval", "7s", "check"},
		{"check", "--format=json", "--poll.interval", "7s"},
		{"healthcheck", "--poll.interval=7s"},
	} {
		app, f, _ := newApplication()
		if _, err := app.Parse(args); err != nil {
			t.Errorf("%q: %v", args, err)
		} else if f.pollInterval.String() != "7s" {
			t.Errorf("%q: poll interval %v", args, f.pollInterval)
		}
	}
}

func TestTheKeyOfTheEnvironmentIsMasked(t *testing.T) {
	t.Setenv(keyVariable, " hunter2\n")
	app, f, _ := newApplication()
	if _, err := app.Parse(nil); err != nil {
		t.Fatal(err)
	}
	targets, err := f.targets()
	if err != nil {
		t.Fatal(err)
	}
	if targets[0].Key.Reveal() != "hunter2" {
		t.Errorf("key %q", targets[0].Key.Reveal())
	}
	if os.Getenv(keyVariable) == "" || targets[0].KeyFile != "" {
		t.Errorf("target %+v", targets[0])
	}
}
