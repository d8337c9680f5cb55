// Package build builds the programs of the control plane from this module's
// own dependency graph and keeps them in a cache outside the repository.
//
// Promise: a cache directory that is complete is never changed and needs no Go
// command; an interrupted build leaves nothing that looks complete; two
// builders of the same cache wait for each other.
package build

import "runtime"

// Part is a program of the control plane.
type Part struct {
	Name    string // of the binary
	Package string // main package, a tool of this module's go.mod
}

// Parts returns what is built, in order. The first one is by far the longest:
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

// kubernetesVersion must be what go.mod requires of k8s.io/kubernetes (a test
// compares). A binary built from the module graph knows no version by itself,
// and knative refuses an API server without one.
const kubernetesVersion = "v1.33.13"

func linkerFlags() string {
	const base = "k8s.io/component-base/version."
	return "-s -w" +
		" -X " + base + "gitVersion=" + kubernetesVersion +
		" -X " + base + "gitMajor=1 -X " + base + "gitMinor=33" +
		" -X " + base + "gitCommit=local -X " + base + "buildDate=2026-01-01T00:00:00Z"
}

// arguments of go build. There is no -trimpath: without it, packages that the
// project's own module compiles too are taken from the same build cache.
func arguments(out string, p Part) []string {
	return []string{"build", "-v", "-mod=readonly", "-buildvcs=false", "-ldflags", linkerFlags(), "-o", out, p.Package}
}

func platform() string { return runtime.GOOS + "/" + runtime.GOARCH + " " + runtime.Version() }
