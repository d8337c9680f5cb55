// Package logkey has the keys of the log lines, so that one thing has one name wherever it is logged. All keys of the
// project's own lines are in [Keys]; a test walks the source and finds others.
//
// The framework adds its own: knative.dev/key, which is namespace/name of the run, knative.dev/traceid, which is one
// reconcile, knative.dev/controller, knative.dev/kind, knative.dev/pod, and commit, which is what the program was built
// from and the reason why a commit of a repository is gitCommit.
package logkey

// The keys.
const (
	Action      = "action"
	Application = "application"
	Attempt     = "attempt"
	Branch      = "branch"
	Changed     = "changed"
	Commit      = "gitCommit"
	ConfigMap   = "configmap"
	Error       = "error"
	Failures    = "failures"
	From        = "from"
	Health      = "health"
	Kind        = "kind"
	Lock        = "lock"
	Next        = "next"
	Phase       = "phase"
	Phases      = "phases"
	PipelineRun = "pipelineRun"
	PullRequest = "pullRequest"
	Reason      = "reason"
	Running     = "running"
	Says        = "says"
	Seconds     = "seconds"
	Sync        = "sync"
	Wait        = "wait"
	Wake        = "wake"
)

// Key describes a key.
type Key struct{ Name, Meaning string }

// Keys are all keys, by name.
func Keys() []Key {
	return []Key{
		{Action, "what is to be done about an application (level debug)"},
		{Application, "the application in Argo CD, or several with commas between them"},
		{Attempt, "the attempt of a run, from 1 on"},
		{Branch, "a branch of the repository"},
		{Changed, "whether the run has pushed a commit"},
		{Commit, "the commit that carries the wanted state, or the one that the line is about"},
		{ConfigMap, "the ConfigMap that the line is about"},
		{Error, "what went wrong, without secrets"},
		{Failures, "errors of this run in a row"},
		{From, "the phase that the run has left"},
		{Health, "Argo CD's health of the application"},
		{Kind, "GitOpsDeploy or GitOpsPR"},
		{Lock, "the lock that the run waits for or holds"},
		{Next, "the phase that the run goes to (level debug)"},
		{Phase, "the phase that the run is in"},
		{Phases, "seconds in each phase of the attempt"},
		{PipelineRun, "the PipelineRun that the run is part of"},
		{PullRequest, "the number of the pull request"},
		{Reason, "how the attempt has ended, as in its condition"},
		{Running, "whether an operation of the application is under way"},
		{Says, "the message of the run's condition"},
		{Seconds, "how long it took: the phase that was left, or the attempt"},
		{Sync, "Argo CD's sync status of the application"},
		{Wait, "how long until the next try"},
		{Wake, "when the run is looked at again at the latest (level debug)"},
	}
}
