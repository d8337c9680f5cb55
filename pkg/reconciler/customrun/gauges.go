package customrun

import (
	"cmp"
	"context"
	"net"
	"runtime"
	"runtime/debug"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/metrics"
	"github.com/tekton-gitops/tekton-gitops/pkg/policy"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
)

// measure lets the parts count, and puts the metrics onto the page until ctx ends.
func (r *Reconciler) measure(ctx context.Context) {
	r.watches.metrics, r.polls.metrics = r.metrics, r.metrics
	r.metrics.ReadFrom(r.gauges)
	r.metrics.ReadFrom(r.watches.gauges)
	stop := r.metrics.Publish()
	context.AfterFunc(ctx, stop)
}

// build is what the process was built from, as the Go toolchain has noted it.
func build() metrics.Build {
	b := metrics.Build{Version: "unknown", GoVersion: runtime.Version(), Revision: "unknown"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Version = cmp.Or(info.Main.Version, b.Version)
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Revision = s.Value
		}
	}
	return b
}

// gauges are what the cache shows at the time of a scrape. Every replica has all runs in its cache, and so shows the same.
// The states of the runs are not decoded for it: the condition tells enough.
func (r *Reconciler) gauges(now time.Time) []metrics.Reading {
	type place struct{ kind, phase string }
	active := map[place]int{}
	for _, kind := range []string{v1alpha1.KindGitOpsDeploy, v1alpha1.KindGitOpsPR} {
		for _, phase := range append(metrics.Phases(), metrics.Unstarted) {
			active[place{kind, phase}] = 0
		}
	}
	var unstarted time.Duration
	for _, obj := range r.cached.List() {
		cr, ok := obj.(*v1beta1.CustomRun)
		if !ok || !isOurs(cr) || cr.IsDone() {
			continue
		}
		phase := metrics.Unstarted
		if c := cr.Status.GetCondition(conditionSucceeded); c != nil && cr.Status.StartTime != nil {
			phase = c.Reason
		} else {
			unstarted = max(unstarted, now.Sub(cr.CreationTimestamp.Time))
		}
		if _, known := active[place{kindOf(cr), phase}]; !known {
			phase = metrics.Other // Of another version, or written by somebody else.
		}
		active[place{kindOf(cr), phase}]++
	}
	all := []metrics.Reading{metrics.UnstartedAge(unstarted)}
	for p, n := range active {
		all = append(all, metrics.ActiveRuns(p.kind, p.phase, n))
	}
	return append(all, r.queues(now)...)
}

// queues are the queues of all locks. A run waits since its condition has the reason Locking.
func (r *Reconciler) queues(now time.Time) []metrics.Reading {
	var waiting, longest int
	var oldest time.Duration
	for _, lock := range r.cached.ListIndexFuncValues(waitingIndex) {
		runs, err := r.cached.ByIndex(waitingIndex, lock)
		if err != nil {
			continue
		}
		waiting += len(runs)
		longest = max(longest, len(runs))
		for _, obj := range runs {
			cr, ok := obj.(*v1beta1.CustomRun)
			if !ok {
				continue
			}
			if c := cr.Status.GetCondition(conditionSucceeded); c != nil {
				oldest = max(oldest, now.Sub(c.LastTransitionTime.Inner.Time))
			}
		}
	}
	return metrics.Queues(waiting, longest, oldest)
}

// gauges is how many streams are open or about to be opened again.
func (w *watches) gauges(time.Time) []metrics.Reading {
	w.mu.Lock()
	defer w.mu.Unlock()
	return []metrics.Reading{metrics.Watches(len(w.open))}
}

// countedGit connects to git servers and counts what they send.
func (r *Reconciler) countedGit(p policy.Policy) policy.DialFunc {
	dial := p.DialGit()
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return countedConn{conn, r.metrics}, nil
	}
}

type countedConn struct {
	net.Conn
	metrics *metrics.Metrics
}

func (c countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.metrics.GitReceived(n)
	return n, err
}
