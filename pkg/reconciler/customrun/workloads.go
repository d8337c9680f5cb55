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

// targets are the references that have to run: on the way back, those from before the run.
func (run *run) targets() []target {
	if run.cp.Phase == Reverting {
		return run.data.Revert.Targets
	}
	return run.data.Targets
}

// workload is one live object and what package rollout says of it.
type workload struct {
	argocd.Resource
	uid       string
	verdict   rollout.Verdict
	container string // the only container that counts; empty: all
	missing   bool   // named by the request, but not there
	owned     bool   // made by another object of the application, such as an operator's own resource
}

// workloads are the objects that have to run the images.
type workloads struct {
	verified []workload
	// others are the images of the workloads that run none of ours, for the message when nothing is found.
	others []string
	tree   argocd.Tree
}

// workloadNames names what is verified, with its application where there are several. Empty: nothing is.
func workloadNames(apps []*application) string {
	var names []string
	for _, app := range apps {
		for _, w := range app.found.verified {
			name := w.Kind + "/" + w.Name
			if len(apps) > 1 {
				name += " (" + app.app.String() + ")"
			}
			names = append(names, name)
		}
	}
	return list(names)
}

// maxWorkloads bounds the objects that one reconcile reads.
const maxWorkloads = 50

// findWorkloads reads the named workloads live, or every workload of the application that runs one of the images.
func (r *Reconciler) findWorkloads(ctx context.Context, run *run, a *application) (workloads, error) {
	tree, err := a.Tree(ctx, a.app)
	if err != nil {
		return workloads{}, err
	}
	found := workloads{tree: tree}
	nodes := workloadNodes(tree)
	named := run.data.Request.Verify.Workloads
	if len(named) > 0 {
		found.verified, err = r.namedWorkloads(ctx, a, nodes, named, len(run.data.Apps) == 1)
		return found, err
	}
	if len(nodes) > maxWorkloads {
		return workloads{}, fmt.Errorf("%w: application %s has %d of them, at most %d are looked at: name those to verify in verify.workloads", errTooManyWorkloads, a.app, len(nodes), maxWorkloads)
	}
	read, err := r.allWorkloads(ctx, a, nodes)
	if err != nil {
		return workloads{}, err
	}
	for _, w := range read {
		if runsOneOf(run, w) && !isPast(run, w) {
			found.verified = append(found.verified, w)
			continue
		}
		for _, c := range w.verdict.Images {
			found.others = append(found.others, c.Image)
		}
	}
	return found, nil
}

// workloadNodes are the objects of a tree that can be verified: also those that an operator has made of a resource of its
// own. What another workload owns, such as the Job of a CronJob, is that one's business.
func workloadNodes(tree argocd.Tree) []argocd.Node {
	var nodes []argocd.Node
	for _, kind := range rollout.Kinds() {
		nodes = append(nodes, tree.Kind(kind.Group, kind.Kind)...)
	}
	owners := map[string]bool{}
	for _, n := range nodes {
		owners[n.UID] = true
	}
	return slices.DeleteFunc(nodes, func(n argocd.Node) bool {
		return slices.ContainsFunc(n.Parents, func(uid string) bool { return owners[uid] })
	})
}

var (
	errTooManyWorkloads = errors.New("too many workloads")
	errNoSuchWorkload   = errors.New("no such workload")
	errNotInManifest    = errors.New("no workload runs the image")
)

// parallelReads is how many live objects one reconcile reads at a time. Each read goes through Argo CD to the API server
// of the application's cluster, which may be far away.
const parallelReads = 8

// allWorkloads reads workloads side by side and keeps their order.
func (r *Reconciler) allWorkloads(ctx context.Context, a *application, nodes []argocd.Node) ([]workload, error) {
	all := make([]workload, len(nodes))
	reads, ctx := errgroup.WithContext(ctx)
	reads.SetLimit(parallelReads)
	for i, node := range nodes {
		reads.Go(func() (err error) { all[i], err = r.readWorkload(ctx, a, nodes, node); return err })
	}
	return all, reads.Wait()
}

// readWorkload reads one workload, and the one whose pod template it uses, where it has none of its own.
func (r *Reconciler) readWorkload(ctx context.Context, a *application, nodes []argocd.Node, node argocd.Node) (workload, error) {
	w := workload{Resource: node.Resource, uid: node.UID, owned: len(node.Parents) > 0}
	verdict, there, err := checkLive(ctx, a, node)
	if err != nil || !there {
		w.missing = err == nil
		return w, err
	}
	w.verdict = verdict
	used := verdict.Template
	if used == nil {
		return w, nil
	}
	at := slices.IndexFunc(nodes, func(n argocd.Node) bool {
		return n.Group == used.Group && n.Kind == used.Kind && n.Name == used.Name && n.Namespace == node.Namespace
	})
	if at < 0 {
		w.verdict.State, w.verdict.Why = rollout.Waiting, fmt.Sprintf("its pod template is that of %s/%s, which is not in the application", used.Kind, used.Name)
		return w, nil
	}
	template, there, err := checkLive(ctx, a, nodes[at])
	if err != nil || !there {
		return w, err
	}
	w.verdict = verdict.Resolve(template)
	return w, nil
}

// checkLive reads a workload as it is in its cluster. there: it exists.
func checkLive(ctx context.Context, a *application, node argocd.Node) (v rollout.Verdict, there bool, err error) {
	live, err := a.Live(ctx, a.app, node.Resource)
	if errors.Is(err, argocd.ErrResourceNotFound) {
		return rollout.Verdict{}, false, nil
	}
	if err != nil {
		return rollout.Verdict{}, false, err
	}
	v, err = rollout.Check(live)
	return v, err == nil, err
}

// maxNamesInMessage bounds how many images a message lists.
const maxNamesInMessage = 10

// notInManifest says which images the applications' workloads do run.
func notInManifest(name string, apps []*application) error {
	var others []string
	for _, a := range apps {
		others = append(others, a.found.others...)
		for _, w := range a.found.verified {
			for _, c := range w.verdict.Images {
				others = append(others, c.Image)
			}
		}
	}
	slices.Sort(others)
	others = slices.Compact(others)
	if len(others) > maxNamesInMessage {
		others = append(others[:maxNamesInMessage], fmt.Sprintf("and %d more", len(others)-maxNamesInMessage))
	}
	there := "it has no workload"
	if len(others) > 0 {
		there = "its workloads run " + strings.Join(others, ", ")
	}
	return fmt.Errorf("%w: %s: nothing runs it; %s", errNotInManifest, name, there)
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
	targets := run.targets()
	return len(targets) == 0 || slices.ContainsFunc(targets, func(t target) bool { return w.runs(t.Name) })
}

// isPast tells whether a workload is what an earlier deployment has left, with another version of an image: a Job, which
// runs once, or a revision that an operator has scaled to zero.
func isPast(run *run, w workload) bool {
	if w.Kind != "Job" && (!w.owned || w.verdict.Replicas > 0) {
		return false
	}
	targets := run.targets()
	return len(targets) > 0 && !slices.ContainsFunc(w.verdict.Images, func(c rollout.ContainerImage) bool { return runsTarget(targets, c.Image) })
}

// runsTarget tells whether a reference is exactly one of the wanted ones. Without any, all are.
func runsTarget(targets []target, reference string) bool {
	return len(targets) == 0 || slices.ContainsFunc(targets, func(t target) bool { return t.Matches(reference) })
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
