package customrun

import (
	"fmt"
	"testing"
	"time"

	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"
	"k8s.io/apimachinery/pkg/types"
)

func TestPlansAreKeptForTheirCommitOnly(t *testing.T) {
	p := newPlans()
	open := func() *gitrepo.Repository {
		r, err := gitrepo.Open(gitrepo.Remote{URL: "https://git.example.com/x", Branch: "main"}, gitrepo.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	p.put("a", &plan{repository: open(), commit: gitrepo.Commit{ID: "c1"}})
	if p.get("a", "c1") == nil || p.get("a", "c2") != nil || p.get("b", "c1") != nil {
		t.Error("a plan is found by the wrong commit, or not by its own")
	}
	p.forget("a")
	p.forget("a")
	if p.get("a", "c1") != nil {
		t.Error("a forgotten plan is found")
	}
	for i := range 3 * maxPlans {
		p.put(types.UID(fmt.Sprint(i)), &plan{repository: open(), commit: gitrepo.Commit{ID: "c"}})
	}
	if len(p.by) != maxPlans || p.get(types.UID(fmt.Sprint(3*maxPlans-1)), "c") == nil {
		t.Errorf("%d plans are kept, want %d with the newest", len(p.by), maxPlans)
	}
}

func TestMemoriesAreDroppedWhenNobodyUsesThem(t *testing.T) {
	m := newMemories()
	a := m.of("a", testStart)
	a.contains["revision"] = argocd.Yes
	m.of("b", testStart.Add(30*time.Minute))
	if got := m.of("a", testStart.Add(time.Minute)); got != a || got.contains["revision"] != argocd.Yes {
		t.Error("a run has another memory at its second look")
	}
	m.of("c", testStart.Add(62*time.Minute))
	if len(m.by) != 2 || m.by["a"] != nil || m.by["b"] == nil {
		t.Errorf("kept are %v", m.by)
	}
	m.forget("b")
	if m.by["b"] != nil {
		t.Error("a forgotten memory is there")
	}
}
