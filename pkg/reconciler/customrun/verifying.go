package customrun

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"github.com/tekton-gitops/tekton-gitops/pkg/rollout"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// rolloutPoll is how often the live workloads are read while they roll out: often in the first seconds, when most
// rollouts end, then rarely. Argo CD's events come besides.
func rolloutPoll(since time.Duration) time.Duration {
	return min(max(since/10, 200*time.Millisecond), 5*time.Second)
}

// verifying proves that the wanted image is what runs. The order is the proof: first the live workloads are seen rolled
// out with the image, then Argo CD compares once more, and the Synced and Healthy that count come from that comparison.
func (r *Reconciler) verifying(ctx context.Context, run *run) (move, error) {
	verify := run.data.Request.Verify
	if r.phaseOver(run, verify.Timeout.Duration) {
		return fail(v1alpha1.ReasonVerifyTimeout, fmt.Sprintf("not proven within %s: %s", verify.Timeout.Duration, currentMessage(run))), nil
	}
	a, err := r.openArgo(ctx, run)
	if err != nil {
		return move{}, err
	}
	defer a.release()
	r.subscribe(run, a)
	observed, waiting, err := r.observe(ctx, run, a)
	if err != nil || waiting != nil {
		return orStay(run, waiting), err
	}
	run.data.Outcome.Health = observed.Health
	found, err := r.findWorkloads(ctx, run, a)
	if err != nil {
		return move{}, err
	}
	if d, other := r.otherImage(run, observed, found); other {
		return r.carryOut(ctx, run, a, d)
	}
	m := r.memories.of(run.UID, r.clock.Now())
	if ready, unready := r.rolledOut(run, found); !ready {
		m.rolledOut = time.Time{}
		run.data.Verify.ProvenSince = nil
		return unready, nil
	}
	run.data.Verify.FailingSince = nil
	if m.rolledOut.IsZero() {
		m.rolledOut = r.clock.Now()
	}
	prove := argocd.Proven
	if run.data.Request.VerifyOnly() {
		prove = argocd.Settled
	}
	d := prove(observed, r.goal(run), m.rolledOut, r.clock.Now())
	if d.Action != argocd.Proceed {
		run.data.Verify.ProvenSince = nil
		return r.carryOut(ctx, run, a, d)
	}
	return r.proven(ctx, run, a, observed, found, d)
}

// carryOut follows a decision of this phase. A decision to sync again leads through the phase Syncing's step.
func (r *Reconciler) carryOut(ctx context.Context, run *run, a *argo, d argocd.Decision) (move, error) {
	if d.Action == argocd.DoSync {
		return r.sync(ctx, run, a, d)
	}
	return r.follow(ctx, run, a, d, run.data.Request.Verify.Timeout.Duration)
}

// proven ends the run, once the proof has held for stableFor.
func (r *Reconciler) proven(ctx context.Context, run *run, a *argo, observed argocd.Observation, found workloads, d argocd.Decision) (move, error) {
	stable := run.data.Request.Verify.StableFor.Duration
	if stable > 0 {
		if run.data.Verify.ProvenSince == nil {
			now := metav1.NewMicroTime(r.clock.Now())
			run.data.Verify.ProvenSince = &now
		}
		if left := stable - r.clock.Since(run.data.Verify.ProvenSince.Time); left > 0 {
			return stay(fmt.Sprintf("%s proven, watching that it stays so for %s", found, stable), min(left, 5*time.Second)), nil
		}
	}
	live, known, err := r.digests(ctx, run, a, found)
	if err != nil {
		return move{}, err
	}
	if !known && r.clock.Since(r.memories.of(run.UID, r.clock.Now()).rolledOut) < digestPatience {
		return stay(found.String()+" proven, reading the digests of its pods", digestPoll), nil
	}
	o := &run.data.Outcome
	o.Live, o.Health = live, observed.Health
	if d.Revision != "" {
		o.Revision = d.Revision
	}
	if run.data.Request.VerifyOnly() {
		return r.verified(ctx, run, found)
	}
	message := fmt.Sprintf("%s runs %s at revision %s", found, summary(run), short(o.Revision))
	if !o.Changed {
		message += " (nothing was to change)"
	}
	return succeed(message), nil
}

// workload is one live object and what package rollout says of it.
type workload struct {
	argocd.Resource
	uid       string
	verdict   rollout.Verdict
	container string // the only container that counts; empty: all
	missing   bool   // named by the request, but not there
}

// workloads are the objects that have to run the images.
type workloads struct {
	verified []workload
	// others are the images of the workloads that run none of ours, for the message when nothing is found.
	others []string
	tree   argocd.Tree
}

// String names the workloads.
func (w workloads) String() string {
	var names []string
	for _, v := range w.verified {
		names = append(names, v.Kind+"/"+v.Name)
	}
	if len(names) > 3 {
		names = append(names[:3], fmt.Sprintf("%d more", len(names)-3))
	}
	return strings.Join(names, ", ")
}

// maxWorkloads bounds the objects that one reconcile reads.
const maxWorkloads = 50

