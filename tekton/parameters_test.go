package tekton_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"

	"github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
)

var update = flag.Bool("update", false, "write the tables of the catalog's READMEs anew")

// kinds are the custom tasks by the Pipeline that names them.
var kinds = map[string]string{"gitops-deploy": v1alpha1.KindGitOpsDeploy, "gitops-pr": v1alpha1.KindGitOpsPR}

// notOf are the results that never apply to a kind.
var notOf = map[string][]string{
	v1alpha1.KindGitOpsDeploy: {
		v1alpha1.ResultPRNumber, v1alpha1.ResultPRURL, v1alpha1.ResultPRState, v1alpha1.ResultPRBranch, v1alpha1.ResultMergeCommit,
	},
	v1alpha1.KindGitOpsPR: {v1alpha1.ResultReverted},
}

// A Pipeline has every parameter of its custom task, with its type and what the controller says about it, and hands it on.
// None has a default: a parameter that is empty counts as not given, so that the namespace's defaults hold.
func TestParametersAreThoseOfTheController(t *testing.T) {
	t.Parallel()
	for _, e := range entries(t) {
		p := pipeline(t, e.file())
		if len(p.Spec.Tasks) != 1 || p.Spec.Tasks[0].TaskRef == nil {
			t.Fatalf("%s: want one task by reference", e.name)
		}
		task := p.Spec.Tasks[0]
		if ref := task.TaskRef; ref.APIVersion != "gitops.tekton.dev/v1alpha1" || string(ref.Kind) != kinds[e.name] || ref.Name != "" {
			t.Errorf("%s: the task is %+v, want %s without a definition", e.name, ref, kinds[e.name])
		}
		var declared pipelinev1.ParamSpecs
		var given pipelinev1.Params
		for _, parameter := range request.Parameters() {
			if !parameter.For(kinds[e.name]) {
				continue
			}
			declared = append(declared, paramSpec(parameter))
			given = append(given, handedOn(parameter))
		}
		if diff := cmp.Diff(declared, p.Spec.Params); diff != "" {
			t.Errorf("%s: parameters (-want +got):\n%s", e.name, diff)
		}
		if diff := cmp.Diff(given, task.Params); diff != "" {
			t.Errorf("%s: parameters of its task (-want +got):\n%s", e.name, diff)
		}
	}
}

func paramSpec(p request.Parameter) pipelinev1.ParamSpec {
	spec := pipelinev1.ParamSpec{Name: p.Name, Type: pipelinev1.ParamTypeString, Description: p.Description, Default: pipelinev1.NewStructuredValues("")}
	if p.Default != "" {
		spec.Description += " (default: " + p.Default + ")"
	}
	if p.Type == request.TypeArray {
		spec.Type = pipelinev1.ParamTypeArray
		spec.Default = &pipelinev1.ParamValue{Type: pipelinev1.ParamTypeArray, ArrayVal: []string{}}
	}
	return spec
}

func handedOn(p request.Parameter) pipelinev1.Param {
	if p.Type == request.TypeArray {
		return pipelinev1.Param{Name: p.Name, Value: pipelinev1.ParamValue{Type: pipelinev1.ParamTypeArray, ArrayVal: []string{"$(params." + p.Name + "[*])"}}}
	}
	return pipelinev1.Param{Name: p.Name, Value: *pipelinev1.NewStructuredValues("$(params." + p.Name + ")")}
}

// A Pipeline has every result of its custom task that can apply to it.
func TestResultsAreThoseOfTheController(t *testing.T) {
	t.Parallel()
	for _, e := range entries(t) {
		p := pipeline(t, e.file())
		var want []pipelinev1.PipelineResult
		for _, r := range v1alpha1.Results() {
			if !slices.Contains(notOf[kinds[e.name]], r.Name) {
				value := "$(tasks." + p.Spec.Tasks[0].Name + ".results." + r.Name + ")"
				want = append(want, pipelinev1.PipelineResult{Name: r.Name, Description: r.Description, Value: *pipelinev1.NewStructuredValues(value)})
			}
		}
		if diff := cmp.Diff(want, p.Spec.Results); diff != "" {
			t.Errorf("%s: results (-want +got):\n%s", e.name, diff)
		}
	}
}

// The tables of a README are those of its Pipeline. "go test ./tekton -update" writes them.
func TestReadmesHaveTheTables(t *testing.T) {
	t.Parallel()
	for _, e := range entries(t) {
		p, path := pipeline(t, e.file()), filepath.Join(e.dir, "README.md")
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		params, results := "| Parameter | Type | Meaning |\n| --- | --- | --- |\n", "| Result | Meaning |\n| --- | --- |\n"
		for _, param := range p.Spec.Params {
			params += "| `" + param.Name + "` | " + string(param.Type) + " | " + param.Description + " |\n"
		}
		for _, r := range p.Spec.Results {
			results += "| `" + r.Name + "` | " + r.Description + " |\n"
		}
		after := fill(t, string(before), "params", params)
		after = fill(t, after, "results", results)
		if *update {
			if err := os.WriteFile(path, []byte(after), 0o644); err != nil { //nolint:gosec // documentation, readable by everybody
				t.Fatal(err)
			}
			continue
		}
		if diff := cmp.Diff(after, string(before)); diff != "" {
			t.Errorf("%s (-want +got); go test ./tekton -update writes it:\n%s", path, diff)
		}
	}
}

// fill puts a table between its markers.
func fill(t *testing.T, text, name, table string) string {
	t.Helper()
	opening := "<!-- " + name + " -->\n"
	before, rest, found := strings.Cut(text, opening)
	_, after, ended := strings.Cut(rest, "<!-- end -->")
	if !found || !ended {
		t.Fatalf("there is no place for the table %s", name)
	}
	return before + opening + table + "<!-- end -->" + after
}
