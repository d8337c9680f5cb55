package argocd

import (
	"errors"
	"strings"
	"testing"
)

func TestSettled(t *testing.T) {
	compared := func(g *Goal) { g.Refreshed = at0(5) }
	tests := []struct {
		name     string
		o        Observation
		g        Goal
		want     Action
		says     string
		sentinel error
	}{
		{name: "nothing was compared since the rollout", o: seen(synced, commitO), g: goal(), want: DoRefresh, says: "comparing it"},
		{name: "synced and healthy", o: seen(synced, commitO), g: goal(compared), want: Proceed, says: "Synced and Healthy"},
		{name: "synced and healthy, a chart before our source", o: seen(synced, commitO, shopAndChart), g: goal(compared), want: Proceed},
		{name: "a sync window holds an operation", o: seen(synced, commitO, op(PhaseRunning, commitO, says2("Sync operation blocked by sync window"))), g: goal(compared), want: AskWindows},
		{name: "out of sync", o: seen(outOfSync, commitO), g: goal(compared), want: Wait, says: "does not sync"},
		{name: "degraded", o: seen(synced, commitO, func(o *Observation) { o.Health = "Degraded" }), g: goal(compared), want: Wait, says: "Degraded"},
		{
			name: "degraded, but only workloads count", o: seen(synced, commitO, func(o *Observation) { o.Health = "Degraded" }),
			g: goal(compared, func(g *Goal) { g.Health = HealthWorkloads }), want: Proceed,
		},
		{name: "an operation runs", o: seen(synced, commitO, op(PhaseRunning, commitO)), g: goal(compared), want: Wait, says: "started by admin"},
		{name: "being deleted", o: seen(synced, commitO, func(o *Observation) { o.Deleting = true }), g: goal(compared), want: Fail, sentinel: ErrDeleting},
		{name: "not reconciled", o: seen(synced, commitO, func(o *Observation) { o.SkipReconcile = true }), g: goal(compared), want: Fail, sentinel: ErrSkipReconcile},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Settled(tt.o, tt.g, at0(4), at0(6))
			if got.Action != tt.want || !errors.Is(got.Err, tt.sentinel) || !strings.Contains(got.Message, tt.says) {
				t.Errorf("got %+v, want %s saying %q", got, tt.want, tt.says)
			}
			if got.Action == Proceed && got.Revision != commitO {
				t.Errorf("revision %q", got.Revision)
			}
		})
	}
}
