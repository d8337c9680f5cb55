// Package build builds the programs of the control plane from this module's
// own dependency graph and keeps them in a cache outside the repository.
// Another version of Argo CD than this module's is built from a module of its
// own, and has a cache of its own with everything else in it too.
//
// Promise: a cache directory that is complete is never changed and needs no Go
// command; an interrupted build leaves nothing that looks complete; two
// builders of the same cache wait for each other.
package build

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Part is a program of the control plane.
type Part struct {
	Name    string // of the binary
	Package string // main package, a tool of this module's go.mod
}

// Parts returns what is built from this module, in order. The first one is by far the longest:
// the others find most of their packages compiled.
func Parts() []Part {
	return []Part{
		{"kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"},
		{"kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"},
		{"kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"},
		{"kubectl", "k8s.io/kubernetes/cmd/kubectl"},
		{"etcd", "go.etcd.io/etcd/server/v3"},
		{"tekton-controller", "github.com/tektoncd/pipeline/cmd/controller"},
		{"tekton-webhook", "github.com/tektoncd/pipeline/cmd/webhook"},
		{"kustomize", "sigs.k8s.io/kustomize/kustomize/v5"},
		{"argocd", "github.com/argoproj/argo-cd/v2/cmd"},
	}
}

// manifests are folders that are copied from modules, so that starting needs
// no module cache.
func manifests() []folder {
	return []folder{
		{"tekton", "github.com/tektoncd/pipeline", "config"},
		{"argocd", "github.com/argoproj/argo-cd/v2", "manifests"},
	}
}

type folder struct{ name, module, path string }

const (
	// ModulePath is the module whose graph the parts are built from.
	ModulePath = "github.com/tekton-gitops/tekton-gitops/test/cluster"
	// kubernetesVersion must be what go.mod requires of k8s.io/kubernetes (a test
	// compares). A binary built from the module graph knows no version by itself,
	// and knative refuses an API server without one.
	kubernetesVersion = "v1.33.13"
	// DefaultArgoCD is the version of Argo CD that go.mod requires (a test compares).
	DefaultArgoCD = "v2.14.21"
)

// recipe is a module and what a cache takes from it.
type recipe struct {
	dir       string
	module    string // as its go.mod says
	parts     []Part
	manifests []folder
	linker    string // flags
	argocd    string // version

	sources []string // of a program that the module itself has
	static  []folder // copied whole
}

func ownRecipe(dir string) recipe {
	return recipe{dir: dir, module: ModulePath, parts: Parts(), manifests: manifests(), linker: linkerFlags(), argocd: DefaultArgoCD}
}

// argocdPrefix begins the names of the folders, and of the modules in them, that
// other versions of Argo CD are built from.
const argocdPrefix = "argocd-"

func argocdRecipe(dir, version string) (recipe, error) {
	r := recipe{dir: filepath.Join(dir, argocdPrefix+version), module: ModulePath + "/" + argocdPrefix + version, argocd: version}
	if _, err := os.Stat(filepath.Join(r.dir, "go.mod")); err != nil || strings.ContainsAny(version, `/\`) {
		return recipe{}, fmt.Errorf("there is no Argo CD %s: choose from %s", version, strings.Join(versions(dir), ", "))
	}
	major, _, _ := strings.Cut(version, ".")
	argocd := "github.com/argoproj/argo-cd/" + major
	r.parts = []Part{{"argocd", argocd + "/cmd"}}
	r.manifests = []folder{{"argocd", argocd, "manifests"}}
	// Its own client, which the server calls itself with, must have a version.
	r.linker = "-s -w -X " + argocd + "/common.version=" + strings.TrimPrefix(version, "v")
	return r, nil
}

func versions(dir string) []string {
	all := []string{DefaultArgoCD}
	found, _ := filepath.Glob(filepath.Join(dir, argocdPrefix+"*", "go.mod"))
	for _, path := range found {
		all = append(all, strings.TrimPrefix(filepath.Base(filepath.Dir(path)), argocdPrefix))
	}
	return all
}

func linkerFlags() string {
	const base = "k8s.io/component-base/version."
	return "-s -w" +
		" -X " + base + "gitVersion=" + kubernetesVersion +
		" -X " + base + "gitMajor=1 -X " + base + "gitMinor=33" +
		" -X " + base + "gitCommit=local -X " + base + "buildDate=2026-01-01T00:00:00Z"
}

// arguments of go build. There is no -trimpath: without it, packages that the
// project's own module compiles too are taken from the same build cache.
func arguments(out, linker string, p Part) []string {
	return []string{"build", "-v", "-mod=readonly", "-buildvcs=false", "-ldflags", linker, "-o", out, p.Package}
}

func platform() string { return runtime.GOOS + "/" + runtime.GOARCH + " " + runtime.Version() }
