package crash

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/failpoint"
	"github.com/tekton-gitops/tekton-gitops/test/scenario"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// TestPullRequestKilledAtEveryFailPoint kills the controller in one promotion after another, each time at another place,
// merges as a person, and looks from outside at what each promotion has done.
func TestPullRequestKilledAtEveryFailPoint(t *testing.T) {
	n := scenario.New(t, bed.Cluster, testbed.TenantOptions{Hosted: true})
	operations := scenario.WatchOperations(t, bed.Cluster)
	controller := startVictim(t)
	// The first sync of an application creates everything; the promotions after it all do the same.
	n.Create(promote(n, "before", "1.0.1"))
	waitsForMerge(n, "before")
	host := gitHost{n, t}
	host.mergeNewest()
	n.Succeed("before")
	host.checkOnePull(1, "merged")

	places := failpoint.PullRequest()
	merged := slices.Index(places, failpoint.MergeWriteBefore)
	controller.at(t, places, func(t *testing.T, i int, place failpoint.Name) {
		n := n.For(t)
		host := gitHost{n, t}
		run, tag := fmt.Sprintf("run-%d", i), fmt.Sprintf("1.1.%d", i)
		pulls := host.newest().Number
		tip, asked, deployment := host.history()[0].ID, len(operations.Of(n.App("dev"))), n.LastDeployment("dev")
		commit := ""
		if i < merged {
			controller.arm(t, place)
			n.Create(promote(n, run, tag))
			controller.died(t, n, run)
			controller.rise(t)
			waitsForMerge(n, run)
			commit = host.mergeNewest()
		} else {
			n.Create(promote(n, run, tag))
			waitsForMerge(n, run)
			controller.arm(t, place)
			commit = host.mergeNewest()
			controller.died(t, n, run)
			controller.rise(t)
		}
		done := n.Succeed(run)
		host.checkOnePull(pulls+1, "merged")
		if log := host.history(); log[0].ID != commit || log[1].ID != tip {
			t.Errorf("main has %s on %s, want %s on %s", log[0].ID, log[1].ID, commit, tip)
		}
		checkOneSync(t, n, operations, asked, deployment, done)
		if got, want := n.LiveImage("dev"), scenario.ServerImage+":"+tag; got != want {
			t.Errorf("the Deployment runs %s, want %s", got, want)
		}
		wantResults(t, scenario.Results(done), map[string]string{
			v1alpha1.ResultChanged: "true", v1alpha1.ResultCommit: commit, v1alpha1.ResultRevision: commit, v1alpha1.ResultMergeCommit: commit,
			v1alpha1.ResultPRNumber: fmt.Sprint(pulls + 1), v1alpha1.ResultPRState: "merged",
			v1alpha1.ResultImage: scenario.ServerImage + ":" + tag, v1alpha1.ResultHealth: "Healthy",
		})
		n.NoLease()
	})
}

// checkOneSync wants one operation more than were asked for before, which is the run's, and one deployment more.
func checkOneSync(t *testing.T, n *scenario.Tenant, operations *scenario.Operations, asked int, deployment int64, done *v1beta1.CustomRun) {
	t.Helper()
	eventually(t, "the watch sees the operation", 5*time.Second, func() bool { return len(operations.Of(n.App("dev"))) > asked })
	want := []scenario.Operation{{Application: n.App("dev"), By: "pipeline", Run: string(done.UID)}}
	if diff := cmp.Diff(want, operations.Of(n.App("dev"))[asked:]); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
	if got := n.LastDeployment("dev"); got != deployment+1 {
		t.Errorf("deployment %d follows %d", got, deployment)
	}
}

// TestPullRequestKilledWhileWithdrawing kills the controller on the way of a cancelled run to the end of its pull request.
func TestPullRequestKilledWhileWithdrawing(t *testing.T) {
	n := scenario.New(t, bed.Cluster, testbed.TenantOptions{Hosted: true})
	controller := startVictim(t)
	controller.at(t, failpoint.Withdrawal(), func(t *testing.T, i int, place failpoint.Name) {
		n := n.For(t)
		host := gitHost{n, t}
		run := fmt.Sprintf("run-%d", i)
		n.Create(promote(n, run, fmt.Sprintf("1.1.%d", i)))
		waitsForMerge(n, run)
		controller.arm(t, place)
		n.Cancel(run)
		controller.died(t, n, run)
		controller.rise(t)
		done := n.Finish(run)
		if scenario.Reason(done) != string(v1alpha1.ReasonCancelled) {
			t.Errorf("the run is %s", scenario.Outcome(done))
		}
		host.checkOnePull(i+1, "closed", "Closed, because CustomRun `"+n.Namespace+"/"+run+"` was cancelled.")
		wantResults(t, scenario.Results(done), map[string]string{
			v1alpha1.ResultChanged: "true", v1alpha1.ResultPRNumber: fmt.Sprint(i + 1), v1alpha1.ResultPRState: "closed",
			v1alpha1.ResultMergeCommit: "",
		})
	})
}

