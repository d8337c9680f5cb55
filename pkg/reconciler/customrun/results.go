package customrun

import (
	"encoding/json"
	"strconv"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	runv1beta1 "github.com/tektoncd/pipeline/pkg/apis/run/v1beta1"
)

// results are all documented results of a run, failed ones included, empty where they do not apply: a consumer in a
// finally task must not fail because one is missing.
func results(run *run) []runv1beta1.CustomRunResult {
	o := run.data.Outcome
	values := map[string]string{
		v1alpha1.ResultChanged:        strconv.FormatBool(o.Changed),
		v1alpha1.ResultCommit:         o.Commit,
		v1alpha1.ResultCommitURL:      o.CommitURL,
		v1alpha1.ResultPreviousImage:  previous(o, 0),
		v1alpha1.ResultImages:         imagesJSON(run),
		v1alpha1.ResultRevision:       o.Revision,
		v1alpha1.ResultApplicationURL: o.AppURL,
		v1alpha1.ResultHealth:         o.Health,
		v1alpha1.ResultDiff:           o.Diff,
	}
	if len(run.data.Targets) > 0 {
		values[v1alpha1.ResultImage] = run.data.Targets[0].String()
	}
	for _, live := range o.Live {
		if live.Digest != "" {
			values[v1alpha1.ResultImageDigest] = live.Digest
			break
		}
	}
	var out []runv1beta1.CustomRunResult
	for _, result := range v1alpha1.Results() {
		out = append(out, runv1beta1.CustomRunResult{Name: result.Name, Value: values[result.Name]})
	}
	return out
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
	if run.data.Request == nil || len(run.data.Targets) != len(run.data.Request.Images) || len(run.data.Targets) == 0 {
		return ""
	}
	var images []imageResult
	for i, target := range run.data.Targets {
		images = append(images, imageResult{Name: run.data.Request.Images[i].Name, Previous: previous(run.data.Outcome, i), Image: target.String()})
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
