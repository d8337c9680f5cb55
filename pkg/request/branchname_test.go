package request

import (
	"strings"
	"testing"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// TestBranchFor: a branch for each change, which git takes.
func TestBranchFor(t *testing.T) {
	request := func(base string, path string, wants ...image.Want) Request {
		return Request{Git: &Git{Branch: base}, Images: wants, Updates: []Update{{Kustomize: &Kustomize{Path: path}}}}
	}
	server := image.Want{Name: "quay.io/org/server", NewTag: "1.10"}
	long := strings.Repeat("a", 120)
	seen := map[string]string{}
	for name, tc := range map[string]struct {
		r    Request
		want string
	}{
		"an image":                       {request("main", "dev", server), "tekton-gitops/main/server-1.10-"},
		"at another place":               {request("main", "prod", server), "tekton-gitops/main/server-1.10-"},
		"of another organisation":        {request("main", "dev", image.Want{Name: "quay.io/other/server", NewTag: "1.10"}), "tekton-gitops/main/server-1.10-"},
		"for another branch":             {request("release/1", "dev", server), "tekton-gitops/release/1/server-1.10-"},
		"by another name":                {request("main", "dev", image.Want{Name: "SERVER", NewName: "reg:5000/org/server", NewTag: "1.10"}), "tekton-gitops/main/server-1.10-"},
		"a digest":                       {request("main", "dev", image.Want{Name: "a", Digest: sha}), "tekton-gitops/main/a-0123456789ab-"},
		"a tag and a digest":             {request("main", "dev", image.Want{Name: "a", NewTag: "v1", Digest: sha}), "tekton-gitops/main/a-v1-"},
		"what git does not take":         {request("main", "dev", image.Want{Name: "[::1]:5000/a", NewTag: "_a..b.lock."}), "tekton-gitops/main/a-_a.b.lock-"},
		"a long name and tag":            {request("main", "dev", image.Want{Name: long, NewTag: long}), "tekton-gitops/main/" + long[:60] + "-" + long[:60] + "-"},
		"a long base":                    {request(long+long, "dev", server), "tekton-gitops/server-1.10-"},
		"several images":                 {request("main", "dev", server, image.Want{Name: "b", NewTag: "1"}), "tekton-gitops/main/update-"},
		"several images, another of one": {request("main", "dev", server, image.Want{Name: "b", NewTag: "2"}), "tekton-gitops/main/update-"},
		"values only":                    {request("main", "dev"), "tekton-gitops/main/update-"},
	} {
		got := branchFor(tc.r)
		readable, hash := got[:len(got)-2*branchHashSize], got[len(got)-2*branchHashSize:]
		if readable != tc.want || strings.Trim(hash, "0123456789abcdef") != "" || !isReference(got) {
			t.Errorf("%s: got %q, want %q and a hash", name, got, tc.want)
		}
		if other, twice := seen[got]; twice {
			t.Errorf("%s and %s have the same branch %q", name, other, got)
		}
		seen[got] = name
		if again := branchFor(tc.r); again != got {
			t.Errorf("%s: got %q, and then %q", name, got, again)
		}
	}
}
