package crash

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"

	"github.com/tekton-gitops/tekton-gitops/test/scenario"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// recordedRuns are those that the record of a lock has room for.
const recordedRuns = 11

// runsPerLock and the three environments, each with a lock, make fifteen runs.
const runsPerLock = 5

// TestTwoReplicas lets two replicas work on fifteen runs under three locks, kills whichever leads a run with SIGKILL
// while some run is in each of the phases, and reads from the API server's history what has happened.
func TestTwoReplicas(t *testing.T) {
	environments := []string{"dev", "test", "prod"}
	n := scenario.New(t, bed.Cluster, testbed.TenantOptions{Environments: environments})
	operations := scenario.WatchOperations(t, bed.Cluster)
	r := startReplicas(t, 2)
	h := record(t, n)
	for _, environment := range environments {
		block(t, n, lockName(environment))
	}
	created := createMany(t, n, r, environments, runsPerLock)

	killed := sets.New[string]()
	killed.Insert(r.kill(t, n, h, "Preparing", r.all[0]))
	for name := range created {
		n.WaitFor(name, "its place in the queue", func(cr *v1beta1.CustomRun) bool { return scenario.Reason(cr) == "Locking" })
	}
	killed.Insert(r.kill(t, n, h, "Locking", r.all[1]))
	for _, environment := range environments {
		unblock(t, n, lockName(environment))
	}
	for _, phase := range []string{"Publishing", "Syncing", "Verifying", "Releasing"} {
		killed.Insert(r.kill(t, n, h, phase, nil))
	}
	for name := range created {
		n.Succeed(name)
	}

	if killed.Len() != 2 {
		t.Errorf("only %v was killed", killed.UnsortedList())
	}
	for _, one := range r.all {
		if handled := one.handled(t, n.Namespace); len(handled) == 0 {
			t.Errorf("replica %s has handled nothing", one.name)
		} else {
			t.Logf("replica %s has moved %d runs", one.name, len(handled))
		}
	}
	checkAll(t, n, operations, h, created, environments)
}

func lockName(environment string) string { return "lock-" + environment }

// checkAll wants every run to have had its turn once, in order, and each effect once.
func checkAll(t *testing.T, n *scenario.Tenant, operations *scenario.Operations, h *history, created map[string]*v1beta1.CustomRun, environments []string) {
	t.Helper()
	n.NoLease()
	events := h.sorted(t)
	checkOneHolder(t, events)
	commits := map[string]int{}
	for _, c := range n.Commits() {
		_, uid, _ := strings.Cut(c.Message, "Tekton-CustomRun-UID: ")
		commits[uid]++
	}
	for _, environment := range environments {
		var runs []*v1beta1.CustomRun
		for _, cr := range created {
			if strings.HasSuffix(cr.Name, environment) {
				runs = append(runs, cr)
			}
		}
		slices.SortFunc(runs, func(a, b *v1beta1.CustomRun) int {
			if c := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); c != 0 {
				return c
			}
			return strings.Compare(string(a.UID), string(b.UID))
		})
		var uids []types.UID
		var asked []scenario.Operation
		for i, cr := range runs {
			uids = append(uids, cr.UID)
			asked = append(asked, scenario.Operation{Application: n.App(environment), By: "pipeline", Run: string(cr.UID)})
			if got := commits[string(cr.UID)]; got != 1 {
				t.Errorf("run %s has made %d commits", cr.Name, got)
			}
			// A record holds what is deployed and the ten before that.
			if recorded := n.Recorded(cr.UID); len(recorded) != 1 && i >= len(runs)-recordedRuns {
				t.Errorf("run %s has %d entries in the record", cr.Name, len(recorded))
			}
			checkOneStory(t, n.Get(cr.Name))
		}
		if diff := cmp.Diff(uids, served(events, lockName(environment))); diff != "" {
			t.Errorf("lock of %s was not served first come first served (-want +got):\n%s", environment, diff)
		}
		if diff := cmp.Diff(asked, operations.Of(n.App(environment))); diff != "" {
			t.Errorf("sync operations of %s (-want +got):\n%s", environment, diff)
		}
		last := runs[len(runs)-1]
		if got, want := n.LiveImage(environment), scenario.ServerImage+":"+tagOf(last); got != want {
			t.Errorf("%s runs %s, want %s", environment, got, want)
		}
	}
}

