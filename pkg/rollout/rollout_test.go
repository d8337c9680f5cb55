package rollout

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// deployment is generation 3 of a Deployment of two replicas; status and
// strategy fields are what a test is about.
func deploymentJSON(spec, status string) string {
	return `{"apiVersion":"apps/v1","kind":"Deployment",
		"metadata":{"name":"server","generation":3,"annotations":{"deployment.kubernetes.io/revision":"7"}},
		"spec":{` + spec + `"template":{"spec":{"initContainers":[{"name":"migrate","image":"a/migrate:1"}],"containers":[{"name":"server","image":"a/server:1"}]}}},
		"status":{` + status + `}}`
}

func TestCheck(t *testing.T) {
	const two = `"replicas":2,`
	const deadline = `,"conditions":[{"type":"Available","reason":"x"},{"type":"Progressing","status":"False","reason":"ProgressDeadlineExceeded","message":"ReplicaSet \"server-1\" has timed out progressing."}]`
	for _, tt := range []struct {
		name   string
		spec   string
		status string
		want   State
		why    string
	}{
		{"all pods updated and available", two, `"observedGeneration":3,"replicas":2,"updatedReplicas":2,"availableReplicas":2`, Ready, "2 of 2 pods updated and available"},
		{"one replica by default", "", `"observedGeneration":3,"replicas":1,"updatedReplicas":1,"availableReplicas":1`, Ready, "1 of 1 pod updated and available"},
		{"the status is of the old spec", two, `"observedGeneration":2,"replicas":2,"updatedReplicas":2,"availableReplicas":2`, Waiting, "waiting for the deployment controller to see the new spec"},
		{"no status yet", two, ``, Waiting, "waiting for the deployment controller to see the new spec"},
		{"one of two updated", two, `"observedGeneration":3,"replicas":3,"updatedReplicas":1,"availableReplicas":2`, Waiting, "1 of 2 pods updated"},
		{"old pods remain", two, `"observedGeneration":3,"replicas":3,"updatedReplicas":2,"availableReplicas":3`, Waiting, "1 pod of the old version still running"},
		{"updated but not available", two, `"observedGeneration":3,"replicas":2,"updatedReplicas":2,"availableReplicas":1`, Waiting, "1 of 2 pods available"},
		{"scaling down", `"replicas":1,`, `"observedGeneration":3,"replicas":2,"updatedReplicas":2,"availableReplicas":2`, Waiting, "2 pods running, 1 wanted"},
		{"paused", `"replicas":2,"paused":true,`, `"observedGeneration":3,"replicas":2,"updatedReplicas":0,"availableReplicas":2`, Waiting, "the rollout is paused: resume it (kubectl rollout resume)"},
		{"paused, all pods as they should be: may be of the old template", `"replicas":2,"paused":true,`, `"observedGeneration":3,"replicas":2,"updatedReplicas":2,"availableReplicas":2`, Waiting, "the rollout is paused: resume it (kubectl rollout resume)"},
		{"deadline exceeded", two, `"observedGeneration":3,"replicas":3,"updatedReplicas":1,"availableReplicas":2` + deadline, Failed, `ProgressDeadlineExceeded: ReplicaSet "server-1" has timed out progressing.`},
		{"deadline exceeded once, but recovered", two, `"observedGeneration":3,"replicas":2,"updatedReplicas":2,"availableReplicas":2` + deadline, Ready, "2 of 2 pods updated and available"},
		{"deadline of the old spec", two, `"observedGeneration":2,"replicas":3,"updatedReplicas":1` + deadline, Waiting, "waiting for the deployment controller to see the new spec"},
		{"zero replicas: the spec is the proof", `"replicas":0,`, `"observedGeneration":3`, Ready, "scaled to zero: the spec is all there is to check"},
		{"zero replicas, not seen yet", `"replicas":0,`, `"observedGeneration":2`, Waiting, "waiting for the deployment controller to see the new spec"},
		{"zero replicas, pods remain", `"replicas":0,`, `"observedGeneration":3,"replicas":1,"updatedReplicas":0`, Waiting, "1 pod of the old version still running"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, err := Check([]byte(deploymentJSON(tt.spec, tt.status)))
			if err != nil || v.State != tt.want || v.Why != tt.why {
				t.Errorf("got %s %q, %v, want %s %q", v.State, v.Why, err, tt.want, tt.why)
			}
		})
	}
}

