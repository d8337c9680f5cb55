package crash

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"testing"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tekton-gitops/tekton-gitops/pkg/failpoint"
	"github.com/tekton-gitops/tekton-gitops/test/scenario"
	"github.com/tekton-gitops/tekton-gitops/test/signing"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

const signer = "pipeline@example.com"

// TestKilledWithASignedCommit kills the controller between the signature of a commit and the note that it was pushed. No
// two signatures by this kind of key are equal, so a commit that was signed again would be another one.
func TestKilledWithASignedCommit(t *testing.T) {
	n := scenario.New(t, bed.Cluster, testbed.TenantOptions{})
	operations := scenario.WatchOperations(t, bed.Cluster)
	key := signingKey(t, n)
	controller := startVictim(t)
	n.Create(n.Deploy("before", "dev", "1.0.1"))
	n.Succeed("before")

	places := []failpoint.Name{failpoint.PlanWriteAfter, failpoint.PushBefore, failpoint.PushAfter, failpoint.PublishWriteBefore}
	controller.at(t, places, func(t *testing.T, i int, place failpoint.Name) {
		n := n.For(t)
		run, tag := fmt.Sprintf("run-%d", i), fmt.Sprintf("1.1.%d", i)
		before := look(n, operations)
		controller.arm(t, place)
		created := n.Create(signed(n, run, tag))
		controller.died(t, n, run)
		controller.rise(t)
		checkOneEffect(t, n, operations, before, created, n.Succeed(run), tag)
		if _, err := n.Repository.Git(t.Context(), append(key.Git(t), "verify-commit", n.Commits()[0].ID)...); err != nil {
			t.Error(err)
		}
	})
}

// signed is a run whose commit is signed.
func signed(n *scenario.Tenant, name, tag string) *v1beta1.CustomRun {
	return n.Embedded(name, fmt.Sprintf(`{
		"images": [{"name": %q, "newTag": %q}],
		"git": {"author": {"name": "Pipeline", "email": %q}, "signing": {"secretRef": {"name": "signing"}}},
		"update": [{"kustomize": {"path": "overlays/dev"}}],
		"argocd": {"applications": [{"name": %q}]}
	}`, scenario.ServerImage, tag, signer, n.App("dev")))
}

// signingKey makes a Secret with a key for commits. Each signature by a key of this kind is another one.
func signingKey(t *testing.T, n *scenario.Tenant) signing.Key {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := signing.SSH(t, private, signer, "")
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "signing"}, StringData: key.Secret()}
	if _, err := n.Client.CoreV1().Secrets(n.Namespace).Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return key
}
