package customrun

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
)

// site is a harness with a real git server and an Argo CD, and the Secrets for both.
type site struct {
	*harness
	git  *gitServer
	argo *argoServer
}

func newSite(t *testing.T) *site {
	t.Helper()
	git := newGitServer(t)
	s := &site{git: git, argo: newArgoServer(t, git)}
	s.harness = newHarness(t,
		secret("git", map[string]string{"username": "pipeline", "password": gitPassword}),
		secret("argocd", map[string]string{"ARGOCD_AUTH_TOKEN": argoToken}))
	return s
}

// deploy is a run that sets a tag.
func (s *site) deploy(tag string, extra ...v1beta1.Param) *v1beta1.CustomRun {
	return byParameters(append([]v1beta1.Param{
		param("repo-url", s.git.url), param("git-secret", "git"), param("path", "overlays/dev"), param("image", "quay.io/team/server"), param("tag", tag),
		param("argocd-application", "catalog"), param("argocd-project", "default"), param("argocd-server", s.argo.address), param("argocd-secret", "argocd"), param("plaintext", "true"),
		param("lock", "catalog"),
	}, extra...)...)
}

// noSecrets fails the test when a status or an event holds a credential.
func (s *site) noSecrets() {
	s.t.Helper()
	text := fmt.Sprint(s.get(testRun).Status, string(s.get(testRun).Status.ExtraFields.Raw), s.recorded())
	for _, secret := range []string{gitPassword, argoToken} {
		if strings.Contains(text, secret) {
			s.t.Errorf("%s is in the status or in an event", secret)
		}
	}
}

// wantNothingDone checks that a run has pushed nothing, synced nothing and locked nothing.
func (s *site) wantNothingDone() {
	s.t.Helper()
	if s.git.commits() != 1 || len(s.argo.syncedBy()) != 0 || len(s.leases()) != 0 {
		s.t.Errorf("%d commits, syncs %v, locks %v", s.git.commits(), s.argo.syncedBy(), s.leases())
	}
}

func TestDeploy(t *testing.T) {
	s := newSite(t)
	cr := s.deploy("1.0.1")
	cr.Labels = map[string]string{"tekton.dev/pipelineRun": "release-7", "tekton.dev/pipeline": "release"}
	s.create(cr)
	cr = s.finish(testRun)
	if !cr.IsSuccessful() {
		t.Fatalf("the run is %s: %s", reasonOf(cr), messageOf(cr))
	}
	tip := s.git.tip()
	if got, want := messageOf(cr), "Deployment/server runs quay.io/team/server:1.0.1 at revision "+tip[:10]; got != want {
		t.Errorf("message is %q, want %q", got, want)
	}
	for name, want := range map[string]string{
		"changed": "true", "commit": tip, "previous-image": "quay.io/team/server:1.0.0", "image": "quay.io/team/server:1.0.1", "revision": tip, "health": "Healthy",
		"image-digest": "sha256:" + strings.Repeat("a", 64), "application-url": "https://argocd.example.com/applications/argocd/catalog", "reverted": "",
		"images": `[{"name":"quay.io/team/server","previous":"quay.io/team/server:1.0.0","image":"quay.io/team/server:1.0.1"}]`,
	} {
		if got := resultOf(cr, name); got != want {
			t.Errorf("result %s is %q, want %q", name, got, want)
		}
	}
	if got := resultOf(cr, "diff"); !strings.Contains(got, "-  newTag: 1.0.0 # moved") || !strings.Contains(got, "+  newTag: 1.0.1 # moved") {
		t.Errorf("diff is %q", got)
	}
	_, d := stateOf(t, cr)
	var phases []Phase
	for _, p := range d.Timeline {
		phases = append(phases, p.Phase)
	}
	if want := []Phase{Preparing, Locking, Publishing, Syncing, Verifying, Releasing}; cmp.Diff(want, phases) != "" {
		t.Errorf("phases were %v", phases)
	}
	if s.git.commits() != 2 || len(s.leases()) != 0 || cmp.Diff([]string{"uid-of-deploy"}, s.argo.syncedBy()) != "" {
		t.Errorf("%d commits, locks %v, syncs %v", s.git.commits(), s.leases(), s.argo.syncedBy())
	}
	text, _ := s.git.git("", "log", "-1", "--format=%B", "main")
	for _, trailer := range []string{"Tekton-PipelineRun: team/release-7", "Tekton-CustomRun: team/deploy", "Tekton-CustomRun-UID: uid-of-deploy"} {
		if !strings.Contains(text, "\n"+trailer) {
			t.Errorf("the commit says %q, without %q", text, trailer)
		}
	}
	for _, e := range s.recorded() {
		if strings.HasPrefix(e, "Warning") {
			t.Errorf("event %q", e)
		}
	}
	s.noSecrets()
	if len(s.plans.by)+len(s.memories.by)+len(s.failures.count)+len(s.watches.open) != 0 {
		t.Error("something is remembered of a run that has ended")
	}
}

