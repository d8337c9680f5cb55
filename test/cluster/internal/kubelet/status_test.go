package kubelet

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// summary is what of a status the table compares.
type summary struct {
	Phase    corev1.PodPhase
	Ready    bool
	State    string // of the first container, or the first init container that has not ended well
	Message  string // a part of it
	Restarts int32
	Next     time.Duration
}

func TestStatusAt(t *testing.T) {
	const ms = time.Millisecond
	always, never := corev1.RestartPolicyAlways, corev1.RestartPolicyNever
	tests := []struct {
		name        string
		image       string
		annotations map[string]string
		policy      corev1.RestartPolicy
		initImage   string
		age         time.Duration
		want        summary
	}{
		{"nothing is reported at once", "app:1", nil, always, "", 0, summary{Phase: "Pending", Next: 50 * ms}},
		{"a healthy container runs and is ready", "app:1", nil, always, "", 50 * ms, summary{Phase: "Running", Ready: true, State: "Running"}},
		{"a digest has no tag", "app@sha256:" + strings.Repeat("0", 64), nil, always, "", time.Hour, summary{Phase: "Running", Ready: true, State: "Running"}},
		{"the registry and the name are not the tag", "fails.example/crash-loops:1", nil, always, "", time.Hour, summary{Phase: "Running", Ready: true, State: "Running"}},
		{"a pull fails first", "app:1-never-pulls", nil, always, "", 100 * ms,
			summary{Phase: "Pending", State: "ErrImagePull", Message: "docker.io/library/app:1-never-pulls: not found", Next: 300 * ms}},
		{"a pull is then backed off", "app:1-never-pulls", nil, always, "", time.Second,
			summary{Phase: "Pending", State: "ImagePullBackOff", Message: `Back-off pulling image "app:1-never-pulls"`}},
		{"a crash is an error first", "app:crash-loops", nil, always, "", 200 * ms, summary{Phase: "Running", State: "Error", Next: 200 * ms}},
		{"a crash is then backed off", "app:crash-loops", nil, always, "", 400 * ms,
			summary{Phase: "Running", State: "CrashLoopBackOff", Message: "back-off 10s restarting failed container=main pod=pod_ns(uid)", Restarts: 1, Next: 2 * time.Second}},
		{"crashes are counted", "app:crash-loops", nil, always, "", 5 * time.Second,
			summary{Phase: "Running", State: "CrashLoopBackOff", Message: "back-off 40s", Restarts: 3, Next: 1400 * ms}},
		{"crashes stop changing the status", "app:crash-loops", nil, always, "", time.Hour,
			summary{Phase: "Running", State: "CrashLoopBackOff", Message: "back-off 5m20s", Restarts: 6}},
		{"a slow container runs before it is ready", "app:slow-ready", nil, always, "", time.Second, summary{Phase: "Running", State: "Running", Next: 3 * time.Second}},
		{"a slow container is ready in the end", "app:slow-ready", nil, always, "", 4 * time.Second, summary{Phase: "Running", Ready: true, State: "Running"}},
		{"an annotation says how slow", "app:1", map[string]string{ReadyAfterAnnotation: "10s"}, always, "", 4 * time.Second,
			summary{Phase: "Running", State: "Running", Next: 6 * time.Second}},
		{"an annotation wins over the tag", "app:never-pulls", map[string]string{BehaviourAnnotation: "healthy"}, always, "", time.Second,
			summary{Phase: "Running", Ready: true, State: "Running"}},
		{"an unknown behaviour is none", "app:1", map[string]string{BehaviourAnnotation: "sings"}, always, "", time.Second,
			summary{Phase: "Running", Ready: true, State: "Running"}},
		{"a job's container runs", "app:1", nil, never, "", 100 * ms, summary{Phase: "Running", Ready: true, State: "Running", Next: 50 * ms}},
		{"a job's container ends well", "app:1", nil, never, "", 150 * ms, summary{Phase: "Succeeded", State: "Completed"}},
		{"a job's container fails", "app:fails", nil, never, "", 150 * ms, summary{Phase: "Failed", State: "Error"}},
		{"an init container runs first", "app:1", nil, always, "init:1", 100 * ms, summary{Phase: "Pending", State: "Running", Next: 50 * ms}},
		{"an init container ends", "app:1", nil, always, "init:1", 200 * ms, summary{Phase: "Running", Ready: true, State: "Running"}},
		{"an init container holds the pod up", "app:1", nil, always, "init:never-pulls", time.Second,
			summary{Phase: "Pending", State: "ImagePullBackOff", Message: "init:never-pulls"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			pod := &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Name: "pod", Namespace: "ns", UID: "uid", Annotations: test.annotations},
				Spec:       corev1.PodSpec{RestartPolicy: test.policy, Containers: []corev1.Container{{Name: "main", Image: test.image}}},
				Status:     corev1.PodStatus{Phase: corev1.PodPending},
			}
			if test.initImage != "" {
				pod.Spec.InitContainers = []corev1.Container{{Name: "init", Image: test.initImage}}
			}
			status, next := statusAt(pod, "10.244.1.1", time.Unix(1000, 0), test.age)
			got := summarize(status, next)
			if strings.Contains(got.Message, test.want.Message) {
				got.Message = test.want.Message
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func summarize(status corev1.PodStatus, next time.Duration) summary {
	s := summary{Phase: status.Phase, Next: next}
	for _, c := range status.Conditions {
		if c.Type == corev1.PodReady {
			s.Ready = c.Status == corev1.ConditionTrue
		}
	}
	for _, c := range append(status.InitContainerStatuses, status.ContainerStatuses...) {
		s.Restarts = c.RestartCount
		switch {
		case c.State.Waiting != nil:
			s.State, s.Message = c.State.Waiting.Reason, c.State.Waiting.Message
		case c.State.Running != nil:
			s.State = "Running"
		case c.State.Terminated != nil:
			s.State = c.State.Terminated.Reason
		}
		if c.State.Terminated == nil {
			break
		}
	}
	return s
}

func TestImageID(t *testing.T) {
	digest := "sha256:" + strings.Repeat("ab", 32)
	for _, test := range []struct{ image, want string }{
		{"registry.example/app:1@" + digest, "registry.example/app@" + digest},
		{"nginx", imageID("docker.io/library/nginx:latest")},
	} {
		if got := imageID(test.image); got != test.want {
			t.Errorf("%s: %s, want %s", test.image, got, test.want)
		}
	}
	if a, b := imageID("app:1"), imageID("app:2"); a == b {
		t.Errorf("two tags have one image: %s", a)
	}
}

func TestStatusIsStableWhileNothingHappens(t *testing.T) {
	pod := &corev1.Pod{Spec: corev1.PodSpec{RestartPolicy: corev1.RestartPolicyAlways, Containers: []corev1.Container{{Name: "main", Image: "app:crash-loops"}}}}
	seen := time.Unix(1000, 0)
	first, _ := statusAt(pod, "10.244.1.1", seen, 3*time.Second)
	pod.Status = first
	second, _ := statusAt(pod, "10.244.1.1", seen, 3900*time.Millisecond)
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("the status changed by itself:\n%s", diff)
	}
}