// TestPullRequestKilledAndCancelled cancels a run while no controller is alive. The next one closes what the run has opened,
// if it has, whether or not that was noted.
func TestPullRequestKilledAndCancelled(t *testing.T) {
	n := scenario.New(t, bed.Cluster, testbed.TenantOptions{Hosted: true})
	controller := startVictim(t)
	opened := []failpoint.Name{failpoint.OpenAfter, failpoint.OpenWriteBefore, failpoint.TouchAfter}
	places := append([]failpoint.Name{failpoint.PushAfter, failpoint.OpenBefore}, opened...)
	controller.at(t, places, func(t *testing.T, i int, place failpoint.Name) {
		n := n.For(t)
		host := gitHost{n, t}
		run, before := fmt.Sprintf("run-%d", i), len(host.pulls())
		controller.arm(t, place)
		n.Create(promote(n, run, fmt.Sprintf("1.1.%d", i)))
		controller.died(t, n, run)
		n.Cancel(run)
		controller.rise(t)
		done := n.Finish(run)
		if scenario.Reason(done) != string(v1alpha1.ReasonCancelled) {
			t.Errorf("the run is %s", scenario.Outcome(done))
		}
		want := map[string]string{v1alpha1.ResultChanged: "true", v1alpha1.ResultPRNumber: "", v1alpha1.ResultPRState: ""}
		if slices.Contains(opened, place) {
			before++
			want[v1alpha1.ResultPRNumber], want[v1alpha1.ResultPRState] = fmt.Sprint(before), "closed"
		}
		wantResults(t, scenario.Results(done), want)
		all := host.pulls()
		if len(all) != before {
			t.Fatalf("%d pull requests, want %d", len(all), before)
		}
		for _, p := range all {
			if p.State != "closed" {
				t.Errorf("pull request %d is %s", p.Number, p.State)
			}
		}
		if slices.Contains(opened, place) {
			host.wantComments(before, "Closed, because CustomRun `"+n.Namespace+"/"+run+"` was cancelled.")
		}
	})
}

// TestPullRequestKilledWhileSuperseding kills the controller while a run closes the pull request of an older one.
func TestPullRequestKilledWhileSuperseding(t *testing.T) {
	n := scenario.New(t, bed.Cluster, testbed.TenantOptions{Hosted: true})
	controller := startVictim(t)
	n.Create(propose(n, "run-0", "1.1.0"))
	n.Succeed("run-0")
	controller.at(t, failpoint.Superseding(), func(t *testing.T, i int, place failpoint.Name) {
		n := n.For(t)
		host := gitHost{n, t}
		older, run := host.newest().Number, fmt.Sprintf("run-%d", i+1)
		controller.arm(t, place)
		n.Create(propose(n, run, fmt.Sprintf("1.1.%d", i+1)))
		controller.died(t, n, run)
		controller.rise(t)
		want := map[string]string{v1alpha1.ResultPRNumber: fmt.Sprint(older + 1), v1alpha1.ResultPRState: "open"}
		wantResults(t, scenario.Results(n.Succeed(run)), want)
		for _, p := range host.pulls() {
			if open := p.State == "open"; open != (p.Number == older+1) {
				t.Errorf("pull request %d is %s", p.Number, p.State)
			}
		}
		host.wantComments(older, fmt.Sprintf("Superseded by #%d.", older+1))
		host.wantComments(older + 1)
	})
}

// TestPullRequestOutlivesItsReplica kills the replica that leads a run while that waits for people. The other one sees the
// merge, and finishes.
func TestPullRequestOutlivesItsReplica(t *testing.T) {
	n := scenario.New(t, bed.Cluster, testbed.TenantOptions{Hosted: true})
	r := startReplicas(t, 2)
	n.Create(promote(n, "run", "1.0.1"))
	waitsForMerge(n, "run")
	leader := r.led(t)[r.buckets.Owner(n.Namespace+"/run")]
	for _, one := range r.all {
		if one.identity(t) == leader {
			one.Kill()
		}
	}
	host := gitHost{n, t}
	commit := host.mergeNewest()
	done := n.Succeed("run")
	host.checkOnePull(1, "merged")
	wantResults(t, scenario.Results(done), map[string]string{
		v1alpha1.ResultMergeCommit: commit, v1alpha1.ResultRevision: commit, v1alpha1.ResultPRState: "merged",
	})
	alive := slices.IndexFunc(r.all, func(one *replica) bool { return !one.Exited() })
	if alive < 0 || !r.all[alive].handled(t, n.Namespace).Has("run") {
		t.Error("the other replica has not moved the run")
	}
}
