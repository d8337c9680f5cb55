package conformance

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

func life() []check {
	return []check{
		{name: "Create makes what Get and ByHead show", holds: createMakes},
		{name: "Create makes a draft", holds: createDraft, needs: []Capability{Drafts}},
		{name: "Create: another for the branch is ErrExists, until that is closed", holds: createTwice},
		{name: "Create: no difference is ErrNoDifference", holds: createNoDifference},
		{name: "Create: base missing is ErrBaseNotFound", holds: createBaseMissing},
		{name: "ByHead finds every state, newest first, and nothing else", holds: byHead},
		{name: "ListOpen lists what is open to the base, newest first", holds: listOpen},
		{name: "Edit sets title and body and nothing else", holds: edit},
		{name: "Close twice", holds: closeTwice},
		{name: "Close leaves a merged one merged", holds: closeMerged},
		{name: "closed and reopened by a person is open", holds: reopened},
		{name: "a push to the branch moves Head", holds: pushMovesHead},
	}
}

// body has what a description of ours has: Markdown, a marker that people do not see, and letters of the world.
const body = "**gate** [CI](https://ci.example.com/?a=1&b=<2>) — größer\n\n| a | b |\n| - | - |\n| 1 | `x` |\n\n" +
	"<!-- tekton-gitops: {\"run\":\"shop/deploy\",\"uid\":\"0-1\"} -->"

func createMakes(ctx context.Context, t *testing.T, w *world) {
	head := w.git.push(t, "deploy/prod", map[string]string{"a.txt": "a"})
	n := pullrequest.New{Title: "Deploy 1.2.3 & more <to> prod", Body: body, Branch: "deploy/prod", Base: base}
	made := w.create(ctx, t, n)
	want := pullrequest.PullRequest{
		Number: made.Number, ID: made.ID, URL: made.URL, Updated: made.Updated,
		State: pullrequest.Open, Title: n.Title, Body: n.Body, Branch: n.Branch, Head: head, Base: base,
	}
	noDiff(t, "made", want, made)
	if made.Number < 1 || !strings.HasPrefix(made.URL, "http") || made.Updated.IsZero() {
		t.Errorf("number, page and time are missing: %+v", made)
	}
	late := cmpopts.IgnoreFields(pullrequest.PullRequest{}, "Updated", "Blocked")
	if diff := cmp.Diff(want, w.get(ctx, t, made.Number), late); diff != "" {
		t.Errorf("Get (-want +got):\n%s", diff)
	}
	found, err := w.ByHead(ctx, n.Branch, base)
	must(t, err)
	if diff := cmp.Diff([]pullrequest.PullRequest{want}, found, late); diff != "" {
		t.Errorf("ByHead (-want +got):\n%s", diff)
	}
}

func createDraft(ctx context.Context, t *testing.T, w *world) {
	w.git.push(t, "update", map[string]string{"a.txt": "a"})
	made := w.create(ctx, t, pullrequest.New{Title: "Deploy", Branch: "update", Base: base, Draft: true})
	got := w.get(ctx, t, made.Number)
	noDiff(t, "draft", []any{true, pullrequest.Open}, []any{got.Draft, got.State})
	if title := strings.ToLower(got.Title); !strings.HasSuffix(title, "deploy") {
		t.Errorf("title %q", got.Title)
	}
}

func createTwice(ctx context.Context, t *testing.T, w *world) {
	first := w.propose(ctx, t, "update")
	again := pullrequest.New{Title: "again", Branch: "update", Base: base}
	if _, err := w.Create(ctx, again); !errors.Is(err, pullrequest.ErrExists) {
		t.Fatalf("the second: %v", err)
	}
	must(t, w.Client.Close(ctx, first.Number))
	if second := w.create(ctx, t, again); second.Number <= first.Number {
		t.Errorf("%d after %d", second.Number, first.Number)
	}
}

func createNoDifference(ctx context.Context, t *testing.T, w *world) {
	w.git.point(t, "same", w.git.push(t, base, map[string]string{"a.txt": "a"}))
	_, err := w.Create(ctx, pullrequest.New{Title: "t", Branch: "same", Base: base})
	if !errors.Is(err, pullrequest.ErrNoDifference) {
		t.Errorf("got %v", err)
	}
	found, err := w.ByHead(ctx, "same", base)
	must(t, err)
	noDiff(t, "left behind", []int{}, numbers(found))
}

