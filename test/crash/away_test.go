package crash

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"

	"github.com/tekton-gitops/tekton-gitops/test/scenario"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// absences are the phases in which the API server goes away, and for how long: both times for longer than the leadership
// lasts, once for as long as it takes to restart it.
var absences = []struct {
	phase string
	time  time.Duration
}{{"Publishing", 5 * time.Second}, {"Syncing", time.Minute}}

// TestAPIServerAway cuts the controller off from the API server while runs are under way, and makes the API server slow
// besides.
func TestAPIServerAway(t *testing.T) {
	environments := []string{"dev", "test", "prod"}
	n := scenario.New(t, bed.Cluster, testbed.TenantOptions{Environments: environments})
	operations := scenario.WatchOperations(t, bed.Cluster)
	p, through := startProxy(t)
	startReplicaAt(t, through, "cut-off")
	h := record(t, n)
	p.latency.Store(int64(100 * time.Millisecond))
	created := map[string]*v1beta1.CustomRun{}
	for i := range 2 {
		for _, environment := range environments {
			name := fmt.Sprintf("run-%d-%s", i, environment)
			created[name] = n.Create(n.Deploy(name, environment, fmt.Sprintf("1.1.%d", i), scenario.Param("lock", lockName(environment))))
		}
	}
	for _, absence := range absences {
		eventually(t, "a run is "+absence.phase, 60*time.Second, func() bool { return h.sees(absence.phase) })
		p.leave()
		time.Sleep(absence.time)
		p.comeBack()
	}
	for name := range created {
		cr := n.Succeed(name)
		if diff := cmp.Diff("true", scenario.Results(cr)["changed"]); diff != "" {
			t.Errorf("result changed of run %s (-want +got):\n%s", name, diff)
		}
	}
	n.NoLease()
	checkOneHolder(t, h.sorted(t))
	commits := map[string]int{}
	for _, c := range n.Commits() {
		_, uid, _ := strings.Cut(c.Message, "Tekton-CustomRun-UID: ")
		commits[uid]++
	}
	syncs := map[string]int{}
	for _, environment := range environments {
		for _, o := range operations.Of(n.App(environment)) {
			syncs[o.Run]++
		}
		order := served(h.sorted(t), lockName(environment))
		if len(order) != 2 {
			t.Fatalf("lock of %s was held by %v, want two runs", environment, order)
		}
		for _, cr := range created {
			if got, want := n.LiveImage(environment), scenario.ServerImage+":"+tagOf(cr); cr.UID == order[1] && got != want {
				t.Errorf("%s runs %s, want %s", environment, got, want)
			}
		}
	}
	for _, cr := range created {
		if c, s := commits[string(cr.UID)], syncs[string(cr.UID)]; c != 1 || s != 1 {
			t.Errorf("run %s has made %d commits and %d syncs, want one of each", cr.Name, c, s)
		}
	}
}
