package v1alpha1

// Reason is the reason of a run's condition Succeeded. While the condition is Unknown it names the phase that the run
// is in; in the end it is Succeeded or says why the run failed. Pipelines see it as $(tasks.NAME.reason), so a reason
// never changes its meaning.
type Reason string

// Phases, in their order.
const (
	ReasonPreparing       Reason = "Preparing"
	ReasonLocking         Reason = "Locking"
	ReasonPublishing      Reason = "Publishing"
	ReasonOpening         Reason = "Opening"
	ReasonWaitingForMerge Reason = "WaitingForMerge"
	ReasonSyncing         Reason = "Syncing"
	ReasonVerifying       Reason = "Verifying"
	ReasonReverting       Reason = "Reverting"
	ReasonReleasing       Reason = "Releasing"
)

// ReasonSucceeded is the reason of a run that has done all it was asked to.
const ReasonSucceeded Reason = "Succeeded"

// Reasons that Tekton prescribes.
const (
	ReasonCancelled             Reason = "CustomRunCancelled"
	ReasonTimedOut              Reason = "CustomRunTimedOut"
	ReasonWorkspaceNotSupported Reason = "CustomRunWorkspaceNotSupported"
)

// Reasons of failures that are seen before anything is written.
const (
	ReasonInvalidParameters   Reason = "InvalidParameters"
	ReasonInvalidSpec         Reason = "InvalidSpec"
	ReasonDefinitionNotFound  Reason = "DefinitionNotFound"
	ReasonNamespaceNotEnabled Reason = "NamespaceNotEnabled"
	ReasonPolicyDenied        Reason = "PolicyDenied"
	ReasonCredentialsInvalid  Reason = "CredentialsInvalid"
	ReasonCertificateInvalid  Reason = "CertificateInvalid"
	ReasonApplicationNotFound Reason = "ApplicationNotFound"
	ReasonApplicationMismatch Reason = "ApplicationMismatch"
	ReasonPermissionDenied    Reason = "PermissionDenied"
	ReasonManifestInvalid     Reason = "ManifestInvalid"
	ReasonImageNotInManifest  Reason = "ImageNotInManifest"
)

// Reasons of failures under way.
const (
	ReasonLockTimeout         Reason = "LockTimeout"
	ReasonPushRejected        Reason = "PushRejected"
	ReasonPushConflict        Reason = "PushConflict"
	ReasonPullRequestRejected Reason = "PullRequestRejected"
	ReasonPullRequestClosed   Reason = "PullRequestClosed"
	ReasonSyncFailed          Reason = "SyncFailed"
	ReasonSyncWindowClosed    Reason = "SyncWindowClosed"
	ReasonSyncTimeout         Reason = "SyncTimeout"
	ReasonOperationBlocked    Reason = "OperationBlocked"
	ReasonSuperseded          Reason = "Superseded"
	ReasonRolledBack          Reason = "RolledBack"
	ReasonImageMismatch       Reason = "ImageMismatch"
	ReasonRolloutFailed       Reason = "RolloutFailed"
	ReasonVerifyTimeout       Reason = "VerifyTimeout"
)

// ReasonInfo documents one reason.
type ReasonInfo struct {
	Reason Reason
	// Terminal: the condition is True or False, the run has ended.
	Terminal bool
	// Retryable: another attempt (spec.retries) may end differently.
	Retryable bool
	// Meaning is one line for a person.
	Meaning string
	// NextAction is one line: what to do now. Empty for phases and success.
	NextAction string
}

// Info documents r; ok is false for a reason that is not one of this package.
func (r Reason) Info() (info ReasonInfo, ok bool) {
	for _, info := range Reasons() {
		if info.Reason == r {
			return info, true
		}
	}
	return ReasonInfo{}, false
}

// Retryable tells whether another attempt may end differently. An unknown reason is not retried.
func Retryable(r Reason) bool {
	info, _ := r.Info()
	return info.Retryable
}

