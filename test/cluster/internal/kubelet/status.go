package kubelet

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Times in a pod's life, since this kubelet first saw it.
const (
	startAfter   = 50 * time.Millisecond  // containers run
	endAfter     = 150 * time.Millisecond // containers of a pod that is not restarted end
	backOffAfter = 400 * time.Millisecond // the first failure turns into a back-off
	restartEvery = 2 * time.Second        // the restart count grows
	maxRestarts  = 6
)

// statusAt is the status of a pod that this kubelet has known for age, and how
// long it stays that way (0: for good). It is a pure function of its arguments:
// seen is when the pod was first seen, and times in the status derive from it.
func statusAt(pod *corev1.Pod, ip string, seen time.Time, age time.Duration) (corev1.PodStatus, time.Duration) {
	if age < startAfter {
		return *pod.Status.DeepCopy(), startAfter - age
	}
	c := clock{seen: seen, age: age}
	status := corev1.PodStatus{
		HostIP: hostIP, HostIPs: []corev1.HostIP{{IP: hostIP}},
		PodIP: ip, PodIPs: []corev1.PodIP{{IP: ip}},
		StartTime: ptr(metav1.NewTime(seen.Truncate(time.Second))),
		// Others' fields stay.
		QOSClass: pod.Status.QOSClass, NominatedNodeName: pod.Status.NominatedNodeName,
		ObservedGeneration: pod.Status.ObservedGeneration, ResourceClaimStatuses: pod.Status.ResourceClaimStatuses,
	}
	initOK := true
	for _, container := range pod.Spec.InitContainers {
		s := c.container(pod, container, planFor(pod, container.Image), true)
		initOK = initOK && s.State.Terminated != nil && s.State.Terminated.ExitCode == 0
		status.InitContainerStatuses = append(status.InitContainerStatuses, s)
	}
	for _, container := range pod.Spec.Containers {
		s := waiting(container, "PodInitializing", "")
		if initOK {
			s = c.container(pod, container, planFor(pod, container.Image), false)
		}
		status.ContainerStatuses = append(status.ContainerStatuses, s)
	}
	finishSteps(pod, &status)
	status.Phase = phase(pod, status)
	status.Conditions = conditions(pod, status, initOK, seen, age)
	return status, c.next
}

// clock collects the next moment at which a status changes.
type clock struct {
	seen time.Time
	age  time.Duration
	next time.Duration
}

// reached tells whether a moment has come, and remembers it if it has not.
func (c *clock) reached(moment time.Duration) bool {
	if c.age >= moment {
		return true
	}
	if left := moment - c.age; c.next == 0 || left < c.next {
		c.next = left
	}
	return false
}

func (c *clock) at(moment time.Duration) metav1.Time {
	return metav1.NewTime(c.seen.Add(moment).Truncate(time.Second))
}

func (c *clock) container(pod *corev1.Pod, spec corev1.Container, p plan, init bool) corev1.ContainerStatus {
	switch p.behaviour {
	case NeverPulls:
		return c.neverPulls(spec)
	case CrashLoops:
		if pod.Spec.RestartPolicy != corev1.RestartPolicyNever {
			return c.crashLoops(pod, spec)
		}
		return c.ends(spec, 1)
	case Fails:
		return c.ends(spec, 1)
	}
	if init || pod.Spec.RestartPolicy != corev1.RestartPolicyAlways {
		return c.ends(spec, 0)
	}
	return c.runs(spec, p.readyAfter)
}

func (c *clock) runs(spec corev1.Container, readyAfter time.Duration) corev1.ContainerStatus {
	s := pulled(spec)
	s.State.Running = &corev1.ContainerStateRunning{StartedAt: c.at(startAfter)}
	s.Started = ptr(true)
	s.Ready = c.reached(readyAfter)
	return s
}

func (c *clock) ends(spec corev1.Container, code int32) corev1.ContainerStatus {
	s := pulled(spec)
	if !c.reached(endAfter) {
		s.State.Running = &corev1.ContainerStateRunning{StartedAt: c.at(startAfter)}
		s.Started, s.Ready = ptr(true), true
		return s
	}
	s.State.Terminated = c.terminated(spec, code, startAfter)
	s.Started = ptr(false)
	s.Ready = code == 0
	return s
}

func (c *clock) terminated(spec corev1.Container, code int32, started time.Duration) *corev1.ContainerStateTerminated {
	t := &corev1.ContainerStateTerminated{
		ExitCode: code, Reason: "Completed", ContainerID: containerID(spec.Image),
		StartedAt: c.at(started), FinishedAt: c.at(started + endAfter - startAfter),
	}
	if code != 0 {
		t.Reason = "Error"
	}
	return t
}

func (c *clock) neverPulls(spec corev1.Container) corev1.ContainerStatus {
	name := normalized(spec.Image)
	cause := fmt.Sprintf("failed to pull and unpack image %q: failed to resolve reference %q: %s: not found", name, name, name)
	if !c.reached(backOffAfter) {
		return waiting(spec, "ErrImagePull", "rpc error: code = NotFound desc = "+cause)
	}
	return waiting(spec, "ImagePullBackOff",
		fmt.Sprintf("Back-off pulling image %q: ErrImagePull: rpc error: code = NotFound desc = %s", spec.Image, cause))
}

