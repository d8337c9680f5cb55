package gitrepo

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo/internal/gittest"
)

const prBranch = "push/v2"

// allKinds are the kinds of servers there are, by the configuration of the repository.
var allKinds = map[string][]string{
	"server with partial fetch":             nil,
	"server without filter":                 {"uploadpack.allowFilter=false"},
	"server without objects by id":          {"uploadpack.allowAnySHA1InWant=false"},
	"server without both":                   {"uploadpack.allowFilter=false", "uploadpack.allowAnySHA1InWant=false"},
	"server that refuses filters it offers": {"uploadpackfilter.allow=false"},
}

func configure(repo *gittest.Repo, config []string) {
	for _, kv := range config {
		key, value, _ := strings.Cut(kv, "=")
		repo.Git("config", key, value)
	}
}

// overBoth runs a test over http and ssh, on every kind of server.
func overBoth(t *testing.T, test func(t *testing.T, repo *gittest.Repo, connect func() *Repository)) {
	for name, config := range allKinds {
		t.Run(name, func(t *testing.T) {
			repo := sampleRepo(t, gittest.Start(t))
			configure(repo, config)
			test(t, repo, func() *Repository { return open(t, repo, Options{}) })
		})
		t.Run(name+" over ssh", func(t *testing.T) {
			srv := gittest.Start(t)
			repo := sampleRepo(t, srv)
			configure(repo, config)
			host := srv.StartSSH(t)
			test(t, repo, func() *Repository { return openSSH(t, host.URL(repo), sshAuth(host), Options{}) })
		})
	}
}

// tipOf is the branch's tip by the client, which must be what the server has.
func tipOf(t *testing.T, r *Repository, repo *gittest.Repo, branch string) string {
	t.Helper()
	tip, err := r.TipOf(t.Context(), branch)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(repo.Git("for-each-ref", "--format=%(objectname)", "refs/heads/"+branch), tip); diff != "" {
		t.Error(diff)
	}
	return tip
}

// The life of a pull request's branch: made, looked at, made anew on a base that has moved, and deleted. Each
// step is done twice, as by a process that was killed after the first time.
func TestBranchOfAPullRequest(t *testing.T) {
	overBoth(t, func(t *testing.T, repo *gittest.Repo, connect func() *Repository) {
		r, again := connect(), connect()
		s, first, files := plan(t, r, "x: 1\n")
		if diff := cmp.Diff("", tipOf(t, r, repo, prBranch)); diff != "" {
			t.Error(diff)
		}
		if err := r.PushTo(t.Context(), prBranch, "", s, first, files); err != nil {
			t.Fatal(err)
		}
		wantError(t, again.PushTo(t.Context(), prBranch, "", s, first, files), ErrMoved)
		if diff := cmp.Diff(first.ID, tipOf(t, again, repo, prBranch)); diff != "" {
			t.Error(diff)
		}
		for _, r := range []*Repository{r, connect()} {
			text, parents, err := r.Message(t.Context(), first.ID)
			if diff := cmp.Diff([]string{"x\n", first.Parent}, append([]string{text}, parents...)); diff != "" || err != nil {
				t.Error(diff, err)
			}
			wantFile(t, r, first.ID, "x: 1\n")
		}

		// Somebody commits to the base, and ours is made anew on top of that.
		base := repo.Commit(map[string]gittest.File{"other": {Data: "x"}})
		s, second, files := plan(t, r, "x: 2\n")
		wantError(t, r.PushTo(t.Context(), prBranch, base, s, second, files), ErrMoved)
		wantError(t, r.PushTo(t.Context(), prBranch, "", s, second, files), ErrMoved)
		if err := r.PushTo(t.Context(), prBranch, first.ID, s, second, files); err != nil {
			t.Fatal(err)
		}
		wantError(t, again.PushTo(t.Context(), prBranch, first.ID, s, second, files), ErrMoved)
		if diff := cmp.Diff(second.ID, tipOf(t, again, repo, prBranch)); diff != "" {
			t.Error(diff)
		}
		wantFile(t, r, second.ID, "x: 2\n")
		if diff := cmp.Diff("M\t"+devFile, repo.Git("diff", "--name-status", "main", prBranch)); diff != "" {
			t.Error(diff)
		}

		wantError(t, r.DeleteBranch(t.Context(), prBranch, first.ID), ErrMoved)
		for range 2 {
			if err := r.DeleteBranch(t.Context(), prBranch, second.ID); err != nil {
				t.Error(err)
			}
		}
		// The server has all of the objects already.
		if err := r.PushTo(t.Context(), "again", "", s, second, files); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff("again "+second.ID+"\nmain "+base, repo.Git("for-each-ref", "--format=%(refname:short) %(objectname)")); diff != "" {
			t.Error(diff)
		}
		repo.Fsck()
	})
}

