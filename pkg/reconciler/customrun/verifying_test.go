package customrun

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestPhasesTimeOutWithReasonsOfTheirOwn(t *testing.T) {
	for name, tc := range map[string]struct {
		prepare func(*argoServer)
		reason  v1alpha1.Reason
		says    string
	}{
		"the sync":    {func(a *argoServer) { a.stuck = true }, v1alpha1.ReasonSyncTimeout, "was not synced within"},
		"the rollout": {func(a *argoServer) { a.available = 0 }, v1alpha1.ReasonVerifyTimeout, "not proven within 30s: Deployment/server"},
		"the health":  {func(a *argoServer) { a.health = "Progressing" }, v1alpha1.ReasonVerifyTimeout, "Progressing"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			tc.prepare(s.argo)
			s.create(s.deploy("1.0.1", param("sync-timeout", "30s"), param("verify-timeout", "30s")))
			cr := s.finish(testRun)
			wantFailed(t, cr, tc.reason, tc.says)
			if resultOf(cr, "changed") != "true" || resultOf(cr, "commit") != s.git.tip() || len(s.leases()) != 0 {
				t.Errorf("changed %s, commit %s, locks %v", resultOf(cr, "changed"), resultOf(cr, "commit"), s.leases())
			}
		})
	}
}

func TestSyncThatIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		err    error
		reason v1alpha1.Reason // empty: it succeeds in the end
	}{
		"another operation is in progress": {status.Error(codes.FailedPrecondition, "another operation is already in progress"), ""},
		"Argo CD is away":                  {status.Error(codes.Unavailable, "connection refused"), ""},
		"a sync window":                    {status.Error(codes.PermissionDenied, "cannot sync: blocked by sync window"), v1alpha1.ReasonSyncWindowClosed},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.create(s.deploy("1.0.1"))
			s.inPhase(testRun, Syncing)
			s.argo.set(func(a *argoServer) { a.syncErr, a.windowClosed = tc.err, tc.reason != "" })
			cr := s.finish(testRun)
			if tc.reason != "" {
				wantFailed(t, cr, tc.reason)
				return
			}
			if !cr.IsSuccessful() || len(s.argo.syncedBy()) != 1 {
				t.Errorf("the run is %s: %s, syncs %v", reasonOf(cr), messageOf(cr), s.argo.syncedBy())
			}
		})
	}
}

func TestRolloutThatCannotSucceedFailsEarly(t *testing.T) {
	for name, tc := range map[string]struct {
		argo   func(*argoServer)
		extra  []v1beta1.Param
		reason v1alpha1.Reason
		says   []string
	}{
		"pods cannot pull the image": {
			func(a *argoServer) {
				a.available, a.podMessage = 0, `Back-off pulling image "quay.io/team/server:1.0.1"`
			}, nil,
			v1alpha1.ReasonRolloutFailed, []string{"Deployment/server: ", "server-1-a", "Back-off pulling image"},
		},
		"another image runs although it is synced": {
			func(a *argoServer) { a.image = "quay.io/team/server:0.9" }, nil,
			v1alpha1.ReasonImageMismatch, []string{"Deployment/server runs quay.io/team/server:0.9"},
		},
		"no workload runs the image": {
			func(a *argoServer) { a.gone, a.others = true, []string{"quay.io/team/client:1", "quay.io/team/db:2"} }, nil,
			v1alpha1.ReasonImageNotInManifest, []string{"quay.io/team/server", "its workloads run quay.io/team/client:1, quay.io/team/db:2"},
		},
		"there is no workload at all": {
			func(a *argoServer) { a.gone = true }, nil, v1alpha1.ReasonImageNotInManifest, []string{"it has no workload"},
		},
		"the named workload never appears": {
			func(a *argoServer) { a.gone = true }, []v1beta1.Param{param("workload", "Deployment/server"), param("workload-namespace", "dev"), param("verify-timeout", "30s")},
			v1alpha1.ReasonVerifyTimeout, []string{"Deployment/server does not exist yet"},
		},
		"too many workloads": {
			func(a *argoServer) { a.others = make([]string, maxWorkloads) }, nil, v1alpha1.ReasonInvalidSpec, []string{"51 of them, at most 50", "verify.workloads"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.create(s.deploy("1.0.1", tc.extra...))
			s.inPhase(testRun, Syncing)
			s.argo.set(tc.argo)
			wantFailed(t, s.finish(testRun), tc.reason, tc.says...)
			if got := s.leases(); len(got) != 0 {
				t.Errorf("locks left: %v", got)
			}
		})
	}
}

func TestNamedWorkloadIsTheOneThatCounts(t *testing.T) {
	s := newSite(t)
	s.argo.others = []string{"quay.io/team/server:0.1"} // of another team
	s.create(s.deploy("1.0.1", param("workload", "Deployment/server"), param("container", "server")))
	if cr := s.finish(testRun); !cr.IsSuccessful() {
		t.Errorf("the run is %s: %s", reasonOf(cr), messageOf(cr))
	}
}