func createBaseMissing(ctx context.Context, t *testing.T, w *world) {
	w.git.push(t, "update", map[string]string{"a.txt": "a"})
	_, err := w.Create(ctx, pullrequest.New{Title: "t", Branch: "update", Base: "nowhere"})
	if !errors.Is(err, pullrequest.ErrBaseNotFound) {
		t.Errorf("got %v", err)
	}
}

func byHead(ctx context.Context, t *testing.T, w *world) {
	closed := w.propose(ctx, t, "deploy/prod")
	must(t, w.Client.Close(ctx, closed.Number))
	again := pullrequest.New{Title: "again", Branch: "deploy/prod", Base: base}
	merged := w.create(ctx, t, again)
	w.Merge(t, merged.Number, pullrequest.Merge)
	w.becomes(ctx, t, merged.Number, "merged", in(pullrequest.Merged))
	w.git.push(t, "deploy/prod", map[string]string{"more.txt": "more"})
	open := w.create(ctx, t, again)
	w.propose(ctx, t, "deploy/prod-2")
	w.git.push(t, "stable", map[string]string{"b.txt": "b"})
	other := again
	other.Base = "stable"
	w.create(ctx, t, other)

	found, err := w.ByHead(ctx, "deploy/prod", base)
	must(t, err)
	type entry struct {
		Number int
		State  pullrequest.State
	}
	var got []entry
	for _, pr := range found {
		got = append(got, entry{pr.Number, pr.State})
	}
	noDiff(t, "found", []entry{
		{open.Number, pullrequest.Open}, {merged.Number, pullrequest.Merged}, {closed.Number, pullrequest.Closed},
	}, got)
	found, err = w.ByHead(ctx, "nowhere", base)
	must(t, err)
	noDiff(t, "of an unknown branch", []int{}, numbers(found))
}

func listOpen(ctx context.Context, t *testing.T, w *world) {
	first := w.propose(ctx, t, "one")
	closed := w.propose(ctx, t, "two")
	must(t, w.Client.Close(ctx, closed.Number))
	w.git.push(t, "stable", map[string]string{"b.txt": "b"})
	w.create(ctx, t, pullrequest.New{Title: "t", Branch: "one", Base: "stable"})
	last := w.propose(ctx, t, "three")
	found, err := w.ListOpen(ctx, base)
	must(t, err)
	noDiff(t, "open", []int{last.Number, first.Number}, numbers(found))
}

func edit(ctx context.Context, t *testing.T, w *world) {
	made := w.propose(ctx, t, "update")
	for range 2 {
		must(t, w.Edit(ctx, made.Number, "Another title", body))
	}
	want := w.get(ctx, t, made.Number)
	want.Title, want.Body, want.State, want.Head = "Another title", body, pullrequest.Open, made.Head
	noDiff(t, "edited", want, w.get(ctx, t, made.Number))
}

func closeTwice(ctx context.Context, t *testing.T, w *world) {
	made := w.propose(ctx, t, "update")
	for range 2 {
		must(t, w.Client.Close(ctx, made.Number))
	}
	got := w.get(ctx, t, made.Number)
	noDiff(t, "closed", []any{pullrequest.Closed, ""}, []any{got.State, got.MergeCommit})
	if w.git.tip(t, "update") != made.Head {
		t.Error("the branch did not stay")
	}
}

func closeMerged(ctx context.Context, t *testing.T, w *world) {
	made := w.propose(ctx, t, "update")
	w.Merge(t, made.Number, pullrequest.Merge)
	must(t, w.Client.Close(ctx, made.Number))
	noDiff(t, "state", pullrequest.Merged, w.get(ctx, t, made.Number).State)
}

func reopened(ctx context.Context, t *testing.T, w *world) {
	made := w.propose(ctx, t, "update")
	w.Repository.Close(t, made.Number)
	w.becomes(ctx, t, made.Number, "closed by a person", in(pullrequest.Closed))
	w.Reopen(t, made.Number)
	got := w.becomes(ctx, t, made.Number, "reopened", in(pullrequest.Open))
	noDiff(t, "head and merge commit", []string{made.Head, ""}, []string{got.Head, got.MergeCommit})
}

func pushMovesHead(ctx context.Context, t *testing.T, w *world) {
	made := w.propose(ctx, t, "update")
	head := w.git.push(t, "update", map[string]string{"b.txt": "b"})
	w.becomes(ctx, t, made.Number, "head moved", func(pr pullrequest.PullRequest) bool { return pr.Head == head })
	found, err := w.ByHead(ctx, "update", base)
	must(t, err)
	if !slices.ContainsFunc(found, func(pr pullrequest.PullRequest) bool { return pr.Head == head }) {
		t.Errorf("the list has another head: %+v", found)
	}
}