// Reasons lists every reason with its meaning and what to do: phases first, in their order.
func Reasons() []ReasonInfo {
	phase := func(r Reason, meaning string) ReasonInfo { return ReasonInfo{Reason: r, Meaning: meaning} }
	final := func(r Reason, meaning, next string) ReasonInfo {
		return ReasonInfo{Reason: r, Terminal: true, Meaning: meaning, NextAction: next}
	}
	again := func(r Reason, meaning, next string) ReasonInfo {
		return ReasonInfo{Reason: r, Terminal: true, Retryable: true, Meaning: meaning, NextAction: next}
	}
	return []ReasonInfo{
		phase(ReasonPreparing, "resolving the request and checking all that can be checked without a change"),
		phase(ReasonLocking, "waiting for the lock"),
		phase(ReasonPublishing, "editing, committing and pushing"),
		phase(ReasonOpening, "opening the pull request"),
		phase(ReasonWaitingForMerge, "waiting until the pull request is merged"),
		phase(ReasonSyncing, "waiting until Argo CD has synced the commit"),
		phase(ReasonVerifying, "waiting until the image runs"),
		phase(ReasonReverting, "the run has failed: putting the previous image back"),
		phase(ReasonReleasing, "releasing the lock"),
		{Reason: ReasonSucceeded, Terminal: true, Meaning: "done, and seen to be done"},

		final(ReasonCancelled, "the run or its PipelineRun was cancelled, or the PipelineRun timed out", "Start a new run; a commit that was already pushed stays, and a pull request is closed unless pullRequest.onCancel is Keep."),
		again(ReasonTimedOut, "the run's own timeout passed", "Read in the message which phase it was in; give the task a longer timeout if that phase is just slow."),
		final(ReasonWorkspaceNotSupported, "the run has workspaces", "Remove the workspaces from the pipeline task: nothing is checked out, so none is needed."),

		final(ReasonInvalidParameters, "a parameter is unknown, missing, of the wrong type or not usable", "Correct the parameter, or the defaults ConfigMap, that the message names."),
		final(ReasonInvalidSpec, "the definition or the embedded spec is not usable", "Correct the field that the message names."),
		final(ReasonDefinitionNotFound, "the run's namespace has no GitOpsDeploy or GitOpsPR of that name", "Create it in the run's namespace, or correct the name in taskRef."),
		final(ReasonNamespaceNotEnabled, "the controller may not work in the run's namespace", "Run the command in the message: it creates the RoleBinding."),
		final(ReasonPolicyDenied, "the platform's policy does not allow it", "Use an allowed host or setting, or ask the platform team to change ConfigMap config-gitops."),
		again(ReasonCredentialsInvalid, "a Secret is missing or lacks a key, or a server refuses the credentials in it", "Renew or correct the Secret that the message names."),
		again(ReasonCertificateInvalid, "a server's certificate is not trusted", "Put the certificate of the authority that signed it into the Secret as ca.crt."),
		again(ReasonApplicationNotFound, "Argo CD has no such application, or does not let this account see it", "Check the application's name, namespace and project, and the account's right to get it."),
		again(ReasonApplicationMismatch, "the application can never show this commit: it has another repository or branch, or is being deleted", "Point the application or the run to the same repository and branch."),
		again(ReasonPermissionDenied, "an account lacks a right", "Grant the right that the message names."),
		again(ReasonManifestInvalid, "the manifest cannot be read or edited", "Correct the file at the line that the message names."),
		again(ReasonImageNotInManifest, "no manifest uses the image", "Correct the image's name to one that the message lists, or the path."),

		again(ReasonLockTimeout, "the lock was not free in time", "Look at the holder that the message names; raise lock.timeout if waiting is normal."),
		again(ReasonPushRejected, "the git server refused the push", "Read the server's words: usually a protected branch, a hook, or a token that may only read."),
		again(ReasonPushConflict, "the branch moved under every attempt to push", "Run again; if it goes on, find out what writes to the branch all the time."),
		again(ReasonPullRequestRejected, "the git host refused the pull request", "Read the host's words: usually the token's or App's rights, a rule for branches, or a repository without pull requests."),
		final(ReasonPullRequestClosed, "the pull request was closed and not merged", "Read in the pull request why: a person closed it, or a newer run replaced it. Start a new run to propose the change again."),
		again(ReasonSyncFailed, "Argo CD could not sync", "Read Argo CD's message and the resources that it names."),
		again(ReasonSyncWindowClosed, "a sync window of the project forbids syncing now", "Run again when the window is open, or change the window."),
		again(ReasonSyncTimeout, "the application did not reach the commit in time", "Look at the application's conditions; raise argocd.sync.timeout if it is just slow."),
		again(ReasonOperationBlocked, "another operation of the application does not end", "End the operation that the message names in Argo CD, then run again."),
		final(ReasonSuperseded, "a later change set another image, or a newer run took the place in the queue", "Nothing, if the later change was meant; otherwise start a new run."),
		again(ReasonRolledBack, "the application was rolled back to before the commit", "Ask who rolled it back before deploying again."),
		again(ReasonImageMismatch, "synced, but the workload has another image than git", "Look for ignoreDifferences, a webhook or an operator that sets the image."),
		again(ReasonRolloutFailed, "the new pods cannot become ready", "Read the pod's own message; most often the tag does not exist or the process crashes."),
		again(ReasonVerifyTimeout, "the image was not running and healthy in time", "Read what was missing; raise verify.timeout, or use health Workloads if something unrelated is unhealthy."),
	}
}