func TestSecondDeployFindsNothingToChange(t *testing.T) {
	s := newSite(t)
	s.create(s.deploy("1.0.1"))
	s.finish(testRun)
	second := s.deploy("1.0.1")
	second.Name = "second"
	s.create(second)
	cr := s.finish("second")
	if !cr.IsSuccessful() || resultOf(cr, "changed") != "false" || resultOf(cr, "commit") != s.git.tip() || resultOf(cr, "diff") != "" {
		t.Errorf("the run is %s: %s, results %v", reasonOf(cr), messageOf(cr), cr.Status.Results)
	}
	if !strings.HasSuffix(messageOf(cr), "(nothing was to change)") || s.git.commits() != 2 {
		t.Errorf("message %q, %d commits", messageOf(cr), s.git.commits())
	}
	record, err := readRecord(t.Context(), s.dynamic.Resource(v1alpha1.Resource("gitopsrecords")).Namespace(testNamespace), "catalog")
	if err != nil {
		t.Fatal(err)
	}
	if record.Run != "second" || record.Summary != "quay.io/team/server:1.0.1" || record.Application != "catalog" || record.Repository != s.git.url || len(record.History) != 1 || record.History[0].Run != testRun {
		t.Errorf("the record is %+v", record)
	}
}

func TestDeployWithoutAnApplicationEndsWithThePush(t *testing.T) {
	s := newSite(t)
	s.create(byParameters(param("repo-url", s.git.url), param("git-secret", "git"), param("path", "overlays/dev"), param("image", "quay.io/team/server"), param("tag", "2")))
	cr := s.finish(testRun)
	if !cr.IsSuccessful() || messageOf(cr) != "pushed commit "+s.git.tip()[:10] || s.git.tagAt("main") != "2" {
		t.Errorf("the run is %s: %s", reasonOf(cr), messageOf(cr))
	}
}

