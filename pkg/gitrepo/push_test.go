package gitrepo

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo/internal/gittest"
)

func TestPushRefused(t *testing.T) {
	cases := map[string]struct {
		hook, script string
		config       string
		password     string
		want         error
		words        string
	}{
		"a hook says no": {hook: "pre-receive", script: "echo 'GL-HOOK-ERR: protected branch main' >&2; printf '\\033[31m red' >&2; exit 1",
			want: ErrRejected, words: "pre-receive hook declined (remote: GL-HOOK-ERR: protected branch main [31m red)"},
		"an update hook says no": {hook: "update", script: "echo needs a review; exit 1", want: ErrRejected, words: "hook declined (remote: needs a review"},
		"a hook that talks about locks": {hook: "pre-receive", script: "echo cannot lock ref, fetch first; exit 1",
			want: ErrRejected, words: "remote: cannot lock ref"},
		"a hook that repeats secrets":     {hook: "pre-receive", script: "echo token " + gittest.Password + " is weak; exit 1", want: ErrRejected, words: "token [redacted] is weak"},
		"a hook that prints a lot":        {hook: "pre-receive", script: "yes words | head -c 100000; exit 1", want: ErrRejected, words: "…"},
		"a repository that is read-only":  {config: "http.receivepack=false", want: ErrForbidden, words: "HTTP 403"},
		"a token that may only read":      {password: gittest.ReadOnly, want: ErrForbidden, words: "Write access to repository not granted."},
		"a token that has expired":        {password: "0ld-" + gittest.Password, want: ErrUnauthorized, words: "HTTP 401"},
		"a pack above the server's limit": {config: "receive.maxInputSize=10", want: ErrRejected, words: "unpack"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			repo := sampleRepo(t, gittest.Start(t))
			if c.hook != "" {
				repo.Hook(c.hook, c.script)
			}
			if key, value, ok := strings.Cut(c.config, "="); ok {
				repo.Git("config", key, value)
			}
			r := open(t, repo, Options{})
			s, commit, files := plan(t, r, "x: 1\n")
			if c.password != "" {
				var err error
				r, err = Open(Remote{URL: repo.URL, Branch: "main", Auth: Auth{Username: gittest.User, Password: c.password}}, Options{AllowHTTP: true})
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
			}
			err := r.Push(t.Context(), s, commit, files)
			wantError(t, err, c.want)
			if err == nil || !strings.Contains(err.Error(), c.words) || len(err.Error()) > maxWords+10 {
				t.Errorf("error is %v, want %q in it", err, c.words)
			}
			if got := repo.Git("rev-parse", "main"); got != s.Commit() {
				t.Errorf("branch is at %s", got)
			}
		})
	}
}

// deploy is the loop of a caller: read, edit, push; after an error look where the branch is.
func deploy(t *testing.T, r *Repository, path, data string) (Commit, error) {
	t.Helper()
	files := map[string][]byte{path: []byte(data)}
	for range 200 {
		s := snapshot(t, r)
		commit, err := s.Plan(t.Context(), files, message("Set "+path))
		if err != nil {
			return Commit{}, err
		}
		err = r.Push(t.Context(), s, commit, files)
		if err == nil {
			return commit, nil
		}
		tip, tipErr := r.Tip(t.Context())
		if tipErr != nil {
			t.Fatal(tipErr)
		}
		if tip == commit.ID {
			return commit, nil
		}
		if !errors.Is(err, ErrMoved) {
			return Commit{}, err
		}
	}
	t.Fatal("never got through")
	return Commit{}, nil
}

func TestBranchMovesFiftyTimesBetweenFetchAndPush(t *testing.T) {
	srv := gittest.Start(t)
	repo := sampleRepo(t, srv)
	before := repo.Git("rev-list", "--count", "main")
	moves := 0
	srv.Intercept(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if strings.HasSuffix(r.URL.Path, "/git-receive-pack") && moves < 50 {
			moves++
			repo.Commit(map[string]gittest.File{fmt.Sprintf("others/%d.yaml", moves): {Data: "x"}})
		}
		return false
	})
	commit, err := deploy(t, open(t, repo, Options{}), devFile, "x: 1\n")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(commit.ID, repo.Git("rev-parse", "main")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("1 52", before+" "+repo.Git("rev-list", "--count", "main")); diff != "" {
		t.Errorf("commits: %s", diff)
	}
	if got := len(strings.Fields(repo.Git("ls-tree", "--name-only", "main:others"))); got != 50 {
		t.Errorf("%d of 50 files of others are left", got)
	}
	if diff := cmp.Diff("M\t"+devFile, repo.Git("diff", "--name-status", "main~1", "main")); diff != "" {
		t.Error(diff)
	}
	repo.Fsck()
}

func TestSomebodyMakesTheSameChangeMeanwhile(t *testing.T) {
	srv := gittest.Start(t)
	repo := sampleRepo(t, srv)
	theirs := ""
	srv.Intercept(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if strings.HasSuffix(r.URL.Path, "/git-receive-pack") {
			theirs = repo.Commit(map[string]gittest.File{devFile: {Data: "x: 1\n"}})
		}
		return false
	})
	_, err := deploy(t, open(t, repo, Options{}), devFile, "x: 1\n")
	wantError(t, err, ErrNoChange)
	if diff := cmp.Diff(theirs, repo.Git("rev-parse", "main")); diff != "" {
		t.Error(diff)
	}
}

