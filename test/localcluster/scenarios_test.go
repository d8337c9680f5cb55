package localcluster

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// workload is a manifest of a workload "server" of one container with that tag.
// head is the rest of the spec, one line.
func workload(version, kind, head, tag string) string {
	return fmt.Sprintf(`apiVersion: %s
kind: %s
metadata: {name: server}
spec:
  %s
  selector: {matchLabels: {app: server}}
  template:
    metadata: {labels: {app: server}}
    spec: {containers: [{name: server, image: "registry.example/server:%s"}]}
`, version, kind, head, tag)
}

// restarted is a workload whose template has been restarted.
func restarted(kind, head, tag string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: %s
metadata: {name: server}
spec:
  %s
  selector: {matchLabels: {app: server}}
  template:
    metadata: {labels: {app: server}, annotations: {kubectl.kubernetes.io/restartedAt: "2026-11-22T10:00:00Z"}}
    spec: {containers: [{name: server, image: "registry.example/server:%s"}]}
`, kind, head, tag)
}

func apps(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: resource}
}

const noMore = `apiVersion: v1
kind: ResourceQuota
metadata: {name: pods}
spec: {hard: {pods: "2"}}
---
`

func deployments() []scenario {
	deployment := func(head, tag string) string { return workload("apps/v1", "Deployment", head, tag) }
	const two = "replicas: 2"
	const impatient = two + "\n  progressDeadlineSeconds: 2"
	return []scenario{
		{name: "deployment", resource: apps("deployments"), steps: []step{
			{name: "create", apply: deployment(two, "v1"), want: "Ready: 2 of 2 pods updated and available", pods: 2},
			{name: "update", apply: deployment(two, "v2"), want: "Ready: 2 of 2 pods updated and available", pods: 2},
			{name: "restart", apply: restarted("Deployment", two, "v2"), want: "Ready: 2 of 2 pods updated and available", pods: 2},
			{name: "scale to zero", apply: deployment("replicas: 0", "v2"), want: "Ready: scaled to zero: the spec is all there is to check"},
			{name: "pause", apply: deployment("replicas: 1\n  paused: true", "v3"), want: "Waiting: the rollout is paused: resume it (kubectl rollout resume)", left: 1},
		}},
		{name: "deployment that misses its deadline", resource: apps("deployments"), steps: []step{
			{name: "create", apply: deployment(impatient, "v1"), want: "Ready: 2 of 2 pods updated and available", pods: 2},
			{name: "update", apply: deployment(impatient, "v2"), want: "Ready: 2 of 2 pods updated and available", pods: 2},
			{name: "an image that cannot be pulled", apply: deployment(impatient, "never-pulls"), cause: "server: ImagePullBackOff", pods: 1, left: 2,
				want: `Failed: ProgressDeadlineExceeded: ReplicaSet "server-`},
			{name: "back to an older ReplicaSet", apply: deployment(impatient, "v1"), want: "Ready: 2 of 2 pods updated and available", pods: 2},
		}},
		{name: "deployment that a quota holds up", resource: apps("deployments"), steps: []step{
			{name: "create", apply: noMore + deployment(two, "v1"), want: "Ready: 2 of 2 pods updated and available", pods: 2},
			{name: "update", apply: deployment(two+"\n  strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}", "v2"), left: 2,
				want: `Waiting: 0 of 2 pods updated; FailedCreate`},
		}},
	}
}

func statefulSets() []scenario {
	set := func(head, tag string) string { return workload("apps/v1", "StatefulSet", head, tag) }
	const two = "replicas: 2"
	const onDelete = two + "\n  updateStrategy: {type: OnDelete}"
	partition := func(n int) string {
		return fmt.Sprintf("%s\n  updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: %d}}", two, n)
	}
	return []scenario{
		{name: "statefulset", resource: apps("statefulsets"), steps: []step{
			{name: "create", apply: set(two, "v1"), want: "Ready: 2 of 2 pods updated and available", pods: 2},
			{name: "update", apply: set(two, "v2"), want: "Ready: 2 of 2 pods updated and available", pods: 2},
			{name: "restart", apply: restarted("StatefulSet", two, "v2"), want: "Ready: 2 of 2 pods updated and available", pods: 2},
			{name: "partition 2", apply: set(partition(2), "v3"), want: "Waiting: partition 2 of the update strategy keeps every pod at the old revision: lower it", left: 2},
			{name: "partition 1", apply: set(partition(1), "v3"), want: "Ready: 1 of 2 pods updated and all available: partition 1 keeps the others", pods: 1, left: 1},
			{name: "minReadySeconds", apply: set(two+"\n  minReadySeconds: 2", "v4"), want: "Ready: 2 of 2 pods updated and available", pods: 2},
			{name: "a container that crashes", apply: set(two, "crash-loops"), want: "Waiting: 1 of 2 pods updated", cause: "server: CrashLoopBackOff", pods: 1, left: 1},
			{name: "scale to zero", apply: set("replicas: 0", "v5"), want: "Ready: scaled to zero: the spec is all there is to check"},
		}},
		{name: "statefulset on delete", resource: apps("statefulsets"), steps: []step{
			{name: "create", apply: set(onDelete, "v1"), want: "Ready: 2 of 2 pods updated and available", pods: 2},
			{name: "update", apply: set(onDelete, "v2"), want: "Waiting: 0 of 2 pods updated: with the update strategy OnDelete somebody has to delete the old pods: 2", left: 2},
			{name: "delete one", remove: "server-0", want: "Waiting: 1 of 2 pods updated: with the update strategy OnDelete somebody has to delete the old pods: 1", pods: 1, left: 1},
			{name: "delete the other", remove: "server-1", want: "Ready: 2 of 2 pods updated and available", pods: 2},
		}},
	}
}