func wantFile(t *testing.T, r *Repository, commit, want string) {
	t.Helper()
	s, err := r.Snapshot(t.Context(), commit)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.ReadFile(t.Context(), devFile)
	if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestBranchRefused(t *testing.T) {
	cases := map[string]struct {
		branch   string // default prBranch
		old      string // a revision of the server
		existing string // branches of the server, at main
		config   string
		hook     string
		readOnly bool
		push     error
		remove   error // of DeleteBranch, if old is there
		words    string
	}{
		"a branch that is a part of the name":    {existing: "push", push: ErrRejected, words: "branch push stands in the way, choose another name"},
		"a branch that begins with the name":     {existing: prBranch + "/x", push: ErrRejected, words: "branch push/v2/x stands in the way"},
		"a rule against replacing what is there": {existing: "side", branch: "side", old: "side", config: "receive.denyNonFastForwards=true", push: ErrRejected, words: "the server does not let a branch be replaced: non-fast-forward"},
		"a rule against deleting":                {existing: prBranch, old: "main", config: "receive.denyDeletes=true", remove: ErrRejected, words: "deletion prohibited"},
		"a hook":                                 {existing: prBranch, old: "main", hook: "echo no branches of robots; exit 1", push: ErrRejected, remove: ErrRejected, words: "no branches of robots"},
		"a token that may only read":             {existing: prBranch, old: "main", readOnly: true, push: ErrForbidden, remove: ErrForbidden, words: "Write access"},
		"no branch where one was":                {old: "main", push: ErrMoved},
		"the base branch":                        {branch: "main", old: "main", push: ErrURL, remove: ErrURL, words: "main is the base branch itself"},
		"a name that is none":                    {branch: "a..b", old: "main", push: ErrURL, remove: ErrURL, words: `"a..b" is not a branch name`},
		"an old tip that is no id":               {old: "abc", push: ErrMismatch, remove: ErrMismatch, words: "not a full commit id"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			repo := sampleRepo(t, gittest.Start(t))
			repo.Git("branch", "side", repo.Git("commit-tree", "-m", "side", "main^{tree}"))
			if c.existing != "" && c.existing != "side" {
				repo.Git("branch", c.existing, "main")
			}
			if c.config != "" {
				configure(repo, []string{c.config})
			}
			if c.hook != "" {
				repo.Hook("pre-receive", c.hook)
			}
			branch, old := c.branch, c.old
			if branch == "" {
				branch = prBranch
			}
			if old != "" && old != "abc" {
				old = repo.Git("rev-parse", old)
			}
			r := open(t, repo, Options{})
			s, commit, files := plan(t, r, "x: 1\n")
			if c.readOnly {
				var err error
				r, err = Open(Remote{URL: repo.URL, Branch: "main", Auth: Auth{Username: gittest.User, Password: gittest.ReadOnly}}, Options{AllowHTTP: true})
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
			}
			before := repo.Git("for-each-ref")
			check := func(what string, got, want error) {
				t.Helper()
				wantError(t, got, want)
				if want != nil && !strings.Contains(got.Error(), c.words) {
					t.Errorf("%s: error is %v, want %q in it", what, got, c.words)
				}
				if diff := cmp.Diff(before, repo.Git("for-each-ref")); want != nil && diff != "" {
					t.Errorf("%s: %s", what, diff)
				}
			}
			if c.remove != nil {
				check("delete", r.DeleteBranch(t.Context(), branch, old), c.remove)
			}
			check("push", r.PushTo(t.Context(), branch, old, s, commit, files), c.push)
		})
	}
}

