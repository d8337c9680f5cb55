package customrun

import (
	"sync"
	"time"

	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"
	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
	"k8s.io/apimachinery/pkg/types"
)

// plans keeps the fetched objects of planned commits between the reconcile that plans and the one that pushes, which
// saves fetching them again. Losing one costs that fetch.
type plans struct {
	mu sync.Mutex
	by map[types.UID]*plan
}

// plan is an edit on top of one commit of the branch.
type plan struct {
	repository *gitrepo.Repository
	snapshot   *gitrepo.Snapshot
	files      map[string][]byte
	commit     gitrepo.Commit
	// pushed is set once a push was tried: from then on the remote is observed first.
	pushed bool
}

// maxPlans bounds the plans that are kept: each holds the trees of one path.
const maxPlans = 64

func newPlans() *plans { return &plans{by: map[types.UID]*plan{}} }

func (p *plans) put(uid types.UID, v *plan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for old, o := range p.by {
		if len(p.by) < maxPlans {
			break
		}
		o.repository.Close()
		delete(p.by, old)
	}
	p.by[uid] = v
}

// get gives the plan of a commit, nil when it is not kept.
func (p *plans) get(uid types.UID, commit string) *plan {
	p.mu.Lock()
	defer p.mu.Unlock()
	if v := p.by[uid]; v != nil && v.commit.ID == commit {
		return v
	}
	return nil
}

func (p *plans) forget(uid types.UID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if v := p.by[uid]; v != nil {
		v.repository.Close()
		delete(p.by, uid)
	}
}

// memories keeps what a run has learnt of Argo CD and git and can learn again.
type memories struct {
	mu sync.Mutex
	by map[types.UID]*memory
}

// memory belongs to one run. The framework never reconciles one key twice at a time, so it needs no lock of its own.
type memory struct {
	contains map[string]argocd.Answer
	apps     map[int]*appMemory
	// notHolder is set once the Lease was seen not to be this run's, and unset before each try to create it.
	notHolder bool
	// changes is the list of the source's commits for the pull request, once it is known, and pull is how that was seen last.
	changes *string
	pull    *pulled
	// skipped are older pull requests that need not be closed after all, though a list shows them so.
	skipped []int
	// touchTries counts the failures in a row of one finishing touch.
	touchTries int
	// limited is the git host's wish to be left alone.
	limited *pullrequest.LimitError
	used    time.Time
}

// app is the memory of one of the run's applications.
func (m *memory) app(index int) *appMemory {
	if m.apps[index] == nil {
		m.apps[index] = &appMemory{}
	}
	return m.apps[index]
}

// appMemory belongs to one application of a run.
type appMemory struct {
	// refreshed and mark are those of argocd.Goal.
	refreshed time.Time
	mark      string
	// pending is the refresh that is under way, and pendingKind what it was made as.
	pending     argocd.Decision
	pendingKind argocd.Refresh
	pendingFrom time.Time
	// unanswered is what the last refresh was made as, if Argo CD has not done it.
	unanswered argocd.Refresh
	// foreign is that of argocd.Goal.
	foreign argocd.Foreign
	// says is what the run last told about the application.
	says string
	// closed is when a sync window was last seen closed.
	closed time.Time
	// restarted is when a workload of it was last restarted.
	restarted time.Time
	// rolledOut is when the workloads were seen rolled out, for the refresh that must come after.
	rolledOut time.Time
}

// begin notes that a refresh is asked for.
//
// A refresh is an annotation that Argo CD's application controller removes when it has compared. It can miss the
// annotation: after its own write it puts the written object into its cache, over a newer one that has come meanwhile
// (writeBackToInformer in controller/appcontroller.go). The annotation stays, and setting it again changes nothing and
// tells nobody. So after a refresh that was not answered, the other kind is asked for, which does change it.
func (m *appMemory) begin(d argocd.Decision, now time.Time) {
	m.pending, m.pendingKind, m.pendingFrom = d, d.Refresh, now
	switch m.unanswered {
	case argocd.RefreshNormal:
		m.pendingKind = argocd.RefreshHard
	case argocd.RefreshHard:
		m.pendingKind = argocd.RefreshNormal
	}
}

// finish notes what became of the refresh: done is the refresh that was really done.
func (m *appMemory) finish(done argocd.Refresh) {
	if done == argocd.RefreshNone {
		m.unanswered = m.pendingKind
		return
	}
	m.unanswered = argocd.RefreshNone
	m.refreshed = m.pendingFrom
	if done == argocd.RefreshHard || m.pending.Refresh != argocd.RefreshHard {
		m.mark = m.pending.Mark
	}
}

func newMemories() *memories { return &memories{by: map[types.UID]*memory{}} }

// memoryLifetime is how long an untouched memory is kept; its run may have gone to another replica.
const memoryLifetime = time.Hour

func (m *memories) of(uid types.UID, now time.Time) *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.by[uid]
	if v == nil {
		for old, o := range m.by {
			if now.Sub(o.used) > memoryLifetime {
				delete(m.by, old)
			}
		}
		v = &memory{contains: map[string]argocd.Answer{}, apps: map[int]*appMemory{}}
		m.by[uid] = v
	}
	v.used = now
	return v
}

func (m *memories) forget(uid types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.by, uid)
}
