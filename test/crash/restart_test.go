package crash

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/failpoint"
	"github.com/tekton-gitops/tekton-gitops/test/scenario"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// TestKilledWhileRestarting kills the controller around the action that restarts a workload, which carries no mark of
// the run that asked for it.
func TestKilledWhileRestarting(t *testing.T) {
	n := scenario.New(t, bed.Cluster, testbed.TenantOptions{})
	file := filepath.Join(t.TempDir(), "failpoint")
	controller := startReplica(t, "only", failpointVariable+"="+file)
	n.Create(n.Deploy("before", "dev", "1.0.1"))
	n.Succeed("before")

	for i, name := range []failpoint.Name{failpoint.RestartPlanBefore, failpoint.RestartPlanAfter, failpoint.RestartBefore, failpoint.RestartAfter, failpoint.SyncedWriteBefore, failpoint.SyncedWriteAfter} {
		ok := t.Run(string(name), func(t *testing.T) {
			n := n.For(t)
			before := serverGeneration(t, n)
			if err := os.WriteFile(file, []byte(name), 0o600); err != nil {
				t.Fatal(err)
			}
			run := fmt.Sprintf("run-%d", i)
			n.Create(&v1beta1.CustomRun{
				ObjectMeta: metav1.ObjectMeta{Name: run, Namespace: n.Namespace},
				Spec: v1beta1.CustomRunSpec{CustomSpec: &v1beta1.EmbeddedCustomRunSpec{
					TypeMeta: runtime.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.KindGitOpsDeploy},
					Spec: runtime.RawExtension{Raw: fmt.Appendf(nil, `{"restart":"true","images":[{"name":%q}],"argocd":{"applications":[{"name":%q}]}}`,
						scenario.ServerImage, n.App("dev"))},
				}},
			})
			select {
			case <-controller.Done():
			case <-time.After(60 * time.Second):
				t.Fatalf("the controller never came to %s; the run is %s", name, scenario.Outcome(n.Get(run)))
			}
			bury(t)
			controller.start(t)
			n.Succeed(run)
			// Each restart is a new generation of the Deployment, and nothing else in here makes one.
			if got := serverGeneration(t, n); got != before+1 {
				t.Errorf("the Deployment is at generation %d after %d, want one restart", got, before)
			}
			n.NoLease()
		})
		if !ok && controller.Exited() {
			controller.start(t)
		}
	}
}

func serverGeneration(t *testing.T, n *scenario.Tenant) int64 {
	t.Helper()
	d, err := n.Client.AppsV1().Deployments(n.Targets["dev"]).Get(t.Context(), "server", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return d.Generation
}
