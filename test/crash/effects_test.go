package crash

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"

	"github.com/tekton-gitops/tekton-gitops/test/scenario"
)

// outside is what the world has counted.
type outside struct {
	commits    int
	operations int
	deployment int64
}

func look(n *scenario.Tenant, operations *scenario.Operations) outside {
	return outside{commits: len(n.Commits()), operations: len(operations.Of(n.App("dev"))), deployment: n.LastDeployment("dev")}
}

// checkOneEffect wants exactly one of everything since before.
func checkOneEffect(t *testing.T, n *scenario.Tenant, operations *scenario.Operations, before outside, created, done *v1beta1.CustomRun, tag string) {
	t.Helper()
	want := outside{commits: before.commits + 1, operations: before.operations + 1, deployment: before.deployment + 1}
	eventually(t, "the watch sees the operation", 5*time.Second, func() bool { return len(operations.Of(n.App("dev"))) > before.operations })
	if diff := cmp.Diff(want, look(n, operations), cmp.AllowUnexported(outside{})); diff != "" {
		t.Errorf("effects (-want +got):\n%s", diff)
	}
	ours := operations.Of(n.App("dev"))[before.operations:]
	if diff := cmp.Diff([]scenario.Operation{{Application: n.App("dev"), By: "pipeline", Run: string(created.UID)}}, ours); diff != "" {
		t.Errorf("sync operations (-want +got):\n%s", diff)
	}
	if got, want := n.LiveImage("dev"), scenario.ServerImage+":"+tag; got != want {
		t.Errorf("the Deployment runs %s, want %s", got, want)
	}
	if recorded := n.Recorded(created.UID); len(recorded) != 1 {
		t.Errorf("%d entries in the record, want 1: %v", len(recorded), recorded)
	}
	n.NoLease()
	checkResults(t, n, done, tag)
}

// checkResults wants every documented result, and those that tell of a change to be right.
func checkResults(t *testing.T, n *scenario.Tenant, done *v1beta1.CustomRun, tag string) {
	t.Helper()
	tip := n.Commits()[0].ID
	got := scenario.Results(done)
	for _, result := range v1alpha1.Results() {
		if _, ok := got[result.Name]; !ok {
			t.Errorf("result %s is missing", result.Name)
		}
	}
	for name, want := range map[string]string{
		v1alpha1.ResultChanged: "true", v1alpha1.ResultCommit: tip, v1alpha1.ResultRevision: tip,
		v1alpha1.ResultImage: scenario.ServerImage + ":" + tag, v1alpha1.ResultHealth: "Healthy",
	} {
		if got[name] != want {
			t.Errorf("result %s is %q, want %q", name, got[name], want)
		}
	}
	for _, name := range []string{v1alpha1.ResultImageDigest, v1alpha1.ResultDiff, v1alpha1.ResultPreviousImage, v1alpha1.ResultImages} {
		if got[name] == "" {
			t.Errorf("result %s is empty", name)
		}
	}
}
