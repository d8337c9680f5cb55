package gitrepo

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo/internal/gittest"
)

func TestContains(t *testing.T) {
	srv := gittest.Start(t)
	// 1,500 commits in a row, of which names are picked below; then a fork, a merge and a stranger.
	repo := srv.Generate(t, "history.git", 430, 1500)
	repo.Git("branch", "fork", "main~10")
	rev := func(name string) string { return repo.Git("rev-parse", name) }
	commit := func(tree string, args ...string) string {
		return repo.Git(append([]string{"commit-tree", "-m", "x", tree + "^{tree}"}, args...)...)
	}
	fork := commit("fork", "-p", rev("fork"))
	merge := commit("main", "-p", rev("main"), "-p", fork)
	stranger := commit("main")
	repo.Git("branch", "merge", merge)
	repo.Git("branch", "stranger", stranger)

	type question struct{ revision, commit string }
	cases := map[string]struct {
		question
		want  Answer // of a server that can do everything
		plain Answer // of a server without filter
	}{
		"itself":                             {question{"main", "main"}, Yes, Yes},
		"its parent":                         {question{"main", "main~1"}, Yes, Yes},
		"an ancestor far back":               {question{"main", "main~900"}, Yes, Unknown},
		"an ancestor beyond the bound":       {question{"main", "main~1400"}, Unknown, Unknown},
		"an older revision":                  {question{"main~1", "main"}, No, No},
		"an older revision by many":          {question{"main~1200", "main"}, No, No},
		"revision below the tip":             {question{"main~3", "main~5"}, Yes, Yes},
		"the side of a fork":                 {question{fork, "main"}, No, No},
		"the other side of a fork":           {question{"main", fork}, No, No},
		"the side that was merged":           {question{"merge", fork}, Yes, Yes},
		"a history of its own":               {question{"stranger", "main"}, No, No},
		"a commit that nobody has":           {question{"stranger", strings.Repeat("1", 40)}, No, No},
		"a long history without that commit": {question{"main", strings.Repeat("1", 40)}, Unknown, Unknown},
		"a revision that nobody has":         {question{strings.Repeat("1", 40), "main"}, Unknown, Unknown},
		"something that is no commit id":     {question{"v1.2.3", "main"}, Unknown, Unknown},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			q := c.question
			for _, s := range []*string{&q.revision, &q.commit} {
				if len(*s) < 40 && *s != "v1.2.3" {
					*s = rev(*s)
				}
			}
			var got [2]Answer
			for i, filter := range []string{"true", "false"} {
				repo.Git("config", "uploadpack.allowFilter", filter)
				var err error
				if got[i], err = open(t, repo, Options{}).Contains(t.Context(), q.revision, q.commit); err != nil {
					t.Error(err)
				}
			}
			if diff := cmp.Diff([2]Answer{c.want, c.plain}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestContainsIsRemembered(t *testing.T) {
	srv := gittest.Start(t)
	repo := sampleRepo(t, srv)
	first := repo.Git("rev-parse", "main")
	second := repo.Commit(map[string]gittest.File{"x": {Data: "x"}})
	memory := NewMemory(1)
	cases := []struct {
		revision, commit string
		want             Answer
		requests         int64
	}{
		{second, first, Yes, 2},
		{second, first, Yes, 0},
		{first, second, No, 2},  // makes the first forgotten
		{second, first, Yes, 2}, // so it is asked again
	}
	for _, c := range cases {
		srv.Traffic()
		got, err := open(t, repo, Options{Memory: memory}).Contains(t.Context(), c.revision, c.commit)
		if err != nil {
			t.Fatal(err)
		}
		requests, _, _ := srv.Traffic()
		if got != c.want || requests != c.requests {
			t.Errorf("%s after %d requests, want %s after %d", got, requests, c.want, c.requests)
		}
	}
}
