package localcluster

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tekton-gitops/tekton-gitops/pkg/rollout"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// record makes the recordings that the tests of pkg/rollout play back:
//
//	go test ./test/localcluster -run TestWorkloads -record && go test ./pkg/rollout -run Recorded -update
var record = flag.Bool("record", false, "write what the controllers answer to pkg/rollout/testdata/real")

// scenario is a workload's life, under the real controllers.
type scenario struct {
	name     string
	resource schema.GroupVersionResource
	steps    []step
}

// step changes something and waits for the verdict that this leads to.
type step struct {
	name   string
	apply  string // a manifest
	remove string // a pod to delete, or every
	want   string // "State: why", or how it begins
	// cause is "container: reason" of the pod that fails, "" when none does.
	cause string
	// pods is how many pods there are of the current revision at the end, and left
	// how many others.
	pods, left int
}

// every stands for the names of all pods.
const every = "*"

// TestWorkloads checks pkg/rollout against the real controllers: that the verdict
// comes, and that the pods bear it out.
func TestWorkloads(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the whole control plane")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute) // a cold build is in it
	t.Cleanup(cancel)
	c, stop, err := Start(ctx, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	for _, s := range slices.Concat(deployments(), statefulSets(), daemonSets(), jobs()) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // a CronJob takes one of them
			defer cancel()
			s.run(ctx, t, c)
		})
	}
}

// recorded is one step of a recording.
type recorded struct {
	Step    string            `json:"step"`
	Objects []json.RawMessage `json:"objects"` // the workload, each time that its verdict changed
	Pods    []json.RawMessage `json:"pods"`    // at the end
}

func (s scenario) run(ctx context.Context, t *testing.T, c *Cluster) {
	namespace, err := c.CreateNamespace(ctx, "workload", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.DeleteNamespace(context.WithoutCancel(ctx), namespace) })
	objects := c.Dynamic.Resource(s.resource).Namespace(namespace)
	watch, err := objects.Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=server"})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	w := &walk{t: t, cluster: c, namespace: namespace, objects: objects, neutral: strings.NewReplacer(namespace, "shop")}
	var recording []recorded
	for _, step := range s.steps {
		generation := w.change(ctx, step)
		r := recorded{Step: step.name}
		var verdict rollout.Verdict
		for seen, last := "", "none yet"; !strings.HasPrefix(last, step.want); {
			select {
			case <-ctx.Done():
				t.Fatalf("%s: %q, want %q", step.name, last, step.want)
			case event := <-watch.ResultChan():
				manifest := w.manifest(event.Object.(*unstructured.Unstructured))
				if verdict, err = rollout.Check(manifest); err != nil {
					t.Fatal(err)
				}
				text := fmt.Sprintf("%+v", verdict)
				if text != seen {
					r.Objects = append(r.Objects, manifest)
				}
				seen = text
				if verdict.Generation >= generation {
					last = fmt.Sprintf("%s: %s", verdict.State, verdict.Why)
				}
			}
		}
		r.Pods = w.check(ctx, step, verdict)
		recording = append(recording, r)
	}
	if *record {
		write(t, s.name, recording)
	}
}

// walk is a scenario on its way.
type walk struct {
	t         *testing.T
	cluster   *Cluster
	namespace string
	objects   dynamic.ResourceInterface
	neutral   *strings.Replacer
	uids      []string
}

// change makes a step's change and returns the generation that it led to.
func (w *walk) change(ctx context.Context, s step) int64 {
	if s.remove != "" {
		var which metav1.ListOptions
		if s.remove != every {
			which.FieldSelector = "metadata.name=" + s.remove
		}
		if err := w.cluster.Client.CoreV1().Pods(w.namespace).DeleteCollection(ctx, metav1.DeleteOptions{}, which); err != nil {
			w.t.Fatal(err)
		}
	}
	if s.apply != "" {
		if err := w.cluster.Apply(ctx, w.namespace, []byte(s.apply)); err != nil {
			w.t.Fatal(err)
		}
	}
	o, err := w.objects.Get(ctx, "server", metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return o.GetGeneration()
}

// check compares the pods with the verdict. It waits for the cause, because a
// container fails some moments after its pod was counted.
func (w *walk) check(ctx context.Context, s step, v rollout.Verdict) []json.RawMessage {
	for {
		manifests, pods, current := w.pods(ctx, v)
		failure, failed := rollout.Diagnose(pods, v)
		cause := ""
		if failed {
			cause = failure.Container + ": " + failure.Reason
		}
		diff := cmp.Diff([]any{s.cause, s.pods, s.left}, []any{cause, current, len(pods) - current})
		if diff == "" {
			return manifests
		}
		select {
		case <-ctx.Done():
			w.t.Fatalf("%s: the pods: %s", s.name, diff)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (w *walk) pods(ctx context.Context, v rollout.Verdict) (manifests []json.RawMessage, pods []rollout.Pod, current int) {
	list, err := w.cluster.Dynamic.Resource(corev1.SchemeGroupVersion.WithResource("pods")).Namespace(w.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, pod := range list.Items {
		manifest := w.manifest(&pod)
		is, err := rollout.Current(manifest, v)
		if err != nil {
			w.t.Fatal(err)
		}
		if is {
			current++
		}
		manifests = append(manifests, manifest)
		pods = append(pods, rollout.Pod{Name: pod.GetName(), Created: pod.GetCreationTimestamp().Time, Manifest: manifest})
	}
	return manifests, pods, current
}

// manifest is an object as JSON, without what differs from run to run for no
// reason that matters.
func (w *walk) manifest(o *unstructured.Unstructured) json.RawMessage {
	o.SetManagedFields(nil)
	o.SetResourceVersion("")
	data, err := json.Marshal(o)
	if err != nil {
		w.t.Fatal(err)
	}
	ids := []string{string(o.GetUID())}
	for _, owner := range o.GetOwnerReferences() {
		ids = append(ids, string(owner.UID))
	}
	for _, id := range ids {
		if id != "" && !slices.Contains(w.uids, id) {
			w.uids = append(w.uids, id)
		}
	}
	text := w.neutral.Replace(string(data))
	for i, id := range w.uids {
		text = strings.ReplaceAll(text, id, fmt.Sprintf("00000000-0000-4000-8000-%012d", i+1))
	}
	return json.RawMessage(text)
}

func write(t *testing.T, name string, recording []recorded) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	for _, r := range recording {
		if err := encoder.Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join("..", "..", "pkg", "rollout", "testdata", "real")
	if err := os.WriteFile(filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+".jsonl"), text.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
