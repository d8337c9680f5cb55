package customrun

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/test/signing"
	corev1 "k8s.io/api/core/v1"
)

// newSignedSite is a site whose clock is the machine's, because gpg compares with it, and which has one more Secret.
func newSignedSite(t *testing.T, data map[string]string) *site {
	t.Helper()
	s := newSite(t)
	s.now.SetTime(time.Now())
	if err := s.kube.Tracker().Add(secret("signing", data)); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) signed(rest string) string {
	return strings.Replace(s.withArgo(rest), `"secretRef":{"name":"git"}`, `"secretRef":{"name":"git"},"author":{"name":"Pipeline","email":"pipeline@example.com"},"signing":{"secretRef":{"name":"signing"}}`, 1)
}

const setServer = `"images":[{"name":"quay.io/team/server","newTag":"1.0.1"}],"update":[{"kustomize":{"path":"overlays/dev"}}]`

const passphrase = "p4ssphrase-of-the-key"

func newSSHKey(t *testing.T) signing.Key {
	t.Helper()
	return signing.NewSSH(t, "pipeline@example.com", passphrase)
}

func newOpenPGPKey(t *testing.T) signing.Key {
	t.Helper()
	return signing.NewOpenPGP(t, "pipeline@example.com")
}

// verify wants a good signature of a commit.
func (s *site) verify(key signing.Key, commit string) {
	s.t.Helper()
	cmd := exec.Command("git", append(key.Git(s.t), "verify-commit", "--raw", commit)...)
	cmd.Dir, cmd.Env = s.git.dir, gitEnvironment()
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Errorf("git verify-commit %s: %v: %s", commit, err, out)
	}
}

// git verify-commit accepts what a run pushes, the commit that reverts too, and what another process pushes after the
// one that signed has died. A commit is signed once.
func TestSignedCommits(t *testing.T) {
	for name, newKey := range map[string]func(*testing.T) signing.Key{"OpenPGP": newOpenPGPKey, "SSH": newSSHKey} {
		t.Run(name, func(t *testing.T) {
			key := newKey(t)
			s := newSignedSite(t, key.Secret())
			s.failing()
			s.create(embedded(s.signed(setServer + `,"onFailure":"Revert"`)))
			planned := s.until(testRun, "a planned commit", isPlanned)
			_, d := stateOf(t, planned)
			s.plans = newPlans()
			s.inPhase(testRun, Syncing)
			ours := s.git.tip()
			if ours != d.Publish.Commit {
				t.Errorf("pushed %s, signed %s", ours, d.Publish.Commit)
			}
			s.inPhase(testRun, Reverting)
			s.healthy()
			planned = s.until(testRun, "a planned commit that reverts", isPlanned)
			_, d = stateOf(t, planned)
			s.reconcile(testRun)
			s.loseStatus(planned)
			cr := s.finish(testRun)
			wantFailed(t, cr, v1alpha1.ReasonRolloutFailed, "has put the previous state back, and it runs")
			if s.git.tip() != d.Publish.Commit || s.git.commits() != 3 {
				t.Errorf("%d commits, the tip is %s, signed was %s", s.git.commits(), s.git.tip(), d.Publish.Commit)
			}
			s.verify(key, ours)
			s.verify(key, s.git.tip())
			status := string(cr.Status.ExtraFields.Raw) + messageOf(cr)
			for _, value := range key.Secret() {
				if strings.Contains(status, value[:20]) {
					t.Error("the status has the key")
				}
			}
		})
	}
}

// A key that cannot sign is seen before anything is pushed or locked.
func TestUnusableSigningKeys(t *testing.T) {
	good := newSSHKey(t).Secret()
	for name, tc := range map[string]struct {
		signing map[string]string // nil: no such Secret
		says    []string
	}{
		"no such Secret":     {nil, []string{"Secret signing"}},
		"no key in it":       {map[string]string{"other": "x"}, []string{"Secret signing", "signing-key"}},
		"no key at all":      {map[string]string{"signing-key": "hello"}, []string{"Secret signing", "private key"}},
		"a wrong passphrase": {map[string]string{"signing-key": good["signing-key"], "passphrase": "wr0ng-passphrase"}, []string{"Secret signing", "passphrase is wrong"}},
		"no passphrase":      {map[string]string{"signing-key": good["signing-key"]}, []string{"passphrase"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			if tc.signing != nil {
				if err := s.kube.Tracker().Add(secret("signing", tc.signing)); err != nil {
					t.Fatal(err)
				}
			}
			s.create(embedded(s.signed(setServer)))
			cr := s.finish(testRun)
			wantFailed(t, cr, v1alpha1.ReasonCredentialsInvalid, tc.says...)
			if s.git.commits() != 1 || s.git.pushes != 0 || strings.Contains(messageOf(cr), "wr0ng") {
				t.Errorf("%d commits, %d pushes, message %q", s.git.commits(), s.git.pushes, messageOf(cr))
			}
			for _, a := range writingActions(s.kube.Actions()) {
				t.Errorf("the API server was asked to %s", a)
			}
		})
	}
}

// A dry run signs nothing, so it needs no key.
func TestDryRunNeedsNoSigningKey(t *testing.T) {
	s := newSite(t)
	s.create(embedded(s.signed(setServer + `,"dryRun":"true"`)))
	if cr := s.finish(testRun); !cr.IsSuccessful() {
		t.Errorf("the run is %s: %s", reasonOf(cr), messageOf(cr))
	}
}

// A key that is taken away once the run has been checked ends it without a push.
func TestSigningKeyThatGoesAway(t *testing.T) {
	good := newSSHKey(t).Secret()
	s := newSite(t)
	if err := s.kube.Tracker().Add(secret("signing", good)); err != nil {
		t.Fatal(err)
	}
	s.create(embedded(s.signed(setServer)))
	s.inPhase(testRun, Publishing)
	if err := s.kube.Tracker().Delete(corev1.SchemeGroupVersion.WithResource("secrets"), testNamespace, "signing"); err != nil {
		t.Fatal(err)
	}
	wantFailed(t, s.finish(testRun), v1alpha1.ReasonCredentialsInvalid, "Secret signing")
	if s.git.commits() != 1 || len(s.leases()) != 0 {
		t.Errorf("%d commits, locks %v", s.git.commits(), s.leases())
	}
}