func TestPushToRefusesAnotherSnapshotsCommit(t *testing.T) {
	repo := sampleRepo(t, gittest.Start(t))
	r := open(t, repo, Options{})
	s, commit, files := plan(t, r, "x: 1\n")
	files[devFile] = []byte("x: 2\n")
	wantError(t, r.PushTo(t.Context(), prBranch, "", s, commit, files), ErrMismatch)
	if diff := cmp.Diff("", tipOf(t, r, repo, prBranch)); diff != "" {
		t.Error(diff)
	}
}

func TestTipOf(t *testing.T) {
	srv := gittest.Start(t)
	repo := sampleRepo(t, srv)
	empty := srv.New(t, "empty.git")
	tip := repo.Git("rev-parse", "main")
	repo.Git("tag", "release", "main")
	cases := map[string]struct {
		repo   *gittest.Repo
		branch string
		want   string
		err    error
	}{
		"a branch":              {repo: repo, branch: "main", want: tip},
		"no such branch":        {repo: repo, branch: "nope"},
		"a tag of that name":    {repo: repo, branch: "release"},
		"an empty repository":   {repo: empty, branch: "main", err: ErrEmpty},
		"a name that is none":   {repo: repo, branch: "refs/heads/main", err: ErrURL},
		"no repository anymore": {repo: &gittest.Repo{URL: srv.URL + "/gone.git"}, branch: "main", err: ErrNotFound},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := open(t, c.repo, Options{}).TipOf(t.Context(), c.branch)
			wantError(t, err, c.err)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMessage(t *testing.T) {
	repo := sampleRepo(t, gittest.Start(t))
	main := repo.Git("rev-parse", "main")
	commit := func(text string, args ...string) string {
		return repo.Git(append([]string{"commit-tree", "-m", text, "main^{tree}"}, args...)...)
	}
	old := commit("old")
	tree := repo.Git("rev-parse", "main^{tree}")
	cases := map[string]struct {
		commit  string
		parents []string
		text    string
		err     error
	}{
		"subject, body and trailers": {commit: commit("Set x\n\nWhy.\n\nTekton-CustomRun-UID: 1", "-p", main), parents: []string{main},
			text: "Set x\n\nWhy.\n\nTekton-CustomRun-UID: 1\n"},
		"a merge":              {commit: commit("merge", "-p", main, "-p", old), parents: []string{main, old}, text: "merge\n"},
		"a first commit":       {commit: commit("first"), text: "first\n"},
		"a text without bound": {commit: commit(strings.Repeat("ä", 40000)), text: strings.Repeat("ä", 32768)},
		"what is no tip":       {commit: old, err: ErrMoved},
		"an abbreviation":      {commit: main[:10], err: ErrMismatch},
		"a tree":               {commit: tree, err: errAny},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			configure(repo, []string{"uploadpack.allowAnySHA1InWant=false"})
			switch {
			case name == "a tree":
				configure(repo, []string{"uploadpack.allowAnySHA1InWant=true"})
			case c.err == nil:
				repo.Git("update-ref", "refs/heads/ours", c.commit)
			}
			text, parents, err := open(t, repo, Options{}).Message(t.Context(), c.commit)
			if errors.Is(c.err, errAny) && err != nil {
				return
			}
			wantError(t, err, c.err)
			if diff := cmp.Diff(c.text, text); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.parents, parents); diff != "" {
				t.Error(diff)
			}
		})
	}
}
