package kubelet

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ended is what of a container's end the table compares.
type ended struct {
	Code    int32
	Message string
}

func TestStepsOfTaskRuns(t *testing.T) {
	const started = `{"key":"StartedAt","value":"1970-01-01T00:16:40.000Z","type":3}`
	taskRun := map[string]string{taskRunLabel: "run-build", pipelineTaskLabel: "build"}
	step := func(name, image string, args ...string) corev1.Container {
		return corev1.Container{Name: name, Image: image, Args: args}
	}
	declares := func(names string) []string {
		return []string{"-wait_file", "x", "-results", names, "-entrypoint", "sh", "--", "-results", "no"}
	}
	tests := []struct {
		name       string
		labels     map[string]string
		results    string
		containers []corev1.Container
		phase      corev1.PodPhase
		want       []ended
	}{
		{"the last step gives the declared results", taskRun, `{"tag":"1.2.3","other":"x"}`,
			[]corev1.Container{step("step-a", "a:1", declares("tag,url")...), step("step-b", "b:1", declares("tag,url")...)}, corev1.PodSucceeded,
			[]ended{{0, `[` + started + `]`}, {0, `[` + started + `,{"key":"tag","value":"1.2.3","type":1}]`}}},
		{"a task's own value wins", taskRun, `{"build/tag":"mine","tag":"all","deploy/tag":"theirs"}`,
			[]corev1.Container{step("step-a", "a:1", declares("tag")...)}, corev1.PodSucceeded,
			[]ended{{0, `[` + started + `,{"key":"tag","value":"mine","type":1}]`}}},
		{"arrays and objects stay as they are", taskRun, `{"tags":["1","2"],"image":{"url":"u"}}`,
			[]corev1.Container{step("step-a", "a:1", declares("tags,image")...)}, corev1.PodSucceeded,
			[]ended{{0, `[` + started + `,{"key":"tags","value":"[\"1\",\"2\"]","type":1},{"key":"image","value":"{\"url\":\"u\"}","type":1}]`}}},
		{"what a command is given is not declared", taskRun, `{"no":"1"}`,
			[]corev1.Container{step("step-a", "a:1", "-entrypoint", "sh", "--", "-results", "no")}, corev1.PodSucceeded,
			[]ended{{0, `[` + started + `]`}}},
		{"what follows a failed step is skipped", taskRun, `{"tag":"1"}`,
			[]corev1.Container{step("step-a", "a:fails"), step("step-b", "b:1", declares("tag")...)}, corev1.PodFailed,
			[]ended{{1, `[` + started + `]`}, {1, `[` + started + `,{"key":"Reason","value":"Skipped","type":3}]`}}},
		{"onError continue goes on", taskRun, `{"tag":"1"}`,
			[]corev1.Container{step("step-a", "a:fails", "-on_error", "continue"), step("step-b", "b:1", declares("tag")...)}, corev1.PodSucceeded,
			[]ended{{0, `[` + started + `,{"key":"ExitCode","value":"1","type":3}]`}, {0, `[` + started + `,{"key":"tag","value":"1","type":1}]`}}},
		{"sidecars have no message", taskRun, `{"tag":"1"}`,
			[]corev1.Container{step("step-a", "a:1", declares("tag")...), step("sidecar-db", "db:1", declares("tag")...)}, corev1.PodSucceeded,
			[]ended{{0, `[` + started + `,{"key":"tag","value":"1","type":1}]`}, {}}},
		{"other pods have no message", nil, `{"tag":"1"}`,
			[]corev1.Container{step("step-a", "a:1", declares("tag")...)}, corev1.PodSucceeded, []ended{{}}},
		{"an annotation that is no object fails the step", taskRun, `1.2.3`,
			[]corev1.Container{step("step-a", "a:1", declares("tag")...)}, corev1.PodFailed,
			[]ended{{1, "annotation kubelet.local/results is no JSON object: invalid character '.' after top-level value"}}},
		{"too much fails the step, as in Tekton", taskRun, `{"tag":"` + strings.Repeat("1", 4096) + `"}`,
			[]corev1.Container{step("step-a", "a:1", declares("tag")...)}, corev1.PodFailed,
			[]ended{{1, "the results take 4195 bytes of at most 4096"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			pod := &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Labels: test.labels, Annotations: map[string]string{ResultsAnnotation: test.results}},
				Spec: corev1.PodSpec{
					RestartPolicy:  corev1.RestartPolicyNever,
					InitContainers: []corev1.Container{{Name: "prepare", Image: "entrypoint:1"}, {Name: "place-scripts", Image: "shell:1"}},
					Containers:     test.containers,
				},
			}
			status, _ := statusAt(pod, "10.244.1.1", time.Unix(1000, 0), endAfter)
			var got []ended
			for _, s := range status.ContainerStatuses {
				got = append(got, ended{s.State.Terminated.ExitCode, s.State.Terminated.Message})
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, s := range status.InitContainerStatuses {
				if s.State.Terminated == nil || s.State.Terminated.Message != "" || s.State.Terminated.ExitCode != 0 {
					t.Errorf("init container %s: %+v", s.Name, s.State)
				}
			}
			if status.Phase != test.phase {
				t.Errorf("the pod is %s, want %s", status.Phase, test.phase)
			}
		})
	}
}

func TestStepsThatRunHaveNoMessage(t *testing.T) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{taskRunLabel: "run"}},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever,
			Containers:    []corev1.Container{{Name: "step-a", Image: "a:never-pulls"}, {Name: "step-b", Image: "b:1"}},
		},
	}
	status, _ := statusAt(pod, "10.244.1.1", time.Unix(1000, 0), startAfter)
	if s := status.ContainerStatuses; s[0].State.Waiting == nil || s[1].State.Running == nil {
		t.Errorf("got %+v", s)
	}
}
