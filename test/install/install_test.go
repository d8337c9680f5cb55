package install

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"

	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

const (
	deployment = "deployment/tekton-gitops-controller"
	image      = "registry.example.com/tekton-gitops/controller@sha256:"
)

var (
	firstImage  = image + strings.Repeat("1", 64)
	secondImage = image + strings.Repeat("2", 64)
)

// TestLife installs a version, upgrades to the next and removes it. Its parts build on each other.
func TestLife(t *testing.T) {
	first, second := release(t, "v0.1.0", firstImage), release(t, "v0.2.0", secondImage)
	if !t.Run("install", func(t *testing.T) { testInstall(t, first) }) {
		return
	}
	t.Run("pod security", testPodSecurity)
	t.Run("budget", testBudget)
	t.Run("version", func(t *testing.T) { checkVersion(t, "v0.1.0", firstImage) })
	t.Run("again", func(t *testing.T) { testAgain(t, first) })
	t.Run("directories", testDirectories)
	t.Run("enable", testEnable)
	t.Run("buckets", testBuckets)
	t.Run("upgrade", func(t *testing.T) { testUpgrade(t, second) })
	t.Run("uninstall", func(t *testing.T) { testUninstall(t, second) })
}

// One command installs everything, in an order that works on a cluster that knows nothing of it.
func testInstall(t *testing.T, file string) {
	manifests, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"created": strings.Count("\n"+string(manifests), "\n---\n")}
	if d := cmp.Diff(want, outcomes(kubectl(t, "apply", "-f", file))); d != "" {
		t.Errorf("objects (-want +got):\n%s", d)
	}
	kubectl(t, "rollout", "status", "-n", testbed.Namespace, deployment, "--timeout=60s")
	kubectl(t, "wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/part-of=tekton-gitops", "--timeout=30s")
	for _, kind := range []string{"gitopsdeploys", "gitopsprs", "gitopsrecords"} {
		kubectl(t, "get", kind, "-A")
	}
}

// pod is one of the Deployment's as it could be created by hand.
func pod(t *testing.T) *corev1.Pod {
	t.Helper()
	d, err := cluster.Client.AppsV1().Deployments(testbed.Namespace).Get(t.Context(), "tekton-gitops-controller", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "by-hand"}, Spec: d.Spec.Template.Spec}
}

// The namespace takes the controller's pods and refuses the same pods with one of their restrictions less.
func testPodSecurity(t *testing.T) {
	asIs := pod(t).Spec
	whole, container := asIs.SecurityContext, asIs.Containers[0].SecurityContext
	asRoot, mayGetMore, capable := container.DeepCopy(), container.DeepCopy(), container.DeepCopy()
	asRoot.RunAsUser, mayGetMore.AllowPrivilegeEscalation, capable.Capabilities = ptr.To[int64](0), nil, nil
	for what, c := range map[string]struct {
		pod         *corev1.PodSecurityContext
		container   *corev1.SecurityContext
		hostNetwork bool
		want        string
	}{
		"as it is":              {pod: whole, container: container},
		"nothing said":          {pod: nil, container: nil, want: "runAsNonRoot != true"},
		"as root":               {pod: whole, container: asRoot, want: "runAsUser=0"},
		"may get more":          {pod: whole, container: mayGetMore, want: "allowPrivilegeEscalation != false"},
		"with all capabilities": {pod: whole, container: capable, want: "unrestricted capabilities"},
		"on the host's network": {pod: whole, container: container, hostNetwork: true, want: "hostNetwork=true"},
	} {
		t.Run(what, func(t *testing.T) {
			p := pod(t)
			p.Spec.SecurityContext, p.Spec.Containers[0].SecurityContext, p.Spec.HostNetwork = c.pod, c.container, c.hostNetwork
			dryRun := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
			_, err := cluster.Client.CoreV1().Pods(testbed.Namespace).Create(t.Context(), p, dryRun)
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), `violates PodSecurity "restricted`) ||
				!strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want a refusal because of %s", err, c.want)
			}
		})
	}
}

// A drain may take one of the two replicas.
func testBudget(t *testing.T) {
	var last any
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
		b, err := cluster.Client.PolicyV1().PodDisruptionBudgets(testbed.Namespace).Get(ctx, "tekton-gitops-controller", metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		last = b.Status
		return b.Status.ExpectedPods == 2 && b.Status.CurrentHealthy == 2 && b.Status.DisruptionsAllowed == 1, nil
	})
	if err != nil {
		t.Errorf("%v; status: %+v", err, last)
	}
}

// checkVersion wants everybody to see the version, and the pods to be of it.
func checkVersion(t *testing.T, version, image string) {
	t.Helper()
	got := kubectl(t, "get", "configmap", "gitops-info", "-n", testbed.Namespace, "-o", "jsonpath={.data.version}",
		"--as=somebody", "--as-group=system:authenticated")
	if got != version {
		t.Errorf("version %q, want %q", got, version)
	}
	pods, err := cluster.Client.CoreV1().Pods(testbed.Namespace).List(t.Context(),
		metav1.ListOptions{LabelSelector: "app.kubernetes.io/version=" + version})
	if err != nil {
		t.Fatal(err)
	}
	if len(pods.Items) < 2 {
		t.Errorf("%d pods carry the version %s, want 2", len(pods.Items), version)
	}
	for _, p := range pods.Items {
		if p.Spec.Containers[0].Image != image {
			t.Errorf("pod %s runs %s, want %s", p.Name, p.Spec.Containers[0].Image, image)
		}
	}
}

