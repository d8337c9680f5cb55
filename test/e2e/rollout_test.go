package e2e

import (
	"testing"

	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// A tag that never becomes ready ends the run early, with the pod's own message: waiting would end with VerifyTimeout.
func TestTagThatNeverBecomesReady(t *testing.T) {
	t.Parallel()
	for tag, words := range map[string][]string{
		"never-pulls-1": {"Deployment/server: ", "pod server-", "ImagePullBackOff", "Back-off pulling image", serverImage + ":never-pulls-1", "not found"},
		"crash-loops-1": {"Deployment/server: ", "pod server-", "CrashLoopBackOff", "back-off"},
	} {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			n := newTenant(t, testbed.TenantOptions{})
			n.syncByHand("dev")
			n.create(n.embedded("run", with(n.spec(tag), "verify.failureGrace", "1s")))
			cr := n.finish("run")
			n.wantFailed(cr, "RolloutFailed", words...)
			wantResults(t, cr, map[string]string{"changed": "true", "commit": n.tip(), "image": serverImage + ":" + tag, "previous-image": serverImage + ":1.0.0"})
			if got := n.commits(); got != 1 {
				t.Errorf("%d commits, want 1: the commit stays", got)
			}
			if n.record(n.progress(cr).Lock) != nil {
				t.Error("a failed run left a record")
			}
			n.noLease()
		})
	}
}

// A failing pod that recovers within the grace period fails nothing.
func TestPodThatRecoversInTime(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.create(n.embedded("run", with(n.spec("never-pulls-1"), "verify.failureGrace", "80s")))
	n.waitForMessage("run", "ImagePullBackOff")
	n.healPods("dev", "never-pulls-1")
	wantSucceeded(t, n.finish("run"))
	n.noLease()
}

func TestSlowRolloutIsWaitedFor(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.create(n.deploy("run", "slow-ready-1"))
	cr := n.finish("run")
	wantSucceeded(t, cr)
	d := n.deployment("dev", "server")
	if d.Status.UpdatedReplicas != 2 || d.Status.AvailableReplicas != 2 || d.Status.Replicas != 2 {
		t.Errorf("the run ended while the Deployment was %+v", d.Status)
	}
	wantResults(t, cr, map[string]string{"changed": "true", "health": "Healthy"})
	n.noLease()
}
