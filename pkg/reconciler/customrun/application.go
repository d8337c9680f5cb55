package customrun

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
	"golang.org/x/sync/errgroup"
)

// application is one Argo CD application of a run, as one reconcile sees it.
type application struct {
	*argo
	index  int
	app    argocd.App
	state  *appState
	memory *appMemory

	// observed is what the application says, and waiting the move that waits for it to be known.
	observed argocd.Observation
	waiting  *move
	// closed says that a sync window forbids to sync now, in the phase Preparing.
	closed error
	// found are its workloads, in the phases that look at them.
	found workloads
	// lacks: what it has is known, and nothing of it runs an image that has to run somewhere.
	lacks bool
}

// applications are those of the run, each with its state and memory.
func (r *Reconciler) applications(run *run, a *argo) []*application {
	m := r.memories.of(run.UID, r.clock.Now())
	all := make([]*application, len(run.data.Apps))
	for i := range run.data.Apps {
		state := &run.data.Apps[i]
		all[i] = &application{argo: a, index: i, app: appOf(state.Application), state: state, memory: m.app(i)}
	}
	return all
}

func appOf(a request.Application) argocd.App {
	return argocd.App{Name: a.Name, Namespace: a.Namespace, Project: a.Project}
}

// newApplication is one of a run that does not have its applications yet.
func newApplication(a *argo, index int, named request.Application) *application {
	return &application{argo: a, index: index, app: appOf(named), state: &appState{Application: named}, memory: &appMemory{}}
}

// goal is what the pure decisions of package argocd work towards.
func (r *Reconciler) goal(run *run, a *application) argocd.Goal {
	req := run.data.Request
	g := argocd.Goal{
		SameRepository: gitrepo.SameRepository,
		Commit:         run.commit(), Changed: run.data.Outcome.Changed,
		Run: string(run.UID), Attempt: a.state.Sync.Attempt, Sent: a.state.Sync.Sent,
		Contains: r.memories.of(run.UID, r.clock.Now()).contains, Since: run.data.since(),
		Refreshed: a.memory.refreshed, Mark: a.memory.mark, Foreign: a.memory.foreign,
		Health: argocd.HealthPolicy(req.Verify.Health), Unhealthy: a.state.Unhealthy,
		WaitForWindow: req.ArgoCD.Sync.WaitForWindow, TerminateForeign: req.ArgoCD.Sync.TerminateForeign, Pin: req.ArgoCD.Sync.PinRevision,
	}
	if req.Git != nil {
		g.RepoURL, g.Branch = req.Git.URL, req.Git.Branch
	}
	for _, u := range req.Updates {
		g.Paths = append(g.Paths, u.Path())
	}
	return g
}

// commit is the one that has to be live: on the way back, that which takes the run's own back.
func (run *run) commit() string {
	if run.cp.Phase == Reverting {
		return run.data.Revert.Commit
	}
	return run.data.Outcome.Commit
}

// gather fills in what each application says, side by side: every answer comes through Argo CD, which may be far away.
// All are asked, so that the same faults always give the same error.
func gather(apps []*application, one func(*application) error) error {
	failed := make([]error, len(apps))
	var reads errgroup.Group
	reads.SetLimit(parallelApplications)
	for i, a := range apps {
		reads.Go(func() error {
			failed[i] = one(a)
			return nil
		})
	}
	_ = reads.Wait()
	return firstError(failed)
}

// firstError prefers an error that is final: an application that is gone says more than a server that did not answer.
func firstError(all []error) error {
	for _, err := range all {
		if _, final := finalReason(err); final {
			return err
		}
	}
	return cmp.Or(all...)
}

// parallelApplications bounds how many applications one reconcile asks for at a time.
const parallelApplications = 4

// tells says whose message it is, where the run has several applications.
func (a *application) tells(run *run, text string) string {
	if len(run.data.Apps) < 2 {
		return text
	}
	return "application " + a.app.String() + ": " + text
}

// appNames names applications for a message.
func appNames(states []appState) string {
	var names []string
	for _, s := range states {
		names = append(names, appOf(s.Application).String())
	}
	if len(names) == 1 {
		return "application " + names[0]
	}
	return "applications " + list(names)
}

// list is the names with commas, and how many more there are.
func list(names []string) string {
	const most = 3
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// waits collects what several applications wait for.
type waits struct {
	moves    []move
	messages []string
}

// add notes what an application waits for. A move without a message waits for what the last one has told.
func (w *waits) add(a *application, m move) {
	if m.message == "" {
		m.message = a.memory.says
	}
	a.memory.says = m.message
	w.note(m)
}

func (w *waits) note(m move) {
	w.moves = append(w.moves, m)
	if m.message != "" && !slices.Contains(w.messages, m.message) {
		w.messages = append(w.messages, m.message)
	}
}

// move waits for the earliest of them, and says them all.
func (w *waits) move(run *run) move {
	wake := w.moves[0].wake
	for _, m := range w.moves {
		wake = min(wake, m.wake)
	}
	return stay(cmp.Or(strings.Join(w.messages, "; "), currentMessage(run)), wake)
}
