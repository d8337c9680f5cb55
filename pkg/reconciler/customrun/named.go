package customrun

import (
	"context"
	"slices"

	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"golang.org/x/sync/errgroup"
)

// namedWorkloads reads the workloads that the request names. What is not in the tree of the only application is missing;
// among several applications, it is another one's.
func (r *Reconciler) namedWorkloads(ctx context.Context, a *application, nodes []argocd.Node, named []namedWorkload, only bool) ([]workload, error) {
	var all []workload
	var there []argocd.Node
	for _, want := range named {
		known := len(there)
		for _, n := range nodes {
			if isNamed(n.Resource, want) {
				there = append(there, n)
				all = append(all, workload{container: want.Container})
			}
		}
		if known == len(there) && only {
			there = append(there, argocd.Node{})
			all = append(all, workload{Resource: argocd.Resource{Kind: want.Kind, Namespace: want.Namespace, Name: want.Name}, missing: true})
		}
	}
	reads, ctx := errgroup.WithContext(ctx)
	reads.SetLimit(parallelReads)
	for i := range all {
		if all[i].missing {
			continue
		}
		reads.Go(func() error {
			w, err := r.readWorkload(ctx, a, nodes, there[i])
			w.container = all[i].container
			all[i] = w
			return err
		})
	}
	return all, reads.Wait()
}

func isNamed(r argocd.Resource, w namedWorkload) bool {
	return r.Kind == w.Kind && r.Name == w.Name && (w.Namespace == "" || r.Namespace == w.Namespace)
}

// absent is a named workload that no application has, and all that are known are read. Empty: there is none.
func absent(run *run, apps []*application) string {
	if slices.ContainsFunc(apps, func(a *application) bool { return a.waiting != nil }) {
		return ""
	}
	for _, want := range run.data.Request.Verify.Workloads {
		if !slices.ContainsFunc(apps, func(a *application) bool {
			return slices.ContainsFunc(a.found.verified, func(w workload) bool { return isNamed(w.Resource, want) })
		}) {
			return want.Kind + "/" + want.Name
		}
	}
	return ""
}
