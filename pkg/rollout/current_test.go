package rollout

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// podJSON is a pod of the template of these tests.
func podJSON(labels, restartedAt, image string) string {
	return `{"metadata":{"name":"server-0","creationTimestamp":"2026-11-22T10:00:00Z","labels":{` + labels + `},"annotations":{"kubectl.kubernetes.io/restartedAt":"` + restartedAt + `"}},
		"spec":{"initContainers":[{"name":"migrate","image":"a/migrate:1"}],"containers":[{"name":"proxy","image":"mesh/proxy:3"},{"name":"server","image":"` + image + `"}]}}`
}

func TestCurrent(t *testing.T) {
	deployment := Verdict{Kind: "Deployment", Revision: 7, Images: templateImages(), RestartedAt: restart}
	with := func(kind, hash string) Verdict {
		return Verdict{Kind: kind, PodHash: hash, Images: templateImages(), RestartedAt: restart}
	}
	rollout := Verdict{Kind: "Rollout", PodHash: "new", Images: templateImages()}
	restarted := func(at string) Verdict { r := rollout; r.RestartedAt = at; return r }
	const image = "a/server:1"
	for _, tt := range []struct {
		name    string
		pod     string
		verdict Verdict
		want    bool
	}{
		{"Deployment: the template's images and restart", podJSON(`"pod-template-hash":"x"`, restart, image), deployment, true},
		{"Deployment: another image", podJSON(`"pod-template-hash":"x"`, restart, "a/server:0"), deployment, false},
		{"Deployment: from before the restart", podJSON(`"pod-template-hash":"x"`, "", image), deployment, false},
		{"Deployment: from before another restart", podJSON(`"pod-template-hash":"x"`, "2026-11-22T08:00:00Z", image), deployment, false},
		{"StatefulSet: current", podJSON(`"controller-revision-hash":"server-new"`, restart, image), with("StatefulSet", "server-new"), true},
		{"StatefulSet: old, although the image is the same", podJSON(`"controller-revision-hash":"server-old"`, restart, image), with("StatefulSet", "server-new"), false},
		{"StatefulSet: an image that a webhook has replaced", podJSON(`"controller-revision-hash":"server-new"`, restart, "mirror/server:1"), with("StatefulSet", "server-new"), true},
		{"StatefulSet: not seen by its controller, same image", podJSON(`"controller-revision-hash":"server-old"`, restart, image), with("StatefulSet", ""), true},
		{"StatefulSet: not seen by its controller, old image", podJSON(`"controller-revision-hash":"server-old"`, restart, "a/server:0"), with("StatefulSet", ""), false},
		{"StatefulSet: a copied label of a Deployment's pod says nothing", podJSON(`"pod-template-hash":"x","controller-revision-hash":"server-new"`, restart, image), with("StatefulSet", "server-new"), true},
		{"DaemonSet: current", podJSON(`"controller-revision-hash":"abc","pod-template-generation":"5"`, restart, image), with("DaemonSet", "5"), true},
		{"DaemonSet: old", podJSON(`"controller-revision-hash":"abc","pod-template-generation":"4"`, restart, image), with("DaemonSet", "5"), false},
		{"Job: its own", podJSON(`"batch.kubernetes.io/controller-uid":"u1","controller-uid":"u1"`, restart, image), with("Job", "u1"), true},
		{"Job: its own, on an old server", podJSON(`"controller-uid":"u1"`, restart, image), with("Job", "u1"), true},
		{"Job: of one that had its name before", podJSON(`"batch.kubernetes.io/controller-uid":"u0"`, restart, image), with("Job", "u1"), false},
		{"CronJob: by the image", podJSON(`"batch.kubernetes.io/controller-uid":"u0"`, restart, image), with("CronJob", ""), true},
		{"CronJob: a job that started with an older template", podJSON(`"batch.kubernetes.io/controller-uid":"u0"`, restart, "a/server:0"), with("CronJob", ""), false},
		{"Rollout: current", podJSON(`"rollouts-pod-template-hash":"new"`, "", image), rollout, true},
		{"Rollout: stable, but old", podJSON(`"rollouts-pod-template-hash":"old"`, "", image), rollout, false},
		{"Rollout: from before the restart", podJSON(`"rollouts-pod-template-hash":"new"`, "", image), restarted("2026-11-22T10:00:01Z"), false},
		{"Rollout: of the restart's second", podJSON(`"rollouts-pod-template-hash":"new"`, "", image), restarted("2026-11-22T10:00:00Z"), true},
		{"Rollout: not seen by its controller, same image", podJSON(`"rollouts-pod-template-hash":"old"`, "", image), Verdict{Kind: "Rollout", Images: templateImages()}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Current([]byte(tt.pod), tt.verdict)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if got, err := Current([]byte("{"), deployment); got || !errors.Is(err, ErrInvalid) {
		t.Errorf("of what is no JSON: %t, %v", got, err)
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
			if !errors.Is(err, tt.err) {
				t.Errorf("got %v, want %v", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
