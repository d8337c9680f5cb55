package e2e

import (
	"crypto/ed25519"
	"crypto/rand"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// sshSecret creates a Secret of the type that Tekton has for ssh.
func (n *tenant) sshSecret(name string, annotations map[string]string, key, knownHosts string) {
	n.t.Helper()
	bed.secrets.add(strings.Split(key, "\n")[2])
	data := map[string]string{"ssh-privatekey": key}
	if knownHosts != "" {
		data["known_hosts"] = knownHosts
	}
	_, err := n.Client.CoreV1().Secrets(n.Namespace).Create(n.t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: annotations}, Type: corev1.SecretTypeSSHAuth, StringData: data,
	}, metav1.CreateOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
}

// overSSH is a run that pushes over ssh; the application reads the same repository over http.
func (n *tenant) overSSH(name, secret string) {
	n.t.Helper()
	n.create(n.embedded(name, with(n.spec("1.0.1"), "git.url", n.Repository.SSHURL, "git.secretRef.name", secret)))
}

func TestDeployOverSSH(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"secretRef", "linked Secret"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			n := newTenant(t, testbed.TenantOptions{})
			host := strings.TrimPrefix(n.Git.SSH.URL, "ssh://git@")
			n.sshSecret("ssh", map[string]string{"tekton.dev/git-0": host}, n.Git.SSH.WriterKey, n.Git.SSH.KnownHosts)
			if way == "secretRef" {
				n.overSSH("run", "ssh")
			} else {
				n.setDefault("git-secret", "")
				_, err := n.Client.CoreV1().ServiceAccounts(n.Namespace).Create(t.Context(), &corev1.ServiceAccount{
					ObjectMeta: metav1.ObjectMeta{Name: "pipeline"}, Secrets: []corev1.ObjectReference{{Name: testbed.GitSecret}, {Name: "ssh"}},
				}, metav1.CreateOptions{})
				if err != nil {
					t.Fatal(err)
				}
				run := n.embedded("run", with(n.spec("1.0.1"), "git.url", n.Repository.SSHURL))
				run.Spec.ServiceAccountName = "pipeline"
				n.create(run)
			}
			cr := n.finish("run")
			wantSucceeded(t, cr)
			wantResults(t, cr, map[string]string{"changed": "true", "commit": n.tip(), "revision": n.tip()})
			if got := n.liveImage("dev"); got != serverImage+":1.0.1" || n.commits() != 1 {
				t.Errorf("the Deployment runs %s, %d commits", got, n.commits())
			}
			n.noLease()
		})
	}
}

// A server that nobody vouches for gets neither a login nor a commit, and neither does one that knows another key.
func TestRefusedOverSSH(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	commits, history := n.commits(), n.recordHistory()
	otherKey := newSSHKey(t).Private
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hostKey, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	names, _, _ := strings.Cut(n.Git.SSH.KnownHosts, " ")
	for name, c := range map[string]struct {
		key, knownHosts string
		reason          string
		words           []string
	}{
		"no-known-hosts":     {n.Git.SSH.WriterKey, "", "CertificateInvalid", []string{"known_hosts has none for it", "fingerprint"}},
		"another-host":       {n.Git.SSH.WriterKey, strings.ReplaceAll(n.Git.SSH.KnownHosts, "127.0.0.1", "git.example.com"), "CertificateInvalid", []string{"known_hosts"}},
		"a-changed-host-key": {n.Git.SSH.WriterKey, names + " " + string(ssh.MarshalAuthorizedKey(hostKey)), "CertificateInvalid", []string{"the server's key was replaced"}},
		"a-wrong-key":        {otherKey, n.Git.SSH.KnownHosts, "CredentialsInvalid", nil},
		"a-key-that-reads":   {n.Git.SSH.ReaderKey, n.Git.SSH.KnownHosts, "CredentialsInvalid", []string{"read only"}},
		"no-key":             {"-----BEGIN\nthis is\nno key at all\n-----END\n", n.Git.SSH.KnownHosts, "CredentialsInvalid", []string{"private key"}},
	} {
		n.sshSecret(name, nil, c.key, c.knownHosts)
		n.overSSH(name, name)
		n.wantFailed(n.finish(name), c.reason, c.words...)
	}
	n.sshSecret("bound-elsewhere", map[string]string{"tekton.dev/git-0": "github.com"}, n.Git.SSH.WriterKey, n.Git.SSH.KnownHosts)
	n.overSSH("bound-elsewhere", "bound-elsewhere")
	n.wantFailed(n.finish("bound-elsewhere"), "CredentialsInvalid", "tekton.dev/git-0", "github.com")
	n.nothingChanged(commits, history)
}

// A server that gives out the tips of its branches only cannot be asked what the run's commit has changed.
func TestRevertOverSSHFromAServerThatGivesOutTips(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	for _, option := range []string{"uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant", "uploadpack.allowReachableSHA1InWant", "uploadpack.allowTipSHA1InWant"} {
		if err := n.Repository.Configure(t.Context(), option, "false"); err != nil {
			t.Fatal(err)
		}
	}
	n.sshSecret("ssh", nil, n.Git.SSH.WriterKey, n.Git.SSH.KnownHosts)
	n.create(n.embedded("run", with(n.spec("never-pulls-1"), "git.url", n.Repository.SSHURL, "git.secretRef.name", "ssh", "verify.failureGrace", "1s", "onFailure", "Revert")))
	cr := n.finish("run")
	n.wantFailed(cr, "RolloutFailed", "; the previous state was not put back: InvalidSpec: the git server gives out the tips of its branches only", "uploadpack.allowReachableSHA1InWant")
	wantResults(t, cr, map[string]string{"changed": "true", "reverted": "", "commit": n.tip()})
	n.noLease()
}
