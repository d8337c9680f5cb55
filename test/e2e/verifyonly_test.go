package e2e

import (
	"strings"
	"testing"

	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// A run without an update verifies what is there, and tells whether that differs from what the last run had verified.
func TestVerifyOnly(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	shared := param("lock", "product-catalog-dev")
	verify := func(name, tag string) {
		n.create(n.deploy(name, tag, shared, param("update", "none"), param("path", "")))
	}
	n.create(n.deploy("deploy", "1.0.1", shared))
	if cr := n.finish("deploy"); !cr.IsSuccessful() {
		t.Fatal(outcome(cr))
	}
	verify("same", "1.0.1")
	cr := n.finish("same")
	if !cr.IsSuccessful() || result(cr, "changed") != "false" {
		t.Errorf("%s, changed %s, want false", outcome(cr), result(cr, "changed"))
	}
	if got := result(cr, "image-digest"); !strings.HasPrefix(got, "sha256:") {
		t.Errorf("image-digest is %q", got)
	}
	if got, want := result(cr, "revision"), result(n.get("deploy"), "commit"); got != want {
		t.Errorf("revision is %s, want %s", got, want)
	}
	verify("other", "1.0.2")
	n.wantFailed(n.finish("other"), "ImageMismatch", "1.0.1", "1.0.2")
	if got := n.commits(); got != 1 {
		t.Errorf("%d commits, want 1", got)
	}
	n.noLease()
}