// findWorkloads reads the named workloads live, or every Deployment of the application that runs one of the images.
func (r *Reconciler) findWorkloads(ctx context.Context, run *run, a *argo) (workloads, error) {
	tree, err := a.Tree(ctx, a.app)
	if err != nil {
		return workloads{}, err
	}
	found := workloads{tree: tree}
	nodes := tree.Kind("apps", "Deployment")
	if len(nodes) > maxWorkloads {
		return workloads{}, fmt.Errorf("%w: the application has %d Deployments, at most %d are looked at: name those to verify in verify.workloads", errTooManyWorkloads, len(nodes), maxWorkloads)
	}
	named := run.data.Request.Verify.Workloads
	if len(named) > 0 {
		found.verified, err = r.namedWorkloads(ctx, a, nodes, named)
		return found, err
	}
	read, err := r.allWorkloads(ctx, a, nodes)
	if err != nil {
		return workloads{}, err
	}
	for _, w := range read {
		if runsOneOf(run, w) {
			found.verified = append(found.verified, w)
			continue
		}
		for _, c := range w.verdict.Images {
			found.others = append(found.others, c.Image)
		}
	}
	return found, nil
}

// otherImage looks for a workload that runs one of our images with another tag or digest, and for an image that no
// workload runs at all.
func (r *Reconciler) otherImage(run *run, observed argocd.Observation, found workloads) (argocd.Decision, bool) {
	for _, w := range found.verified {
		for _, target := range run.data.Targets {
			for _, c := range w.verdict.Images {
				if w.counts(c) && sameName(target.Name, c.Image) && !target.Matches(c.Image) {
					return r.anotherImage(run, observed, w.Kind+"/"+w.Name, c.Image, target), true
				}
			}
		}
	}
	for _, target := range run.data.Targets {
		if !slices.ContainsFunc(found.verified, func(w workload) bool { return w.missing || w.runs(target.Name) }) {
			return r.noWorkload(run, observed, notInManifest(target.Name, found)), true
		}
	}
	return argocd.Decision{}, false
}

// rolledOut tells whether every workload has rolled out; else it gives the move that waits or fails.
func (r *Reconciler) rolledOut(run *run, found workloads) (bool, move) {
	var waiting []string
	for _, w := range found.verified {
		name := w.Kind + "/" + w.Name
		switch {
		case w.missing:
			waiting = append(waiting, name+" does not exist yet")
		case w.verdict.State == rollout.Failed:
			return false, fail(v1alpha1.ReasonRolloutFailed, name+": "+w.verdict.Why+r.podCause(run, found, w))
		case w.verdict.State == rollout.Waiting:
			waiting = append(waiting, name+": "+w.verdict.Why)
			if m, failed := r.failingPods(run, found, w, name); failed {
				return false, m
			}
		}
	}
	if len(waiting) == 0 {
		return true, move{}
	}
	wait := rolloutPoll(r.clock.Since(run.data.since()))
	return false, stay(strings.Join(waiting, "; "), r.untilPhaseEnd(run, run.data.Request.Verify.Timeout.Duration, wait))
}

// failingPods ends the run early when a pod of the wanted image has been failing for failureGrace.
func (r *Reconciler) failingPods(run *run, found workloads, w workload, name string) (move, bool) {
	failure, failing := r.diagnose(run, found, w)
	if !failing {
		run.data.Verify.FailingSince = nil
		return move{}, false
	}
	now := metav1.NewMicroTime(r.clock.Now())
	if run.data.Verify.FailingSince == nil {
		run.data.Verify.FailingSince = &now
	}
	grace := run.data.Request.Verify.FailureGrace.Duration
	left := grace - r.clock.Since(run.data.Verify.FailingSince.Time)
	if left > 0 {
		message := fmt.Sprintf("%s: %s; %s (given %s to recover)", name, w.verdict.Why, failure, grace)
		return stay(message, r.untilPhaseEnd(run, run.data.Request.Verify.Timeout.Duration, min(left, time.Second))), true
	}
	return fail(v1alpha1.ReasonRolloutFailed, fmt.Sprintf("%s: %s; %s", name, w.verdict.Why, failure)), true
}

// podCause adds the pods' own words to a failed rollout.
func (r *Reconciler) podCause(run *run, found workloads, w workload) string {
	if failure, failing := r.diagnose(run, found, w); failing {
		return "; " + failure.String()
	}
	return ""
}

// diagnose looks for a failing pod among the newest pods of a workload that run a wanted image.
func (r *Reconciler) diagnose(run *run, found workloads, w workload) (rollout.Failure, bool) {
	var pods []rollout.Pod
	for _, p := range found.tree.Pods(w.uid) {
		pods = append(pods, rollout.Pod{
			Name: p.Name, Revision: p.Revision, Created: p.Created, Images: p.Images,
			Health: p.Health, Message: p.HealthMsg, Reason: p.Reason,
		})
	}
	return rollout.Diagnose(pods, func(image string) bool {
		return slices.ContainsFunc(run.data.Targets, func(t target) bool { return t.Matches(image) })
	})
}
