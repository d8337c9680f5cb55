package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
)

const reasonCrashLoop = "CrashLoopBackOff"

// maxMessage bounds a text that comes from the cluster.
const maxMessage = 512

// Reasons of Failure that are not the kubelet's own word.
const (
	// ReasonUnschedulable: no node can take the pod.
	ReasonUnschedulable = string(corev1.PodReasonUnschedulable)
	// ReasonFailed: the pod has failed, and says no more than its message.
	ReasonFailed = "Failed"
)

// A container that waits for one of these does not start without a change, or
// has failed to more than once. ErrImagePull comes before ImagePullBackOff, and
// one failed pull is no verdict: the caller's grace period decides.
var failing = []string{
	"ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError",
	reasonCrashLoop, "RunContainerError", "StartError", "PostStartHookError",
	"CreateContainerConfigError", "CreateContainerError",
}

// Diagnose returns why the oldest failing pod of the workload's current revision
// cannot become ready; older pods may fail for reasons of their own. See Current
// for how it tells them. Pods that are known from a resource tree alone have no
// annotations: only their labels or revision tell the ones from before a restart.
//
// A pod that has ended (evicted, exited) is replaced by its controller, and a
// Job's is tried again: it counts only when no other pod is left to try, and in
// a Job only when the Job itself has failed.
//
// It says nothing about how long that has been so, see Failure.Since.
func Diagnose(pods []Pod, v Verdict) (Failure, bool) {
	byAge := slices.Clone(pods)
	slices.SortStableFunc(byAge, func(a, b Pod) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Name, b.Name))
	})
	var ended []Failure
	trying := false
	for _, p := range byAge {
		f, state := diagnose(p, v)
		f.Pod, f.Since, f.Message = p.Name, p.Created, clip(f.Message)
		if state == podStuck && v.Kind == kindJob && f.Reason == reasonCrashLoop {
			state = podEnded
		}
		switch state {
		case podStuck:
			return f, true
		case podEnded:
			ended = append(ended, f)
		case podTrying:
			trying = true
		}
	}
	if len(ended) > 0 && (v.State == Failed || !trying && v.Kind != kindJob) {
		return ended[0], true
	}
	return Failure{}, false
}

// podState is what a pod of the current revision is up to.
type podState int

const (
	podOther  podState = iota // of another revision, or being deleted
	podTrying                 // starting or running
	podStuck                  // does not start without a change, or has failed to more than once
	podEnded                  // failed for good; its controller may make another one
)

func diagnose(p Pod, v Verdict) (Failure, podState) {
	if live, err := decode[corev1.Pod](p.Manifest); err == nil {
		f := factsOf(&live)
		f.revision = p.Revision
		if !v.owns(f) || live.DeletionTimestamp != nil {
			return Failure{}, podOther
		}
		return diagnoseLive(&live)
	}
	if !v.owns(facts{created: p.Created, labels: p.Labels, revision: p.Revision, images: p.Images}) {
		return Failure{}, podOther
	}
	// Argo CD's status column is kubectl's: "Init:ImagePullBackOff" for an init container.
	reason := strings.TrimPrefix(p.Reason, "Init:")
	switch {
	case slices.Contains(failing, reason):
		return Failure{Reason: reason, Message: p.Message}, podStuck
	case p.Health == "Degraded" && p.Message != "":
		return Failure{Reason: cmp.Or(reason, ReasonFailed), Message: p.Message}, podEnded
	}
	return Failure{}, podTrying
}

func diagnoseLive(pod *corev1.Pod) (Failure, podState) {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == ReasonUnschedulable {
			return Failure{Reason: ReasonUnschedulable, Message: c.Message}, podStuck
		}
	}
	containers := slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses)
	for _, s := range containers {
		if waiting := s.State.Waiting; waiting != nil && slices.Contains(failing, waiting.Reason) {
			return Failure{Container: s.Name, Reason: waiting.Reason, Message: withExit(waiting.Message, s.LastTerminationState.Terminated)}, podStuck
		}
	}
	if pod.Status.Phase != corev1.PodFailed {
		return Failure{}, podTrying
	}
	f := Failure{Reason: cmp.Or(pod.Status.Reason, ReasonFailed), Message: pod.Status.Message}
	for _, s := range containers {
		if end := s.State.Terminated; end != nil && end.ExitCode != 0 && pod.Status.Reason == "" {
			f.Container, f.Reason, f.Message = s.Name, cmp.Or(end.Reason, ReasonFailed), exit(end)
			break
		}
	}
	return f, podEnded
}

// withExit adds how the container ended last: a crash loop's own message only
// says how long the kubelet waits.
func withExit(message string, last *corev1.ContainerStateTerminated) string {
	if last == nil {
		return message
	}
	text := "last " + exit(last)
	if message == "" {
		return text
	}
	return message + "; " + text
}

func exit(end *corev1.ContainerStateTerminated) string {
	text := fmt.Sprintf("exit code %d", end.ExitCode)
	if end.Reason != "" && end.Reason != "Error" {
		text += " (" + end.Reason + ")"
	}
	if end.Message != "" {
		text += ": " + strings.TrimSpace(end.Message)
	}
	return text
}

// String is "pod NAME: container C: Reason: message", without what is not known.
func (f Failure) String() string {
	text := "pod " + f.Pod
	if f.Container != "" {
		text += ": container " + f.Container
	}
	text += ": " + f.Reason
	if f.Message != "" {
		text += ": " + f.Message
	}
	return text
}

// clip bounds a text at a rune's edge.
func clip(s string) string {
	s = strings.ToValidUTF8(strings.TrimSpace(s), "\uFFFD")
	if len(s) <= maxMessage {
		return s
	}
	n := maxMessage
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
