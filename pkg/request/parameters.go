package request

import (
	"cmp"
	"time"

	"github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
)

// Names of the well-known parameters that this package treats in a way of their own.
const (
	paramImage       = "image"
	paramNewName     = "new-name"
	paramTag         = "tag"
	paramDigest      = "digest"
	paramImages      = "images"
	paramUpdate      = "update"
	paramPath        = "path"
	paramApplication = "argocd-application"
	paramWorkload    = "workload"
	paramMessage     = "message"
	paramContainer   = "container"
	paramValuesFile  = "values-file"
	paramTagPath     = "tag-path"
	paramRestart     = "restart"
	paramOnFailure   = "on-failure"
	paramDryRun      = "dry-run"
	paramLock        = "lock"
	paramLockTimeout = "lock-timeout"
	paramWait        = "wait"
	paramDraft       = "draft"
	paramAutoMerge   = "auto-merge"
	paramChangesURL  = "changes-url"
)

// Values of the parameter update.
const (
	updateKustomize = "kustomize"
	updateHelm      = "helm"
	updateManifests = "manifests"
	updateYAML      = "yaml"
	updateNone      = "none"
)

// Values of the fields that choose between two ways.
const (
	onFailureKeep    = "Keep"
	onFailureRevert  = "Revert"
	queueFIFO        = "FIFO"
	queueLatest      = "Latest"
	windowFail       = "Fail"
	windowWait       = "Wait"
	foreignWait      = "Wait"
	foreignTerminate = "Terminate"
	transportGRPC    = "grpc"
	transportWeb     = "grpc-web"
)

// Kinds that come to an end, so that there is nothing to restart.
const (
	kindCronJob = "CronJob"
	kindJob     = "Job"
)

// WorkloadKinds are the kinds that can be verified.
func WorkloadKinds() []string {
	return []string{"Deployment", "StatefulSet", "DaemonSet", "Rollout", kindCronJob, kindJob}
}

// What a run takes where neither it nor the defaults say anything.
const (
	defaultBranch       = "main"
	defaultAuthorName   = "tekton-gitops"
	defaultAuthorEmail  = "tekton-gitops@users.noreply.local"
	defaultLockTimeout  = 30 * time.Minute
	defaultSyncTimeout  = 10 * time.Minute
	defaultCheckTimeout = 10 * time.Minute
	defaultFailureGrace = 30 * time.Second
	defaultHealth       = HealthApplication
)

// ParameterType is string or array.
type ParameterType string

// Types of well-known parameters. Booleans and durations are strings, as they are in a definition.
const (
	TypeString ParameterType = "string"
	TypeArray  ParameterType = "array"
)

// Parameter is a well-known parameter: what a run that names no definition and has no spec may say, and what a defaults
// ConfigMap may hold.
type Parameter struct {
	Name string
	Type ParameterType
	// Default is for documentation; empty when there is none.
	Default     string
	Description string
	// Kind is the one kind of run that it is for; empty: every kind.
	Kind string
	// Field of the spec that it stands for. "[]" is the one item of a list that a run by parameters has; a default
	// completes every item that a definition has, and never adds one.
	Field string
	// RunOnly: a default serves runs by parameters alone, and leaves definitions as they are.
	RunOnly bool
	// Needs is the parameter without which this one says nothing.
	Needs string
}

// Parameters is the table of the well-known parameters, those of every kind first. The documentation is made from it.
func Parameters() []Parameter {
	return append(sharedParameters(), proposalParameters()...)
}