// Applying again changes no object. What kubectl says does not tell: it calls a PodDisruptionBudget configured each time,
// as it always sends the selector.
func testAgain(t *testing.T, file string) {
	versions := []string{"get", "-f", file, "-o",
		`jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}{"\n"}{end}`}
	before := kubectl(t, versions...)
	words := outcomes(kubectl(t, "apply", "-f", file))
	if d := cmp.Diff(before, kubectl(t, versions...)); d != "" {
		t.Error(d)
	}
	if words["configured"] > 1 || words["created"] > 0 {
		t.Errorf("kubectl says %v", words)
	}
}

// Every other way that the README names takes the same objects: nothing there is refused.
func testDirectories(t *testing.T) {
	installed := outcomes(kubectl(t, "apply", "--dry-run=server", "-f", "config/"))
	if d := cmp.Diff(installed, outcomes(kubectl(t, "apply", "--dry-run=server", "-k", "config"))); d != "" {
		t.Error(d)
	}
	for _, arguments := range [][]string{
		{"-f", "config/cluster-wide/"}, {"-k", "config/cluster-wide"}, {"--namespace", "default", "-f", "config/tenant/rolebinding.yaml"},
	} {
		words := outcomes(kubectl(t, append([]string{"apply", "--dry-run=server"}, arguments...)...))
		if d := cmp.Diff(map[string]int{"created (server dry run)": 1}, words); d != "" {
			t.Errorf("%v: %s", arguments, d)
		}
	}
}

// The commands of the README that enable namespaces, and the one that asks whether it has worked.
func testEnable(t *testing.T) {
	mayRead := []string{"auth", "can-i", "get", "secrets/any",
		"--as=system:serviceaccount:tekton-gitops:tekton-gitops-controller", "--namespace"}
	if out, err := tryKubectl(t, append(mayRead, "default")...); err == nil {
		t.Fatalf("before: %s", out)
	}
	follow(t, root(t), "## Enable a namespace")
	eventually(t, append(mayRead, "default")...)
	follow(t, root(t), "To enable all namespaces at once")
	eventually(t, append(mayRead, "kube-public")...)
	kubectl(t, "delete", "-k", "config/cluster-wide")
}

// The commands of the README that change the number of buckets.
func testBuckets(t *testing.T) {
	follow(t, root(t), "To change it:")
	kubectl(t, "rollout", "status", "-n", testbed.Namespace, deployment, "--timeout=60s")
	got := kubectl(t, "get", "configmap", "config-leader-election", "-n", testbed.Namespace, "-o", "jsonpath={.data.buckets}")
	if got != "6" {
		t.Errorf("%s buckets", got)
	}
}

// eventually repeats a command that fails for a moment: the authorizer hears of bindings later than who makes them.
func eventually(t *testing.T, arguments ...string) {
	t.Helper()
	var out string
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, 10*time.Second, true, func(context.Context) (bool, error) {
		var err error
		out, err = tryKubectl(t, arguments...)
		return err == nil, nil
	})
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(arguments, " "), err, out)
	}
}

// An upgrade replaces the pods and leaves what people have made: definitions, and keys of ConfigMaps.
func testUpgrade(t *testing.T, file string) {
	kubectl(t, "patch", "configmap", "config-gitops", "-n", testbed.Namespace, "--type=merge",
		"-p", `{"data":{"allowed-git-hosts":"git.example.com"}}`)
	definition := []byte(`{"apiVersion":"gitops.tekton.dev/v1alpha1","kind":"GitOpsDeploy","metadata":{"name":"kept"},
		"spec":{"argocd":{"applications":[{"name":"some"}]}}}`)
	if err := cluster.Apply(t.Context(), "default", definition); err != nil {
		t.Fatal(err)
	}
	words := outcomes(kubectl(t, "apply", "-f", file))
	if words["created"] > 0 {
		t.Errorf("an upgrade has made objects anew: %v", words)
	}
	kubectl(t, "rollout", "status", "-n", testbed.Namespace, deployment, "--timeout=60s")
	checkVersion(t, "v0.2.0", secondImage)
	// As the README warns.
	if got := kubectl(t, "get", deployment, "-n", testbed.Namespace, "-o", "jsonpath={.spec.replicas}"); got != "2" {
		t.Errorf("%s replicas", got)
	}
	kubectl(t, "get", "gitopsdeploy", "kept", "-n", "default")
	got := kubectl(t, "get", "configmap", "config-gitops", "-n", testbed.Namespace, "-o", "jsonpath={.data.allowed-git-hosts}")
	if got != "git.example.com" {
		t.Errorf("the policy has become %q", got)
	}
}

// Removing leaves nothing behind in the cluster but what is in the namespaces of the teams.
func testUninstall(t *testing.T, file string) {
	follow(t, filepath.Dir(file), "## Uninstall")
	definitions, err := os.ReadFile(filepath.Join(filepath.Dir(file), "definitions.yaml"))
	if err != nil || !strings.Contains(string(definitions), "name: kept") {
		t.Errorf("the copy of the definitions: %s, %v", definitions, err)
	}
	left := kubectl(t, "get", "namespaces,crds,clusterroles,clusterrolebindings",
		"-l", "app.kubernetes.io/part-of=tekton-gitops", "-o", "name")
	if strings.TrimSpace(left) != "" {
		t.Errorf("left: %s", left)
	}
	if _, err := tryKubectl(t, "get", "gitopsdeploys", "-A"); err == nil {
		t.Error("the kinds are still served")
	}
}