func TestAnswerToThePushIsLost(t *testing.T) {
	srv := gittest.Start(t)
	repo := sampleRepo(t, srv)
	srv.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if !strings.HasSuffix(r.URL.Path, "/git-receive-pack") {
			return false
		}
		next.ServeHTTP(nowhere{}, r)
		panic(http.ErrAbortHandler) // cuts the connection
	})
	r := open(t, repo, Options{})
	s, commit, files := plan(t, r, "x: 1\n")
	err := r.Push(t.Context(), s, commit, files)
	if err == nil || errors.Is(err, ErrRejected) || errors.Is(err, ErrMoved) {
		t.Errorf("error is %v, want a transient one", err)
	}
	tip, err := r.Tip(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(commit.ID, tip); diff != "" {
		t.Error(diff)
	}
}

// nowhere takes the place of a client that is gone.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) WriteHeader(int)             {}

// Everything but the encoded commit and the wanted files is lost with the process.
func TestResumeFromTheEncodedCommit(t *testing.T) {
	srv := gittest.Start(t)
	repo := sampleRepo(t, srv)
	_, planned, files := plan(t, open(t, repo, Options{}), "x: 1\n")

	second := open(t, repo, Options{})
	commit, err := ParseCommit(planned.Encoded)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(planned, commit); diff != "" {
		t.Error(diff)
	}
	s, err := second.Snapshot(t.Context(), commit.Parent)
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, second.Push(t.Context(), s, commit, map[string][]byte{devFile: []byte("x: 2\n")}), ErrMismatch)
	if err := second.Push(t.Context(), s, commit, files); err != nil {
		t.Fatal(err)
	}

	// A third process does not know that the second got through. The old value is not the tip any
	// more, and the tip is ours.
	third := open(t, repo, Options{})
	if s, err = third.Snapshot(t.Context(), commit.Parent); err != nil {
		t.Fatal(err)
	}
	wantError(t, third.Push(t.Context(), s, commit, files), ErrMoved)
	tip, err := third.Tip(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(planned.ID, tip); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("2", repo.Git("rev-list", "--count", "main")); diff != "" {
		t.Error(diff)
	}
	// Later somebody else commits; ours is still recognised.
	revision := repo.Commit(map[string]gittest.File{"other": {Data: "x"}})
	if got, err := third.Contains(t.Context(), revision, planned.ID); got != Yes || err != nil {
		t.Errorf("Contains is %s, %v", got, err)
	}
	repo.Fsck()
}

func TestPushRefusesAnotherSnapshotsCommit(t *testing.T) {
	repo := sampleRepo(t, gittest.Start(t))
	r := open(t, repo, Options{})
	_, commit, files := plan(t, r, "x: 1\n")
	repo.Commit(map[string]gittest.File{"other": {Data: "x"}})
	wantError(t, r.Push(t.Context(), snapshot(t, r), commit, files), ErrMismatch)
	commit.ID = strings.Repeat("0", 40)
	wantError(t, r.Push(t.Context(), snapshot(t, r), commit, files), ErrMismatch)
	wantError(t, r.Push(t.Context(), snapshot(t, r), Commit{}, files), ErrMismatch)
}

// Somebody rewrote the branch. Where only what a branch has is given out, the old tip is gone.
func TestSnapshotOfARewrittenTip(t *testing.T) {
	repo := sampleRepo(t, gittest.Start(t))
	old := repo.Git("rev-parse", "main")
	repo.Git("update-ref", "refs/heads/main", repo.Git("commit-tree", "-m", "new", "main^{tree}"))
	for allowed, want := range map[string]error{"true": nil, "false": ErrMoved} {
		repo.Git("config", "uploadpack.allowAnySHA1InWant", allowed)
		_, err := open(t, repo, Options{}).Snapshot(t.Context(), old)
		wantError(t, err, want)
	}
	_, err := open(t, repo, Options{}).Snapshot(t.Context(), strings.Repeat("1", 40))
	wantError(t, err, ErrMoved)
}

func TestTwoWritersLoseNothing(t *testing.T) {
	repo := sampleRepo(t, gittest.Start(t))
	repo.Commit(map[string]gittest.File{"a": {Data: "-"}, "b": {Data: "-"}})
	done := make(chan error, 2)
	const each = 10
	for _, path := range []string{"a", "b"} {
		r := open(t, repo, Options{})
		go func() {
			for i := range each {
				if _, err := deploy(t, r, path, fmt.Sprint(path, i)); err != nil {
					done <- err
					return
				}
				time.Sleep(time.Millisecond)
			}
			done <- nil
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(fmt.Sprint(2+2*each), repo.Git("rev-list", "--count", "main")); diff != "" {
		t.Error(diff)
	}
	repo.Fsck()
}

// However it is written to.
func TestWordsOfAServerAreCapped(t *testing.T) {
	said := &capped{}
	if n, err := io.Copy(said, strings.NewReader(strings.Repeat("x", 1<<20))); n != 1<<20 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if diff := cmp.Diff(4*maxWords, len(said.String())); diff != "" {
		t.Error(diff)
	}
}
