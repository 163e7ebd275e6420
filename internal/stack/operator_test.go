package stack

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	plain "go.yaml.in/yaml/v3"
)

// objects decodes a file of several objects strictly, each into what make has
// for its kind.
func objects(t *testing.T, name string, kinds map[string]any) {
	t.Helper()
	dec := plain.NewDecoder(bytes.NewReader([]byte(read(t, name))))
	for {
		var node plain.Node
		if err := dec.Decode(&node); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		var head struct {
			APIVersion string `yaml:"apiVersion"`
			Kind       string
		}
		if err := node.Decode(&head); err != nil {
			t.Fatal(err)
		}
		kind := path.Join(head.APIVersion, head.Kind)
		into := kinds[kind]
		if into == nil {
			t.Fatalf("%s holds an unexpected %s", name, kind)
		}
		delete(kinds, kind)
		data, err := plain.Marshal(&node)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict(data, into); err != nil {
			t.Errorf("%s, %s: %v", name, kind, err)
		}
	}
	for kind := range kinds {
		t.Errorf("%s lacks %s", name, kind)
	}
}

func TestPrometheusRule(t *testing.T) {
	var rule monitoring.PrometheusRule
	objects(t, "alerts/operator/prometheusrule.yaml", map[string]any{"monitoring.coreos.com/v1/PrometheusRule": &rule})
	rules := 0
	for _, g := range rule.Spec.Groups {
		rules += len(g.Rules)
		for _, r := range g.Rules {
			if r.Expr.String() == "" || (r.Alert == "") == (r.Record == "") {
				t.Errorf("a rule of %s: %+v", g.Name, r)
			}
		}
	}
	if len(rule.Spec.Groups) != 2 || rules < 20 {
		t.Errorf("%d groups, %d rules", len(rule.Spec.Groups), rules)
	}
}

// The ServiceMonitor finds the Service, that the pod, and the pod its key and
// its directory.
func TestExporterInKubernetes(t *testing.T) {
	var monitor monitoring.ServiceMonitor
	objects(t, "alerts/operator/servicemonitor.yaml", map[string]any{"monitoring.coreos.com/v1/ServiceMonitor": &monitor})
	var deployment apps.Deployment
	var service core.Service
	var claim core.PersistentVolumeClaim
	objects(t, "alerts/operator/exporter.yaml", map[string]any{"apps/v1/Deployment": &deployment, "v1/Service": &service, "v1/PersistentVolumeClaim": &claim})

	covers := func(what string, selector, labels map[string]string) {
		t.Helper()
		for name, value := range selector {
			if labels[name] != value {
				t.Errorf("%s: %s=%s selects nothing", what, name, value)
			}
		}
		if len(selector) == 0 {
			t.Errorf("%s selects all", what)
		}
	}
	pod := deployment.Spec.Template
	covers("ServiceMonitor", monitor.Spec.Selector.MatchLabels, service.Labels)
	covers("Service", service.Spec.Selector, pod.Labels)
	covers("Deployment", deployment.Spec.Selector.MatchLabels, pod.Labels)
	if *deployment.Spec.Replicas != 1 || deployment.Spec.Strategy.Type != apps.RecreateDeploymentStrategyType {
		t.Errorf("%d replicas, replaced by %s", *deployment.Spec.Replicas, deployment.Spec.Strategy.Type)
	}
	container, port := pod.Spec.Containers[0], service.Spec.Ports[0]
	if container.Ports[0].ContainerPort != 10425 || port.TargetPort.String() != container.Ports[0].Name || len(monitor.Spec.Endpoints) != 1 || monitor.Spec.Endpoints[0].Port != port.Name {
		t.Errorf("ports: pod %v, Service %v, ServiceMonitor %v", container.Ports, port, monitor.Spec.Endpoints)
	}
	for probe, want := range map[*core.Probe]string{container.LivenessProbe: "/-/healthy", container.ReadinessProbe: "/-/ready"} {
		if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != want || probe.HTTPGet.Port.String() != container.Ports[0].Name {
			t.Errorf("probe %+v, want one of %s", probe, want)
		}
	}
	security := container.SecurityContext
	if !*pod.Spec.SecurityContext.RunAsNonRoot || !*security.ReadOnlyRootFilesystem || *security.AllowPrivilegeEscalation {
		t.Error("it may do more than it has to")
	}
	volumes := map[string]core.VolumeSource{}
	for _, v := range pod.Spec.Volumes {
		volumes[v.Name] = v.VolumeSource
	}
	for _, m := range container.VolumeMounts {
		switch v := volumes[m.Name]; {
		case v.Secret != nil:
			if *v.Secret.DefaultMode != 0o440 || !m.ReadOnly {
				t.Errorf("the key has the mode %o", *v.Secret.DefaultMode)
			}
		case v.PersistentVolumeClaim != nil:
			if v.PersistentVolumeClaim.ClaimName != claim.Name {
				t.Errorf("it claims %s", v.PersistentVolumeClaim.ClaimName)
			}
		default:
			t.Errorf("nothing is mounted at %s", m.MountPath)
		}
	}
	parses(t, container.Args, map[string]string{"api.key-file": "/run/secrets/connectycube/key", "state.file": "/data/state"})
	for _, m := range container.VolumeMounts {
		if m.MountPath != "/run/secrets/connectycube" && m.MountPath != "/data" {
			t.Errorf("what is %s for?", m.MountPath)
		}
	}
}

