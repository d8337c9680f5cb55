package conformance

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/clock"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest/github"
	"github.com/tekton-gitops/tekton-gitops/test/conformance/githubdouble"
)

// What only GitHub has.

// githubWorld is a repository of a double of its own, with a pull request in it.
func githubWorld(t *testing.T, o githubdouble.Options) (*githubRepository, *world, pullrequest.PullRequest) {
	t.Helper()
	h := &githubHost{double: githubdouble.New(t, o)}
	r := h.repository(t)
	w := Host{
		Provider: github.Provider(), Patience: 10 * time.Second, NewRepository: func(*testing.T) Repository { return r },
	}.world(t)
	_, err := r.Push("update", map[string]string{"a.txt": "a"})
	must(t, err)
	return r, w, w.create(t.Context(), t, pullrequest.New{Title: "Deploy", Branch: "update", Base: base})
}

func TestGitHubMergeQueue(t *testing.T) {
	for name, wantsCheck := range map[string]bool{"queued when its check passes": true, "queued at once": false} {
		t.Run(name, func(t *testing.T) {
			r, w, made := githubWorld(t, githubdouble.Options{})
			r.Configure(githubdouble.Settings{MergeQueue: true})
			if wantsCheck {
				r.RequireCheck(t, base)
			}
			for range 2 {
				must(t, w.EnableAutoMerge(t.Context(), made, pullrequest.Squash))
			}
			if wantsCheck {
				noDiff(t, "auto-merge", true, w.get(t.Context(), t, made.Number).AutoMerge)
				r.PassCheck(t, made.Head)
			}
			noDiff(t, "queued", true, r.PullRequests()[0].Queued)
			noDiff(t, "state in the queue", pullrequest.Open, w.get(t.Context(), t, made.Number).State)
			must(t, r.Queue())
			got := w.get(t.Context(), t, made.Number)
			noDiff(t, "merged", []any{pullrequest.Merged, w.git.tip(t, base)}, []any{got.State, got.MergeCommit})
		})
	}
}

func TestGitHubAutoMergeNotAllowed(t *testing.T) {
	r, w, made := githubWorld(t, githubdouble.Options{})
	r.Configure(githubdouble.Settings{})
	r.RequireCheck(t, base)
	if err := w.EnableAutoMerge(t.Context(), made, pullrequest.Merge); !errors.Is(err, pullrequest.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}

func TestGitHubBranchDeletedOnMerge(t *testing.T) {
	r, w, made := githubWorld(t, githubdouble.Options{})
	r.Configure(githubdouble.Settings{DeleteBranchOnMerge: true})
	r.Merge(t, made.Number, pullrequest.Rebase)
	got := w.get(t.Context(), t, made.Number)
	noDiff(t, "merged", []any{pullrequest.Merged, w.git.tip(t, base), ""}, []any{got.State, got.MergeCommit, w.git.tip(t, "update")})
}

func TestGitHubLimits(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		fault githubdouble.Fault
		until time.Time // zero: transient, but no limit
	}{
		"secondary limit with Retry-After": {
			githubdouble.Fault{
				Status: 403, Message: "You have exceeded a secondary rate limit.", Header: map[string]string{"Retry-After": "120"},
			},
			now.Add(2 * time.Minute),
		},
		"429 with Retry-After": {
			githubdouble.Fault{Status: 429, Message: "Too many requests", Header: map[string]string{"Retry-After": "30"}},
			now.Add(30 * time.Second),
		},
		"secondary limit without a time": {
			githubdouble.Fault{Status: 403, Message: "You have exceeded a secondary rate limit. Please wait a few minutes."},
			now.Add(time.Minute),
		},
		"server error": {
			githubdouble.Fault{Status: 502, Body: "<html>Unicorn</html>", Header: map[string]string{"Content-Type": "text/html"}}, time.Time{},
		},
		"connection lost": {githubdouble.Fault{}, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			r, w, made := githubWorld(t, githubdouble.Options{})
			s := r.Server()
			s.Clock = fixed{now}
			client := w.open(t, s)
			c.fault.Match, c.fault.Times = "GET .*/pulls/1$", 1
			must(t, r.double.Fail(c.fault))
			_, err := client.Get(t.Context(), made.Number)
			var limit *pullrequest.LimitError
			switch {
			case err == nil:
				t.Fatal("no error")
			case errors.As(err, &limit):
				noDiff(t, "until", c.until.UTC(), limit.Until.UTC())
			case !c.until.IsZero():
				t.Fatalf("no limit: %v", err)
			}
			for _, final := range []error{
				pullrequest.ErrForbidden, pullrequest.ErrRejected, pullrequest.ErrNotAPI, pullrequest.ErrNotFound, pullrequest.ErrUnauthorized,
			} {
				if errors.Is(err, final) {
					t.Errorf("not transient: %v", err)
				}
			}
		})
	}
}

