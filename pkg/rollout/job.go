package rollout

import (
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
)

const kindJob = "Job"

// checkCronJob takes the job template's image as the proof: the Jobs that it has
// started keep the template that they were started with, and the next one may
// be a month away. A CronJob has no status about its spec.
func checkCronJob(manifest []byte) (Verdict, error) {
	c, err := decode[batchv1.CronJob](manifest)
	if err != nil {
		return Verdict{}, err
	}
	v := fromTemplate(c.Spec.JobTemplate.Spec.Template)
	v.State, v.Why = Ready, "the next job runs the template: the spec is all there is to check"
	if c.Spec.Suspend != nil && *c.Spec.Suspend {
		v.Why = "suspended: the spec is all there is to check"
	}
	return v, nil
}

// checkJob needs no generation: a Job's pod template cannot be changed, and its
// end is final (the API's comment on JobStatus.Conditions).
func checkJob(manifest []byte) (Verdict, error) {
	j, err := decode[batchv1.Job](manifest)
	if err != nil {
		return Verdict{}, err
	}
	v := fromTemplate(j.Spec.Template)
	v.Replicas, v.Available = orOne(j.Spec.Completions), j.Status.Succeeded
	v.Updated = j.Status.Active + j.Status.Succeeded
	v.PodHash = string(j.UID) // the controller labels each pod with it
	v.State, v.Why = job(&j, v)
	return v, nil
}

// job follows the conditions that the controller sets
// (k8s.io/kubernetes/pkg/controller/job/job_controller.go). FailureTarget comes
// before Failed, while pods still end, and is as final. A Job as a hook of Argo
// CD is no different, but may be deleted as soon as it has ended.
func job(j *batchv1.Job, v Verdict) (State, string) {
	is := map[batchv1.JobConditionType]string{}
	for _, c := range j.Status.Conditions {
		if c.Status == corev1.ConditionTrue {
			is[c.Type] = reasoned(c.Reason, c.Message)
		}
	}
	if _, completed := is[batchv1.JobComplete]; completed {
		return Ready, fmt.Sprintf("completed, %s succeeded", pods(j.Status.Succeeded))
	}
	for _, end := range []batchv1.JobConditionType{batchv1.JobFailed, batchv1.JobFailureTarget} {
		if why, failed := is[end]; failed {
			return Failed, why
		}
	}
	if _, suspended := is[batchv1.JobSuspended]; suspended {
		return Waiting, "suspended: set spec.suspend to false"
	}
	why := fmt.Sprintf("%d of %s completed, %d active", j.Status.Succeeded, pods(v.Replicas), j.Status.Active)
	if j.Status.Failed > 0 {
		why += fmt.Sprintf(", %d failed", j.Status.Failed)
	}
	return Waiting, why
}
