package progress

import (
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
)

// addTo fills in the detailed part of a run.
func (d *details) addTo(run *Run) {
	run.Timeline = d.timeline(run)
	run.Images = d.images()
	run.DryRun, run.Reverted = d.Request.DryRun, d.Outcome.Reverted
	if git := d.Request.Git; git != nil {
		run.Git = &Git{URL: git.URL, Branch: git.Branch}
		for _, u := range d.Request.Updates {
			if path := u.path(); path != "" {
				run.Git.Paths = append(run.Git.Paths, path)
			}
		}
	}
	if o := d.Outcome; o.Commit != "" || o.Diff != "" {
		run.Commit = &Commit{ID: o.Commit, URL: o.CommitURL, Changed: o.Changed, Diff: o.Diff}
	}
	if pr := d.PullRequest; pr.Number != 0 {
		run.PullRequest = &PullRequest{
			Number: pr.Number, URL: pr.URL, State: pr.State, MergeCommit: pr.MergeCommit, Warnings: pr.Warnings,
		}
		if d.Request.PullRequest != nil {
			run.PullRequest.Branch = d.Request.PullRequest.Branch
		}
	}
	for _, app := range d.Apps {
		run.Applications = append(run.Applications, Application{
			Name: app.Name, Namespace: app.Namespace, Project: app.Project, URL: app.URL, Revision: app.Revision, Health: app.Health,
		})
	}
	run.Workloads = d.Outcome.Live
}

// timeline gives each phase its end, which is where the next one begins, or the end of the run. A phase with a time that
// cannot be read is left out.
func (d *details) timeline(run *Run) []Step {
	var steps []Step
	for _, p := range d.Timeline {
		begin, err := time.Parse(time.RFC3339Nano, p.Since)
		if err != nil {
			continue
		}
		if n := len(steps); n > 0 {
			steps[n-1].finish(begin)
		}
		steps = append(steps, Step{Phase: p.Phase, Begin: begin.UTC()})
	}
	if n := len(steps); n > 0 && run.Completed != nil && run.Done() {
		steps[n-1].finish(*run.Completed)
	}
	if run.State == Failed || run.Verdict != nil && !run.Verdict.Succeeded() {
		markFailed(steps)
	}
	return steps
}

// finish ends a phase, never before it began: the end of a run has whole seconds.
func (s *Step) finish(at time.Time) {
	end := at.UTC()
	if end.Before(s.Begin) {
		end = s.Begin
	}
	seconds := end.Sub(s.Begin).Seconds()
	s.End, s.Seconds = &end, &seconds
}

// markFailed marks the phase that a failed run was in: the last one that is not cleaning up.
func markFailed(steps []Step) {
	for i := len(steps) - 1; i >= 0; i-- {
		switch v1alpha1.Reason(steps[i].Phase) {
		case v1alpha1.ReasonReleasing, v1alpha1.ReasonReverting:
		default:
			steps[i].Failed = true
			return
		}
	}
}

// images are those of the request. What they become is certain once the manifest was read.
func (d *details) images() []Image {
	var images []Image
	for i, want := range d.Request.Images {
		image := Image{Name: want.Name, Wanted: want.reference().String()}
		if i < len(d.Targets) {
			image.Wanted = d.Targets[i].String()
		}
		if i < len(d.Outcome.Previous) {
			image.Previous = d.Outcome.Previous[i]
		}
		images = append(images, image)
	}
	if len(images) > 0 {
		return images
	}
	// A run whose request was too large to be kept has only these left.
	for _, target := range d.Targets {
		images = append(images, Image{Name: target.Name, Wanted: target.String()})
	}
	return images
}