func TestProofHasToStayTrue(t *testing.T) {
	s := newSite(t)
	run := embedded(`{
		"git": {"url":"` + s.git.url + `","secretRef":{"name":"git"}},
		"images": [{"name":"quay.io/team/server","newTag":"1.0.1"}],
		"update": [{"kustomize":{"path":"overlays/dev"}}],
		"argocd": {"server":"` + s.argo.address + `","plaintext":"true","secretRef":{"name":"argocd"},"applications":[{"name":"catalog","project":"default"}]},
		"verify": {"stableFor":"20s"}
	}`)
	s.create(run)
	s.until(testRun, "the proof is complete", func(cr *v1beta1.CustomRun) bool {
		return strings.Contains(messageOf(cr), "watching that it stays so for 20s")
	})
	s.argo.set(func(a *argoServer) { a.available = 0 })
	s.until(testRun, "the proof is gone", func(cr *v1beta1.CustomRun) bool { return !strings.Contains(messageOf(cr), "watching") })
	s.argo.set(func(a *argoServer) { a.available = 1 })
	s.until(testRun, "the proof is complete again", func(cr *v1beta1.CustomRun) bool { return strings.Contains(messageOf(cr), "watching") })
	began := s.now.Now()
	if cr := s.finish(testRun); !cr.IsSuccessful() || s.now.Now().Sub(began) < 19*time.Second {
		t.Errorf("the run is %s after %s", reasonOf(cr), s.now.Now().Sub(began))
	}
}

// What syncs after the commit may be newer than it: whether it contains the commit is asked of the repository.
func TestNewerRevisionThatContainsTheCommitCounts(t *testing.T) {
	s := newSite(t)
	s.create(s.deploy("1.0.1"))
	s.inPhase(testRun, Syncing)
	ours := s.git.tip()
	newer := s.git.commit(map[string]string{"README.md": "somebody else's change"})
	cr := s.finish(testRun)
	if !cr.IsSuccessful() || resultOf(cr, "commit") != ours || resultOf(cr, "revision") != newer {
		t.Errorf("the run is %s: %s, commit %s, revision %s", reasonOf(cr), messageOf(cr), resultOf(cr, "commit"), resultOf(cr, "revision"))
	}
}

func TestNewerImageSupersedesTheRun(t *testing.T) {
	s := newSite(t)
	s.create(s.deploy("1.0.1"))
	s.inPhase(testRun, Syncing)
	s.git.commit(map[string]string{overlay: strings.ReplaceAll(kustomization100, "1.0.0", "3.0.0")})
	wantFailed(t, s.finish(testRun), v1alpha1.ReasonSuperseded, "quay.io/team/server:3.0.0")
}

func TestDigestAndNamesOfImages(t *testing.T) {
	if got := digestOf("quay.io/a@sha256:" + strings.Repeat("0", 64)); got != "sha256:"+strings.Repeat("0", 64) {
		t.Errorf("digest is %q", got)
	}
	if digestOf("quay.io/a:1") != "" || digestOf("no reference!") != "" {
		t.Error("a digest where there is none")
	}
	if !sameName("docker.io/library/nginx", "nginx:1") || sameName("nginx", "quay.io/nginx:1") || sameName("nginx", "no reference!") {
		t.Error("names are compared wrongly")
	}
	if short("abc") != "abc" || short(strings.Repeat("a", 40)) != strings.Repeat("a", 10) {
		t.Error("commit ids are abbreviated wrongly")
	}
	var many workloads
	for i := range 12 {
		many.others = append(many.others, fmt.Sprintf("quay.io/team/other-%02d:1", i))
	}
	if err := notInManifest("server", []*application{{found: many}}); !errors.Is(err, errNotInManifest) || !strings.HasSuffix(err.Error(), "other-09:1, and 2 more") {
		t.Errorf("error is %v", err)
	}
}

func TestVerifyOnlyTellsWhatIsNewAgainstTheRecord(t *testing.T) {
	s := newSite(t)
	verify := func(name string) *v1beta1.CustomRun {
		t.Helper()
		cr := byParameters(param("update", "none"), param("image", "quay.io/team/server"), param("argocd-application", "catalog"), param("argocd-project", "default"),
			param("argocd-server", s.argo.address), param("argocd-secret", "argocd"), param("plaintext", "true"), param("lock", "catalog"))
		cr.Name = name
		s.create(cr)
		cr = s.finish(name)
		if !cr.IsSuccessful() {
			t.Fatalf("%s is %s: %s", name, reasonOf(cr), messageOf(cr))
		}
		return cr
	}
	for _, tc := range []struct{ name, changed string }{{"without-a-record", "true"}, {"the-same", "false"}} {
		if cr := verify(tc.name); resultOf(cr, "changed") != tc.changed {
			t.Errorf("%s: changed is %s, want %s", tc.name, resultOf(cr, "changed"), tc.changed)
		}
	}
	s.wantNothingDone()
}