func TestCheckDetails(t *testing.T) {
	v, err := Check([]byte(deploymentJSON(`"replicas":2,`, `"observedGeneration":3,"replicas":3,"updatedReplicas":1,"availableReplicas":2`)))
	if err != nil {
		t.Fatal(err)
	}
	want := Verdict{
		State: Waiting, Why: "1 of 2 pods updated", Replicas: 2, Updated: 1, Available: 2, Generation: 3, Revision: 7,
		Images: []ContainerImage{{Container: "migrate", Image: "a/migrate:1", Init: true}, {Container: "server", Image: "a/server:1"}},
	}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Error(diff)
	}
	deleted := strings.Replace(deploymentJSON("", `"observedGeneration":3,"replicas":1,"updatedReplicas":1,"availableReplicas":1`), `"name":`, `"deletionTimestamp":"2026-11-22T10:00:00Z","name":`, 1)
	if v, err = Check([]byte(deleted)); err != nil || v.State != Waiting || v.Why != "it is being deleted" {
		t.Errorf("got %s %q, %v", v.State, v.Why, err)
	}
}

func TestCheckRefuses(t *testing.T) {
	for manifest, want := range map[string]error{
		`{"apiVersion":"apps/v1","kind":"StatefulSet"}`:     ErrUnsupportedKind,
		`{"apiVersion":"apps/v1beta1","kind":"Deployment"}`: ErrUnsupportedKind,
		`{}`: ErrUnsupportedKind,
		`{`:  ErrInvalid,
		`{"apiVersion":"apps/v1","kind":"Deployment","spec":{"replicas":"many"}}`: ErrInvalid,
	} {
		if _, err := Check([]byte(manifest)); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", manifest, err, want)
		}
	}
}

var created = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// pod is one of the wanted image in the newest ReplicaSet.
func pod(name string, age int, manifest string) Pod {
	return Pod{Name: name, Revision: 2, Created: created.Add(-time.Duration(age) * time.Second), Images: []string{"side:1", "server:2"}, Manifest: []byte(manifest)}
}

func waiting(reason, message, last string) string {
	return `{"status":{"phase":"Pending","containerStatuses":[{"name":"side","state":{"running":{}}},{"name":"server","state":{"waiting":{"reason":"` + reason + `","message":"` + message + `"}}` + last + `}]}}`
}

