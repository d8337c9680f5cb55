package e2e

import (
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

func TestDeployByName(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	spec := with(n.spec("$(params.tag)"), "lock.name", "catalog-$(params.environment)", "git.message", "Deploy $(image.name):$(image.tag) instead of $(previous-image)",
		"git.author.name", "Pipeline", "git.author.email", "pipelines@example.com", "argocd.sync.prune", "$(params.prune)")
	spec["params"] = []any{object{"name": "tag"}, object{"name": "environment", "default": "dev"}, object{"name": "prune", "default": "true"}}
	n.define("catalog", spec)
	n.create(n.byName("run", "catalog", param("tag", "1.0.1")))
	cr := n.finish("run")
	wantSucceeded(t, cr)
	wantResults(t, cr, map[string]string{"changed": "true", "commit": n.tip(), "image": serverImage + ":1.0.1"})
	log, err := n.Repository.Log(t.Context(), localcluster.Branch)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := log[0].Author, "Pipeline <pipelines@example.com>"; got != want {
		t.Errorf("author is %q, want %q", got, want)
	}
	wantSays(t, log[0].Message, "Deploy "+serverImage+":1.0.1 instead of "+serverImage+":1.0.0\n",
		"Tekton-CustomRun: "+n.Namespace+"/run", "Tekton-CustomRun-UID: "+string(cr.UID))
	record := n.record("catalog-dev")
	if record == nil || record.Run != "run" || record.Commit != n.tip() || record.Application != n.App("dev") || len(record.Live) != 1 {
		t.Errorf("the record is %+v", record)
	}
	n.noLease()
}

func TestDeployEmbedded(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.create(n.embedded("run", with(n.spec("1.0.1"), "verify.stableFor", "1s")))
	cr := n.finish("run")
	wantSucceeded(t, cr)
	wantResults(t, cr, map[string]string{"changed": "true", "commit": n.tip(), "revision": n.tip()})
	if got := n.phases(cr); got != "Preparing Locking Publishing Syncing Verifying Releasing" {
		t.Errorf("the phases were %s", got)
	}
	if uid := syncedBy(n.readApplication("dev")); uid != string(cr.UID) {
		t.Errorf("the last sync is of %q, want this run, %s", uid, cr.UID)
	}
	n.noLease()
}

// A definition keeps its own values; the namespace's defaults fill in what it leaves out. The run is not reached by an
// edit of either once it has started.
func TestDefaultsOfTheNamespace(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.setDefault("author-name", "Default Author")
	n.setDefault("author-email", "default@example.com")
	n.setDefault("message", "Default message for $(image.tag)")
	n.create(n.deploy("run", "1.0.1", param("author-name", "Own Author")))
	wantSucceeded(t, n.finish("run"))
	log, err := n.Repository.Log(t.Context(), localcluster.Branch)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := log[0].Author, "Own Author <default@example.com>"; got != want {
		t.Errorf("author is %q, want %q", got, want)
	}
	wantSays(t, log[0].Message, "Default message for 1.0.1\n")
}

// Without secretRef, the Secrets linked to the run's ServiceAccount are used as Tekton's own steps use them.
func TestSecretLinkedToTheServiceAccount(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.setDefault("git-secret", "")
	_, err := n.Client.CoreV1().ServiceAccounts(n.Namespace).Create(t.Context(), &corev1.ServiceAccount{
		ObjectMeta: metav1.ObjectMeta{Name: "pipeline"}, Secrets: []corev1.ObjectReference{{Name: "other"}, {Name: testbed.GitSecret}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	n.secret("other", map[string]string{"tekton.dev/git-0": "https://git.example.com"}, map[string]string{"username": "somebody", "password": "for-another-host-81c2"})
	run := n.deploy("linked", "1.0.1")
	run.Spec.ServiceAccountName = "pipeline"
	n.create(run)
	n.create(n.deploy("unlinked", "1.0.1"))
	wantSucceeded(t, n.finish("linked"))
	n.wantFailed(n.finish("unlinked"), "CredentialsInvalid", "authentication required")
	if got := n.commits(); got != 1 {
		t.Errorf("%d commits, want 1", got)
	}
}

func TestGitOverTLS(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	ca, err := os.ReadFile(n.Git.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	login := map[string]string{"username": n.Git.Writer.Username, "password": n.Git.Writer.Password}
	n.secret("without-ca", map[string]string{"tekton.dev/git-0": n.Git.HTTPSURL}, login)
	login["ca.crt"] = string(ca)
	n.secret("with-ca", map[string]string{"tekton.dev/git-0": n.Git.HTTPSURL}, login)
	n.patchApplication("dev", `{"spec":{"source":{"repoURL":"`+n.Repository.HTTPSURL+`"}}}`)
	url := param("repo-url", n.Repository.HTTPSURL)
	n.create(n.deploy("trusted", "1.0.1", url, param("git-secret", "with-ca")))
	n.create(n.deploy("untrusted", "1.0.1", url, param("git-secret", "without-ca")))
	n.wantFailed(n.finish("untrusted"), "CertificateInvalid", "certificate signed by unknown authority", "ca.crt")
	cr := n.finish("trusted")
	wantSucceeded(t, cr)
	wantResults(t, cr, map[string]string{"changed": "true", "commit": n.tip()})
	n.noLease()
}

// setDefault changes one key of the namespace's defaults.
func (n *tenant) setDefault(key, value string) {
	n.t.Helper()
	maps := n.Client.CoreV1().ConfigMaps(n.Namespace)
	cm, err := maps.Get(n.t.Context(), "config-gitops-defaults", metav1.GetOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
	cm.Data[key] = value
	if _, err := maps.Update(n.t.Context(), cm, metav1.UpdateOptions{}); err != nil {
		n.t.Fatal(err)
	}
}

// secret creates a Secret of the tenant, of the type for git when it is annotated for a host.
func (n *tenant) secret(name string, annotations, data map[string]string) {
	n.t.Helper()
	for key, value := range data {
		if strings.Contains(key, "password") || strings.Contains(key, "TOKEN") || strings.Contains(key, "PASSWORD") {
			bed.secrets.add(value)
		}
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: annotations}, StringData: data}
	if len(annotations) > 0 {
		secret.Type = corev1.SecretTypeBasicAuth
	}
	if _, err := n.Client.CoreV1().Secrets(n.Namespace).Create(n.t.Context(), secret, metav1.CreateOptions{}); err != nil {
		n.t.Fatal(err)
	}
}
