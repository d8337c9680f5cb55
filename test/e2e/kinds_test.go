package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// podsOf is a workload of a kind that keeps pods of the server's image running. head is the rest of its spec, one line.
func podsOf(kind, name, head string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: %[1]s
metadata: {name: %[2]s}
spec:
  %[3]s
  selector: {matchLabels: {app: %[2]s}}
  template:
    metadata: {labels: {app: %[2]s}}
    spec: {containers: [{name: main, image: %[4]s}]}
`, kind, name, head, serverImage)
}

const (
	report = `apiVersion: batch/v1
kind: CronJob
metadata: {name: report}
spec:
  schedule: "0 0 1 1 *"
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: main, image: ` + serverImage + `}]}}}}
`
	postSync = `apiVersion: batch/v1
kind: Job
metadata:
  name: smoke
  annotations: {argocd.argoproj.io/hook: PostSync, argocd.argoproj.io/hook-delete-policy: BeforeHookCreation}
spec:
  template: {spec: {restartPolicy: Never, containers: [{name: main, image: ` + serverImage + `}]}}
`
)

// liveImages are the images of an environment's workloads, as Kind/name and image.
func (n *tenant) liveImages(environment string) []string {
	n.t.Helper()
	var found []string
	for kind, r := range map[string]schema.GroupVersionResource{
		"Deployment": {Group: "apps", Version: "v1", Resource: "deployments"}, "StatefulSet": {Group: "apps", Version: "v1", Resource: "statefulsets"},
		"DaemonSet": {Group: "apps", Version: "v1", Resource: "daemonsets"}, "CronJob": {Group: "batch", Version: "v1", Resource: "cronjobs"}, "Job": {Group: "batch", Version: "v1", Resource: "jobs"},
	} {
		list, err := n.Dynamic.Resource(r).Namespace(n.Targets[environment]).List(n.t.Context(), metav1.ListOptions{})
		if err != nil {
			n.t.Fatal(err)
		}
		path := []string{"spec", "template", "spec", "containers"}
		if kind == "CronJob" {
			path = append([]string{"spec", "jobTemplate"}, path...)
		}
		for _, item := range list.Items {
			containers, _, _ := unstructured.NestedSlice(item.Object, path...)
			found = append(found, fmt.Sprint(kind, "/", item.GetName(), " ", containers[0].(object)["image"]))
		}
	}
	slices.Sort(found)
	return slices.DeleteFunc(found, func(s string) bool { return !strings.Contains(s, serverImage) })
}

func TestWorkloadsOfEveryKind(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.setDevResources(map[string]string{
		"set.yaml": podsOf("StatefulSet", "store", "replicas: 2"), "daemon.yaml": podsOf("DaemonSet", "agent", "minReadySeconds: 0"),
		"idle.yaml": podsOf("Deployment", "idle", "replicas: 0"), "report.yaml": report, "smoke.yaml": postSync,
	})
	for _, tag := range []string{"1.0.1", "1.0.2"} {
		n.create(n.deploy(tag, tag))
		cr := n.finish(tag)
		wantSucceeded(t, cr)
		want := []string{"CronJob/report", "DaemonSet/agent", "Deployment/idle", "Deployment/server", "Job/smoke", "StatefulSet/store"}
		for i := range want {
			want[i] += " " + serverImage + ":" + tag
		}
		if got := n.liveImages("dev"); !slices.Equal(got, want) {
			t.Errorf("these run: %v", got)
		}
		if got := result(cr, "image-digest"); !strings.HasPrefix(got, "sha256:") {
			t.Errorf("image-digest is %q", got)
		}
		var verified []string
		for _, live := range n.record(n.progress(cr).Lock).Live {
			verified = append(verified, live.Workload)
		}
		for _, kind := range []string{"CronJob/", "DaemonSet/", "Deployment/", "Job/", "StatefulSet/"} {
			if !slices.ContainsFunc(verified, func(w string) bool { return strings.HasPrefix(w, kind) }) {
				t.Errorf("no %s was verified: %v", kind, verified)
			}
		}
	}
	n.noLease()
}

// With the update strategy OnDelete the old pods go on. Argo CD calls that Healthy.
func TestOnDeleteIsNoSuccessBeforeThePodsAreNew(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.setDevResources(map[string]string{
		"set.yaml":    podsOf("StatefulSet", "store", "replicas: 1\n  updateStrategy: {type: OnDelete}"),
		"daemon.yaml": podsOf("DaemonSet", "agent", "updateStrategy: {type: OnDelete}"),
	})
	n.create(n.deploy("first", "1.0.1"))
	wantSucceeded(t, n.finish("first"))
	n.create(n.deploy("second", "1.0.2"))
	for _, name := range []string{"StatefulSet/store", "DaemonSet/agent"} {
		n.waitForMessage("second", name, "OnDelete somebody has to delete the old pods")
		for _, pod := range n.pods(t.Context(), "dev") {
			if _, workload, _ := strings.Cut(name, "/"); strings.HasPrefix(pod.Name, workload+"-") {
				if err := n.Client.CoreV1().Pods(pod.Namespace).Delete(t.Context(), pod.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
					t.Fatal(err)
				}
			}
		}
	}
	wantSucceeded(t, n.finish("second"))
	for _, pod := range n.pods(t.Context(), "dev") {
		if image := pod.Spec.Containers[0].Image; strings.HasPrefix(image, serverImage) && image != serverImage+":1.0.2" && pod.DeletionTimestamp == nil {
			t.Errorf("pod %s runs %s", pod.Name, image)
		}
	}
	n.noLease()
}

func TestStatefulSetThatCannotPull(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.setDevResources(map[string]string{"set.yaml": podsOf("StatefulSet", "store", "replicas: 2")})
	spec := with(n.spec("never-pulls-1"), "verify.failureGrace", "1s")
	spec["verify"].(object)["workloads"] = []any{object{"kind": "StatefulSet", "name": "store"}}
	n.create(n.embedded("run", spec))
	n.wantFailed(n.finish("run"), "RolloutFailed", "StatefulSet/store: ", "pod store-0", "ImagePullBackOff", serverImage+":never-pulls-1")
	n.noLease()
}

// rolloutCRD has of Argo Rollouts what the tests need. Its controller does not run here: the test writes the status that
// it would write.
const rolloutCRD = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: rollouts.argoproj.io}
spec:
  group: argoproj.io
  names: {kind: Rollout, plural: rollouts, singular: rollout}
  scope: Namespaced
  versions:
  - name: v1alpha1
    served: true
    storage: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`

