package customrun

import (
	"encoding/json"
	"strconv"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/image"
	runv1beta1 "github.com/tektoncd/pipeline/pkg/apis/run/v1beta1"
)

// results are all documented results of a run, failed ones included, empty where they do not apply: a consumer in a
// finally task must not fail because one is missing.
func results(run *run) []runv1beta1.CustomRunResult {
	o := run.data.Outcome
	values := map[string]string{
		v1alpha1.ResultChanged:       strconv.FormatBool(o.Changed),
		v1alpha1.ResultCommit:        o.Commit,
		v1alpha1.ResultCommitURL:     o.CommitURL,
		v1alpha1.ResultPreviousImage: previous(o, 0),
		v1alpha1.ResultImages:        imagesJSON(run),
		v1alpha1.ResultHealth:        run.health(),
		v1alpha1.ResultDiff:          o.Diff,
	}
	if pr := run.data.PullRequest; pr.Number != 0 {
		values[v1alpha1.ResultPRNumber], values[v1alpha1.ResultPRURL] = strconv.Itoa(pr.Number), pr.URL
		values[v1alpha1.ResultPRState], values[v1alpha1.ResultMergeCommit] = string(pr.State), pr.MergeCommit
	}
	if run.data.PullRequest.Head != "" && run.data.Request != nil {
		values[v1alpha1.ResultPRBranch] = run.data.Request.PullRequest.Branch
	}
	if o.Reverted {
		values[v1alpha1.ResultReverted] = strconv.FormatBool(true)
	}
	if len(run.data.Apps) > 0 {
		values[v1alpha1.ResultRevision], values[v1alpha1.ResultApplicationURL] = run.data.Apps[0].Revision, run.data.Apps[0].URL
	}
	if len(run.data.Targets) > 0 {
		values[v1alpha1.ResultImage] = run.reference(run.data.Targets[0])
	}
	values[v1alpha1.ResultImageDigest] = firstDigest(run)
	var out []runv1beta1.CustomRunResult
	for _, result := range v1alpha1.Results() {
		out = append(out, runv1beta1.CustomRunResult{Name: result.Name, Value: values[result.Name]})
	}
	return out
}

// reference is an image in full. A run that only verifies, or restarts, may leave the tag open: then it is what runs.
func (run *run) reference(target image.Ref) string {
	if target.Tag == "" && target.Digest == "" {
		for _, live := range run.data.Outcome.Live {
			if target.Matches(live.Image) {
				return live.Image
			}
		}
	}
	return target.String()
}

// firstDigest is what runs of the first image. Where there is one image only, it may run under another name.
func firstDigest(run *run) string {
	targets := run.data.Targets
	other := ""
	for _, live := range run.data.Outcome.Live {
		switch {
		case live.Digest == "":
		case len(targets) == 0 || targets[0].Matches(live.Image):
			return live.Digest
		case other == "" && run.data.Request != nil && len(run.data.Request.Images) == 1:
			other = live.Digest
		}
	}
	return other
}

// health is that of the first application that is not Healthy, else of all.
func (run *run) health() string {
	health := ""
	for _, app := range run.data.Apps {
		if health = app.Health; health != "Healthy" {
			break
		}
	}
	return health
}

// unknownResults are all documented results of a run whose state this build cannot read: there, and empty.
func unknownResults() []runv1beta1.CustomRunResult {
	var out []runv1beta1.CustomRunResult
	for _, result := range v1alpha1.Results() {
		out = append(out, runv1beta1.CustomRunResult{Name: result.Name})
	}
	return out
}

// imageResult is one entry of the result images.
type imageResult struct {
	Name     string `json:"name"`
	Previous string `json:"previous"`
	Image    string `json:"image"`
}

// imagesJSON is an array of objects: an array of strings would become an array result for its consumer.
func imagesJSON(run *run) string {
	if run.data.Request == nil || len(run.data.Targets) < len(run.data.Request.Images) || len(run.data.Request.Images) == 0 {
		return ""
	}
	var images []imageResult
	for i, target := range run.data.Targets[:len(run.data.Request.Images)] {
		images = append(images, imageResult{Name: run.data.Request.Images[i].Name, Previous: previous(run.data.Outcome, i), Image: run.reference(target)})
	}
	out, err := json.Marshal(images)
	if err != nil {
		return ""
	}
	return string(out)
}

// previous is what the manifest had for the i-th image before the run; empty when it had nothing.
func previous(o outcome, i int) string {
	if i < len(o.Previous) {
		return o.Previous[i]
	}
	return ""
}
