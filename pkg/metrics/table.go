package metrics

import (
	"strings"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
)

// Prefix begins the name of every metric of the process, the framework's included: it is the component's name.
const Prefix = "tekton_gitops_controller_"

// Type is Prometheus' type of a metric.
type Type string

// The types that are used.
const (
	Counter   Type = "counter"
	Gauge     Type = "gauge"
	Histogram Type = "histogram"
)

// Definition describes a metric.
type Definition struct {
	// Name without Prefix.
	Name   string
	Type   Type
	Help   string
	Labels []Label
}

// FullName is the name on the page of metrics.
func (d Definition) FullName() string { return Prefix + d.Name }

// Label is one label with the values that it takes. Without values it is set once for the process.
type Label struct {
	Name   string
	Values []string
}

// Other is what a label says where its value is not in the table: a mistake in the code, or a run whose status was written by
// another version.
const Other = "other"

// How a phase or a wait ended.
const (
	// Done: what the phase is for was done.
	Done = "done"
	// Failed: the attempt failed there.
	Failed = "failed"
	// Interrupted: somebody cancelled the run there, or its time was over.
	Interrupted = "interrupted"
)

// Succeeded is the third outcome of a run, besides Failed and Interrupted.
const Succeeded = "succeeded"

// Whose lock was taken over.
const (
	HolderCustomRun = "CustomRun"
	HolderForeign   = "foreign"
)

// What a push was for.
const (
	Update = "update"
	Revert = "revert"
)

// What Argo CD was asked to do.
const (
	ActionSync      = "sync"
	ActionTerminate = "terminate"
	ActionRestart   = "restart"
)

// What a git host answered to a poll.
const (
	PollChanged   = "changed"
	PollUnchanged = "unchanged"
	PollLimited   = "limited"
	PollFailed    = "failed"
)

// Unstarted stands for the phase of a run that no replica has looked at yet.
const Unstarted = "Unstarted"

// Phases are the phases of a run, in order.
func Phases() []string { return reasonsThat(func(r v1alpha1.ReasonInfo) bool { return !r.Terminal }) }

// reasons are those that an attempt can end with.
func reasons() []string { return reasonsThat(func(r v1alpha1.ReasonInfo) bool { return r.Terminal }) }

func reasonsThat(are func(v1alpha1.ReasonInfo) bool) []string {
	var all []string
	for _, r := range v1alpha1.Reasons() {
		if are(r) {
			all = append(all, string(r.Reason))
		}
	}
	return all
}

// The metrics, in the order of the table.
const (
	runs = iota
	runDuration
	retries
	activeRuns
	unstartedAge
	phaseDuration
	transientErrors
	lockWait
	lockWaiting
	lockLongestQueue
	lockLongestWait
	lockTakeovers
	pushes
	pushConflicts
	gitReceived
	syncs
	operations
	watches
	watchReconnects
	polls
	buildInfo
	count
)

// Definitions is the table of all metrics of this package.
func Definitions() []Definition {
	kind := Label{"kind", []string{v1alpha1.KindGitOpsDeploy, v1alpha1.KindGitOpsPR}}
	phase := Label{"phase", Phases()}
	ended := Label{"ended", []string{Done, Failed, Interrupted}}
	reason := Label{"reason", reasons()}
	return []Definition{
		runs:             {"runs_total", Counter, "Runs that have ended, by the reason of their condition.", []Label{kind, reason}},
		runDuration:      {"run_duration_seconds", Histogram, "Time from the start of a run's first attempt to its end.", []Label{kind, {"outcome", []string{Succeeded, Failed, Interrupted}}}},
		retries:          {"retries_total", Counter, "Attempts that have failed and were followed by another.", []Label{kind, reason}},
		activeRuns:       {"active_runs", Gauge, "Runs that have not ended, by phase. Every replica shows those of the whole cluster.", []Label{kind, {"phase", append(Phases(), Unstarted)}}},
		unstartedAge:     {"unstarted_run_age_seconds", Gauge, "Age of the oldest run that no replica has begun. Every replica shows that of the whole cluster.", nil},
		phaseDuration:    {"phase_duration_seconds", Histogram, "Time that runs have spent in a phase, by how the phase ended.", []Label{kind, phase, ended}},
		transientErrors:  {"transient_errors_total", Counter, "Errors after which a run tries again.", []Label{phase}},
		lockWait:         {"lock_wait_seconds", Histogram, "Time that runs have waited for their lock, by how the wait ended.", []Label{ended}},
		lockWaiting:      {"lock_waiting_runs", Gauge, "Runs that wait for a lock. Every replica shows those of the whole cluster.", nil},
		lockLongestQueue: {"lock_longest_queue", Gauge, "Runs that wait for the lock with the most of them. Every replica shows that of the whole cluster.", nil},
		lockLongestWait:  {"lock_longest_wait_seconds", Gauge, "Time that the run which waits longest for a lock has waited so far. Every replica shows that of the whole cluster.", nil},
		lockTakeovers:    {"lock_takeovers_total", Counter, "Locks that were taken from a holder that is proven gone.", []Label{{"holder", []string{HolderCustomRun, HolderForeign}}}},
		pushes:           {"pushes_total", Counter, "Commits that were seen on their branch after a push.", []Label{kind, {"purpose", []string{Update, Revert}}}},
		pushConflicts:    {"push_conflicts_total", Counter, "Planned commits that were dropped and made anew, because their branch had moved.", []Label{kind}},
		gitReceived:      {"git_received_bytes_total", Counter, "Bytes that git servers have sent, encryption included.", nil},
		syncs:            {"syncs_total", Counter, "Ends of the phase Syncing: Succeeded, or the reason why the attempt failed there.", []Label{reason}},
		operations:       {"argocd_operations_total", Counter, "Operations that Argo CD was asked for and has accepted.", []Label{{"action", []string{ActionSync, ActionTerminate, ActionRestart}}}},
		watches:          {"argocd_watches", Gauge, "Applications that this replica watches.", nil},
		watchReconnects:  {"argocd_watch_reconnects_total", Counter, "Watch streams that were opened again after they had ended.", nil},
		polls:            {"pull_request_polls_total", Counter, "Polls of git hosts for changed pull requests, by answer.", []Label{{"answer", []string{PollChanged, PollUnchanged, PollLimited, PollFailed}}}},
		buildInfo:        {"build_info", Gauge, "1, with what this process was built from.", []Label{{Name: "version"}, {Name: "go_version"}, {Name: "revision"}}},
	}
}

// LabelNames are the names of the labels, for the documentation.
func (d Definition) LabelNames() string {
	var names []string
	for _, l := range d.Labels {
		names = append(names, l.Name)
	}
	return strings.Join(names, ", ")
}
