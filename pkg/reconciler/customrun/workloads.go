package customrun

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"github.com/tekton-gitops/tekton-gitops/pkg/image"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
	"github.com/tekton-gitops/tekton-gitops/pkg/rollout"
	"golang.org/x/sync/errgroup"
)

type (
	namedWorkload = request.Workload
	target        = image.Ref
)

var (
	errTooManyWorkloads = errors.New("too many workloads")
	errNotInManifest    = errors.New("no workload runs the image")
)

// parallelReads is how many live objects one reconcile reads at a time. Each read goes through Argo CD to the API server
// of the application's cluster, which may be far away.
const parallelReads = 8

// allWorkloads reads workloads side by side and keeps their order.
func (r *Reconciler) allWorkloads(ctx context.Context, a *argo, nodes []argocd.Node) ([]workload, error) {
	all := make([]workload, len(nodes))
	reads, ctx := errgroup.WithContext(ctx)
	reads.SetLimit(parallelReads)
	for i, node := range nodes {
		reads.Go(func() (err error) { all[i], err = r.readWorkload(ctx, a, node); return err })
	}
	return all, reads.Wait()
}

// namedWorkloads reads the workloads that the request names. What is not in the application's tree is missing.
func (r *Reconciler) namedWorkloads(ctx context.Context, a *argo, nodes []argocd.Node, named []namedWorkload) ([]workload, error) {
	all := make([]workload, len(named))
	reads, ctx := errgroup.WithContext(ctx)
	reads.SetLimit(parallelReads)
	for i, want := range named {
		all[i] = workload{Resource: argocd.Resource{Kind: want.Kind, Name: want.Name}, missing: true}
		at := slices.IndexFunc(nodes, func(n argocd.Node) bool {
			return n.Kind == want.Kind && n.Name == want.Name && (want.Namespace == "" || n.Namespace == want.Namespace)
		})
		if at < 0 {
			continue
		}
		reads.Go(func() (err error) {
			all[i], err = r.readWorkload(ctx, a, nodes[at])
			all[i].container = want.Container
			return err
		})
	}
	return all, reads.Wait()
}

func (r *Reconciler) readWorkload(ctx context.Context, a *argo, node argocd.Node) (workload, error) {
	live, err := a.Live(ctx, a.app, node.Resource)
	if errors.Is(err, argocd.ErrResourceNotFound) {
		return workload{Resource: node.Resource, uid: node.UID, missing: true}, nil
	}
	if err != nil {
		return workload{}, err
	}
	verdict, err := rollout.Check(live)
	if err != nil {
		return workload{}, err
	}
	return workload{Resource: node.Resource, uid: node.UID, verdict: verdict}, nil
}

// maxNamesInMessage bounds how many images a message lists.
const maxNamesInMessage = 10

// notInManifest says which images the application's workloads do run.
func notInManifest(name string, found workloads) error {
	others := slices.Clone(found.others)
	for _, w := range found.verified {
		for _, c := range w.verdict.Images {
			others = append(others, c.Image)
		}
	}
	slices.Sort(others)
	others = slices.Compact(others)
	if len(others) > maxNamesInMessage {
		others = append(others[:maxNamesInMessage], fmt.Sprintf("and %d more", len(others)-maxNamesInMessage))
	}
	there := "it has no Deployment"
	if len(others) > 0 {
		there = "its Deployments run " + strings.Join(others, ", ")
	}
	return fmt.Errorf("%w: %s: the kustomization sets it, but the application does not use it; %s", errNotInManifest, name, there)
}

// counts tells whether a container is one that has to run the image.
func (w workload) counts(c rollout.ContainerImage) bool {
	return w.container == "" || w.container == c.Container
}

// runs tells whether a workload has a container of that image name.
func (w workload) runs(name string) bool {
	return slices.ContainsFunc(w.verdict.Images, func(c rollout.ContainerImage) bool { return w.counts(c) && sameName(name, c.Image) })
}

// runsOneOf tells whether a workload runs one of the images by name. A run without images is about all workloads.
func runsOneOf(run *run, w workload) bool {
	if len(run.data.Targets) == 0 {
		return true
	}
	return slices.ContainsFunc(run.data.Targets, func(t image.Ref) bool { return w.runs(t.Name) })
}

// runsTarget tells whether a reference is exactly one of the wanted ones.
func runsTarget(run *run, reference string) bool {
	if len(run.data.Targets) == 0 {
		return true
	}
	return slices.ContainsFunc(run.data.Targets, func(t image.Ref) bool { return t.Matches(reference) })
}

// sameName compares the name of an image with a full reference.
func sameName(name, reference string) bool {
	ref, err := image.Parse(reference)
	return err == nil && image.SameName(name, ref.Name)
}

func digestOf(reference string) string {
	ref, err := image.Parse(reference)
	if err != nil {
		return ""
	}
	return ref.Digest
}

// sameLive compares sets of what runs, in whatever order. A digest counts where both sides know it.
func sameLive(a, b []v1alpha1.LiveImage) bool {
	if len(a) != len(b) {
		return false
	}
	for _, x := range a {
		if !slices.ContainsFunc(b, func(y v1alpha1.LiveImage) bool {
			return x.Workload == y.Workload && x.Container == y.Container && x.Image == y.Image &&
				(x.Digest == "" || y.Digest == "" || x.Digest == y.Digest)
		}) {
			return false
		}
	}
	return true
}
