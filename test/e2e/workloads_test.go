package e2e

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// deployment reads a Deployment of an environment.
func (n *tenant) deployment(environment, name string) *appsv1.Deployment {
	n.t.Helper()
	d, err := n.Client.AppsV1().Deployments(n.Targets[environment]).Get(n.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
	return d
}

// waitForMessage waits until the message of a run that is under way has all the words.
func (n *tenant) waitForMessage(name string, words ...string) *v1beta1.CustomRun {
	n.t.Helper()
	cr := n.waitFor(name, "a message with "+strings.Join(words, ", "), func(cr *v1beta1.CustomRun) bool {
		return cr.IsDone() || !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(message(cr), w) })
	})
	if cr.IsDone() {
		n.t.Fatalf("the run has ended with %s, without a message with %s", outcome(cr), strings.Join(words, ", "))
	}
	return cr
}

// whileIn waits until a run is in a phase, and fails the test when it ends before.
func (n *tenant) whileIn(name, phase string) *v1beta1.CustomRun {
	n.t.Helper()
	cr := n.inPhase(name, phase)
	if cr.IsDone() {
		n.t.Fatalf("the run has ended with %s, want phase %s", outcome(cr), phase)
	}
	return cr
}

// healPods makes every pod of an image healthy, also those that come later, until the test ends.
func (n *tenant) healPods(environment, tag string) {
	ctx, cancel := context.WithCancel(n.t.Context())
	n.t.Cleanup(cancel)
	go func() {
		for ctx.Err() == nil {
			for _, pod := range n.pods(ctx, environment) {
				if strings.HasSuffix(pod.Spec.Containers[0].Image, ":"+tag) && pod.Annotations[behaviour] == "" {
					n.behave(ctx, &pod, "healthy")
				}
			}
			time.Sleep(200 * time.Millisecond)
		}
	}()
}

// projects are Argo CD projects.
var projects = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "appprojects"}

// behaviour is the annotation that tells the pretended kubelet what becomes of a pod.
const behaviour = "kubelet.local/behaviour"

func (n *tenant) pods(ctx context.Context, environment string) []corev1.Pod {
	pods, err := n.Client.CoreV1().Pods(n.Targets[environment]).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil
	}
	return pods.Items
}

// behave is tried again by its callers, which poll.
func (n *tenant) behave(ctx context.Context, pod *corev1.Pod, how string) {
	patch := []byte(`{"metadata":{"annotations":{"` + behaviour + `":"` + how + `"}}}`)
	_, _ = n.Client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, "application/merge-patch+json", patch, metav1.PatchOptions{})
}

// hook is a PreSync Job that does not end before endHook says how.
const hook = `apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations:
    argocd.argoproj.io/hook: PreSync
    argocd.argoproj.io/hook-delete-policy: BeforeHookCreation
spec:
  backoffLimit: 0
  template:
    metadata:
      annotations:
        kubelet.local/behaviour: never-pulls
    spec:
      restartPolicy: Never
      containers:
      - name: migrate
        image: quay.io/product-catalog/migrate:1
`

// addHook puts the hook into the dev overlay, so that syncs take as long as the test wants.
func (n *tenant) addHook() { n.setDevResources(map[string]string{"hook.yaml": hook}) }

// removeHook takes it out again.
func (n *tenant) removeHook() { n.setDevResources(nil) }

// setDevResources commits a dev overlay with the base and these files. The images stay as they are.
func (n *tenant) setDevResources(files map[string]string) string {
	n.t.Helper()
	old, err := n.Repository.ReadFile(n.t.Context(), "main", "overlays/dev/kustomization.yaml")
	if err != nil {
		n.t.Fatal(err)
	}
	_, images, found := strings.Cut(old, "images:\n")
	if !found {
		n.t.Fatalf("the overlay has no images:\n%s", old)
	}
	commit := map[string]string{}
	resources := "- ../../base\n"
	for name, content := range files {
		commit["overlays/dev/"+name] = content
		resources += "- " + name + "\n"
	}
	commit["overlays/dev/kustomization.yaml"] = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n" + resources + "images:\n" + images
	return n.push(commit)
}

// endHook lets the running hook end: healthy or fails. It waits until the hook has a pod.
func (n *tenant) endHook(how string) {
	n.t.Helper()
	n.poll("a pod of the hook", func() bool {
		for _, pod := range n.pods(n.t.Context(), "dev") {
			if strings.HasPrefix(pod.Name, "migrate-") && pod.Annotations[behaviour] == "never-pulls" && pod.DeletionTimestamp == nil {
				n.behave(n.t.Context(), &pod, how)
				return true
			}
		}
		return false
	})
}