// What can be seen before anything is changed is seen then.
func TestPreparingFindsFaultsBeforeAnythingIsDone(t *testing.T) {
	for name, tc := range map[string]struct {
		broken func(*site)
		extra  []v1beta1.Param
		reason v1alpha1.Reason
		says   string
	}{
		"wrong git password":     {func(s *site) { s.replaceSecret("git", "password", "wrong-password") }, nil, v1alpha1.ReasonCredentialsInvalid, "credentials"},
		"read-only credentials":  {func(s *site) { s.git.readOnly = true }, nil, v1alpha1.ReasonCredentialsInvalid, ""},
		"no such branch":         {func(s *site) { s.argo.target = "HEAD" }, []v1beta1.Param{param("branch", "trunk")}, v1alpha1.ReasonInvalidSpec, "trunk"},
		"no kustomization file":  {func(s *site) { s.git.commit(map[string]string{"empty/README": "x"}) }, []v1beta1.Param{param("path", "empty")}, v1alpha1.ReasonManifestInvalid, "empty has no kustomization.yaml"},
		"two of them":            {func(s *site) { s.git.commit(map[string]string{"overlays/dev/Kustomization": "{}"}) }, nil, v1alpha1.ReasonManifestInvalid, "more than one kustomization file"},
		"no YAML":                {func(s *site) { s.git.commit(map[string]string{overlay: "images: [\n"}) }, nil, v1alpha1.ReasonManifestInvalid, overlay},
		"no such directory":      {func(*site) {}, []v1beta1.Param{param("path", "nowhere")}, v1alpha1.ReasonManifestInvalid, "nowhere"},
		"no such application":    {func(s *site) { s.argo.absent = true }, nil, v1alpha1.ReasonApplicationNotFound, "catalog"},
		"no right to sync":       {func(s *site) { s.argo.denied = true }, nil, v1alpha1.ReasonPermissionDenied, "may not sync applications default/catalog"},
		"another repository":     {func(s *site) { s.argo.repository = "https://git.example.com/other" }, nil, v1alpha1.ReasonApplicationMismatch, "https://git.example.com/other"},
		"an unreachable address": {func(*site) {}, []v1beta1.Param{param("argocd-server", "argocd.example.com"), param("repo-url", "http://127.0.0.2/x")}, v1alpha1.ReasonPolicyDenied, "127.0.0.2"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			tc.broken(s)
			before := s.git.commits()
			run := s.deploy("1.0.1")
			for _, p := range tc.extra {
				for i := range run.Spec.Params {
					if run.Spec.Params[i].Name == p.Name {
						run.Spec.Params[i] = p
						p.Name = ""
					}
				}
				if p.Name != "" {
					run.Spec.Params = append(run.Spec.Params, p)
				}
			}
			s.create(run)
			wantFailed(t, s.finish(testRun), tc.reason, tc.says)
			s.noSecrets()
			if s.git.commits() != before || len(s.argo.syncedBy()) != 0 || len(s.leases()) != 0 {
				t.Errorf("%d commits, syncs %v, locks %v", s.git.commits(), s.argo.syncedBy(), s.leases())
			}
			for _, a := range writingActions(s.kube.Actions()) {
				t.Errorf("the API server was asked to %s", a)
			}
		})
	}
}

func (s *site) replaceSecret(name, key, value string) {
	s.t.Helper()
	stored, err := s.kube.CoreV1().Secrets(testNamespace).Get(s.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	stored.Data[key] = []byte(value)
	if err := s.kube.Tracker().Update(corev1.SchemeGroupVersion.WithResource("secrets"), stored, testNamespace); err != nil {
		s.t.Fatal(err)
	}
}

func TestCancelledInEachPhaseLeavesNoLock(t *testing.T) {
	for _, phase := range []Phase{Preparing, Locking, Publishing, Syncing, Verifying} {
		t.Run(string(phase), func(t *testing.T) {
			s := newSite(t)
			s.argo.available = 0 // it never leaves Verifying by itself
			s.create(s.deploy("1.0.1"))
			s.inPhase(testRun, phase)
			s.cancel(testRun, v1beta1.CustomRunCancelledByPipelineMsg)
			cr := s.finish(testRun)
			wantFailed(t, cr, v1alpha1.ReasonCancelled, string(v1beta1.CustomRunCancelledByPipelineMsg))
			if got := s.leases(); len(got) != 0 {
				t.Errorf("locks left: %v", got)
			}
			if got, want := resultOf(cr, "changed") == "true", s.git.commits() == 2; got != want {
				t.Errorf("changed is %v, pushed is %v", got, want)
			}
		})
	}
}

func TestTimedOutInEachPhaseLeavesNoLock(t *testing.T) {
	for _, phase := range []Phase{Preparing, Publishing, Syncing, Verifying} {
		t.Run(string(phase), func(t *testing.T) {
			s := newSite(t)
			s.argo.available = 0
			s.create(s.deploy("1.0.1"))
			s.inPhase(testRun, phase)
			s.now.Step(61 * time.Minute)
			wantFailed(t, s.finish(testRun), v1alpha1.ReasonTimedOut, "it was in phase "+string(phase))
			if got := s.leases(); len(got) != 0 {
				t.Errorf("locks left: %v", got)
			}
		})
	}
}

// Every status of a deployment, seen once more after it is long past, has no effect.
func TestStaleStatusesHaveNoEffect(t *testing.T) {
	s := newSite(t)
	s.create(s.deploy("1.0.1"))
	var versions []*v1beta1.CustomRun
	s.until(testRun, "the end", func(cr *v1beta1.CustomRun) bool {
		versions = append(versions, cr)
		return cr.IsDone()
	})
	last := s.get(testRun).ResourceVersion
	for _, old := range versions {
		for range 3 {
			s.refreshCache()
			s.reconcileVersion(old)
		}
	}
	if s.git.commits() != 2 || len(s.argo.syncedBy()) != 1 || len(s.leases()) != 0 || s.get(testRun).ResourceVersion != last {
		t.Errorf("%d commits, syncs %v, locks %v, version %s after %s", s.git.commits(), s.argo.syncedBy(), s.leases(), s.get(testRun).ResourceVersion, last)
	}
}

func TestRecordIsWrittenOnce(t *testing.T) {
	s := newSite(t)
	s.create(s.deploy("1.0.1"))
	s.inPhase(testRun, Releasing)
	s.reconcile(testRun)
	s.reconcile(testRun)
	s.reconcile(testRun)
	if d := cmp.Diff([]string{"create gitopsrecords/"}, writingActions(s.dynamic.Actions())); d != "" {
		t.Error(d)
	}
}

// Nothing that fails in the end may keep the run from ending: the lock of a run that is done can be taken over.
func TestReleasingEndsAfterItsBound(t *testing.T) {
	s := newSite(t)
	s.create(s.deploy("1.0.1"))
	s.inPhase(testRun, Releasing)
	s.kube.PrependReactor("delete", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewServiceUnavailable("away")
	})
	began := s.now.Now()
	cr := s.finish(testRun)
	if took := s.now.Now().Sub(began); !cr.IsSuccessful() || took < releaseBound-time.Second || took > releaseBound+maxBackoff {
		t.Errorf("the run is %s: %s after %s", reasonOf(cr), messageOf(cr), took)
	}
	next := s.deploy("1.0.2")
	next.Name = "next"
	s.create(next)
	if cr := s.inPhase("next", Locking); !strings.Contains(messageOf(cr), "catalog") {
		t.Errorf("message is %q", messageOf(cr))
	}
}

