package conformance

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

func merges() []check {
	return []check{
		{name: "merged by merge: MergeCommit is the base's tip", holds: mergedBy(pullrequest.Merge)},
		{name: "merged by squash: MergeCommit is the base's tip", holds: mergedBy(pullrequest.Squash)},
		{name: "merged by rebase: MergeCommit is the base's tip", holds: mergedBy(pullrequest.Rebase)},
		{name: "an open one has no MergeCommit", holds: openHasNone},
		{name: "merged, and its branch deleted, stays merged", holds: branchDeleted},
	}
}

// mergedBy: the base has moved on before, so that a rebase makes new commits, and moves on afterwards.
func mergedBy(method pullrequest.Method) func(context.Context, *testing.T, *world) {
	return func(ctx context.Context, t *testing.T, w *world) {
		w.git.push(t, "update", map[string]string{"one.txt": "1"})
		w.git.push(t, "update", map[string]string{"two.txt": "2"})
		w.git.push(t, base, map[string]string{"meanwhile.txt": "m"})
		made := w.create(ctx, t, pullrequest.New{Title: "Deploy", Branch: "update", Base: base})
		w.Merge(t, made.Number, method)
		got := w.becomes(ctx, t, made.Number, "merged", in(pullrequest.Merged))
		tip := w.git.tip(t, base)
		noDiff(t, "merge commit", tip, got.MergeCommit)
		w.git.fetch(t)
		for _, name := range []string{"one.txt", "two.txt", "meanwhile.txt"} {
			if !slices.Contains(w.git.files(t, got.MergeCommit), name) {
				t.Errorf("the merge commit has no %s", name)
			}
		}
		noDiff(t, "parents", map[pullrequest.Method]int{pullrequest.Merge: 2, pullrequest.Squash: 1, pullrequest.Rebase: 1}[method],
			w.git.parents(t, got.MergeCommit))
		w.git.push(t, base, map[string]string{"later.txt": "l"})
		noDiff(t, "merge commit after the base moved on", tip, w.get(ctx, t, made.Number).MergeCommit)
		found, err := w.ByHead(ctx, "update", base)
		must(t, err)
		if len(found) != 1 || found[0].State != pullrequest.Merged || found[0].MergeCommit != tip {
			t.Errorf("ByHead shows it as %+v", found)
		}
	}
}

// openHasNone: hosts show a test merge there.
func openHasNone(ctx context.Context, t *testing.T, w *world) {
	made := w.propose(ctx, t, "update")
	for range 2 {
		noDiff(t, "merge commit", "", w.get(ctx, t, made.Number).MergeCommit)
	}
}

func branchDeleted(ctx context.Context, t *testing.T, w *world) {
	made := w.propose(ctx, t, "update")
	w.Merge(t, made.Number, pullrequest.Squash)
	merged := w.becomes(ctx, t, made.Number, "merged", in(pullrequest.Merged))
	w.git.remove(t, "update")
	got := w.get(ctx, t, made.Number)
	noDiff(t, "after", []any{pullrequest.Merged, merged.MergeCommit, "update"}, []any{got.State, got.MergeCommit, got.Branch})
	found, err := w.ByHead(ctx, "update", base)
	must(t, err)
	noDiff(t, "ByHead", []int{made.Number}, numbers(found))
	must(t, w.Check(ctx, base))
}

func autoMerges() []check {
	waits, atOnce := []Capability{AutoMerge, BranchProtection}, []Capability{AutoMergeAtOnce}
	return []check{
		{name: "EnableAutoMerge waits for the check, then merges by the method", holds: autoMerge, needs: waits},
		{name: "EnableAutoMerge merges at once where nothing is in the way", holds: autoMergeAtOnce, needs: atOnce},
		{name: "EnableAutoMerge: another head is ErrHeadMoved", holds: autoMergeHeadMoved, needs: waits},
		{name: "EnableAutoMerge: another head is ErrHeadMoved where nothing is in the way", holds: atOnceHeadMoved, needs: atOnce},
		{name: "DisableAutoMerge takes it back, twice", holds: disableAutoMerge, needs: waits},
		{name: "a push while auto-merge is on is seen", holds: pushWhileOn, needs: waits},
	}
}

