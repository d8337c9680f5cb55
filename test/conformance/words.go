package conformance

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

func words() []check {
	return []check{
		{name: "Label adds an existing label once", holds: label},
		{name: "Label makes a new label, or refuses it", holds: labelNew},
		{name: "RequestReview asks a user once", holds: review},
		{name: "RequestReview asks a team", holds: reviewTeam, needs: []Capability{Teams}},
		{name: "Assign adds an assignee once", holds: assign},
		{name: "unknown people are ErrRejected", holds: unknownPeople},
		{name: "Comment once per key", holds: commentOnce},
	}
}

func label(ctx context.Context, t *testing.T, w *world) {
	made := w.propose(ctx, t, "update")
	w.AddLabel(t, "deploy: prod")
	w.AddLabel(t, "other")
	for range 2 {
		must(t, w.Label(ctx, made.Number, []string{"deploy: prod"}))
	}
	must(t, w.Label(ctx, made.Number, []string{"other"}))
	noDiff(t, "labels", []string{"deploy: prod", "other"}, slices.Sorted(slices.Values(w.Look(t, made.Number).Labels)))
}

func labelNew(ctx context.Context, t *testing.T, w *world) {
	made := w.propose(ctx, t, "update")
	err := w.Label(ctx, made.Number, []string{"made on the way"})
	if w.lacks(t, NewLabels) {
		if !errors.Is(err, pullrequest.ErrRejected) {
			t.Errorf("got %v", err)
		}
		return
	}
	must(t, err)
	noDiff(t, "labels", []string{"made on the way"}, w.Look(t, made.Number).Labels)
}

func review(ctx context.Context, t *testing.T, w *world) {
	made := w.propose(ctx, t, "update")
	for range 2 {
		must(t, w.RequestReview(ctx, made.Number, []string{w.Reviewer}, nil))
	}
	noDiff(t, "reviewers", []string{w.Reviewer}, w.Look(t, made.Number).Reviewers)
}

func reviewTeam(ctx context.Context, t *testing.T, w *world) {
	made := w.propose(ctx, t, "update")
	for range 2 {
		must(t, w.RequestReview(ctx, made.Number, []string{w.Reviewer}, []string{w.Team}))
	}
	name := w.Team[strings.LastIndex(w.Team, "/")+1:]
	got := w.Look(t, made.Number)
	noDiff(t, "asked", [][]string{{w.Reviewer}, {name}}, [][]string{got.Reviewers, got.Teams})
}

func assign(ctx context.Context, t *testing.T, w *world) {
	made := w.propose(ctx, t, "update")
	for range 2 {
		must(t, w.Assign(ctx, made.Number, []string{w.Assignee}))
	}
	must(t, w.Assign(ctx, made.Number, []string{w.Reviewer}))
	want := slices.Sorted(slices.Values([]string{w.Assignee, w.Reviewer}))
	noDiff(t, "assignees", want, slices.Sorted(slices.Values(w.Look(t, made.Number).Assignees)))
}

func unknownPeople(ctx context.Context, t *testing.T, w *world) {
	made := w.propose(ctx, t, "update")
	for name, err := range map[string]error{
		"RequestReview": w.RequestReview(ctx, made.Number, []string{"nobody-of-that-name"}, nil),
		"Assign":        w.Assign(ctx, made.Number, []string{"nobody-of-that-name"}),
	} {
		if !errors.Is(err, pullrequest.ErrRejected) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func commentOnce(ctx context.Context, t *testing.T, w *world) {
	made := w.propose(ctx, t, "update")
	for _, key := range []string{"superseded-by-7", "superseded-by-7", "superseded-by-70"} {
		must(t, w.Comment(ctx, made.Number, key, "Superseded by **another**."))
	}
	comments := w.Look(t, made.Number).Comments
	if len(comments) != 2 {
		t.Fatalf("%d comments: %q", len(comments), comments)
	}
	for _, text := range comments {
		if !strings.HasPrefix(text, "Superseded by **another**.") {
			t.Errorf("comment %q", text)
		}
	}
}