// fixed is a clock that stands still.
type fixed struct{ at time.Time }

var _ clock.PassiveClock = fixed{}

func (f fixed) Now() time.Time                  { return f.at }
func (f fixed) Since(t time.Time) time.Duration { return f.at.Sub(t) }

// TestGitHubAnswersLost: what was done although the answer said otherwise is found, and not done twice.
func TestGitHubAnswersLost(t *testing.T) {
	r, w, made := githubWorld(t, githubdouble.Options{})
	_, err := r.Push("second", map[string]string{"b.txt": "b"})
	must(t, err)
	second := pullrequest.New{Title: "second", Branch: "second", Base: base}
	for _, c := range []struct {
		name, match string
		call        func(context.Context) error
		again       error
	}{
		{"Create", "POST .*/pulls$", func(ctx context.Context) error { _, err := w.Create(ctx, second); return err }, pullrequest.ErrExists},
		{"Comment", "POST .*/comments$", func(ctx context.Context) error { return w.Comment(ctx, made.Number, "k", "text") }, nil},
		{"Label", "POST .*/labels$", func(ctx context.Context) error { return w.Label(ctx, made.Number, []string{"l"}) }, nil},
		{"Assign", "POST .*/assignees$", func(ctx context.Context) error {
			return w.Assign(ctx, made.Number, []string{githubdouble.Assignee})
		}, nil},
		{"Close", "PATCH .*/pulls/1$", func(ctx context.Context) error { return w.Client.Close(ctx, made.Number) }, nil},
	} {
		must(t, r.double.Fail(githubdouble.Fault{Match: c.match, Times: 1, Status: http.StatusBadGateway, Done: true}))
		if err := c.call(t.Context()); err == nil {
			t.Fatalf("%s: no error", c.name)
		}
		if err := c.call(t.Context()); !errors.Is(err, c.again) {
			t.Errorf("%s again: %v", c.name, err)
		}
	}
	all := r.PullRequests()
	got := all[0]
	noDiff(t, "done once", []any{2, "closed", []string{"l"}, []string{githubdouble.Assignee}, 1},
		[]any{len(all), got.State, got.Labels, got.Assignees, len(got.Comments)})
}

// TestGitHubPollsCostNothing: without a change a poll is one request, which is answered with 304.
func TestGitHubPollsCostNothing(t *testing.T) {
	r, w, _ := githubWorld(t, githubdouble.Options{})
	c := w.settle(t.Context(), t, pullrequest.Cursor{})
	before := r.double.Counts()["GET /repos/{owner}/{repo}/pulls"]
	for range 10 {
		changes, err := w.Poll(t.Context(), c)
		must(t, err)
		c = changes.Next
	}
	after := r.double.Counts()["GET /repos/{owner}/{repo}/pulls"]
	want := githubdouble.Count{All: before.All + 10, Conditional: before.Conditional + 10, NotModified: before.NotModified + 10}
	if diff := cmp.Diff(want, after); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestGitHubApp(t *testing.T) {
	r, w, made := githubWorld(t, githubdouble.Options{})
	s := r.Server()
	key, err := r.double.AppKey()
	must(t, err)
	s.Auth = pullrequest.Auth{App: &pullrequest.App{
		ID: githubdouble.AppID, Installation: githubdouble.InstallationID, PrivateKey: key,
	}}
	client := w.open(t, s)
	must(t, client.Check(t.Context(), base))
	must(t, client.EnableAutoMerge(t.Context(), made, pullrequest.Merge))
	noDiff(t, "state", pullrequest.Merged, w.get(t.Context(), t, made.Number).State)

	user, token, err := github.Provider().GitLogin(t.Context(), s)
	must(t, err)
	w.git.remote = withLogin(t, r.URL(), user, token)
	if w.git.push(t, "pushed-by-app", map[string]string{"c.txt": "c"}) == "" {
		t.Error("the App's token pushes nothing")
	}
	s.Auth.App.ID++
	if err := w.open(t, s).Check(t.Context(), base); !errors.Is(err, pullrequest.ErrUnauthorized) {
		t.Errorf("another App's key: %v", err)
	}
}

func TestGitHubTLS(t *testing.T) {
	r, w, _ := githubWorld(t, githubdouble.Options{TLS: true})
	must(t, w.Check(t.Context(), base))
	if w.git.push(t, "update", map[string]string{"b.txt": "b"}) == "" {
		t.Error("nothing was pushed")
	}
	s := r.Server()
	s.CA = nil
	if err := w.open(t, s).Check(t.Context(), base); !errors.Is(err, pullrequest.ErrCertificate) {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
}