func sharedParameters() []Parameter {
	return []Parameter{
		{Name: "repo-url", Type: TypeString, Field: "git.url", Description: "git repository, https or ssh"},
		{Name: "branch", Type: TypeString, Field: "git.branch", Default: defaultBranch, Description: "branch to commit to; of a pull request, the branch to merge into"},
		{Name: "git-secret", Type: TypeString, Field: "git.secretRef.name", Description: "Secret of the run's namespace with username and password, or ssh-privatekey and known_hosts, for git; without it, those linked to the ServiceAccount"},
		{Name: "signing-secret", Type: TypeString, Field: "git.signing.secretRef.name", Description: "Secret of the run's namespace with the key that signs the commit"},
		{Name: paramPath, Type: TypeString, Field: "update[].kustomize.path", RunOnly: true, Description: "directory with the kustomization file, or with update manifests a file or directory of plain manifests, below the root of the repository"},
		{Name: paramValuesFile, Type: TypeString, Field: "update[].helm.file", RunOnly: true, Description: "with update helm or yaml: the file to edit"},
		{Name: paramTagPath, Type: TypeString, Field: "update[].helm.tag", RunOnly: true, Description: "with update helm or yaml: where in the file the tag is, such as image.tag"},
		{Name: paramImage, Type: TypeString, Field: "images[].name", RunOnly: true, Description: "image to set, by its name in the manifests"},
		{Name: paramNewName, Type: TypeString, Field: "images[].newName", RunOnly: true, Needs: paramImage, Description: "name to replace it with"},
		{Name: paramTag, Type: TypeString, Field: "images[].newTag", RunOnly: true, Needs: paramImage, Description: "tag to set"},
		{Name: paramDigest, Type: TypeString, Field: "images[].digest", RunOnly: true, Needs: paramImage, Description: "digest to set"},
		{Name: paramImages, Type: TypeArray, Field: "images", RunOnly: true, Description: "several images instead of image, new-name, tag and digest: each name:tag, name@digest or name=newName:tag@digest"},
		{Name: paramUpdate, Type: TypeString, Field: "update", RunOnly: true, Default: updateKustomize, Description: "kustomize, helm, manifests, yaml, or none to verify only; with restart it is none; for a pull request it is one of the others"},
		{Name: "argocd-server", Type: TypeString, Field: "argocd.server", Default: "ARGOCD_SERVER in the Secret", Description: "Argo CD server, host or host:port"},
		{Name: "argocd-secret", Type: TypeString, Field: "argocd.secretRef.name", Description: "Secret of the run's namespace with ARGOCD_AUTH_TOKEN, or ARGOCD_USERNAME and ARGOCD_PASSWORD; optionally ARGOCD_SERVER and ca.crt; needed with an application"},
		{Name: paramApplication, Type: TypeString, Field: "argocd.applications[].name", RunOnly: true, Description: "application to sync; without it the run ends once the commit is pushed"},
		{Name: "argocd-namespace", Type: TypeString, Field: "argocd.applications[].namespace", Default: "Argo CD's own", Needs: paramApplication, Description: "namespace of the application"},
		{Name: "argocd-project", Type: TypeString, Field: "argocd.applications[].project", Needs: paramApplication, Description: "project of the application"},
		{Name: "argocd-transport", Type: TypeString, Field: "argocd.transport", Default: transportGRPC, Description: "grpc, or grpc-web behind a proxy that only speaks HTTP/1.1"},
		{Name: "plaintext", Type: TypeString, Field: "argocd.plaintext", Default: "false", Description: "true: speak to Argo CD without TLS, where policy allows it"},
		{Name: "insecure", Type: TypeString, Field: "argocd.insecure", Default: "false", Description: "true: do not verify Argo CD's certificate, where policy allows it"},
		{Name: paramWorkload, Type: TypeString, Field: "verify.workloads[]", RunOnly: true, Default: "every workload that runs one of the images", Description: "workload to verify, as Kind/name"},
		{Name: "workload-namespace", Type: TypeString, Field: "verify.workloads[].namespace", Needs: paramWorkload, Description: "namespace of the workload"},
		{Name: paramContainer, Type: TypeString, Field: "verify.workloads[].container", Default: "every container that runs one of the images", Description: "container of the workload; with update manifests, the container to set"},
		{Name: "health", Type: TypeString, Field: "verify.health", Default: string(defaultHealth), Description: "Application: all of it must be healthy; Workloads: only the verified workloads"},
		{Name: paramLock, Type: TypeString, Field: "lock.name", Default: "derived from the application, else from repository and branch", Description: "name of the lock; a pull request takes one only where the run or its definition names it, and never by a default"},
		{Name: paramLockTimeout, Type: TypeString, Field: "lock.timeout", Default: "30m", Description: "longest wait for the lock; 0: do not wait"},
		{Name: "sync-timeout", Type: TypeString, Field: "argocd.sync.timeout", Default: "10m", Description: "longest wait for Argo CD to sync"},
		{Name: "verify-timeout", Type: TypeString, Field: "verify.timeout", Default: "10m", Description: "longest wait for the image to run"},
		{Name: "prune", Type: TypeString, Field: "argocd.sync.prune", Default: "false", Description: "true: delete resources that are no longer in git"},
		{Name: paramRestart, Type: TypeString, Kind: v1alpha1.KindGitOpsDeploy, Field: "restart", RunOnly: true, Default: "false", Description: "true: restart the workloads and verify that every pod is newer; update is then none"},
		{Name: paramOnFailure, Type: TypeString, Kind: v1alpha1.KindGitOpsDeploy, Field: "onFailure", RunOnly: true, Default: onFailureKeep, Description: "Keep, or Revert: put the previous image back when the run fails after the push"},
		{Name: paramDryRun, Type: TypeString, Field: "dryRun", RunOnly: true, Default: "false", Description: "true: compute the change and report it in the result diff; push and sync nothing"},
		{Name: "author-name", Type: TypeString, Field: "git.author.name", Default: defaultAuthorName, Description: "author and committer of the commit"},
		{Name: "author-email", Type: TypeString, Field: "git.author.email", Default: defaultAuthorEmail, Description: "their mail address"},
		{Name: paramMessage, Type: TypeString, Field: "git.message", Default: "Update image in git to $(image)", Description: "message of the commit; $(image), $(image.name), $(image.tag), $(image.digest) and $(previous-image) are filled in when one image is set"},
	}
}

