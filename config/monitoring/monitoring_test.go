// Package monitoring_test holds the alerts and the dashboard to the metrics that there are.
package monitoring_test

import (
	"cmp"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/tekton-gitops/tekton-gitops/pkg/metrics"
	"github.com/tekton-gitops/tekton-gitops/test/monitoring"
)

const root = "../.."

// ofFramework are the metrics of the framework that are used. An end-to-end test looks for all of them on the page of a
// controller.
var ofFramework = []string{"workqueue_depth", "client_results", "go_heap_in_use"}

// addedByPrometheus are labels that a scrape adds.
var addedByPrometheus = []string{"pod", "namespace", "job", "instance", "le"}

// definitionOf finds the metric whose series has a name.
func definitionOf(series string) (metrics.Definition, bool) {
	for _, d := range metrics.Definitions() {
		names := []string{d.FullName()}
		if d.Type == metrics.Histogram {
			names = []string{d.FullName() + "_bucket", d.FullName() + "_sum", d.FullName() + "_count"}
		}
		if slices.Contains(names, series) {
			return d, true
		}
	}
	return metrics.Definition{}, false
}

func TestExpressionsNameMetricsThatThereAre(t *testing.T) {
	expressions, err := monitoring.Expressions(root)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := monitoring.Parse(t.Context(), root, expressions)
	if err != nil {
		t.Fatal(err)
	}
	if len(parsed) < 30 {
		t.Errorf("only %d expressions were found", len(parsed))
	}
	used := map[string]bool{}
	for where, p := range parsed {
		if p.Error != "" || len(p.Selectors) == 0 {
			t.Errorf("%s: %s names %v: %s", where, expressions[where], p.Selectors, p.Error)
		}
		labels := slices.Clone(addedByPrometheus)
		for _, s := range p.Selectors {
			if name, ok := strings.CutPrefix(s.Metric, metrics.Prefix); ok && slices.Contains(ofFramework, name) {
				continue
			}
			d, known := definitionOf(s.Metric)
			if !known {
				t.Errorf("%s: there is no metric %s", where, s.Metric)
				continue
			}
			used[d.Name] = true
			for _, l := range d.Labels {
				labels = append(labels, l.Name)
			}
			checkLabels(t, where, d, s.Labels)
		}
		for _, label := range p.Labels {
			if !slices.Contains(labels, label) {
				t.Errorf("%s: groups by %s, which no metric in it has", where, label)
			}
		}
	}
	for _, d := range metrics.Definitions() {
		if !used[d.Name] {
			t.Errorf("%s is in no alert and on no dashboard", d.Name)
		}
	}
}

// checkLabels compares what a metric is chosen by with the values that its labels take.
func checkLabels(t *testing.T, where string, d metrics.Definition, chosen map[string]string) {
	t.Helper()
	for name, wanted := range chosen {
		at := slices.IndexFunc(d.Labels, func(l metrics.Label) bool { return l.Name == name })
		if at < 0 {
			t.Errorf("%s: %s has no label %s", where, d.Name, name)
			continue
		}
		for value := range strings.SplitSeq(wanted, "|") {
			if !slices.Contains(d.Labels[at].Values, value) {
				t.Errorf("%s: label %s of %s is never %q", where, name, d.Name, value)
			}
		}
	}
}

// Every alert says how bad it is, and leads to a section that says what to do.
func TestAlertsLeadToTheirSection(t *testing.T) {
	rules, err := monitoring.Rules(root)
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	const page = "https://github.com/tekton-gitops/tekton-gitops/blob/main/config/monitoring/README.md#"
	names := map[string]bool{}
	for _, r := range rules {
		if !regexp.MustCompile(`^TektonGitOps[A-Z][A-Za-z]+$`).MatchString(r.Alert) || names[r.Alert] {
			t.Errorf("alert %s", r.Alert)
		}
		names[r.Alert] = true
		if severity := r.Labels["severity"]; severity != "critical" && severity != "warning" {
			t.Errorf("%s has the severity %q", r.Alert, severity)
		}
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%s tells too little", r.Alert)
		}
		if got, want := r.Annotations["runbook_url"], page+strings.ToLower(r.Alert); got != want {
			t.Errorf("%s leads to %s, want %s", r.Alert, got, want)
		}
		if !strings.Contains(string(readme), "\n### "+r.Alert+"\n") {
			t.Errorf("README.md has no section %s", r.Alert)
		}
	}
	for _, heading := range regexp.MustCompile(`(?m)^### (TektonGitOps\w+)$`).FindAllStringSubmatch(string(readme), -1) {
		if !names[heading[1]] {
			t.Errorf("README.md has a section %s, and there is no such alert", heading[1])
		}
	}
}