// guarded is a pull request to a base that wants a check.
func (w *world) guarded(ctx context.Context, t *testing.T) pullrequest.PullRequest {
	t.Helper()
	made := w.propose(ctx, t, "update")
	w.RequireCheck(t, base)
	return made
}

func on(pr pullrequest.PullRequest) bool { return pr.AutoMerge }

func autoMerge(ctx context.Context, t *testing.T, w *world) {
	made := w.guarded(ctx, t)
	for range 2 {
		must(t, w.EnableAutoMerge(ctx, made, pullrequest.Squash))
	}
	got := w.becomes(ctx, t, made.Number, "auto-merge on", on)
	noDiff(t, "state before the check", pullrequest.Open, got.State)
	w.PassCheck(t, made.Head)
	got = w.becomes(ctx, t, made.Number, "merged", in(pullrequest.Merged))
	noDiff(t, "merge commit", w.git.tip(t, base), got.MergeCommit)
	w.git.fetch(t)
	noDiff(t, "parents", 1, w.git.parents(t, got.MergeCommit))
	must(t, w.EnableAutoMerge(ctx, made, pullrequest.Squash)) // what was wanted has happened
}

func autoMergeAtOnce(ctx context.Context, t *testing.T, w *world) {
	made := w.propose(ctx, t, "update")
	must(t, w.EnableAutoMerge(ctx, made, pullrequest.Rebase))
	got := w.becomes(ctx, t, made.Number, "merged", in(pullrequest.Merged))
	noDiff(t, "merge commit", w.git.tip(t, base), got.MergeCommit)
}

func autoMergeHeadMoved(ctx context.Context, t *testing.T, w *world) {
	made := w.guarded(ctx, t)
	w.refusesOldHead(ctx, t, made)
}

func atOnceHeadMoved(ctx context.Context, t *testing.T, w *world) {
	w.refusesOldHead(ctx, t, w.propose(ctx, t, "update"))
}

func (w *world) refusesOldHead(ctx context.Context, t *testing.T, made pullrequest.PullRequest) {
	t.Helper()
	w.git.push(t, "update", map[string]string{"b.txt": "a person's"})
	if err := w.EnableAutoMerge(ctx, made, pullrequest.Merge); !errors.Is(err, pullrequest.ErrHeadMoved) {
		t.Errorf("got %v", err)
	}
	got := w.get(ctx, t, made.Number)
	noDiff(t, "after", []any{pullrequest.Open, false}, []any{got.State, got.AutoMerge})
}

func disableAutoMerge(ctx context.Context, t *testing.T, w *world) {
	made := w.guarded(ctx, t)
	must(t, w.EnableAutoMerge(ctx, made, pullrequest.Merge))
	w.becomes(ctx, t, made.Number, "auto-merge on", on)
	for range 2 {
		must(t, w.DisableAutoMerge(ctx, made))
	}
	w.becomes(ctx, t, made.Number, "auto-merge off", func(pr pullrequest.PullRequest) bool { return !pr.AutoMerge })
	w.PassCheck(t, made.Head)
	noDiff(t, "state", pullrequest.Open, w.get(ctx, t, made.Number).State)
	must(t, w.EnableAutoMerge(ctx, made, pullrequest.Merge))
	w.becomes(ctx, t, made.Number, "merged", in(pullrequest.Merged))
	must(t, w.DisableAutoMerge(ctx, made)) // nothing to take back
}

// pushWhileOn: EnableAutoMerge compares the head when it is called; who wants no other one merged looks, and takes it back.
func pushWhileOn(ctx context.Context, t *testing.T, w *world) {
	made := w.guarded(ctx, t)
	must(t, w.EnableAutoMerge(ctx, made, pullrequest.Merge))
	w.becomes(ctx, t, made.Number, "auto-merge on", on)
	head := w.git.push(t, "update", map[string]string{"b.txt": "a person's"})
	got := w.becomes(ctx, t, made.Number, "head moved", func(pr pullrequest.PullRequest) bool { return pr.Head == head })
	noDiff(t, "auto-merge still on", !w.lacks(t, AutoMergeKeptByPush), got.AutoMerge)
	must(t, w.DisableAutoMerge(ctx, made))
	w.becomes(ctx, t, made.Number, "auto-merge off", func(pr pullrequest.PullRequest) bool { return !pr.AutoMerge })
}
