package e2e

import (
	"strings"
	"testing"

	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

func TestDeploySucceeds(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.create(n.deploy("first", "1.0.1"))
	cr := n.finish("first")
	if !cr.IsSuccessful() {
		t.Fatal(outcome(cr))
	}
	t.Logf("%s\n%s", outcome(cr), cr.Status.ExtraFields.Raw)
	tip, err := n.Repository.Tip(t.Context(), "main")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"changed": "true", "commit": tip, "revision": tip, "image": serverImage + ":1.0.1",
		"previous-image": serverImage + ":1.0.0", "health": "Healthy", "reverted": "",
	} {
		if got := result(cr, name); got != want {
			t.Errorf("result %s is %q, want %q", name, got, want)
		}
	}
	if got := n.liveImage("dev"); got != serverImage+":1.0.1" {
		t.Errorf("the Deployment runs %s", got)
	}
	if got := result(cr, "image-digest"); !strings.HasPrefix(got, "sha256:") {
		t.Errorf("image-digest is %q", got)
	}
	if got := n.commits(); got != 1 {
		t.Errorf("%d commits, want 1", got)
	}
	n.noLease()
}

func TestSecondDeployOfTheSameTagChangesNothing(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	for _, name := range []string{"first", "second"} {
		n.create(n.deploy(name, "1.0.1"))
		if cr := n.finish(name); !cr.IsSuccessful() {
			t.Fatal(outcome(cr))
		}
	}
	cr := n.get("second")
	if got := result(cr, "changed"); got != "false" {
		t.Errorf("changed is %q", got)
	}
	if got := n.commits(); got != 1 {
		t.Errorf("%d commits, want 1", got)
	}
	n.noLease()
}
