package conformance

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

func polls() []check {
	return []check{
		{name: "Poll: no change is nothing", holds: pollNothing},
		{name: "Poll: every kind of change is seen, within one second too", holds: pollKinds},
		{name: "Poll: all that have changed since are there", holds: pollAll},
		{name: "Poll: a cursor survives the client", holds: pollCursor},
		{name: "Poll: an empty repository", holds: pollEmpty},
	}
}

// settle polls until nothing comes any more.
func (w *world) settle(ctx context.Context, t *testing.T, c pullrequest.Cursor) pullrequest.Cursor {
	t.Helper()
	w.eventually(ctx, t, "polls settled", func() (bool, error) {
		changes, err := w.Poll(ctx, c)
		c = changes.Next
		return len(changes.Numbers) == 0 && !changes.More, err
	})
	return c
}

// until polls until these numbers have come, and returns where that stopped.
func (w *world) until(ctx context.Context, t *testing.T, what string, c pullrequest.Cursor, wanted ...int) pullrequest.Cursor {
	t.Helper()
	w.eventually(ctx, t, what, func() (bool, error) {
		changes, err := w.Poll(ctx, c)
		c = changes.Next
		wanted = slices.DeleteFunc(wanted, func(n int) bool { return changes.More || slices.Contains(changes.Numbers, n) })
		return len(wanted) == 0, err
	})
	return c
}

func pollNothing(ctx context.Context, t *testing.T, w *world) {
	w.propose(ctx, t, "update")
	c := w.settle(ctx, t, pullrequest.Cursor{})
	for range 3 {
		changes, err := w.Poll(ctx, c)
		must(t, err)
		if c = changes.Next; len(changes.Numbers) > 0 || changes.More {
			t.Errorf("changes although there are none: %+v", changes)
		}
	}
}

// pollKinds makes its changes as quickly as it can: hosts show times in whole seconds.
func pollKinds(ctx context.Context, t *testing.T, w *world) {
	w.propose(ctx, t, "other")
	made := w.propose(ctx, t, "update")
	c := w.until(ctx, t, "the new one", pullrequest.Cursor{}, made.Number)
	for _, change := range []struct {
		name string
		make func()
	}{
		{"edited", func() { must(t, w.Edit(ctx, made.Number, "t", "b")) }},
		{"pushed to", func() { w.git.push(t, "update", map[string]string{"b.txt": "b"}) }},
		{"closed", func() { w.Repository.Close(t, made.Number) }},
		{"reopened", func() { w.Reopen(t, made.Number) }},
		{"merged", func() { w.Merge(t, made.Number, pullrequest.Merge) }},
	} {
		change.make()
		c = w.until(ctx, t, change.name, c, made.Number)
	}
}

func pollAll(ctx context.Context, t *testing.T, w *world) {
	first, second := w.propose(ctx, t, "one"), w.propose(ctx, t, "two")
	c := w.settle(ctx, t, pullrequest.Cursor{})
	third := w.propose(ctx, t, "three")
	w.Merge(t, first.Number, pullrequest.Merge)
	w.Repository.Close(t, second.Number)
	w.until(ctx, t, "three changes", c, first.Number, second.Number, third.Number)
}

func pollCursor(ctx context.Context, t *testing.T, w *world) {
	made := w.propose(ctx, t, "update")
	stored, err := json.Marshal(w.settle(ctx, t, pullrequest.Cursor{}))
	must(t, err)
	var c pullrequest.Cursor
	must(t, json.Unmarshal(stored, &c))
	w.Client = w.open(t, w.Server())
	c = w.settle(ctx, t, c)
	w.Repository.Close(t, made.Number)
	w.until(ctx, t, "the change", c, made.Number)
}

func pollEmpty(ctx context.Context, t *testing.T, w *world) {
	c := w.settle(ctx, t, pullrequest.Cursor{})
	made := w.propose(ctx, t, "update")
	w.until(ctx, t, "the first one", c, made.Number)
}