func TestDashboard(t *testing.T) {
	d, err := monitoring.ReadDashboard(root)
	if err != nil {
		t.Fatal(err)
	}
	if d.UID == "" || d.Title == "" || len(d.Templating.List) != 1 || d.Templating.List[0].Name != "datasource" {
		t.Errorf("%q %q %v", d.UID, d.Title, d.Templating)
	}
	panels := slices.SortedFunc(slices.Values(d.Panels), func(a, b monitoring.Panel) int {
		return cmp.Or(cmp.Compare(a.GridPos.Y, b.GridPos.Y), cmp.Compare(a.GridPos.X, b.GridPos.X))
	})
	for i, p := range panels {
		for _, other := range panels[:i] {
			if p.ID == other.ID || p.Title == other.Title {
				t.Errorf("panel %d %q is there twice", p.ID, p.Title)
			}
			a, b := p.GridPos, other.GridPos
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("%q lies over %q", p.Title, other.Title)
			}
		}
		if p.GridPos.W == 0 || p.GridPos.X+p.GridPos.W > 24 || (p.Type != "row") != (len(p.Targets) > 0) {
			t.Errorf("panel %q: %+v with %d targets", p.Title, p.GridPos, len(p.Targets))
		}
	}
	raw, err := os.ReadFile("dashboards/tekton-gitops.json")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(raw), `"${datasource}"`); n < len(d.Panels) {
		t.Errorf("%d of the queries ask the data source that is chosen", n)
	}
}

// What `kubectl apply -k config/monitoring` applies.
func TestKustomization(t *testing.T) {
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), ".")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range resources.Resources() {
		names = append(names, r.GetKind()+" "+r.GetNamespace()+"/"+r.GetName())
		if r.GetLabels()["app.kubernetes.io/part-of"] != "tekton-gitops" {
			t.Errorf("%s has no label app.kubernetes.io/part-of", r.GetName())
		}
		if r.GetKind() == "ConfigMap" && (r.GetLabels()["grafana_dashboard"] != "1" || !json.Valid([]byte(r.GetDataMap()["tekton-gitops.json"]))) {
			t.Errorf("the dashboard's ConfigMap has the labels %v", r.GetLabels())
		}
	}
	slices.Sort(names)
	want := []string{
		"ConfigMap tekton-gitops/tekton-gitops-dashboard", "PodMonitor tekton-gitops/tekton-gitops-controller", "PrometheusRule tekton-gitops/tekton-gitops-controller",
	}
	if !slices.Equal(names, want) {
		t.Errorf("%v", names)
	}
}

// The PodMonitor chooses the pods of the Deployment by their labels, and a port that they have.
func TestPodMonitorFindsThePods(t *testing.T) {
	var monitor struct {
		Metadata struct{ Namespace string }
		Spec     struct {
			Selector            struct{ MatchLabels map[string]string }
			PodMetricsEndpoints []struct{ Port, Path, Interval string }
		}
	}
	data, err := os.ReadFile("podmonitor.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, &monitor); err != nil {
		t.Fatal(err)
	}
	deployment := installedDeployment(t)
	if monitor.Metadata.Namespace != deployment.Namespace {
		t.Errorf("it looks in the namespace %s, the pods are in %s", monitor.Metadata.Namespace, deployment.Namespace)
	}
	pod := deployment.Spec.Template
	if chosen := monitor.Spec.Selector.MatchLabels; len(chosen) == 0 || !labels.SelectorFromSet(chosen).Matches(labels.Set(pod.Labels)) {
		t.Errorf("%v does not choose pods with the labels %v", chosen, pod.Labels)
	}
	if len(monitor.Spec.PodMetricsEndpoints) != 1 {
		t.Errorf("it scrapes %v, want the one endpoint", monitor.Spec.PodMetricsEndpoints)
	}
	for _, endpoint := range monitor.Spec.PodMetricsEndpoints {
		named := func(p corev1.ContainerPort) bool { return p.Name == endpoint.Port }
		if !slices.ContainsFunc(pod.Spec.Containers[0].Ports, named) || endpoint.Port != "metrics" {
			t.Errorf("the port %q is not that of the metrics", endpoint.Port)
		}
	}
}

// installedDeployment is the controller's, as config/ has it.
func installedDeployment(t *testing.T) appsv1.Deployment {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), "..")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range resources.Resources() {
		if r.GetKind() == "Deployment" {
			var found appsv1.Deployment
			if err := yaml.UnmarshalStrict([]byte(r.MustYaml()), &found); err != nil {
				t.Fatal(err)
			}
			return found
		}
	}
	t.Fatal("config/ has no Deployment")
	return appsv1.Deployment{}
}
