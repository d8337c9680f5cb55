package render

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	gitops "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops"
)

const tektonGroup = "tekton.dev"

// candidate is a run that the files would make.
type candidate struct {
	run *pipelinev1beta1.CustomRun
	// task is its name in the Pipeline, empty for one that stands alone.
	task string
	// problem keeps it from being shown.
	problem error
}

// params are those of the command line, and which of them something has taken.
type params struct {
	values map[string]string
	taken  map[string]bool
}

// candidates are all runs of our kinds in the files: CustomRuns, and those of PipelineRuns. Files that have neither show
// the Pipelines that they have.
func (p *Plan) candidates(ctx context.Context) ([]candidate, error) {
	given := params{values: p.Params, taken: map[string]bool{}}
	var all []candidate
	for _, d := range p.Files.of(tektonGroup, kindCustomRun) {
		cr := &pipelinev1beta1.CustomRun{}
		if err := d.decode(cr); err != nil {
			return nil, err
		}
		if !isOurRun(cr) {
			continue
		}
		cr.Name, cr.Namespace = d.name(), p.namespaceOf(d)
		given.giveRun(cr)
		all = append(all, candidate{run: cr})
	}
	runs := p.Files.of(tektonGroup, kindPipelineRun)
	for _, d := range runs {
		run, err := pipelineRun(ctx, d)
		if err != nil {
			return nil, err
		}
		run.Name, run.Namespace = d.name(), p.namespaceOf(d)
		spec, name, err := p.specOf(ctx, run)
		if err != nil {
			return nil, err
		}
		some, err := p.ofPipeline(ctx, run, spec, name, given)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	if len(runs) > 0 || len(all) > 0 {
		return all, given.unused()
	}
	for _, d := range p.Files.of(tektonGroup, kindPipeline) {
		pipeline, err := pipelineOf(ctx, d)
		if err != nil {
			return nil, err
		}
		run := &pipelinev1.PipelineRun{}
		run.Name, run.Namespace = d.name()+"-run", p.namespaceOf(d)
		some, err := p.ofPipeline(ctx, run, &pipeline.Spec, d.Metadata.Name, given)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, given.unused()
}

func (p *Plan) ofPipeline(ctx context.Context, run *pipelinev1.PipelineRun, spec *pipelinev1.PipelineSpec, name string, given params) ([]candidate, error) {
	spec = spec.DeepCopy()
	spec.SetDefaults(ctx)
	if err := given.givePipeline(run, spec); err != nil {
		return nil, err
	}
	for _, declared := range spec.Params {
		if declared.Default == nil && !slices.ContainsFunc(run.Spec.Params, func(p pipelinev1.Param) bool { return p.Name == declared.Name }) {
			return nil, fmt.Errorf("parameter %s of the Pipeline has no value: give it with --param %s=VALUE", declared.Name, declared.Name)
		}
	}
	return customRuns(ctx, run, spec, name, given.results()), nil
}

// specOf is the PipelineRun's own spec, or that of the Pipeline it names.
func (p *Plan) specOf(ctx context.Context, run *pipelinev1.PipelineRun) (*pipelinev1.PipelineSpec, string, error) {
	switch ref := run.Spec.PipelineRef; {
	case run.Spec.PipelineSpec != nil:
		return run.Spec.PipelineSpec, "", nil
	case ref == nil || ref.Name == "" || ref.Resolver != "":
		return nil, "", fmt.Errorf("PipelineRun %s names no Pipeline by its name: give the Pipeline's file, and a PipelineRun that names it", run.Name)
	default:
		pipeline := &pipelinev1.Pipeline{}
		d, err := p.Files.find(tektonGroup, kindPipeline, run.Namespace, ref.Name, false)
		if err == nil {
			pipeline, err = pipelineOf(ctx, d)
		} else {
			err = p.fromCluster(ctx, kindPipeline, run.Namespace, ref.Name, pipeline)
		}
		return &pipeline.Spec, ref.Name, err
	}
}

func pipelineRun(ctx context.Context, d document) (*pipelinev1.PipelineRun, error) {
	run := &pipelinev1.PipelineRun{}
	if !strings.HasSuffix(d.APIVersion, "/v1beta1") {
		return run, d.decode(run)
	}
	older := &pipelinev1beta1.PipelineRun{} //nolint:staticcheck // Deprecated is not gone: files have it.
	if err := d.decode(older); err != nil {
		return nil, err
	}
	return run, older.ConvertTo(ctx, run)
}

func pipelineOf(ctx context.Context, d document) (*pipelinev1.Pipeline, error) {
	pipeline := &pipelinev1.Pipeline{}
	if !strings.HasSuffix(d.APIVersion, "/v1beta1") {
		return pipeline, d.decode(pipeline)
	}
	older := &pipelinev1beta1.Pipeline{} //nolint:staticcheck // Deprecated is not gone: files have it.
	if err := d.decode(older); err != nil {
		return nil, err
	}
	return pipeline, older.ConvertTo(ctx, pipeline)
}

func isOurRun(cr *pipelinev1beta1.CustomRun) bool {
	version := ""
	switch {
	case cr.Spec.CustomRef != nil:
		version = cr.Spec.CustomRef.APIVersion
	case cr.Spec.CustomSpec != nil:
		version = cr.Spec.CustomSpec.APIVersion
	}
	group, _, _ := strings.Cut(version, "/")
	return group == gitops.GroupName
}

// namespaceOf is the object's own, else that of the command line.
func (p *Plan) namespaceOf(d document) string {
	if d.Metadata.Namespace != "" {
		return d.Metadata.Namespace
	}
	return p.Namespace
}

const resultPrefix = "tasks."

// results are those that stand for tasks which have not run.
func (p params) results() map[string]string {
	found := map[string]string{}
	for name, value := range p.values {
		if strings.HasPrefix(name, resultPrefix) {
			found[name] = value
			p.taken[name] = true
		}
	}
	return found
}

// givePipeline sets the parameters that the Pipeline declares.
func (p params) givePipeline(run *pipelinev1.PipelineRun, spec *pipelinev1.PipelineSpec) error {
	for _, declared := range spec.Params {
		text, ok := p.values[declared.Name]
		if !ok {
			continue
		}
		p.taken[declared.Name] = true
		value, err := typed(string(declared.Type), text)
		if err != nil {
			return fmt.Errorf("--param %s: %w", declared.Name, err)
		}
		run.Spec.Params = slices.DeleteFunc(run.Spec.Params, func(q pipelinev1.Param) bool { return q.Name == declared.Name })
		run.Spec.Params = append(run.Spec.Params, pipelinev1.Param{Name: declared.Name, Value: value})
	}
	return nil
}

// giveRun sets parameters of a CustomRun, which declares none. A value that is a JSON array is one.
func (p params) giveRun(cr *pipelinev1beta1.CustomRun) {
	for _, name := range slices.Sorted(maps.Keys(p.values)) {
		if strings.HasPrefix(name, resultPrefix) {
			continue
		}
		p.taken[name] = true
		value := pipelinev1beta1.ParamValue{Type: pipelinev1beta1.ParamTypeString, StringVal: p.values[name]}
		var list []string
		if json.Unmarshal([]byte(p.values[name]), &list) == nil {
			value = pipelinev1beta1.ParamValue{Type: pipelinev1beta1.ParamTypeArray, ArrayVal: list}
		}
		cr.Spec.Params = slices.DeleteFunc(cr.Spec.Params, func(q pipelinev1beta1.Param) bool { return q.Name == name })
		cr.Spec.Params = append(cr.Spec.Params, pipelinev1beta1.Param{Name: name, Value: value})
	}
}

func (p params) unused() error {
	for _, name := range slices.Sorted(maps.Keys(p.values)) {
		if !p.taken[name] {
			return fmt.Errorf("--param %s: nothing in the files takes a parameter of that name", name)
		}
	}
	return nil
}

// typed reads a value of the command line as tkn does: the items of an array with commas between them, or as JSON.
func typed(kind, text string) (pipelinev1.ParamValue, error) {
	switch pipelinev1.ParamType(kind) {
	case pipelinev1.ParamTypeArray:
		var list []string
		if json.Unmarshal([]byte(text), &list) != nil {
			list = strings.Split(text, ",")
		}
		return pipelinev1.ParamValue{Type: pipelinev1.ParamTypeArray, ArrayVal: list}, nil
	case pipelinev1.ParamTypeObject:
		object := map[string]string{}
		if json.Unmarshal([]byte(text), &object) != nil {
			return pipelinev1.ParamValue{}, errors.New("is an object: write it as JSON, such as {\"key\": \"value\"}")
		}
		return pipelinev1.ParamValue{Type: pipelinev1.ParamTypeObject, ObjectVal: object}, nil
	}
	return pipelinev1.ParamValue{Type: pipelinev1.ParamTypeString, StringVal: text}, nil
}

// fromCluster reads an object that the files do not have.
func (p *Plan) fromCluster(ctx context.Context, kind, namespace, name string, into any) error {
	if p.Cluster == nil {
		return fmt.Errorf("%s %s is not in the files, and there is no cluster to read it from: add its file, or a kubeconfig", kind, name)
	}
	err := p.Cluster.Get(ctx, kind, namespace, name, into)
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("%s %s is neither in the files nor in namespace %s of the cluster", kind, name, namespace)
	}
	return err
}
