package rollout

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var created = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// live is a pod of the current revision, age seconds older than the others.
func live(name string, age int, status string) Pod {
	return Pod{Name: name, Revision: 7, Created: created.Add(-time.Duration(age) * time.Second), Manifest: []byte(`{"metadata":{},"spec":{"containers":[{"image":"side:1"},{"image":"server:2"}]},"status":` + status + `}`)}
}

// tree is the same, as a resource tree knows it.
func tree(name, reason, health, message string) Pod {
	return Pod{Name: name, Revision: 7, Created: created, Images: []string{"side:1", "server:2"}, Reason: reason, Health: health, Message: message}
}

func waiting(reason, message, last string) string {
	return `{"phase":"Pending","containerStatuses":[{"name":"side","state":{"running":{}}},{"name":"server","state":{"waiting":{"reason":"` + reason + `","message":"` + message + `"}}` + last + `}]}`
}

func failure(container, reason, message string) Failure {
	return Failure{Pod: "new", Container: container, Reason: reason, Message: message, Since: created}
}

// current is a Deployment that is still rolling out.
func current() Verdict {
	return Verdict{Kind: "Deployment", State: Waiting, Revision: 7, Images: []ContainerImage{{Container: "server", Image: "server:2"}}}
}

const pull = `Back-off pulling image`

