package render

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"github.com/tektoncd/pipeline/pkg/substitution"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	gitops "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops"
)

// paramForms are how a variable names a parameter (paramPatterns in pkg/reconciler/pipelinerun/resources/apply.go of
// tektoncd/pipeline).
func paramForms() []string { return []string{"params.%s", "params[%q]", "params['%s']"} }

// variables are what Tekton replaces in the tasks of a Pipeline.
type variables struct {
	texts   map[string]string
	arrays  map[string][]string
	objects map[string]map[string]string
}

func (v variables) set(name string, value pipelinev1.ParamValue) {
	for _, form := range paramForms() {
		variable := fmt.Sprintf(form, name)
		switch value.Type {
		case pipelinev1.ParamTypeArray:
			v.arrays[variable] = value.ArrayVal
			for i, item := range value.ArrayVal {
				v.texts[fmt.Sprintf("%s[%d]", variable, i)] = item
			}
		case pipelinev1.ParamTypeObject:
			v.objects[variable] = value.ObjectVal
			for key, item := range value.ObjectVal {
				v.texts[fmt.Sprintf("params.%s.%s", name, key)] = item
			}
		default:
			v.texts[variable] = value.StringVal
		}
	}
}

// variablesOf are the parameters of a PipelineRun with the Pipeline's defaults, the names of both, and the results that are
// given in the place of tasks which have not run.
func variablesOf(spec *pipelinev1.PipelineSpec, run *pipelinev1.PipelineRun, pipeline string, results map[string]string) variables {
	v := variables{texts: map[string]string{
		"context.pipelineRun.name": run.Name, "context.pipelineRun.namespace": run.Namespace,
		"context.pipelineRun.uid": "", "context.pipeline.name": pipeline,
	}, arrays: map[string][]string{}, objects: map[string]map[string]string{}}
	given := map[string]bool{}
	for _, p := range run.Spec.Params {
		v.set(p.Name, p.Value)
		given[p.Name] = true
	}
	// A default may name parameters before it.
	for _, declared := range spec.Params {
		if declared.Default != nil && !given[declared.Name] {
			value := declared.Default.DeepCopy()
			value.ApplyReplacements(v.texts, v.arrays, v.objects)
			v.set(declared.Name, *value)
		}
	}
	for name, value := range results {
		v.texts[name] = value
	}
	return v
}

// resultVariable is a result of another task.
var resultVariable = regexp.MustCompile(`\$\((tasks\.[^()]+\.results\.[^()]+)\)`)

// customRuns are those that Tekton would make for our tasks of a PipelineRun.
func customRuns(ctx context.Context, run *pipelinev1.PipelineRun, spec *pipelinev1.PipelineSpec, pipeline string, results map[string]string) []candidate {
	v := variablesOf(spec, run, pipeline, results)
	var all []candidate
	for _, task := range slices.Concat(spec.Tasks, spec.Finally) {
		if !isOurs(task) {
			continue
		}
		c := candidate{task: task.Name, run: customRun(ctx, run, task, v)}
		if pipeline != "" {
			c.run.Labels["tekton.dev/pipeline"] = pipeline
		}
		if task.IsMatrixed() {
			c.problem = fmt.Errorf("task %s has a matrix, which makes many runs: render takes none", task.Name)
		}
		for _, p := range c.run.Spec.Params {
			if m := resultVariable.FindStringSubmatch(textOf(p.Value)); m != nil && c.problem == nil {
				c.problem = fmt.Errorf("parameter %s of task %s takes a result of another task: give it with --param %s=VALUE", p.Name, task.Name, m[1])
			}
		}
		all = append(all, c)
	}
	return all
}

func isOurs(task pipelinev1.PipelineTask) bool {
	version := ""
	switch {
	case task.TaskRef != nil:
		version = task.TaskRef.APIVersion
	case task.TaskSpec != nil:
		version = task.TaskSpec.APIVersion
	}
	group, _, _ := strings.Cut(version, "/")
	return group == gitops.GroupName
}

// customRun is made as Tekton makes it (createCustomRun in pkg/reconciler/pipelinerun/pipelinerun.go).
func customRun(ctx context.Context, run *pipelinev1.PipelineRun, task pipelinev1.PipelineTask, v variables) *pipelinev1beta1.CustomRun {
	cr := &pipelinev1beta1.CustomRun{ObjectMeta: metav1.ObjectMeta{
		Namespace: run.Namespace, Name: run.Name + "-" + task.Name,
		Labels: map[string]string{"tekton.dev/pipelineRun": run.Name, "tekton.dev/pipelineTask": task.Name},
	}}
	cr.Spec.ServiceAccountName = run.GetTaskRunSpec(task.Name).ServiceAccountName
	for _, p := range task.Params.ReplaceVariables(v.texts, v.arrays, v.objects) {
		converted := pipelinev1beta1.Param{}
		converted.ConvertFrom(ctx, p)
		cr.Spec.Params = append(cr.Spec.Params, converted)
	}
	if task.TaskRef != nil {
		ref := task.TaskRef.DeepCopy()
		ref.Name = substitution.ApplyReplacements(ref.Name, v.texts)
		cr.Spec.CustomRef = &pipelinev1beta1.TaskRef{}
		cr.Spec.CustomRef.ConvertFrom(ctx, *ref)
	}
	if task.TaskSpec != nil {
		cr.Spec.CustomSpec = &pipelinev1beta1.EmbeddedCustomRunSpec{
			TypeMeta: runtime.TypeMeta{APIVersion: task.TaskSpec.APIVersion, Kind: task.TaskSpec.Kind}, Spec: task.TaskSpec.Spec,
		}
	}
	for range task.Workspaces {
		cr.Spec.Workspaces = append(cr.Spec.Workspaces, pipelinev1beta1.WorkspaceBinding{})
	}
	return cr
}

// textOf is all text of a value.
func textOf(v pipelinev1beta1.ParamValue) string {
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}
