package rollout

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
)

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
	"CrashLoopBackOff", "RunContainerError", "StartError", "PostStartHookError",
	"CreateContainerConfigError", "CreateContainerError",
}

// Diagnose returns why the oldest failing pod cannot become ready. Only pods
// that run an image for which wanted is true count, and of those only the ones
// of the newest ReplicaSet: older pods may fail for reasons of their own.
//
// It says nothing about how long that has been so, see Failure.Since.
func Diagnose(pods []Pod, wanted func(image string) bool) (Failure, bool) {
	current := newest(pods, wanted)
	slices.SortStableFunc(current, func(a, b Pod) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Name, b.Name))
	})
	for _, p := range current {
		if f, failed := diagnose(p); failed {
			f.Pod, f.Since = p.Name, p.Created
			f.Message = clip(f.Message)
			return f, true
		}
	}
	return Failure{}, false
}

// newest keeps the pods of the highest revision that has a wanted image. Where
// no revision is known, the image alone tells old pods from new ones.
func newest(pods []Pod, wanted func(string) bool) []Pod {
	var current []Pod
	for _, p := range pods {
		if slices.ContainsFunc(p.Images, wanted) {
			current = append(current, p)
		}
	}
	revision := 0
	for _, p := range current {
		revision = max(revision, p.Revision)
	}
	return slices.DeleteFunc(current, func(p Pod) bool { return p.Revision < revision })
}

func diagnose(p Pod) (Failure, bool) {
	if len(p.Manifest) > 0 {
		var live corev1.Pod
		if err := json.Unmarshal(p.Manifest, &live); err == nil {
			return diagnoseLive(&live)
		}
	}
	// Argo CD's status column is kubectl's: "Init:ImagePullBackOff" for an init container.
	reason := strings.TrimPrefix(p.Reason, "Init:")
	switch {
	case slices.Contains(failing, reason):
		return Failure{Reason: reason, Message: p.Message}, true
	case p.Health == "Degraded" && p.Message != "":
		return Failure{Reason: cmp.Or(reason, ReasonFailed), Message: p.Message}, true
	}
	return Failure{}, false
}

func diagnoseLive(pod *corev1.Pod) (Failure, bool) {
	if pod.DeletionTimestamp != nil {
		return Failure{}, false
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == ReasonUnschedulable {
			return Failure{Reason: ReasonUnschedulable, Message: c.Message}, true
		}
	}
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if waiting := s.State.Waiting; waiting != nil && slices.Contains(failing, waiting.Reason) {
			return Failure{Container: s.Name, Reason: waiting.Reason, Message: withExit(waiting.Message, s.LastTerminationState.Terminated)}, true
		}
	}
	if pod.Status.Phase == corev1.PodFailed {
		return Failure{Reason: cmp.Or(pod.Status.Reason, ReasonFailed), Message: pod.Status.Message}, true
	}
	return Failure{}, false
}

// withExit adds how the container ended last: a crash loop's own message only
// says how long the kubelet waits.
func withExit(message string, last *corev1.ContainerStateTerminated) string {
	if last == nil {
		return message
	}
	exit := fmt.Sprintf("last exit code %d", last.ExitCode)
	if last.Reason != "" && last.Reason != "Error" {
		exit += " (" + last.Reason + ")"
	}
	if last.Message != "" {
		exit += ": " + strings.TrimSpace(last.Message)
	}
	if message == "" {
		return exit
	}
	return message + "; " + exit
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

// Digest returns the sha256:… digest of the image that a container of a live pod
// runs, from the status' imageID; "" as long as it is not known. Depending on
// the container runtime it is that of the index or that of the platform's image.
func Digest(pod []byte, container string) (string, error) {
	var live corev1.Pod
	if err := json.Unmarshal(pod, &live); err != nil {
		return "", fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	for _, s := range slices.Concat(live.Status.InitContainerStatuses, live.Status.ContainerStatuses) {
		if s.Name != container {
			continue
		}
		// registry/name@sha256:… (containerd, CRI-O), docker-pullable://name@sha256:…;
		// docker://sha256:… names an image that was built on the node: no digest.
		if _, digest, found := strings.Cut(s.ImageID, "@"); found && strings.HasPrefix(digest, "sha256:") {
			return digest, nil
		}
	}
	return "", nil
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
