// Package config_test holds what the manifests promise.
package config_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const namespace = "tekton-gitops"

// object is one manifest, decoded strictly into its type.
type object interface {
	runtime.Object
	metav1.Object
}

func newObject(kind string) object {
	switch kind {
	case "v1/Namespace":
		return &corev1.Namespace{}
	case "v1/ServiceAccount":
		return &corev1.ServiceAccount{}
	case "v1/ConfigMap":
		return &corev1.ConfigMap{}
	case "v1/Service":
		return &corev1.Service{}
	case "apps/v1/Deployment":
		return &appsv1.Deployment{}
	case "networking.k8s.io/v1/NetworkPolicy":
		return &networkingv1.NetworkPolicy{}
	case "policy/v1/PodDisruptionBudget":
		return &policyv1.PodDisruptionBudget{}
	case "rbac.authorization.k8s.io/v1/ClusterRole":
		return &rbacv1.ClusterRole{}
	case "rbac.authorization.k8s.io/v1/ClusterRoleBinding":
		return &rbacv1.ClusterRoleBinding{}
	case "rbac.authorization.k8s.io/v1/Role":
		return &rbacv1.Role{}
	case "rbac.authorization.k8s.io/v1/RoleBinding":
		return &rbacv1.RoleBinding{}
	case "apiextensions.k8s.io/v1/CustomResourceDefinition":
		return &apiextensionsv1.CustomResourceDefinition{}
	}
	return nil
}

func decode(t *testing.T, manifest []byte) object {
	t.Helper()
	var meta metav1.TypeMeta
	if err := yaml.Unmarshal(manifest, &meta); err != nil {
		t.Fatal(err)
	}
	o := newObject(meta.APIVersion + "/" + meta.Kind)
	if o == nil {
		t.Fatalf("%s %s has no place here", meta.APIVersion, meta.Kind)
	}
	if err := yaml.UnmarshalStrict(manifest, o); err != nil {
		t.Fatalf("%s: %v", meta.Kind, err)
	}
	return o
}

// documents are the manifests of one file.
func documents(t *testing.T, path string) [][]byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var found [][]byte
	for document := range strings.SplitSeq(string(data), "\n---\n") {
		if strings.TrimSpace(strings.TrimPrefix(document, "---")) != "" {
			found = append(found, []byte(document))
		}
	}
	return found
}

// files are the manifests by path: those that are installed, and those that a person chooses.
func files(t *testing.T) map[string][]object {
	t.Helper()
	found := map[string][]object{}
	for _, dir := range []string{".", "cluster-wide", "tenant"} {
		paths, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			for _, document := range documents(t, path) {
				found[path] = append(found[path], decode(t, document))
			}
		}
	}
	return found
}

// build is what `kubectl kustomize` makes of a directory.
func build(t *testing.T, dir string) []object {
	t.Helper()
	return buildIn(t, filesys.MakeFsOnDisk(), dir)
}

func buildIn(t *testing.T, files filesys.FileSystem, dir string) []object {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, dir)
	if err != nil {
		t.Fatal(err)
	}
	var objects []object
	for _, r := range resources.Resources() {
		objects = append(objects, decode(t, []byte(r.MustYaml())))
	}
	return objects
}

func names(objects []object) []string {
	var all []string
	for _, o := range objects {
		all = append(all, o.GetObjectKind().GroupVersionKind().Kind+" "+o.GetNamespace()+"/"+o.GetName())
	}
	slices.Sort(all)
	return all
}

// all are the objects of one type.
func all[T object](objects []object) []T {
	var found []T
	for _, o := range objects {
		if typed, ok := o.(T); ok {
			found = append(found, typed)
		}
	}
	return found
}

func one[T object](t *testing.T, objects []object, name string) T {
	t.Helper()
	for _, o := range all[T](objects) {
		if o.GetName() == name {
			return o
		}
	}
	t.Fatalf("there is no %T %s", *new(T), name)
	return *new(T)
}

func TestInstallation(t *testing.T) {
	want := []string{
		"ClusterRole /tekton-gitops-aggregate-edit",
		"ClusterRole /tekton-gitops-aggregate-view",
		"ClusterRole /tekton-gitops-controller",
		"ClusterRole /tekton-gitops-tenant",
		"ClusterRoleBinding /tekton-gitops-controller",
		"ConfigMap tekton-gitops/config-gitops",
		"ConfigMap tekton-gitops/config-gitops-defaults",
		"ConfigMap tekton-gitops/config-leader-election",
		"ConfigMap tekton-gitops/config-logging",
		"ConfigMap tekton-gitops/config-observability",
		"ConfigMap tekton-gitops/config-tracing",
		"ConfigMap tekton-gitops/gitops-info",
		"CustomResourceDefinition /gitopsdeploys.gitops.tekton.dev",
		"CustomResourceDefinition /gitopsprs.gitops.tekton.dev",
		"CustomResourceDefinition /gitopsrecords.gitops.tekton.dev",
		"Deployment tekton-gitops/tekton-gitops-controller",
		"Namespace /tekton-gitops",
		"NetworkPolicy tekton-gitops/tekton-gitops-controller",
		"PodDisruptionBudget tekton-gitops/tekton-gitops-controller",
		"Role tekton-gitops/tekton-gitops-controller",
		"Role tekton-gitops/tekton-gitops-info",
		"RoleBinding tekton-gitops/tekton-gitops-controller",
		"RoleBinding tekton-gitops/tekton-gitops-info",
		"Service tekton-gitops/tekton-gitops-controller",
		"ServiceAccount tekton-gitops/tekton-gitops-controller",
	}
	if d := cmp.Diff(want, names(build(t, "."))); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"ClusterRoleBinding /tekton-gitops-tenant"}, names(build(t, "cluster-wide"))); d != "" {
		t.Errorf("cluster-wide: %s", d)
	}
}

// `kubectl apply -f config/` and `ko apply -f config/` take every file of the directory with one of these extensions, in
// the order of their names; kustomize takes what Kustomization lists. All install the same, a namespace and CRDs first.
func TestEveryFileIsInstalled(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	numbered := regexp.MustCompile(`^([1-5]0[0-9]-[a-z-]+|config-[a-z-]+)\.yaml$`)
	var applied []object
	for _, entry := range entries {
		if entry.IsDir() || !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(entry.Name())) {
			continue
		}
		if !numbered.MatchString(entry.Name()) {
			t.Errorf("%s would be applied, and its name is not of the kind that says when", entry.Name())
		}
		for _, document := range documents(t, entry.Name()) {
			applied = append(applied, decode(t, document))
		}
	}
	if got := applied[0].GetObjectKind().GroupVersionKind().Kind; got != "Namespace" {
		t.Errorf("%s comes first", got)
	}
	if d := cmp.Diff(names(build(t, ".")), names(applied)); d != "" {
		t.Error(d)
	}
}

func TestEveryObjectIsLabelled(t *testing.T) {
	for path, objects := range files(t) {
		for _, o := range objects {
			if o.GetLabels()["app.kubernetes.io/part-of"] != namespace {
				t.Errorf("%s: %s has no label app.kubernetes.io/part-of", path, o.GetName())
			}
		}
	}
}