func TestDiagnoseOnePod(t *testing.T) {
	for _, tt := range []struct {
		name string
		pod  Pod
		want Failure // zero: none
	}{
		{"starting", live("new", 0, waiting("ContainerCreating", "", "")), Failure{}},
		{"image cannot be pulled", live("new", 0, waiting("ImagePullBackOff", pull, "")), failure("server", "ImagePullBackOff", pull)},
		{"first pull failed", live("new", 0, waiting("ErrImagePull", "not found", "")), failure("server", "ErrImagePull", "not found")},
		{"image name is invalid", live("new", 0, waiting("InvalidImageName", "x", "")), failure("server", "InvalidImageName", "x")},
		{"a ConfigMap is missing", live("new", 0, waiting("CreateContainerConfigError", `configmap \"c\" not found`, "")), failure("server", "CreateContainerConfigError", `configmap "c" not found`)},
		{"crash loop, with how it ended", live("new", 0, waiting("CrashLoopBackOff", "back-off 10s", `,"lastState":{"terminated":{"exitCode":1,"reason":"Error","message":"no database\n"}}`)),
			failure("server", "CrashLoopBackOff", "back-off 10s; last exit code 1: no database")},
		{"crash loop, out of memory", live("new", 0, waiting("CrashLoopBackOff", "", `,"lastState":{"terminated":{"exitCode":137,"reason":"OOMKilled"}}`)),
			failure("server", "CrashLoopBackOff", "last exit code 137 (OOMKilled)")},
		{"init container", live("new", 0, `{"initContainerStatuses":[{"name":"migrate","state":{"waiting":{"reason":"ImagePullBackOff","message":"m"}}}]}`), failure("migrate", "ImagePullBackOff", "m")},
		{"no node takes it", live("new", 0, `{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable","message":"0/3 nodes"}]}`), failure("", "Unschedulable", "0/3 nodes")},
		{"evicted", live("new", 0, `{"phase":"Failed","reason":"Evicted","message":"disk","containerStatuses":[{"name":"server","state":{"terminated":{"exitCode":137}}}]}`), failure("", "Evicted", "disk")},
		{"exited", live("new", 0, `{"phase":"Failed","containerStatuses":[{"name":"side","state":{"terminated":{"exitCode":0}}},{"name":"server","state":{"terminated":{"exitCode":2,"reason":"Error","message":"no table"}}}]}`), failure("server", "Error", "exit code 2: no table")},
		{"exited without a reason", live("new", 0, `{"phase":"Failed","containerStatuses":[{"name":"server","state":{"terminated":{"exitCode":2}}}]}`), failure("server", "Failed", "exit code 2")},
		{"failed without a reason", live("new", 0, `{"phase":"Failed"}`), failure("", "Failed", "")},
		{"long messages are cut", live("new", 0, waiting("ImagePullBackOff", strings.Repeat("ä", 400), "")), failure("server", "ImagePullBackOff", strings.Repeat("ä", 256)+"…")},
		{"going away", Pod{Name: "new", Manifest: []byte(`{"metadata":{"deletionTimestamp":"2026-11-22T10:00:00Z"},"spec":{"containers":[{"image":"server:2"}]},"status":{"phase":"Failed"}}`)}, Failure{}},

		{"by the tree alone: reason", tree("new", "Init:ImagePullBackOff", "", pull), failure("", "ImagePullBackOff", pull)},
		{"by the tree alone: health", tree("new", "", "Degraded", pull), failure("", "Failed", pull)},
		{"by the tree alone: progressing", tree("new", "", "Progressing", "m"), Failure{}},
		{"an unreadable manifest leaves the tree", Pod{Name: "new", Created: created, Images: []string{"server:2"}, Reason: "CrashLoopBackOff", Manifest: []byte("{")}, failure("", "CrashLoopBackOff", "")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, failed := Diagnose([]Pod{tt.pod}, current())
			if diff := cmp.Diff(tt.want != Failure{}, failed); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDiagnoseChoosesThePod(t *testing.T) {
	const (
		evicted = `{"phase":"Failed","reason":"Evicted"}`
		exited  = `{"phase":"Failed","containerStatuses":[{"name":"server","state":{"terminated":{"exitCode":1}}}]}`
		running = `{"phase":"Running"}`
	)
	set := Verdict{Kind: "StatefulSet", State: Waiting, PodHash: "server-new", Images: current().Images}
	daemons := Verdict{Kind: "DaemonSet", State: Waiting, PodHash: "5", Images: current().Images}
	job := Verdict{Kind: "Job", State: Waiting, PodHash: "u1", Images: current().Images}
	failedJob, failedRollout := job, Verdict{Kind: "Deployment", State: Failed, Revision: 7, Images: current().Images}
	failedJob.State = Failed
	restarted := Verdict{Kind: "Rollout", State: Waiting, PodHash: "new", RestartedAt: "2026-11-22T10:00:00Z"}
	labelled := func(name, key, value string) Pod {
		p := tree(name, "ImagePullBackOff", "", pull)
		p.Labels, p.Revision = map[string]string{key: value}, 0
		return p
	}
	before := labelled("old", "rollouts-pod-template-hash", "new")
	before.Created = created.Add(-time.Second)
	otherImage := Pod{Name: "old", Images: []string{"server:1"}, Reason: "ImagePullBackOff"}
	otherRevision, unknownRevision := tree("old", "ImagePullBackOff", "", pull), tree("new", "ImagePullBackOff", "", pull)
	otherRevision.Revision, unknownRevision.Revision = 6, 0
	liveOld := live("old", 0, waiting("ImagePullBackOff", pull, ""))
	liveOld.Revision = 6

	for _, tt := range []struct {
		name    string
		pods    []Pod
		verdict Verdict
		want    Failure // zero: none
	}{
		{"no pods", nil, current(), Failure{}},
		{"pods of another image may fail", []Pod{otherImage}, current(), Failure{}},
		{"pods of an older ReplicaSet may fail", []Pod{otherRevision, liveOld, live("new", 0, running)}, current(), Failure{}},
		{"a revision that is not known leaves the images", []Pod{unknownRevision}, current(), failure("", "ImagePullBackOff", pull)},
		{"the oldest failing pod speaks", []Pod{
			live("z", -5, waiting("ImagePullBackOff", "late", "")), live("y", 9, waiting("ContainerCreating", "", "")), live("new", 0, waiting("ErrImagePull", "early", "")), live("x", -5, waiting("ImagePullBackOff", "late", "")),
		}, current(), failure("server", "ErrImagePull", "early")},

		{"StatefulSet: an old pod may fail", []Pod{labelled("old", "controller-revision-hash", "server-old")}, set, Failure{}},
		{"StatefulSet: a new pod fails", []Pod{labelled("old", "controller-revision-hash", "server-old"), labelled("new", "controller-revision-hash", "server-new")}, set, failure("", "ImagePullBackOff", pull)},
		{"DaemonSet: an old pod may fail", []Pod{labelled("old", "pod-template-generation", "4")}, daemons, Failure{}},
		{"DaemonSet: a new pod fails", []Pod{labelled("new", "pod-template-generation", "5")}, daemons, failure("", "ImagePullBackOff", pull)},
		{"Rollout: a pod from before the restart may fail", []Pod{before}, restarted, Failure{}},
		{"Rollout: a new pod fails", []Pod{labelled("new", "rollouts-pod-template-hash", "new")}, restarted, failure("", "ImagePullBackOff", pull)},

		{"evicted, but another one is starting", []Pod{live("old", 0, evicted), live("new", 0, running)}, current(), Failure{}},
		{"all evicted", []Pod{live("newer", -9, evicted), live("new", 0, evicted)}, current(), failure("", "Evicted", "")},
		{"the controller gave up: what has ended speaks", []Pod{live("new", 0, evicted), live("newer", -9, running)}, failedRollout, failure("", "Evicted", "")},

		{"Job: a failed try is no failed Job", []Pod{live("new", 0, exited)}, job, Failure{}},
		{"Job: a crash is tried again", []Pod{live("new", 0, waiting("CrashLoopBackOff", "m", ""))}, job, Failure{}},
		{"Job: an image that cannot be pulled", []Pod{live("new", 0, waiting("ImagePullBackOff", pull, ""))}, job, failure("server", "ImagePullBackOff", pull)},
		{"Job: failed, and why", []Pod{live("new", 0, exited)}, failedJob, failure("server", "Failed", "exit code 1")},
		{"Job: failed after crashes, and why", []Pod{live("new", 0, waiting("CrashLoopBackOff", "m", ""))}, failedJob, failure("server", "CrashLoopBackOff", "m")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, failed := Diagnose(tt.pods, tt.verdict)
			if diff := cmp.Diff(tt.want != Failure{}, failed); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDiagnoseLeavesThePodsInTheirOrder(t *testing.T) {
	pods := []Pod{tree("b", "", "", ""), tree("a", "", "", "")}
	Diagnose(pods, current())
	if diff := cmp.Diff([]string{"b", "a"}, []string{pods[0].Name, pods[1].Name}); diff != "" {
		t.Error(diff)
	}
}

func TestFailureString(t *testing.T) {
	for want, f := range map[string]Failure{
		"pod p: container c: ErrImagePull: no such image": {Pod: "p", Container: "c", Reason: "ErrImagePull", Message: "no such image"},
		"pod p: Failed": {Pod: "p", Reason: "Failed"},
	} {
		if diff := cmp.Diff(want, f.String()); diff != "" {
			t.Error(diff)
		}
	}
}