// relabel does to the labels what the relabelings do, as far as ours go.
func relabel(t *testing.T, labels map[string]string, configs []monitoring.RelabelConfig) {
	t.Helper()
	for _, c := range configs {
		switch {
		case strings.EqualFold(c.Action, "labeldrop"):
			drop := regexp.MustCompile("^(?:" + c.Regex + ")$")
			maps.DeleteFunc(labels, func(name, _ string) bool { return drop.MatchString(name) })
		case (c.Action == "" || strings.EqualFold(c.Action, "replace")) && len(c.SourceLabels) == 1 && c.TargetLabel != "" && c.Regex == "" && c.Replacement == nil:
			labels[c.TargetLabel] = labels[string(c.SourceLabels[0])]
		default:
			t.Fatalf("the test does not know the relabeling %+v", c)
		}
	}
}

// The Operator labels its targets. What it adds must not take the place of a
// label of the exporter, and must outlive the pod; and backfill gets just what is
// left.
func TestLabelsInKubernetes(t *testing.T) {
	var monitor monitoring.ServiceMonitor
	objects(t, "alerts/operator/servicemonitor.yaml", map[string]any{"monitoring.coreos.com/v1/ServiceMonitor": &monitor})
	of := func(pod string) map[string]string {
		labels := map[string]string{
			"namespace": "NAMESPACE", "service": monitor.Name, "job": monitor.Name, "endpoint": "web", "container": "exporter",
			"pod": pod, "instance": pod + ":10425",
		}
		relabel(t, labels, monitor.Spec.Endpoints[0].RelabelConfigs)
		return labels
	}
	labels := of("one")
	if another := of("another"); !maps.Equal(labels, another) {
		t.Errorf("one pod has %v, another %v", labels, another)
	}
	own := regexp.MustCompile(`(?m)\{(.*)\}$`).FindAllStringSubmatch(read(t, "internal/cli/testdata/metrics.golden"), -1)
	if len(own) < 50 {
		t.Fatalf("%d metrics", len(own))
	}
	for _, m := range own {
		for name := range strings.SplitSeq(m[1], ",") {
			if _, taken := labels[name]; taken || name == "node" {
				t.Errorf("the exporter's label %s would become exported_%s", name, name)
			}
		}
	}

	var told []string
	_, text, _ := strings.Cut(stackSection(t), "\n#### With the Prometheus Operator\n")
	line := regexp.MustCompile(`(?m)^\$ connectycube_exporter backfill (?:.*\\\n)*.*$`).FindString(text)
	for _, m := range regexp.MustCompile(`--label[= ](\S+)`).FindAllStringSubmatch(line, -1) {
		told = append(told, m[1])
	}
	var want []string
	for name, value := range labels {
		want = append(want, name+"="+value)
	}
	slices.Sort(told)
	slices.Sort(want)
	if !slices.Equal(told, want) {
		t.Errorf("the README gives backfill %q, the scrape %q", told, want)
	}
}