func TestLeaderElectionLeaseIsNeverTouched(t *testing.T) {
	s := newSite(t)
	holder, renewed := "some-controller_1", metav1.NewMicroTime(testStart)
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: "catalog", UID: "l", ResourceVersion: "1"}}
	lease.Spec.HolderIdentity, lease.Spec.RenewTime = &holder, &renewed
	if err := s.kube.Tracker().Add(lease); err != nil {
		t.Fatal(err)
	}
	s.create(s.deploy("1.0.1"))
	wantFailed(t, s.finish(testRun), v1alpha1.ReasonInvalidSpec, "leader election")
	if d := cmp.Diff(map[string]string{"catalog": holder}, s.leases()); d != "" {
		t.Error(d)
	}
}

// The second attempt finds on the branch what the first has pushed: the run has still changed it.
func TestRetryAfterAFailedRolloutStillReportsItsChange(t *testing.T) {
	s := newSite(t)
	s.argo.available = 0
	run := s.deploy("1.0.1", param("verify-timeout", "20s"))
	run.Spec.Retries = 1
	s.create(run)
	s.until(testRun, "the second attempt", func(cr *v1beta1.CustomRun) bool { return len(cr.Status.RetriesStatus) == 1 })
	if got := s.leases(); len(got) != 0 {
		t.Errorf("locks left between the attempts: %v", got)
	}
	s.argo.set(func(a *argoServer) { a.available = 1 })
	cr := s.finish(testRun)
	if !cr.IsSuccessful() || resultOf(cr, "changed") != "true" || resultOf(cr, "commit") != s.git.tip() || resultOf(cr, "previous-image") != "quay.io/team/server:1.0.0" || s.git.commits() != 2 {
		t.Errorf("the run is %s: %s, results %v", reasonOf(cr), messageOf(cr), cr.Status.Results)
	}
	if past := cr.Status.RetriesStatus[0]; past.Conditions[0].Reason != string(v1alpha1.ReasonVerifyTimeout) {
		t.Errorf("the first attempt ended with %+v", past.Conditions)
	}
}
