package kubelet

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// ResultsAnnotation holds the results of a TaskRun, as a JSON object. A name
// such as "tag" is for every task that declares that result, and "build/tag"
// for the pipeline task build alone. A value is a text, or what an array or
// object result is. Tekton copies the annotations of a TaskRun to its pod, and
// those of a PipelineRun to its TaskRuns, so one annotation serves a pipeline.
const ResultsAnnotation = "kubelet.local/results"

// What Tekton puts on the pods of TaskRuns (pkg/pod/pod.go, entrypoint.go).
const (
	taskRunLabel      = "tekton.dev/taskRun"
	pipelineTaskLabel = "tekton.dev/pipelineTask"
	stepPrefix        = "step-"
)

// The kinds of entries of a termination message (Tekton's pkg/result), and how
// its times are written (pkg/entrypoint).
const (
	taskResult     = 1
	internalResult = 3
	entryTime      = "2006-01-02T15:04:05.000Z07:00"
	maxMessage     = 4096 // of a container, by Kubernetes' own rule
)

type entry struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	Type  int    `json:"type"`
}

// finishSteps plays Tekton's entrypoint in the steps of a TaskRun that have
// ended: they run one after the other, what follows a failed one is skipped, and
// each leaves a termination message. Sidecars and init containers have none.
//
// The last step gives the results, and only those that its Task declares: Tekton
// refuses others. One without a value in the annotation is missing, as if no
// step had written it.
func finishSteps(pod *corev1.Pod, status *corev1.PodStatus) {
	if pod.Labels[taskRunLabel] == "" {
		return
	}
	last, failed := lastStep(pod), false
	for i := range status.ContainerStatuses {
		s := &status.ContainerStatuses[i]
		ended := s.State.Terminated
		if !isStep(s.Name) || ended == nil {
			continue
		}
		entries := []entry{{"StartedAt", ended.StartedAt.UTC().Format(entryTime), internalResult}}
		args := pod.Spec.Containers[i].Args
		switch {
		case failed:
			entries = append(entries, entry{"Reason", "Skipped", internalResult})
			fail(s, 1, "Error")
		case ended.ExitCode != 0 && argument(args, "-on_error") == "continue":
			entries = append(entries, entry{"ExitCode", fmt.Sprint(ended.ExitCode), internalResult})
			fail(s, 0, "Completed")
		}
		failed = failed || ended.ExitCode != 0
		if i == last && !failed {
			results, err := resultsOf(pod, argument(args, "-results"))
			if err != nil {
				fail(s, 1, "Error")
				ended.Message = err.Error()
				continue
			}
			entries = append(entries, results...)
		}
		message, err := json.Marshal(entries)
		if err == nil && len(message) > maxMessage {
			err = fmt.Errorf("the results take %d bytes of at most %d", len(message), maxMessage)
		}
		if ended.Message = string(message); err != nil {
			fail(s, 1, "Error")
			ended.Message = err.Error()
		}
	}
}

func fail(s *corev1.ContainerStatus, code int32, reason string) {
	s.State.Terminated.ExitCode, s.State.Terminated.Reason, s.Ready = code, reason, code == 0
}

func isStep(container string) bool { return strings.HasPrefix(container, stepPrefix) }

func lastStep(pod *corev1.Pod) int {
	last := -1
	for i, c := range pod.Spec.Containers {
		if isStep(c.Name) {
			last = i
		}
	}
	return last
}

// argument is the value of one of the entrypoint's own arguments; the step's
// command comes after "--".
func argument(args []string, name string) string {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	if at := slices.Index(args, name); at >= 0 && at+1 < len(args) {
		return args[at+1]
	}
	return ""
}

// resultsOf are the declared results (names with commas between) that the pod's
// annotation has a value for.
func resultsOf(pod *corev1.Pod, declared string) ([]entry, error) {
	text := pod.Annotations[ResultsAnnotation]
	if text == "" || declared == "" {
		return nil, nil
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &given); err != nil {
		return nil, errors.New("annotation " + ResultsAnnotation + " is no JSON object: " + err.Error())
	}
	var found []entry
	for name := range strings.SplitSeq(declared, ",") {
		value, ok := given[pod.Labels[pipelineTaskLabel]+"/"+name]
		if !ok {
			value, ok = given[name]
		}
		if !ok {
			continue
		}
		text := string(value)
		if err := json.Unmarshal(value, &text); err != nil {
			text = string(value) // an array or an object stays as it is
		}
		found = append(found, entry{name, text, taskResult})
	}
	return found, nil
}
