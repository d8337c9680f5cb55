package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"knative.dev/pkg/leaderelection"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/metrics"
	"sigs.k8s.io/yaml"

	"github.com/tekton-gitops/tekton-gitops/pkg/policy"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
	"github.com/tekton-gitops/tekton-gitops/pkg/tracing"
)

func TestNamespaceIsRestricted(t *testing.T) {
	ns := one[*corev1.Namespace](t, build(t, "."), namespace)
	if got := ns.Labels["pod-security.kubernetes.io/enforce"]; got != "restricted" {
		t.Errorf("pod security is %q", got)
	}
}

func TestDeployment(t *testing.T) {
	d := one[*appsv1.Deployment](t, build(t, "."), "tekton-gitops-controller")
	pod := d.Spec.Template.Spec
	if len(pod.Containers) != 1 || len(pod.InitContainers) > 0 || len(pod.Volumes) > 0 {
		t.Fatalf("pod: %+v", pod)
	}
	c := pod.Containers[0]
	got := map[string]any{
		"replicas": *d.Spec.Replicas, "account": pod.ServiceAccountName,
		"host": pod.HostNetwork || pod.HostPID || pod.HostIPC,
		"pod":  pod.SecurityContext, "container": c.SecurityContext,
		"liveness": c.LivenessProbe.HTTPGet, "readiness": c.ReadinessProbe.HTTPGet, "ports": c.Ports,
	}
	want := map[string]any{
		"replicas": int32(2), "account": "tekton-gitops-controller", "host": false,
		"pod": &corev1.PodSecurityContext{
			RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To[int64](65532), RunAsGroup: ptr.To[int64](65532),
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		"container": &corev1.SecurityContext{
			AllowPrivilegeEscalation: ptr.To(false), ReadOnlyRootFilesystem: ptr.To(true), RunAsNonRoot: ptr.To(true),
			Capabilities:   &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		"liveness":  &corev1.HTTPGetAction{Path: "/health", Port: intstr.FromString("probes")},
		"readiness": &corev1.HTTPGetAction{Path: "/readiness", Port: intstr.FromString("probes")},
		"ports": []corev1.ContainerPort{
			{Name: "metrics", ContainerPort: 9090}, {Name: "profiling", ContainerPort: 8008}, {Name: "probes", ContainerPort: 8080},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if c.Resources.Requests.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() || c.Resources.Limits.Memory().IsZero() {
		t.Errorf("resources: %+v", c.Resources)
	}
}

func TestSelectors(t *testing.T) {
	objects := build(t, ".")
	d := one[*appsv1.Deployment](t, objects, "tekton-gitops-controller")
	s := one[*corev1.Service](t, objects, "tekton-gitops-controller")
	away := d.Spec.Template.Spec.Affinity.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution[0].PodAffinityTerm
	pod := labels.Set(d.Spec.Template.Labels)
	budget := one[*policyv1.PodDisruptionBudget](t, objects, "tekton-gitops-controller")
	network := one[*networkingv1.NetworkPolicy](t, objects, "tekton-gitops-controller")
	for name, selector := range map[string]*metav1.LabelSelector{
		"Deployment": d.Spec.Selector, "anti-affinity": away.LabelSelector, "Service": {MatchLabels: s.Spec.Selector},
		"PodDisruptionBudget": budget.Spec.Selector, "NetworkPolicy": &network.Spec.PodSelector,
	} {
		parsed, err := metav1.LabelSelectorAsSelector(selector)
		if err != nil || parsed.Empty() || !parsed.Matches(pod) {
			t.Errorf("%s selects %v, %v", name, selector, err)
		}
	}
	ports := d.Spec.Template.Spec.Containers[0].Ports
	for _, port := range s.Spec.Ports {
		if !slices.ContainsFunc(ports, func(p corev1.ContainerPort) bool { return p.Name == port.TargetPort.StrVal }) {
			t.Errorf("Service port %s leads nowhere", port.Name)
		}
	}
	var open []string
	for _, rule := range network.Spec.Ingress {
		for _, port := range rule.Ports {
			open = append(open, fmt.Sprint(port.Port.StrVal, " from ", len(rule.From)))
		}
	}
	if d := cmp.Diff([]string{"metrics from 1", "probes from 0"}, open); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]networkingv1.PolicyType{networkingv1.PolicyTypeIngress}, network.Spec.PolicyTypes); d != "" {
		t.Errorf("a restriction of egress cuts the controller off from what it needs: %s", d)
	}
}

// A budget that no single replica may be missing from stops every drain.
func TestDrainsAreNotHeldUp(t *testing.T) {
	budget := one[*policyv1.PodDisruptionBudget](t, build(t, "."), "tekton-gitops-controller").Spec
	if budget.MinAvailable != nil || budget.MaxUnavailable == nil || budget.MaxUnavailable.IntValue() < 1 {
		t.Errorf("budget: %+v", budget)
	}
}

// ko replaces the reference by the image that it builds from this package; a misspelt one would be installed as it is.
func TestImageIsBuiltHere(t *testing.T) {
	image := one[*appsv1.Deployment](t, build(t, "."), "tekton-gitops-controller").Spec.Template.Spec.Containers[0].Image
	goMod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(goMod), "\n")
	module := strings.TrimPrefix(first, "module ")
	if want := "ko://" + module + "/cmd/controller"; image != want {
		t.Fatalf("image = %s, want %s", image, want)
	}
	sources, _ := filepath.Glob("../cmd/controller/*.go")
	if len(sources) == 0 {
		t.Error("there is no such command")
	}
	var ko struct {
		DefaultBaseImage string   `json:"defaultBaseImage"`
		DefaultPlatforms []string `json:"defaultPlatforms"`
		Builds           []struct {
			ID, Main            string
			Env, Flags, Ldflags []string
		} `json:"builds"`
	}
	data, err := os.ReadFile("../.ko.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(data, &ko); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(ko.DefaultBaseImage, "@sha256:") || len(ko.Builds) != 1 || ko.Builds[0].Main != "./cmd/controller" {
		t.Errorf(".ko.yaml: %+v", ko)
	}
}

// What the environment names, the Role lets the controller read, and the installation has.
func TestConfigMapsAreThereAndReadable(t *testing.T) {
	objects := build(t, ".")
	var wanted []string
	for _, env := range one[*appsv1.Deployment](t, objects, "tekton-gitops-controller").Spec.Template.Spec.Containers[0].Env {
		if strings.HasPrefix(env.Name, "CONFIG_") {
			wanted = append(wanted, env.Value)
		}
	}
	wanted = append(wanted, policy.Name, request.DefaultsName, tracing.ConfigName)
	slices.Sort(wanted)
	role := one[*rbacv1.Role](t, objects, "tekton-gitops-controller")
	if d := cmp.Diff(wanted, role.Rules[1].ResourceNames); d != "" {
		t.Error(d)
	}
	for _, name := range wanted {
		one[*corev1.ConfigMap](t, objects, name)
	}
}

// data is a ConfigMap's, and its example as if it had been copied out of the block.
func data(t *testing.T, name string) (inForce, example map[string]string) {
	t.Helper()
	cm := one[*corev1.ConfigMap](t, build(t, "."), name)
	if text, ok := cm.Data["_example"]; ok {
		if err := yaml.UnmarshalStrict([]byte(text), &example); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return cm.Data, example
}

// README.md says where the keys of a ConfigMap are documented.
func TestConfigMapsDocumentTheirKeys(t *testing.T) {
	for _, o := range build(t, ".") {
		cm, ok := o.(*corev1.ConfigMap)
		if !ok || cm.Name == "gitops-info" {
			continue
		}
		if _, example := data(t, cm.Name); len(example) == 0 || !strings.Contains(cm.Data["_example"], "# ") {
			t.Errorf("%s has no block _example", cm.Name)
		}
	}
}

func TestPolicyShowsEveryDefault(t *testing.T) {
	inForce, example := data(t, policy.Name)
	if got, err := policy.Parse(inForce); err != nil || !cmp.Equal(got, policy.Default(), cmp.AllowUnexported(policy.Hosts{})) {
		t.Errorf("what is in force is not the default: %+v, %v", got, err)
	}
	want := map[string]string{}
	for _, key := range policy.Keys() {
		want[key.Name] = key.Default
	}
	if d := cmp.Diff(want, example); d != "" {
		t.Error(d)
	}
}

func TestDefaultsExampleIsUsable(t *testing.T) {
	inForce, example := data(t, request.DefaultsName)
	if len(inForce) != 1 {
		t.Errorf("in force: %v", inForce)
	}
	if _, err := request.ParseDefaults(request.DefaultsSource{Namespace: namespace, Name: request.DefaultsName, Data: example}); err != nil {
		t.Error(err)
	}
}

func TestLeaderElection(t *testing.T) {
	inForce, example := data(t, "config-leader-election")
	for _, values := range []map[string]string{inForce, example} {
		config, err := leaderelection.NewConfigFromMap(values)
		if err != nil {
			t.Fatal(err)
		}
		want := &leaderelection.Config{Buckets: 3, LeaseDuration: 60e9, RenewDeadline: 40e9, RetryPeriod: 3e9}
		config.LeaseNamesPrefixMapping = nil
		if d := cmp.Diff(want, config); d != "" {
			t.Error(d)
		}
	}
}

func TestLoggingAndObservability(t *testing.T) {
	objects := build(t, ".")
	config, err := logging.NewConfigFromConfigMap(one[*corev1.ConfigMap](t, objects, "config-logging"))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := config.LoggingLevel["tekton-gitops-controller"]; !ok {
		t.Errorf("levels: %v", config.LoggingLevel)
	}
	if logger, _ := logging.NewLogger(config.LoggingConfig, ""); logger == nil {
		t.Error("no logger")
	}
	inForce, example := data(t, "config-logging")
	delete(inForce, "_example")
	if d := cmp.Diff(inForce, example); d != "" {
		t.Errorf("the example shows something else than what is installed: %s", d)
	}
	_, example = data(t, "config-observability")
	for _, values := range []map[string]string{nil, example} {
		if _, err := metrics.NewObservabilityConfigFromConfigMap(&corev1.ConfigMap{Data: values}); err != nil {
			t.Error(err)
		}
	}
}

// Tracing is off as it is installed, and the example shows every default.
func TestTracing(t *testing.T) {
	inForce, example := data(t, tracing.ConfigName)
	want := tracing.Config{Endpoint: tracing.DefaultEndpoint}
	for name, values := range map[string]map[string]string{"in force": inForce, "example": example} {
		got, err := tracing.ParseConfig(values)
		if err != nil {
			t.Error(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	if len(example) != 2 {
		t.Errorf("the example has %v", example)
	}
}

// The files name every object and command that the README promises.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for path := range files(t) {
		name := filepath.Base(path)
		if dir := filepath.Dir(path); dir != "." {
			name = dir + "/"
		}
		name = strings.TrimPrefix(name, "200-clusterrole-aggregate")
		if !strings.Contains(string(text), name) {
			t.Errorf("README.md says nothing about %s", path)
		}
	}
}