func TestDiagnose(t *testing.T) {
	const pull = `Back-off pulling image`
	failure := func(container, reason, message string) Failure {
		return Failure{Pod: "new", Container: container, Reason: reason, Message: message, Since: created}
	}
	for _, tt := range []struct {
		name string
		pods []Pod
		want Failure // zero: none
	}{
		{name: "no pods"},
		{name: "starting", pods: []Pod{pod("new", 0, waiting("ContainerCreating", "", ""))}},
		{name: "image cannot be pulled", pods: []Pod{pod("new", 0, waiting("ImagePullBackOff", pull, ""))}, want: failure("server", "ImagePullBackOff", pull)},
		{name: "first pull failed", pods: []Pod{pod("new", 0, waiting("ErrImagePull", "not found", ""))}, want: failure("server", "ErrImagePull", "not found")},
		{name: "image name is invalid", pods: []Pod{pod("new", 0, waiting("InvalidImageName", "x", ""))}, want: failure("server", "InvalidImageName", "x")},
		{name: "a ConfigMap is missing", pods: []Pod{pod("new", 0, waiting("CreateContainerConfigError", `configmap \"c\" not found`, ""))}, want: failure("server", "CreateContainerConfigError", `configmap "c" not found`)},
		{name: "crash loop, with how it ended", pods: []Pod{pod("new", 0, waiting("CrashLoopBackOff", "back-off 10s", `,"lastState":{"terminated":{"exitCode":1,"reason":"Error","message":"no database\n"}}`))},
			want: failure("server", "CrashLoopBackOff", "back-off 10s; last exit code 1: no database")},
		{name: "crash loop, out of memory", pods: []Pod{pod("new", 0, waiting("CrashLoopBackOff", "", `,"lastState":{"terminated":{"exitCode":137,"reason":"OOMKilled"}}`))},
			want: failure("server", "CrashLoopBackOff", "last exit code 137 (OOMKilled)")},
		{name: "init container", pods: []Pod{pod("new", 0, `{"status":{"initContainerStatuses":[{"name":"migrate","state":{"waiting":{"reason":"ImagePullBackOff","message":"m"}}}]}}`)},
			want: failure("migrate", "ImagePullBackOff", "m")},
		{name: "no node takes it", pods: []Pod{pod("new", 0, `{"status":{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable","message":"0/3 nodes"}]}}`)},
			want: failure("", "Unschedulable", "0/3 nodes")},
		{name: "evicted", pods: []Pod{pod("new", 0, `{"status":{"phase":"Failed","reason":"Evicted","message":"disk"}}`)}, want: failure("", "Evicted", "disk")},
		{name: "failed without a reason", pods: []Pod{pod("new", 0, `{"status":{"phase":"Failed"}}`)}, want: failure("", "Failed", "")},
		{name: "a pod that is going away says nothing", pods: []Pod{pod("new", 0, `{"metadata":{"deletionTimestamp":"2026-11-22T10:00:00Z"},"status":{"phase":"Failed"}}`)}},

		{name: "by the tree alone: reason", pods: []Pod{{Name: "new", Created: created, Images: []string{"server:2"}, Reason: "Init:ImagePullBackOff", Message: pull}}, want: failure("", "ImagePullBackOff", pull)},
		{name: "by the tree alone: health", pods: []Pod{{Name: "new", Created: created, Images: []string{"server:2"}, Health: "Degraded", Message: pull}}, want: failure("", "Failed", pull)},
		{name: "by the tree alone: progressing", pods: []Pod{{Name: "new", Created: created, Images: []string{"server:2"}, Health: "Progressing", Message: "m"}}},
		{name: "an unreadable manifest leaves the tree", pods: []Pod{{Name: "new", Created: created, Images: []string{"server:2"}, Reason: "CrashLoopBackOff", Manifest: []byte("{")}}, want: failure("", "CrashLoopBackOff", "")},

		{name: "pods of another image may fail", pods: []Pod{{Name: "old", Revision: 3, Images: []string{"server:1"}, Reason: "ImagePullBackOff"}}},
		{name: "pods of the wanted image in an older ReplicaSet may fail", pods: []Pod{
			{Name: "old", Revision: 1, Images: []string{"server:2"}, Reason: "ImagePullBackOff"}, pod("new", 0, waiting("ContainerCreating", "", "")),
		}},
		{name: "the oldest failing pod speaks", pods: []Pod{
			pod("z", -5, waiting("ImagePullBackOff", "late", "")), pod("y", 9, waiting("ContainerCreating", "", "")), pod("new", 0, waiting("ErrImagePull", "early", "")), pod("x", -5, waiting("ImagePullBackOff", "late", "")),
		}, want: failure("server", "ErrImagePull", "early")},
		{name: "long messages are cut", pods: []Pod{pod("new", 0, waiting("ImagePullBackOff", strings.Repeat("ä", 400), ""))}, want: failure("server", "ImagePullBackOff", strings.Repeat("ä", 256)+"…")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, failed := Diagnose(tt.pods, func(image string) bool { return image == "server:2" })
			if failed != (tt.want != Failure{}) {
				t.Errorf("failed: %t", failed)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFailureString(t *testing.T) {
	for want, f := range map[string]Failure{
		"pod p: container c: ErrImagePull: no such image": {Pod: "p", Container: "c", Reason: "ErrImagePull", Message: "no such image"},
		"pod p: Failed": {Pod: "p", Reason: "Failed"},
	} {
		if got := f.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestDigest(t *testing.T) {
	const digest = "sha256:0123"
	status := func(id string) string {
		return `{"status":{"initContainerStatuses":[{"name":"init","imageID":"r/i@sha256:aa"}],"containerStatuses":[{"name":"other","imageID":"r/o@sha256:bb"},{"name":"c","imageID":"` + id + `"}]}}`
	}
	for _, tt := range []struct {
		name, pod, container, want string
		err                        error
	}{
		{name: "containerd", pod: status("quay.io/a/server@" + digest), container: "c", want: digest},
		{name: "docker", pod: status("docker-pullable://quay.io/a/server@" + digest), container: "c", want: digest},
		{name: "init container", pod: status(""), container: "init", want: "sha256:aa"},
		{name: "built on the node", pod: status("docker://" + digest), container: "c"},
		{name: "not started", pod: status(""), container: "c"},
		{name: "no such container", pod: status(""), container: "x"},
		{name: "not JSON", pod: "{", container: "c", err: ErrInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Digest([]byte(tt.pod), tt.container)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}
