package argocd

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
)

func mustWindow(t *testing.T, kind, schedule, length, zone string, manual bool) window {
	t.Helper()
	w, err := newWindow(kind, schedule, length, zone, manual)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// randomWindow begins often enough for both answers to come up.
func randomWindow(r *rand.Rand) v1alpha1.SyncWindow {
	pick := func(all ...string) string { return all[r.IntN(len(all))] }
	return v1alpha1.SyncWindow{
		Kind:       pick("allow", "deny"),
		Schedule:   pick(fmt.Sprintf("%d * * * *", r.IntN(60)), fmt.Sprintf("%d %d * * *", r.IntN(60), r.IntN(24)), "*/20 * * * *", fmt.Sprintf("0 %d * * %d", r.IntN(24), r.IntN(7)), "0 0 1 * *"),
		Duration:   pick("1m", "10m", "30m", "1h", "13h", "25h", "0s"),
		ManualSync: r.IntN(4) == 0,
		TimeZone:   pick("", "UTC", "Europe/Zurich", "America/New_York", "Asia/Kolkata"),
	}
}

func canSync(windows []window, t time.Time) bool {
	return len(holding(windows, activeAt(windows, t))) == 0
}

// Argo CD's own code decides about the present moment.
func TestWindowsLikeArgoCD(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	allowed := map[bool]int{}
	for range 1000 {
		var theirs v1alpha1.SyncWindows
		var mine []window
		for range 1 + r.IntN(3) {
			w := randomWindow(r)
			theirs = append(theirs, &w)
			mine = append(mine, mustWindow(t, w.Kind, w.Schedule, w.Duration, w.TimeZone, w.ManualSync))
		}
		before := canSync(mine, time.Now())
		want, err := theirs.CanSync(true)
		if err != nil {
			t.Fatal(err)
		}
		if after := canSync(mine, time.Now()); before == after && after != want {
			t.Errorf("%v: got %t, Argo CD says %t", theirs, after, want)
		}
		allowed[want]++
	}
	if allowed[true] < 100 || allowed[false] < 100 {
		t.Errorf("too few of one kind: %v", allowed)
	}
}

// The time that change finds is the first minute at which the answer is the wanted
// one: there is none between that is found by trying each.
func TestChangeIsTheFirst(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	found := 0
	for range 60 {
		var windows []window
		for range 1 + r.IntN(3) {
			w := randomWindow(r)
			windows = append(windows, mustWindow(t, w.Kind, w.Schedule, w.Duration, w.TimeZone, w.ManualSync))
		}
		// Within a minute: at its very beginning a window that begins anew is not active.
		now := start.Add(time.Duration(r.IntN(200*24*60))*time.Minute + 30*time.Second)
		want := !canSync(windows, now)
		got := change(windows, now, want)
		if !got.IsZero() {
			found++
			if !got.After(now) || canSync(windows, got.Add(time.Second)) != want {
				t.Fatalf("%v: after %s nothing changes at %s", windows, now, got)
			}
		}
		end := got
		if end.IsZero() || end.Sub(now) > 24*time.Hour {
			end = now.Add(24 * time.Hour)
		}
		for at := now; at.Before(end); at = at.Add(time.Minute) {
			if canSync(windows, at) == want {
				t.Fatalf("%v: after %s it changes at %s, not only at %s", windows, now, at, got)
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d of 60 change at all", found)
	}
}

func TestChange(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	deny := func(schedule, length, zone string) window {
		return mustWindow(t, "deny", schedule, length, zone, false)
	}
	allow := func(schedule, length, zone string) window {
		return mustWindow(t, "allow", schedule, length, zone, false)
	}
	for _, tt := range []struct {
		name    string
		windows []window
		now     string
		want    string // "": never
	}{
		{"a deny window ends", []window{deny("0 22 * * *", "1h", "")}, "2026-11-22T22:30:00Z", "2026-11-22T23:00:00Z"},
		{"an allow window begins", []window{allow("0 22 * * *", "1h", "")}, "2026-11-22T10:00:00Z", "2026-11-22T22:00:00Z"},
		{"in its time zone", []window{allow("0 22 * * *", "1h", "Europe/Zurich")}, "2026-11-22T10:00:00Z", "2026-11-22T21:00:00Z"},
		{"an unknown zone is UTC", []window{allow("0 22 * * *", "1h", "No/Such")}, "2026-11-22T10:00:00Z", "2026-11-22T22:00:00Z"},
		{"after the clocks are put forward", []window{allow("0 22 28 3 *", "1h", "Europe/Zurich")}, "2027-03-27T10:00:00Z", "2027-03-28T20:00:00Z"},
		{"on working days only", []window{allow("0 9 * * 1-5", "8h", "")}, "2026-11-20T18:00:00Z", "2026-11-23T09:00:00Z"},
		{"when the last of two deny windows ends", []window{deny("0 22 * * *", "1h", ""), deny("30 22 * * *", "2h", "")}, "2026-11-22T22:45:00Z", "2026-11-23T00:30:00Z"},
		{"one of two allow windows is enough", []window{allow("0 22 * * *", "1h", ""), allow("0 20 * * *", "1h", "")}, "2026-11-22T10:00:00Z", "2026-11-22T20:00:00Z"},
		{"a deny window covers the allow window", []window{allow("0 22 * * *", "1h", ""), deny("0 21 * * *", "90m", "")}, "2026-11-22T21:30:00Z", "2026-11-22T22:30:00Z"},
		{"denied for ever", []window{deny("* * * * *", "1h", "")}, "2026-11-22T10:00:00Z", ""},
		{"allowed on a day that does not exist", []window{deny("0 0 30 2 *", "1h", "")}, "2026-11-22T10:00:00Z", ""},
		{"while the clocks are put back", []window{deny("30 2 * * *", "20m", "Europe/Zurich")}, "2026-10-25T00:35:00Z", "2026-10-25T00:50:00Z"},
		{"not within a year", []window{deny("0 0 1 1 *", "8760h", "")}, "2026-11-22T10:00:00Z", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if when := change(tt.windows, at(tt.now), true); !when.IsZero() {
				got = when.Format(time.RFC3339)
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestNewWindowRefuses(t *testing.T) {
	for _, tt := range [][2]string{{"@daily", "1h"}, {"* * * *", "1h"}, {"* * * * *", "1 hour"}} {
		if w, err := newWindow("deny", tt[0], tt[1], "", false); err == nil {
			t.Errorf("%q for %q is read as %v", tt[0], tt[1], w)
		}
	}
}
