package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// Runs for two repositories share a lock: one waits for the other, and nothing of either is lost.
func TestTwoRepositoriesOnOneLock(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{Environments: []string{"dev", "test"}})
	files, err := testbed.SampleFiles()
	if err != nil {
		t.Fatal(err)
	}
	second, err := n.CreateRepository(t.Context(), n.Namespace+"-second", files)
	if err != nil {
		t.Fatal(err)
	}
	n.patchApplication("test", `{"spec":{"source":{"repoURL":"`+second.HTTPURL+`"}}}`)
	history := n.recordHistory()
	n.lease(lockName, "somebody", 0)
	n.create(n.locked("one", "1.0.1"))
	n.create(n.locked("two", "1.0.2", param("repo-url", second.HTTPURL), param("path", "overlays/test"), param("argocd-application", n.App("test"))))
	for _, run := range []string{"one", "two"} {
		n.waitForMessage(run, "waiting for lock "+lockName)
	}
	n.deleteLease(lockName)
	for run, repository := range map[string]*localcluster.Repository{"one": n.Repository, "two": second} {
		cr := n.finish(run)
		wantSucceeded(t, cr)
		log, err := repository.Log(t.Context(), localcluster.Branch)
		if err != nil {
			t.Fatal(err)
		}
		if len(log) != 2 || log[0].ID != result(cr, "commit") {
			t.Errorf("run %s: %d commits in its repository, want the first one and %s", run, len(log), result(cr, "commit"))
		}
	}
	if err := mutualExclusion(lockName, history.until(n, "one", "two")); err != nil {
		t.Error(err)
	}
	n.noLease()
}

// Runs under two locks push to one branch at the same time.
func TestOneRepositoryUnderTwoLocks(t *testing.T) {
	t.Parallel()
	environments := []string{"dev", "test"}
	n := newTenant(t, testbed.TenantOptions{Environments: environments})
	const each = 3
	for i := range each {
		for _, environment := range environments {
			n.create(n.deploy(fmt.Sprintf("%s-%d", environment, i), fmt.Sprintf("1.%d.0", i+1), param("path", "overlays/"+environment),
				param("argocd-application", n.App(environment)), param("lock", "catalog-"+environment)))
		}
	}
	commits := map[string]bool{}
	for i := range each {
		for _, environment := range environments {
			cr := n.finish(fmt.Sprintf("%s-%d", environment, i))
			wantSucceeded(t, cr)
			wantResults(t, cr, map[string]string{"changed": "true"})
			commits[result(cr, "commit")] = true
		}
	}
	if got := n.commits(); got != each*len(environments) || len(commits) != got {
		t.Errorf("%d commits on the branch, %d in the results, want %d", got, len(commits), each*len(environments))
	}
	if merges, err := n.Repository.Git(t.Context(), "rev-list", "--merges", localcluster.Branch); err != nil || merges != "" {
		t.Errorf("merges: %q, %v", merges, err)
	}
	for _, environment := range environments {
		overlay, err := n.Repository.ReadFile(t.Context(), localcluster.Branch, "overlays/"+environment+"/kustomization.yaml")
		if err != nil {
			t.Fatal(err)
		}
		// Creation times are whole seconds, so which of the runs is the last is not said here.
		if tag, found := strings.CutPrefix(n.liveImage(environment), serverImage+":"); !found || !strings.Contains(overlay, "newTag: "+tag) {
			t.Errorf("%s runs %s, but the branch has\n%s", environment, n.liveImage(environment), overlay)
		}
	}
	n.noLease()
}
