// Package tekton_test holds what the Pipelines of this folder promise: they are valid for Tekton, keep the rules of its
// catalog and of Artifact Hub, and say the same as the controller about parameters and results.
package tekton_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/yaml"
)

// admitted is what Tekton's webhook defaults and validates.
type admitted interface {
	SetDefaults(ctx context.Context)
	Validate(ctx context.Context) *apis.FieldError
}

// newObject is an empty object of a kind that the files may have.
func newObject(kind string) runtime.Object {
	switch kind {
	case "tekton.dev/v1/Pipeline":
		return &pipelinev1.Pipeline{}
	case "tekton.dev/v1/PipelineRun":
		return &pipelinev1.PipelineRun{}
	case "v1/ConfigMap":
		return &corev1.ConfigMap{}
	case "v1/Secret":
		return &corev1.Secret{}
	case "v1/ServiceAccount":
		return &corev1.ServiceAccount{}
	case "v1/Namespace":
		return &corev1.Namespace{}
	case "rbac.authorization.k8s.io/v1/RoleBinding":
		return &rbacv1.RoleBinding{}
	}
	return nil
}

// decode gives the objects of a file, each decoded strictly into its type, as Tekton would have them after admission.
func decode(t *testing.T, path string) []runtime.Object {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var objects []runtime.Object
	for document := range strings.SplitSeq(string(data), "\n---\n") {
		var about metav1.TypeMeta
		if err := yaml.Unmarshal([]byte(document), &about); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		object := newObject(about.APIVersion + "/" + about.Kind)
		if object == nil {
			t.Fatalf("%s: the test does not know %s %s", path, about.APIVersion, about.Kind)
		}
		if err := yaml.UnmarshalStrict([]byte(document), object); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if run, ok := object.(*pipelinev1.PipelineRun); ok && run.Name == "" {
			run.Name = run.GenerateName + "made" // by the API server, before it asks the webhook
		}
		if a, ok := object.(admitted); ok {
			ctx := apis.WithinCreate(t.Context())
			a.SetDefaults(ctx)
			if err := a.Validate(ctx); err != nil {
				t.Fatalf("%s: Tekton refuses it: %v", path, err)
			}
		}
		objects = append(objects, object)
	}
	return objects
}

// pipeline is the one object of a Pipeline's file.
func pipeline(t *testing.T, path string) *pipelinev1.Pipeline {
	t.Helper()
	objects := decode(t, path)
	p, ok := objects[0].(*pipelinev1.Pipeline)
	if !ok || len(objects) != 1 {
		t.Fatalf("%s: want one Pipeline and nothing else", path)
	}
	return p
}

// Every YAML file here is valid, and every run in it gives the Pipeline of its folder parameters that it declares.
func TestFilesAreValid(t *testing.T) {
	t.Parallel()
	found := 0
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" {
			return err
		}
		found++
		for _, object := range decode(t, path) {
			if run, ok := object.(*pipelinev1.PipelineRun); ok {
				checkRun(t, path, run)
			}
		}
		return nil
	})
	if err != nil || found < 10 {
		t.Fatalf("%d files, %v", found, err)
	}
}

// checkRun compares a run with its Pipeline, which is in the run's folder or in the one above, as Tekton does once both are
// in the cluster.
func checkRun(t *testing.T, path string, run *pipelinev1.PipelineRun) {
	t.Helper()
	if run.Spec.PipelineRef == nil || run.GenerateName == "" || run.Namespace != "" {
		t.Errorf("%s: want a generated name, no namespace, and a Pipeline by its name", path)
		return
	}
	dir := filepath.Dir(path)
	if _, err := os.Stat(filepath.Join(dir, run.Spec.PipelineRef.Name+".yaml")); err != nil {
		dir = filepath.Dir(dir)
	}
	p := pipeline(t, filepath.Join(dir, run.Spec.PipelineRef.Name+".yaml"))
	declared := map[string]pipelinev1.ParamType{}
	for _, param := range p.Spec.Params {
		declared[param.Name] = param.Type
	}
	for _, param := range run.Spec.Params {
		if want, ok := declared[param.Name]; !ok || want != param.Value.Type {
			t.Errorf("%s: parameter %s is of type %s, the Pipeline wants %q", path, param.Name, param.Value.Type, want)
		}
		delete(declared, param.Name)
	}
	for _, param := range p.Spec.Params {
		if _, left := declared[param.Name]; left && param.Default == nil {
			t.Errorf("%s: parameter %s is missing, and has no default", path, param.Name)
		}
	}
}
