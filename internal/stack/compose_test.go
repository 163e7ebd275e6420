package stack

import (
	"maps"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/internal/promtool"
)

const repository = "../.."

const keyFile = "CONNECTYCUBE_API_KEY_FILE"

// load does what docker compose config does.
func load(t *testing.T, env []string, names ...string) (*types.Project, error) {
	t.Helper()
	root, err := filepath.Abs(repository)
	if err != nil {
		t.Fatal(err)
	}
	for i := range names {
		names[i] = filepath.Join(root, names[i])
	}
	options, err := cli.NewProjectOptions(names, cli.WithWorkingDirectory(root), cli.WithEnv(env), cli.WithConsistency(true))
	if err != nil {
		t.Fatal(err)
	}
	return options.LoadProject(t.Context())
}

// projects are the demo, and the same with an application's key.
func projects(t *testing.T) map[string]*types.Project {
	t.Helper()
	demo, err := load(t, nil, "compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(chatapitest.DefaultKey), 0o600); err != nil {
		t.Fatal(err)
	}
	own, err := load(t, []string{keyFile + "=" + key}, "compose.yaml", "compose.real.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*types.Project{"demo": demo, "real": own}
}

// each runs a test for every service of both projects.
func each(t *testing.T, test func(t *testing.T, p *types.Project, s types.ServiceConfig)) {
	t.Helper()
	for kind, p := range projects(t) {
		if len(p.Services) < 6 {
			t.Errorf("%s has only the services %v", kind, p.ServiceNames())
		}
		for name, s := range p.Services {
			t.Run(kind+"/"+name, func(t *testing.T) { test(t, p, s) })
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(repository, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func readYAML(t *testing.T, name string, into any) {
	t.Helper()
	dec := yaml.NewDecoder(strings.NewReader(read(t, name)))
	dec.KnownFields(true)
	if err := dec.Decode(into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func TestTheKeyIsAskedFor(t *testing.T) {
	_, err := load(t, nil, "compose.yaml", "compose.real.yaml")
	if err == nil || !strings.Contains(err.Error(), keyFile) || !strings.Contains(err.Error(), "file that holds the administration API key") {
		t.Errorf("without the variable: %v", err)
	}
}

// Generated and real numbers must not meet in one volume.
func TestProjectsDoNotShareVolumes(t *testing.T) {
	seen := map[string]string{}
	for kind, p := range projects(t) {
		for _, v := range p.Volumes {
			if other, ok := seen[v.Name]; ok {
				t.Errorf("%s and %s have both the volume %s", kind, other, v.Name)
			}
			seen[v.Name] = kind
		}
	}
}

// hostPath finds what a path in a container is on the host, among bind mounts
// and secrets; empty: it is in a volume, or in the image.
func hostPath(p *types.Project, s types.ServiceConfig, name string) string {
	best, found := "", ""
	for _, v := range s.Volumes {
		rel, inside := within(v.Target, name)
		if !inside || len(v.Target) <= len(best) {
			continue
		}
		best, found = v.Target, ""
		if v.Type == types.VolumeTypeBind {
			found = filepath.Join(v.Source, filepath.FromSlash(rel))
		}
	}
	for _, secret := range s.Secrets {
		if name == "/run/secrets/"+secret.Source {
			found = p.Secrets[secret.Source].File
		}
	}
	return found
}

func within(dir, name string) (rel string, inside bool) {
	if name == dir {
		return ".", true
	}
	return strings.CutPrefix(name, strings.TrimSuffix(dir, "/")+"/")
}

func TestMounts(t *testing.T) {
	root, err := filepath.Abs(repository)
	if err != nil {
		t.Fatal(err)
	}
	each(t, func(t *testing.T, p *types.Project, s types.ServiceConfig) {
		for _, v := range s.Volumes {
			switch v.Type {
			case types.VolumeTypeVolume:
				if v.Source == "" {
					t.Errorf("%s is an unnamed volume, lost with its container", v.Target)
				}
			case types.VolumeTypeBind:
				if _, err := os.Stat(v.Source); err != nil {
					t.Errorf("for %s: %v", v.Target, err)
				}
				if rel, err := filepath.Rel(root, v.Source); err != nil || !filepath.IsLocal(rel) {
					t.Errorf("%s is outside of the repository", v.Source)
				}
				if !v.ReadOnly {
					t.Errorf("%s can be written from the container", v.Source)
				}
				if v.Bind == nil || v.Bind.SELinux != "z" {
					t.Errorf("%s cannot be read under SELinux", v.Source)
				}
				// The engine cannot make a mount point in what is mounted read-only.
				others := s
				others.Volumes = slices.DeleteFunc(slices.Clone(s.Volumes), func(o types.ServiceVolumeConfig) bool { return o.Target == v.Target })
				if under := hostPath(p, others, v.Target); under != "" {
					if _, err := os.Stat(under); err != nil {
						t.Errorf("%s is to be mounted over what is not there: %v", v.Target, err)
					}
				}
			default:
				t.Errorf("%s: a mount of type %s", v.Target, v.Type)
			}
		}
		// Inline configs would be copied into the container, through the mounts.
		if len(s.Configs) > 0 {
			t.Errorf("configs: %v", s.Configs)
		}
	})
}

func TestEverythingDefinedIsUsed(t *testing.T) {
	for kind, p := range projects(t) {
		volumes, secrets := map[string]bool{}, map[string]bool{}
		for _, s := range p.Services {
			for _, v := range s.Volumes {
				if v.Type == types.VolumeTypeVolume {
					volumes[v.Source] = true
				}
			}
			for _, secret := range s.Secrets {
				secrets[secret.Source] = true
			}
		}
		if used, defined := sorted(volumes), sorted(p.Volumes); !slices.Equal(used, defined) {
			t.Errorf("%s: volumes %v are used, %v defined", kind, used, defined)
		}
		if used, defined := sorted(secrets), sorted(p.Secrets); !slices.Equal(used, defined) {
			t.Errorf("%s: secrets %v are used, %v defined", kind, used, defined)
		}
		if len(p.Configs) > 0 {
			t.Errorf("%s: configs %v", kind, sorted(p.Configs))
		}
	}
}

func sorted[V any, M ~map[string]V](m M) []string { return slices.Sorted(maps.Keys(m)) }

// built tells whether the image of a service is that of the Dockerfile.
func built(p *types.Project, s types.ServiceConfig) bool {
	for _, other := range p.Services {
		if other.Build != nil && other.Image == s.Image {
			return true
		}
	}
	return false
}

// Whatever is not built here has a full version, the one that the README names.
func TestImages(t *testing.T) {
	readme := read(t, "README.md")
	seen := map[string]bool{}
	each(t, func(t *testing.T, p *types.Project, s types.ServiceConfig) {
		if built(p, s) {
			if s.Build == nil && s.PullPolicy != types.PullPolicyNever {
				t.Errorf("%s may be looked for in a registry", s.Image)
			}
			if s.Build != nil && s.Build.Context != p.WorkingDir {
				t.Errorf("built of %s", s.Build.Context)
			}
			return
		}
		name, version, _ := strings.Cut(s.Image, ":")
		if !regexp.MustCompile(`^v?\d+\.\d+\.\d+$`).MatchString(version) {
			t.Errorf("%s is not pinned to a full version", s.Image)
		}
		seen[s.Image] = true
		for _, told := range regexp.MustCompile(regexp.QuoteMeta(name)+`:([\w.-]*\w)`).FindAllStringSubmatch(readme, -1) {
			if told[1] != version {
				t.Errorf("the README names %s, the file %s", told[0], s.Image)
			}
		}
		if !strings.Contains(readme, s.Image) {
			t.Errorf("the README does not name %s", s.Image)
		}
	})
	if len(seen) != 3 {
		t.Errorf("images %v", sorted(seen))
	}

	// The tests of the alerts, and the one below, are of these very versions.
	if v := strings.TrimPrefix(promtool.Version, "v0.3"); !seen["prom/prometheus:v3."+v] {
		t.Errorf("tested with Prometheus 3.%s", v)
	}
	m := regexp.MustCompile(`github.com/prometheus/alertmanager (v\S+)`).FindStringSubmatch(read(t, "internal/stack/go.mod"))
	if m == nil || !seen["prom/alertmanager:"+m[1]] {
		t.Errorf("tested with Alertmanager %v", m)
	}
}

// All ports are for this machine only, and those that the README tells.
func TestPorts(t *testing.T) {
	told := map[string]bool{}
	for _, m := range regexp.MustCompile(`http://localhost:(\d+)`).FindAllStringSubmatch(stackSection(t), -1) {
		told[m[1]] = true
	}
	delete(told, "10426") // of the demo without Docker
	for kind, p := range projects(t) {
		published := map[string]bool{}
		for name, s := range p.Services {
			for _, port := range s.Ports {
				published[port.Published] = true
				if ip, err := netip.ParseAddr(port.HostIP); err != nil || !ip.IsLoopback() {
					t.Errorf("%s/%s: the port %s is open to others (%q)", kind, name, port.Published, port.HostIP)
				}
			}
			if s.NetworkMode != "" || len(s.Links)+len(s.ExternalLinks) > 0 || s.Privileged {
				t.Errorf("%s/%s is not on the network of its own", kind, name)
			}
		}
		if !maps.Equal(published, told) {
			t.Errorf("%s publishes %v, the README tells of %v", kind, sorted(published), sorted(told))
		}
	}
}

// stackSection is the one of the README about all this.
func stackSection(t *testing.T) string {
	t.Helper()
	_, text, found := strings.Cut(read(t, "README.md"), "\n## Dashboards and the whole stack\n")
	if !found {
		t.Fatal("the README has no such section")
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

func once(s types.ServiceConfig) bool {
	return s.Restart == "no" || strings.HasPrefix(s.Restart, "on-failure:")
}

// What runs for long says whether it is well, and comes back; what runs once
// says nothing.
func TestHealth(t *testing.T) {
	// What waits for it waits for seconds, not for the interval.
	image := regexp.MustCompile(`(?m)^HEALTHCHECK .*--start-interval=[1-5]s `).MatchString(read(t, "Dockerfile"))
	each(t, func(t *testing.T, p *types.Project, s types.ServiceConfig) {
		check := s.HealthCheck
		if once(s) {
			if check != nil && !check.Disable || built(p, s) && check == nil {
				t.Errorf("it runs once, and has the health check %+v or that of its image", check)
			}
			return
		}
		if s.Restart != types.RestartPolicyUnlessStopped {
			t.Errorf("restart: %q", s.Restart)
		}
		if built(p, s) {
			if check != nil || !image {
				t.Errorf("health check %+v, one in the image: %t", check, image)
			}
			return
		}
		if check == nil || check.Disable || check.Interval == nil || check.Timeout == nil || check.StartPeriod == nil {
			t.Fatalf("health check %+v", check)
		}
		m := regexp.MustCompile(`^http://127\.0\.0\.1:(\d+)/`).FindStringSubmatch(check.Test[len(check.Test)-1])
		if check.Test[0] != "CMD" || m == nil || len(s.Ports) != 1 || m[1] != s.Ports[0].Published {
			t.Errorf("it asks %v, and serves %v", check.Test, s.Ports)
		}
	})
}

// Nothing long waits for the past, which takes an hour with a real key.
func TestNothingWaitsForThePast(t *testing.T) {
	each(t, func(t *testing.T, p *types.Project, s types.ServiceConfig) {
		for name, d := range s.DependsOn {
			if on := p.Services[name]; once(on) && (!once(s) || d.Condition != types.ServiceConditionStarted) {
				t.Errorf("it waits for %s (%s)", name, d.Condition)
			}
		}
	})
	// The demo's has to be there to be asked. With a key that cannot be read it never
	// is well, and then backfill has to say so, too.
	for kind, want := range map[string]string{"demo": types.ServiceConditionHealthy, "real": types.ServiceConditionStarted} {
		if got := projects(t)[kind].Services["backfill"].DependsOn["exporter"].Condition; got != want {
			t.Errorf("%s: backfill waits until the exporter is %s", kind, got)
		}
	}
}

// What writes at its end has the time for it, and a shell hears the signal.
func TestEnds(t *testing.T) {
	each(t, func(t *testing.T, p *types.Project, s types.ServiceConfig) {
		if grace := s.StopGracePeriod; (s.Name == "exporter" || s.Name == "prometheus") && (grace == nil || time.Duration(*grace) < 20*time.Second) {
			t.Errorf("it is killed after %v", grace)
		}
		if shell := len(s.Entrypoint) > 0 && s.Entrypoint[0] == "/bin/sh"; shell && (s.Init == nil || !*s.Init) {
			t.Error("a shell is the first process, and does not heed the signal to stop")
		}
	})
}

// A pinned Grafana does not look for anything newer, and with a key nobody reads
// it without a login.
func TestGrafana(t *testing.T) {
	for kind, p := range projects(t) {
		want := map[string]string{"GF_AUTH_ANONYMOUS_ENABLED": map[string]string{"demo": "true", "real": "false"}[kind]}
		for _, name := range []string{"ANALYTICS_REPORTING_ENABLED", "ANALYTICS_CHECK_FOR_UPDATES", "ANALYTICS_CHECK_FOR_PLUGIN_UPDATES", "PLUGINS_PREINSTALL_AUTO_UPDATE"} {
			want["GF_"+name] = "false"
		}
		for name, want := range want {
			if v := p.Services["grafana"].Environment[name]; v == nil || *v != want {
				t.Errorf("%s: %s is not %s", kind, name, want)
			}
		}
	}
}

// With the file .env that the README has one write, plain commands are of the
// real project.
func TestPlainCommandsAfterTheFile(t *testing.T) {
	m := regexp.MustCompile("(?s)\n```ini\n(COMPOSE_FILE=.*?)```\n").FindStringSubmatch(stackSection(t))
	if m == nil {
		t.Fatal("the README tells no .env")
	}
	root, err := filepath.Abs(repository)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(file, []byte(m[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	want, ignored := projects(t)["real"], "\n"+read(t, ".gitignore")
	header, _, _ := strings.Cut(read(t, "compose.real.yaml"), "\nname:")
	t.Chdir(root) // where the user is
	options, err := cli.NewProjectOptions(nil, cli.WithWorkingDirectory(root), cli.WithEnvFiles(file), cli.WithDotEnv,
		cli.WithConfigFileEnv, cli.WithDefaultConfigPath, cli.WithConsistency(true))
	if err != nil {
		t.Fatal(err)
	}
	p, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != want.Name || !slices.Equal(p.Services["exporter"].Command, want.Services["exporter"].Command) || p.Secrets["connectycube_api_key"].File != "/path/to/key" {
		t.Errorf("%s runs %q with %v", p.Name, p.Services["exporter"].Command, p.Secrets)
	}
	for _, left := range []string{".env", "past.om", "past.om.part", "prometheus-data/", "data/"} {
		if !strings.Contains(ignored, "\n/"+left+"\n") {
			t.Errorf("git does not ignore %s", left)
		}
	}
	for line := range strings.Lines(m[1]) {
		if name, _, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") && !strings.Contains(header, name+"=") {
			t.Errorf("compose.real.yaml does not tell of %s", name)
		}
	}
}

// The key of the sandbox is no secret: it stands in the source, and opens
// nothing but generated data.
func TestNoSecrets(t *testing.T) {
	secret := regexp.MustCompile(`(?i)passw|secret|token|credential|api[._-]?key|private`)
	file := regexp.MustCompile(`(?i)[._-]file$`)
	each(t, func(t *testing.T, p *types.Project, s types.ServiceConfig) {
		values := map[string]string{}
		for name, v := range s.Environment {
			if v != nil {
				values[name] = *v
			}
		}
		for _, arg := range slices.Concat(s.Entrypoint, s.Command) {
			name, v, _ := strings.Cut(arg, "=")
			values[name] = v
		}
		maps.Copy(values, s.Labels)
		for name, v := range values {
			if secret.MatchString(name) && v != "" && v != chatapitest.DefaultKey && (!file.MatchString(name) || hostPath(p, s, v) == "") {
				t.Errorf("%s has a value that may be a secret", name)
			}
			if regexp.MustCompile(`[A-Za-z0-9+/_-]{24,}`).MatchString(v) && !strings.Contains(v, "/") && !strings.Contains(v, " ") {
				t.Errorf("%s has a value that looks like a key", name)
			}
		}
	})
	if key := projects(t)["real"].Services["backfill"].Environment["CONNECTYCUBE_API_KEY"]; key != nil {
		t.Error("the sandbox's key is still there beside the real one")
	}
}

func flagOf(t *testing.T, s types.ServiceConfig, name string) string {
	t.Helper()
	for _, arg := range s.Command {
		if v, ok := strings.CutPrefix(arg, "--"+name+"="); ok {
			return v
		}
	}
	t.Errorf("%s has no --%s", s.Name, name)
	return ""
}

// What the servers are told to read is there, where they are told.
func TestServersFindTheirFiles(t *testing.T) {
	root, err := filepath.Abs(repository)
	if err != nil {
		t.Fatal(err)
	}
	for kind, p := range projects(t) {
		expect := func(service, name, want string) {
			t.Helper()
			if got := hostPath(p, p.Services[service], name); got != filepath.Join(root, want) {
				t.Errorf("%s/%s reads %s, which is %q, not %s", kind, service, name, got, want)
			}
		}
		prometheus, alertmanager := p.Services["prometheus"], p.Services["alertmanager"]
		config := flagOf(t, prometheus, "config.file")
		expect("prometheus", config, "alerts/prometheus.yml")
		expect("prometheus", path.Dir(config)+"/connectycube-chat.rules.yml", "alerts/connectycube-chat.rules.yml")
		for _, name := range []string{"exporter", "alertmanager"} {
			expect("prometheus", path.Dir(config)+"/targets/"+name+".yml", "alerts/targets/compose/"+name+".yml")
		}
		expect("alertmanager", flagOf(t, alertmanager, "config.file"), "alerts/alertmanager.yml")
		for _, kind := range []string{"dashboards", "datasources"} {
			expect("grafana", "/etc/grafana/provisioning/"+kind, "dashboards/provisioning/"+kind)
		}
		for service, dir := range map[string]string{"prometheus": flagOf(t, prometheus, "storage.tsdb.path"), "alertmanager": flagOf(t, alertmanager, "storage.path"), "grafana": "/var/lib/grafana"} {
			if !slices.ContainsFunc(p.Services[service].Volumes, func(v types.ServiceVolumeConfig) bool {
				return v.Type == types.VolumeTypeVolume && v.Target == dir && !v.ReadOnly
			}) {
				t.Errorf("%s/%s keeps its data in %s, which is no volume", kind, service, dir)
			}
		}

		for _, arg := range prometheus.Command {
			if strings.HasPrefix(arg, "--storage.tsdb.retention.") {
				t.Errorf("%s: %s is deprecated, and told in two places", kind, arg)
			}
		}
		var told struct {
			Storage struct {
				TSDB struct{ Retention struct{ Time string } }
			}
		}
		if err := yaml.Unmarshal([]byte(read(t, "alerts/prometheus.yml")), &told); err != nil {
			t.Fatal(err)
		}
		keeps, err := model.ParseDuration(told.Storage.TSDB.Retention.Time)
		if err != nil {
			t.Fatal(err)
		}
		if from, err := model.ParseDuration(flagOf(t, p.Services["backfill"], "from")); err != nil || keeps < 2*from {
			t.Errorf("%s: Prometheus keeps %s, the past begins %s ago (%v)", kind, keeps, from, err)
		}
	}
}

// The past has the labels of the live series.
func TestLabelsOfThePast(t *testing.T) {
	var prometheus struct {
		Scrape []struct {
			Job string `yaml:"job_name"`
		} `yaml:"scrape_configs"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "alerts/prometheus.yml")), &prometheus); err != nil {
		t.Fatal(err)
	}
	var groups []struct {
		Targets []string
		Labels  map[string]string
	}
	readYAML(t, "alerts/targets/compose/exporter.yml", &groups)
	want := map[string]string{"job": prometheus.Scrape[0].Job, "instance": groups[0].Targets[0]}
	maps.Copy(want, groups[0].Labels)
	for kind, p := range projects(t) {
		got := map[string]string{}
		for _, arg := range p.Services["backfill"].Command {
			if label, ok := strings.CutPrefix(arg, "--label="); ok {
				name, value, _ := strings.Cut(label, "=")
				got[name] = value
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: backfill writes %v, the scrape %v", kind, got, want)
		}
		host, port, _ := strings.Cut(want["instance"], ":")
		if s := p.Services[host]; len(s.Ports) != 1 || s.Ports[0].Published != port {
			t.Errorf("%s: %s is scraped, and serves %v", kind, want["instance"], s.Ports)
		}
	}
}
