// Package progress reads how far a run is, and how it went, out of the CustomRun itself: plain values for programs that
// show runs, such as the plugin of tkn, a dashboard or a bot. It is what `tkn gitops describe -o json` prints.
//
// Promises:
//   - Reading never fails and never panics, whatever the status holds. What cannot be read is left out.
//   - Fields keep their names and their meaning; new ones may come. Times are those that the controller wrote.
//   - A run whose details another version of the controller wrote still has its phase, lock, attempt, condition, results
//     and earlier attempts. Detailed says which of the two it is.
//   - Nothing is asked of a cluster: the values are as old as the CustomRun that they were read from.
//
// It does not promise the status's own layout at status.extraFields.gitops, which belongs to the controller and changes
// with it: read it through this package. Texts come from servers too and may hold any character; who prints them to a
// terminal cleans them.
package progress

import (
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
)

// State says in one word how a run stands.
type State string

// The states of a run. A run that was cancelled or has timed out has Failed.
const (
	// Pending: the controller has not written anything yet.
	Pending   State = "Pending"
	Running   State = "Running"
	Succeeded State = "Succeeded"
	Failed    State = "Failed"
)

// Run is one CustomRun of a kind of this project.
type Run struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Kind is GitOpsDeploy or GitOpsPR.
	Kind string `json:"kind"`
	// Definition is the name of the definition that the run names, empty for the other two forms.
	Definition string `json:"definition,omitempty"`
	// PipelineRun and Task are what the run is a part of, empty for one that stands alone.
	PipelineRun string `json:"pipelineRun,omitempty"`
	Task        string `json:"task,omitempty"`

	State State `json:"state"`
	// Phase is the phase that the run is in; of a run that has ended, the last one. Empty while Pending.
	Phase string `json:"phase,omitempty"`
	// Reason and Message are those of the condition: while it runs, the phase and what it waits for.
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
	// Cancelling: the run was cancelled and has not ended yet.
	Cancelling bool `json:"cancelling,omitempty"`

	Created time.Time `json:"created"`
	// Started and Completed are those of the current attempt, in whole seconds.
	Started   *time.Time `json:"started,omitempty"`
	Completed *time.Time `json:"completed,omitempty"`

	// Attempt counts from 1 and grows with the retries of the run; 0 while Pending.
	Attempt int `json:"attempt,omitempty"`
	// Attempts are the earlier ones, the first one first.
	Attempts []Attempt `json:"attempts,omitempty"`
	// Lock is the Lease that the run waits for, holds, or has held.
	Lock string `json:"lock,omitempty"`
	// Verdict is set once the outcome is known, which is before the run has ended: the lock is released in between.
	Verdict *Verdict `json:"verdict,omitempty"`

	// Detailed tells whether the fields below, but for Results, could be read. They cannot for a run that has not begun,
	// and for one that another version of the controller keeps.
	Detailed bool `json:"detailed"`
	// Timeline has the phases of the current attempt, in the order in which they began; of a long one, the last 32.
	Timeline     []Step        `json:"timeline,omitempty"`
	Images       []Image       `json:"images,omitempty"`
	Git          *Git          `json:"git,omitempty"`
	Commit       *Commit       `json:"commit,omitempty"`
	PullRequest  *PullRequest  `json:"pullRequest,omitempty"`
	Applications []Application `json:"applications,omitempty"`
	// Workloads are the containers that were seen to run one of the images.
	Workloads []Workload `json:"workloads,omitempty"`
	// Reverted: the previous images were put back.
	Reverted bool `json:"reverted,omitempty"`
	DryRun   bool `json:"dryRun,omitempty"`

	// Results are those that are not empty, by name. There are none before the run has ended.
	Results map[string]string `json:"results,omitempty"`
}

// Attempt is an earlier attempt of a run that was tried again.
type Attempt struct {
	Number    int        `json:"number"`
	Reason    string     `json:"reason,omitempty"`
	Message   string     `json:"message,omitempty"`
	Started   *time.Time `json:"started,omitempty"`
	Completed *time.Time `json:"completed,omitempty"`
}

// Step is a phase that was entered. A run can enter one more than once.
type Step struct {
	Phase string    `json:"phase"`
	Begin time.Time `json:"begin"`
	// End is nil while the phase goes on. That of the last phase is when the run ended, in whole seconds.
	End *time.Time `json:"end,omitempty"`
	// Seconds is how long it took, nil while it goes on.
	Seconds *float64 `json:"seconds,omitempty"`
	// Failed: the run failed in this phase.
	Failed bool `json:"failed,omitempty"`
}

// Duration is how long the phase took, or has taken until now.
func (s Step) Duration(now time.Time) time.Duration {
	if s.End != nil {
		now = *s.End
	}
	return max(now.Sub(s.Begin), 0)
}

// Verdict is how the current attempt ends.
type Verdict struct {
	Reason  string `json:"reason"`
	Message string `json:"message,omitempty"`
}

// Succeeded tells whether it ends well.
func (v *Verdict) Succeeded() bool { return v != nil && v.Reason == string(v1alpha1.ReasonSucceeded) }

// Image is one image that the run sets or verifies.
type Image struct {
	// Name is how the manifests know it.
	Name string `json:"name"`
	// Wanted is the full reference.
	Wanted string `json:"wanted,omitempty"`
	// Previous is what the manifest had, once that was read.
	Previous string `json:"previous,omitempty"`
}

// Git is where the change is made.
type Git struct {
	URL    string   `json:"url"`
	Branch string   `json:"branch"`
	Paths  []string `json:"paths,omitempty"`
}

// Commit is the commit that has the wanted state, whoever made it.
type Commit struct {
	ID  string `json:"id"`
	URL string `json:"url,omitempty"`
	// Changed: this run pushed it.
	Changed bool `json:"changed,omitempty"`
	// Diff is the change as a unified diff, where there was one.
	Diff string `json:"diff,omitempty"`
}

// PullRequest is that of a GitOpsPR.
type PullRequest struct {
	Number int    `json:"number"`
	URL    string `json:"url,omitempty"`
	// State is open, merged or closed, as the run saw it last.
	State       string `json:"state,omitempty"`
	Branch      string `json:"branch,omitempty"`
	MergeCommit string `json:"mergeCommit,omitempty"`
	// Warnings say what could not be done to it, such as a label that may not be set.
	Warnings []string `json:"warnings,omitempty"`
}

// Application is one application of Argo CD.
type Application struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace,omitempty"`
	Project   string `json:"project,omitempty"`
	URL       string `json:"url,omitempty"`
	// Revision is what Argo CD has synced, once that is the commit or a descendant of it.
	Revision string `json:"revision,omitempty"`
	// Health is in Argo CD's words.
	Health string `json:"health,omitempty"`
}

// Workload is one container of a workload and what it runs.
type Workload struct {
	// Workload as Kind/namespace/name.
	Workload  string `json:"workload"`
	Container string `json:"container"`
	Image     string `json:"image"`
	// Digest is empty where it is not known.
	Digest string `json:"digest,omitempty"`
}