func (c *clock) crashLoops(pod *corev1.Pod, spec corev1.Container) corev1.ContainerStatus {
	s := pulled(spec)
	s.Started = ptr(false)
	if !c.reached(endAfter) {
		s.State.Running = &corev1.ContainerStateRunning{StartedAt: c.at(startAfter)}
		return s
	}
	if !c.reached(backOffAfter) {
		s.State.Terminated = c.terminated(spec, 1, startAfter)
		return s
	}
	restarts := 1
	for restarts < maxRestarts && c.reached(backOffAfter+time.Duration(restarts)*restartEvery) {
		restarts++
	}
	s.RestartCount = int32(restarts)
	s.LastTerminationState.Terminated = c.terminated(spec, 1, time.Duration(restarts-1)*restartEvery+startAfter)
	s.State.Waiting = &corev1.ContainerStateWaiting{
		Reason: "CrashLoopBackOff",
		Message: fmt.Sprintf("back-off %s restarting failed container=%s pod=%s_%s(%s)",
			10*time.Second<<(restarts-1), spec.Name, pod.Name, pod.Namespace, pod.UID),
	}
	return s
}

func waiting(spec corev1.Container, reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{
		Name: spec.Name, Image: normalized(spec.Image), Started: ptr(false),
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}},
	}
}

func pulled(spec corev1.Container) corev1.ContainerStatus {
	return corev1.ContainerStatus{
		Name: spec.Name, Image: normalized(spec.Image), ImageID: imageID(spec.Image), ContainerID: containerID(spec.Image),
	}
}

func phase(pod *corev1.Pod, status corev1.PodStatus) corev1.PodPhase {
	failed := func(s corev1.ContainerStatus) bool {
		return s.State.Terminated != nil && s.State.Terminated.ExitCode != 0
	}
	if pod.Spec.RestartPolicy == corev1.RestartPolicyNever && slices.ContainsFunc(status.InitContainerStatuses, failed) {
		return corev1.PodFailed
	}
	ended, running := 0, 0
	for _, s := range status.ContainerStatuses {
		if s.State.Terminated != nil {
			ended++
		}
		if s.State.Running != nil || s.RestartCount > 0 {
			running++
		}
	}
	switch {
	case ended == len(status.ContainerStatuses) && pod.Spec.RestartPolicy != corev1.RestartPolicyAlways:
		if slices.ContainsFunc(status.ContainerStatuses, failed) {
			return corev1.PodFailed
		}
		return corev1.PodSucceeded
	case running+ended > 0:
		return corev1.PodRunning
	}
	return corev1.PodPending
}

func conditions(pod *corev1.Pod, status corev1.PodStatus, initOK bool, seen time.Time, age time.Duration) []corev1.PodCondition {
	var unready []string
	for _, s := range status.ContainerStatuses {
		if !s.Ready {
			unready = append(unready, s.Name)
		}
	}
	ready := condition(corev1.PodReady, len(unready) == 0 && status.Phase == corev1.PodRunning)
	if len(unready) > 0 {
		ready.Reason = "ContainersNotReady"
		ready.Message = fmt.Sprintf("containers with unready status: %v", unready)
	} else if status.Phase == corev1.PodSucceeded || status.Phase == corev1.PodFailed {
		ready.Reason = "PodCompleted"
	}
	containersReady := ready
	containersReady.Type = corev1.ContainersReady
	all := []corev1.PodCondition{
		condition(corev1.PodReadyToStartContainers, true), condition(corev1.PodInitialized, initOK),
		ready, containersReady, condition(corev1.PodScheduled, true),
	}
	for i := range all {
		all[i].LastTransitionTime = metav1.NewTime(seen.Add(age).Truncate(time.Second))
		for _, old := range pod.Status.Conditions {
			if old.Type == all[i].Type && old.Status == all[i].Status {
				all[i].LastTransitionTime = old.LastTransitionTime
			}
		}
	}
	return all
}

func condition(kind corev1.PodConditionType, ok bool) corev1.PodCondition {
	c := corev1.PodCondition{Type: kind, Status: corev1.ConditionFalse}
	if ok {
		c.Status = corev1.ConditionTrue
	}
	return c
}

// normalized is the image as container runtimes report it, with registry and tag.
func normalized(image string) string {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return image
	}
	return reference.TagNameOnly(named).String()
}

// imageID is repository@digest: the digest of the reference, or one that is
// always the same for the same reference.
func imageID(image string) string {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(image)))
	}
	if digested, ok := named.(reference.Digested); ok {
		return named.Name() + "@" + digested.Digest().String()
	}
	return fmt.Sprintf("%s@sha256:%x", named.Name(), sha256.Sum256([]byte(normalized(image))))
}

func containerID(image string) string {
	return fmt.Sprintf("containerd://%x", sha256.Sum256([]byte("container "+image)))
}

func ptr[T any](v T) *T { return &v }