func daemonSets() []scenario {
	set := func(head, tag string) string { return workload("apps/v1", "DaemonSet", head, tag) }
	const rolling, onDelete = "minReadySeconds: 0", "updateStrategy: {type: OnDelete}"
	return []scenario{
		{name: "daemonset", resource: apps("daemonsets"), steps: []step{
			{name: "create", apply: set(rolling, "v1"), want: "Ready: 1 of 1 pod updated and available", pods: 1},
			{name: "update", apply: set(rolling, "v2"), want: "Ready: 1 of 1 pod updated and available", pods: 1},
			{name: "restart", apply: restarted("DaemonSet", rolling, "v2"), want: "Ready: 1 of 1 pod updated and available", pods: 1},
			{name: "surge", apply: set("updateStrategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}", "slow-ready"), want: "Ready: 1 of 1 pod updated and available", pods: 1},
			{name: "an image that cannot be pulled", apply: set(rolling, "never-pulls"), want: "Waiting: 0 of 1 pod available", cause: "server: ImagePullBackOff", pods: 1},
		}},
		{name: "daemonset on delete", resource: apps("daemonsets"), steps: []step{
			{name: "create", apply: set(onDelete, "v1"), want: "Ready: 1 of 1 pod updated and available", pods: 1},
			{name: "update", apply: set(onDelete, "v2"), want: "Waiting: 0 of 1 pod updated: with the update strategy OnDelete somebody has to delete the old pods: 1", left: 1},
			{name: "delete it", remove: every, want: "Ready: 1 of 1 pod updated and available", pods: 1},
		}},
	}
}

func batch(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: resource}
}

func jobs() []scenario {
	job := func(head, tag string) string {
		return fmt.Sprintf(`apiVersion: batch/v1
kind: Job
metadata: {name: server}
spec:
  %s
  template: {spec: {restartPolicy: Never, containers: [{name: server, image: "registry.example/server:%s"}]}}
`, head, tag)
	}
	cronJob := func(suspend bool, tag string) string {
		return fmt.Sprintf(`apiVersion: batch/v1
kind: CronJob
metadata: {name: server}
spec:
  schedule: "* * * * *"
  suspend: %t
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: server, image: "registry.example/server:%s"}]}}}}
`, suspend, tag)
	}
	const once = "backoffLimit: 0"
	return []scenario{
		{name: "job", resource: batch("jobs"), steps: []step{
			{name: "create", apply: job("completions: 2", "v1"), want: "Ready: completed, 2 pods succeeded", pods: 2},
		}},
		{name: "job that fails", resource: batch("jobs"), steps: []step{
			{name: "create", apply: job(once, "fails"), want: "Failed: BackoffLimitExceeded: Job has reached the specified backoff limit", cause: "server: Error", pods: 1},
		}},
		{name: "job that is tried again", resource: batch("jobs"), steps: []step{
			{name: "create", apply: job("backoffLimit: 1", "fails"), want: "Waiting: 0 of 1 pod completed, 0 active, 1 failed", pods: 1},
		}},
		{name: "job that cannot start", resource: batch("jobs"), steps: []step{
			{name: "create", apply: job(once, "never-pulls"), want: "Waiting: 0 of 1 pod completed, 1 active", cause: "server: ImagePullBackOff", pods: 1},
		}},
		{name: "job that is suspended", resource: batch("jobs"), steps: []step{
			{name: "create", apply: job("suspend: true", "v1"), want: "Waiting: suspended: set spec.suspend to false"},
			{name: "resume", apply: job("suspend: false", "v1"), want: "Ready: completed, 1 pod succeeded", pods: 1},
		}},
		{name: "cronjob", resource: batch("cronjobs"), steps: []step{
			// The pod is that of the job of the next full minute.
			{name: "create", apply: cronJob(false, "v1"), want: "Ready: the next job runs the template: the spec is all there is to check", pods: 1},
			{name: "suspend and update", apply: cronJob(true, "v2"), want: "Ready: suspended: the spec is all there is to check", left: 1},
		}},
	}
}
