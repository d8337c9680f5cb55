package crash

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
	"github.com/tekton-gitops/tekton-gitops/test/scenario"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// TestStaleVersionsHaveNoEffect reconciles the last three versions of each run before the current one, every time.
func TestStaleVersionsHaveNoEffect(t *testing.T) {
	n := scenario.New(t, bed.Cluster, testbed.TenantOptions{})
	operations := scenario.WatchOperations(t, bed.Cluster)
	startReplica(t, "replaying", replayVariable+"=1")
	deployInTurn(t, n, operations, 3)
}

// TestLaggingCacheHasNoEffect runs the controller with a cache of CustomRuns that is behind by more than a whole phase.
// All other wake-ups, of Argo CD's watch, of finished calls and of timers, come at once and find old versions.
func TestLaggingCacheHasNoEffect(t *testing.T) {
	n := scenario.New(t, bed.Cluster, testbed.TenantOptions{})
	operations := scenario.WatchOperations(t, bed.Cluster)
	p, through := startProxy(t)
	p.lag.Store(int64(time.Second))
	controller := startReplicaAt(t, through, "lagging")
	deployInTurn(t, n, operations, 1)
	checkStale(t, controller)
}

// TestLaggingReplicaTakesOver: one replica brings a run to its end and dies. The other one, which takes over, has seen
// nothing of it yet: its cache shows every version of the run one after the other while the run is long done.
func TestLaggingReplicaTakesOver(t *testing.T) {
	n := scenario.New(t, bed.Cluster, testbed.TenantOptions{})
	operations := scenario.WatchOperations(t, bed.Cluster)
	leader := startReplica(t, "leader")
	leader.leads(t)
	p, through := startProxy(t)
	successor := startReplicaAt(t, through, "successor")

	h := record(t, n)
	p.hold()
	before := look(n, operations)
	created := n.Create(n.Deploy("run", "dev", "1.0.1"))
	done := n.Succeed("run")
	checkOneEffect(t, n, operations, before, created, done, "1.0.1")
	leader.Kill()
	bury(t)
	// An application that is out of sync again is what a version in Syncing would want to sync.
	leaveOutOfSync(t, n)
	once := look(n, operations)
	successor.leads(t)
	p.letGo(250 * time.Millisecond)
	// The successor answers the cancellation once its cache has come that far.
	n.Cancel("run")
	after := n.WaitFor("run", "the new generation is observed", func(cr *v1beta1.CustomRun) bool {
		return cr.Generation > done.Generation && cr.Status.ObservedGeneration == cr.Generation
	})

	checkStale(t, successor)
	if diff := cmp.Diff(once, look(n, operations), cmp.AllowUnexported(outside{})); diff != "" {
		t.Errorf("effects (-before +after the takeover):\n%s", diff)
	}
	// A Lease that was made again may be gone again by now.
	cp, err := checkpointOf(after)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]types.UID{created.UID}, served(h.sorted(t), cp.Lock)); diff != "" {
		t.Errorf("holders of the lock (-want +got):\n%s", diff)
	}
	n.NoLease()
	want := done.Status.DeepCopy()
	want.ObservedGeneration = after.Generation
	if diff := cmp.Diff(asJSON(t, want), asJSON(t, after.Status)); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}

// leaveOutOfSync pushes what nobody syncs, and makes Argo CD notice.
func leaveOutOfSync(t *testing.T, n *scenario.Tenant) {
	t.Helper()
	const file = "overlays/dev/kustomization.yaml"
	content, err := n.Repository.ReadFile(t.Context(), localcluster.Branch, file)
	if err != nil {
		t.Fatal(err)
	}
	content += "commonAnnotations:\n  example.com/changed-by: a-person\n"
	if _, err := n.Repository.Commit(t.Context(), localcluster.Branch, "Annotate", map[string]string{file: content}); err != nil {
		t.Fatal(err)
	}
	path := "/api/v1/applications/" + n.App("dev") + "?refresh=normal"
	eventually(t, "the application is out of sync", 30*time.Second, func() bool {
		var app struct {
			Status struct{ Sync struct{ Status string } }
		}
		err := n.CallArgoCD(t.Context(), n.ArgoCD.Tokens["pipeline"], http.MethodGet, path, nil, &app)
		return err == nil && app.Status.Sync.Status == "OutOfSync"
	})
}

// leads waits until the replica leads everything.
func (r *replica) leads(t *testing.T) {
	t.Helper()
	eventually(t, r.name+" leads", 20*time.Second, func() bool {
		log, err := os.ReadFile(r.Log)
		return err == nil && strings.Count(string(log), "has started leading") == 3
	})
}

// checkStale wants the replica to have met a version that was not the newest; else a test shows nothing.
func checkStale(t *testing.T, r *replica) {
	t.Helper()
	log, err := os.ReadFile(r.Log)
	if err != nil {
		t.Fatal(err)
	}
	met := strings.Count(string(log), `"message":"stale"`)
	if met == 0 {
		t.Error("no reconcile met a version that was not the newest: the test shows nothing")
	}
	t.Logf("%d reconciles ended with a version that was not the newest", met)
}

// deployInTurn deploys one tag after another, and looks at the effects of each.
func deployInTurn(t *testing.T, n *scenario.Tenant, operations *scenario.Operations, runs int) {
	t.Helper()
	for i := range runs {
		name, tag := fmt.Sprintf("run-%d", i), fmt.Sprintf("1.1.%d", i)
		before := look(n, operations)
		created := n.Create(n.Deploy(name, "dev", tag))
		checkOneEffect(t, n, operations, before, created, n.Succeed(name), tag)
	}
	all, err := n.Tekton.TektonV1beta1().CustomRuns(n.Namespace).List(t.Context(), listAll)
	if err != nil {
		t.Fatal(err)
	}
	for _, cr := range all.Items {
		checkOneStory(t, &cr)
	}
}

// checkOneStory wants the phases in a run's timeline to be each there once: a stale version that got through would have
// led back.
func checkOneStory(t *testing.T, cr *v1beta1.CustomRun) {
	t.Helper()
	want := "Preparing Locking Publishing Syncing Verifying Releasing"
	if got := strings.Join(timeline(t, cr), " "); got != want {
		t.Errorf("run %s went through %s, want %s", cr.Name, got, want)
	}
}