func tagOf(cr *v1beta1.CustomRun) string {
	for _, p := range cr.Spec.Params {
		if p.Name == "tag" {
			return p.Value.StringVal
		}
	}
	return ""
}

// createMany creates the runs so that each bucket has some.
func createMany(t *testing.T, n *scenario.Tenant, r *replicas, environments []string, perLock int) map[string]*v1beta1.CustomRun {
	t.Helper()
	created := map[string]*v1beta1.CustomRun{}
	buckets := r.buckets.BucketList()
	next := 0
	for i := range perLock {
		for j, environment := range environments {
			bucket := buckets[(i+j)%len(buckets)]
			var name string
			for name == "" || r.buckets.Owner(n.Namespace+"/"+name) != bucket {
				next++
				name = fmt.Sprintf("run-%d-%s", next, environment)
			}
			created[name] = n.Create(n.Deploy(name, environment, fmt.Sprintf("1.1.%d", next), scenario.Param("lock", lockName(environment))))
		}
	}
	return created
}

// block takes a lock as somebody whose life cannot be looked up.
func block(t *testing.T, n *scenario.Tenant, lock string) {
	t.Helper()
	_, err := n.Client.CoordinationV1().Leases(n.Namespace).Create(t.Context(), &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: lock},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: ptr.To("Somebody Else"), LeaseDurationSeconds: ptr.To[int32](3600)},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

func unblock(t *testing.T, n *scenario.Tenant, lock string) {
	t.Helper()
	if err := n.Client.CoordinationV1().Leases(n.Namespace).Delete(t.Context(), lock, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// handled are the runs of a namespace that a replica has moved.
func (one *replica) handled(t *testing.T, namespace string) sets.Set[string] {
	t.Helper()
	log, err := os.ReadFile(one.Log)
	if err != nil {
		t.Fatal(err)
	}
	runs := sets.New[string]()
	for line := range strings.SplitSeq(string(log), "\n") {
		if !strings.Contains(line, `"message":"moved"`) {
			continue
		}
		if found := regexp.MustCompile(`"knative.dev/key":"` + namespace + `/([^"]+)"`).FindStringSubmatch(line); found != nil {
			runs.Insert(found[1])
		}
	}
	return runs
}

// kill waits until a run is in a phase, kills the replica that leads the run, and starts it again. With a victim, it
// waits for a run that the victim leads. It returns the name of the killed replica.
func (r *replicas) kill(t *testing.T, n *scenario.Tenant, h *history, phase string, victim *replica) string {
	t.Helper()
	deadline := time.After(60 * time.Second)
	h.drain()
	for {
		// Waiting runs make no events; what comes as an event is fresher than what is read.
		seen := event{}
		select {
		case seen = <-h.news:
		case <-time.After(100 * time.Millisecond):
			if phase == "Locking" {
				seen = r.waiting(t, n, victim)
			}
		case <-deadline:
			t.Fatalf("found no run in phase %s to kill its replica", phase)
		}
		if seen.run == "" || seen.done || seen.phase != phase {
			continue
		}
		holder := r.led(t)[r.buckets.Owner(n.Namespace+"/"+seen.run)]
		for _, one := range r.all {
			if one.identity(t) != holder || (victim != nil && one != victim) {
				continue
			}
			one.Kill()
			t.Logf("killed %s for run %s in phase %s; the run stopped in %s", one.name, seen.run, phase, scenario.Reason(n.Get(seen.run)))
			one.start(t)
			return one.name
		}
	}
}

// waiting is a waiting run that the victim leads.
func (r *replicas) waiting(t *testing.T, n *scenario.Tenant, victim *replica) event {
	t.Helper()
	led := r.ledBy(t, victim)
	runs, err := n.Tekton.TektonV1beta1().CustomRuns(n.Namespace).List(t.Context(), listAll)
	if err != nil {
		t.Fatal(err)
	}
	for _, cr := range runs.Items {
		if scenario.Reason(&cr) == "Locking" && slices.Contains(led, r.buckets.Owner(n.Namespace+"/"+cr.Name)) {
			return event{run: cr.Name, phase: "Locking"}
		}
	}
	return event{}
}