// proposalParameters are those that only a pull request has.
func proposalParameters() []Parameter {
	all := []Parameter{
		{Name: paramWait, Field: "wait", RunOnly: true, Default: string(WaitNone), Description: "None: end when the pull request is there; Merged: wait until it is merged; Deployed: wait until that is synced and verified, which needs argocd-application"},
		{Name: "title", Field: titleField, Default: "Update $(image.name) to $(image.tag)", Description: "title of the pull request; $(image) and the others as in message"},
		{Name: "body", Field: bodyField, Description: "body of the pull request, in Markdown; $(image) and the others as in message"},
		{Name: "pr-branch", Field: "pullRequest.branch", RunOnly: true, Default: "derived from the images and their places", Description: "branch of the change"},
		{Name: "labels", Type: TypeArray, Field: "pullRequest.labels", Description: "labels to put on it"},
		{Name: "reviewers", Type: TypeArray, Field: "pullRequest.reviewers", Description: "users to ask for a review"},
		{Name: "team-reviewers", Type: TypeArray, Field: "pullRequest.teamReviewers", Description: "teams to ask for a review, NAME or ORGANISATION/NAME"},
		{Name: "assignees", Type: TypeArray, Field: "pullRequest.assignees", Description: "users to assign it to"},
		{Name: paramDraft, Field: "pullRequest.draft", RunOnly: true, Default: "false", Description: "true: open it as a draft; not with auto-merge"},
		{Name: paramAutoMerge, Field: "pullRequest.autoMerge.method", RunOnly: true, Description: "merge, squash or rebase: the git host merges it so when its rules are met"},
		{Name: "supersede", Field: "pullRequest.supersede", Default: policyClose, Description: "Close or Keep older open pull requests of this controller for the same target"},
		{Name: "on-cancel", Field: "pullRequest.onCancel", Default: policyClose, Description: "Close or Keep the pull request of a run that is cancelled"},
		{Name: "pr-provider", Field: "pullRequest.provider", Default: "by the host, or by asking it", Description: "kind of git host, such as GitHub or Gitea"},
		{Name: "pr-api-url", Field: "pullRequest.apiURL", Default: "derived from repo-url", Description: "base URL of the git host's API; where that is neither on the repository's host nor on api. in front of it, it needs pr-secret"},
		{Name: "pr-secret", Field: "pullRequest.secretRef.name", Default: "that of git", Description: "Secret of the run's namespace with the key token or password, or with appID, installationID and privateKey of a GitHub App"},
		{Name: paramChangesURL, Field: "pullRequest.changes.url", RunOnly: true, Description: "repository of the source: its commits between what is deployed and what is proposed are listed in the body"},
		{Name: "changes-from", Field: "pullRequest.changes.from", RunOnly: true, Needs: paramChangesURL, Default: "commit that the previous tag begins with", Description: "branch, tag or commit that is deployed"},
		{Name: "changes-to", Field: "pullRequest.changes.to", RunOnly: true, Needs: paramChangesURL, Default: "commit that the new tag begins with", Description: "branch, tag or commit that is proposed"},
	}
	for i := range all {
		all[i].Kind = v1alpha1.KindGitOpsPR
		all[i].Type = cmp.Or(all[i].Type, TypeString)
	}
	return all
}

// parameterNames are the names for a kind of run; empty: all of them.
func parameterNames(kind string) []string {
	var names []string
	for _, p := range Parameters() {
		if kind == "" || p.For(kind) {
			names = append(names, p.Name)
		}
	}
	return names
}

func parameterNamed(name string) (Parameter, bool) {
	for _, p := range Parameters() {
		if p.Name == name {
			return p, true
		}
	}
	return Parameter{}, false
}