var rollouts = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "rollouts"}

// finishRollout writes the status of a Rollout that has reached its current spec.
func (n *tenant) finishRollout() {
	n.t.Helper()
	n.poll("the Rollout has its status", func() bool {
		live, err := n.Dynamic.Resource(rollouts).Namespace(n.Targets["dev"]).Get(n.t.Context(), "server", metav1.GetOptions{})
		if err != nil {
			return false
		}
		restartAt, _, _ := unstructured.NestedString(live.Object, "spec", "restartAt")
		hash := fmt.Sprint("hash-", live.GetGeneration())
		live.Object["status"] = object{
			"observedGeneration": fmt.Sprint(live.GetGeneration()), "phase": "Healthy", "currentPodHash": hash, "stableRS": hash, "restartedAt": restartAt,
			"replicas": int64(1), "updatedReplicas": int64(1), "readyReplicas": int64(1), "availableReplicas": int64(1),
		}
		_, err = n.Dynamic.Resource(rollouts).Namespace(n.Targets["dev"]).UpdateStatus(n.t.Context(), live, metav1.UpdateOptions{})
		return err == nil
	})
}

func TestArgoRollout(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	if err := n.Apply(t.Context(), "", []byte(rolloutCRD)); err != nil {
		t.Fatal(err)
	}
	n.push(map[string]string{
		"rollout/rollout.yaml":       strings.NewReplacer("apps/v1", "argoproj.io/v1alpha1", "Deployment", "Rollout").Replace(podsOf("Deployment", "server", "replicas: 1")),
		"rollout/kustomization.yaml": "resources: [rollout.yaml]\nimages:\n- name: " + serverImage + "\n  newTag: 1.0.0\n",
	})
	n.patchApplication("dev", `{"spec":{"source":{"path":"rollout"}}}`)
	for _, tag := range []string{"1.0.1", "1.0.2"} {
		n.create(n.deploy(tag, tag, param("path", "rollout")))
		n.waitForMessage(tag, "Rollout/server: ", "Argo Rollouts")
		n.finishRollout()
		cr := n.finish(tag)
		wantSucceeded(t, cr)
		wantSays(t, message(cr), "Rollout/server runs "+serverImage+":"+tag)
	}
	restart := with(object{}, "restart", "true")
	restart["argocd"] = object{"applications": []any{object{"name": n.App("dev")}}}
	restart["images"] = []any{object{"name": serverImage}}
	n.create(n.embedded("restart", restart))
	n.waitForMessage("restart", "Rollout/server: ", "Argo Rollouts")
	n.finishRollout()
	wantSucceeded(t, n.finish("restart"))
	live, err := n.Dynamic.Resource(rollouts).Namespace(n.Targets["dev"]).Get(context.Background(), "server", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if at, _, _ := unstructured.NestedString(live.Object, "spec", "restartAt"); at == "" {
		t.Error("it was not restarted")
	}
	n.noLease()
}
