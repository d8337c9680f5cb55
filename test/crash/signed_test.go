package crash

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
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
	file := filepath.Join(t.TempDir(), "failpoint")
	controller := startReplica(t, "only", failpointVariable+"="+file)
	n.Create(n.Deploy("before", "dev", "1.0.1"))
	n.Succeed("before")

	for i, name := range []failpoint.Name{failpoint.PlanWriteAfter, failpoint.PushBefore, failpoint.PushAfter, failpoint.PublishWriteBefore} {
		ok := t.Run(string(name), func(t *testing.T) {
			n := n.For(t)
			run, tag := fmt.Sprintf("run-%d", i), fmt.Sprintf("1.1.%d", i)
			before := look(n, operations)
			if err := os.WriteFile(file, []byte(name), 0o600); err != nil {
				t.Fatal(err)
			}
			created := n.Create(signed(n, run, tag))
			select {
			case <-controller.Done():
			case <-time.After(60 * time.Second):
				t.Fatalf("the controller never came to %s; the run is %s", name, scenario.Outcome(n.Get(run)))
			}
			bury(t)
			controller.start(t)
			done := n.Succeed(run)
			checkOneEffect(t, n, operations, before, created, done, tag)
			if _, err := n.Repository.Git(t.Context(), append(key.Git(t), "verify-commit", n.Commits()[0].ID)...); err != nil {
				t.Error(err)
			}
		})
		if !ok && controller.Exited() {
			controller.start(t)
		}
	}
}

// signed is a run whose commit is signed.
func signed(n *scenario.Tenant, name, tag string) *v1beta1.CustomRun {
	return &v1beta1.CustomRun{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: n.Namespace},
		Spec: v1beta1.CustomRunSpec{CustomSpec: &v1beta1.EmbeddedCustomRunSpec{
			TypeMeta: runtime.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.KindGitOpsDeploy},
			Spec: runtime.RawExtension{Raw: fmt.Appendf(nil, `{
				"images": [{"name": %q, "newTag": %q}],
				"git": {"author": {"name": "Pipeline", "email": %q}, "signing": {"secretRef": {"name": "signing"}}},
				"update": [{"kustomize": {"path": "overlays/dev"}}],
				"argocd": {"applications": [{"name": %q}]}
			}`, scenario.ServerImage, tag, signer, n.App("dev"))},
		}},
	}
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
