package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// GitOpsPR says how to propose an image for where it runs: what to change in which git repository, in which pull
// request, and whether to wait until that is merged, or until it is merged and deployed. It is to a CustomRun what a Task
// is to a TaskRun, and does nothing by itself.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=gitopsprs,singular=gitopspr,shortName=gpr,categories={tekton,tekton-gitops}
// +kubebuilder:metadata:labels={app.kubernetes.io/instance=default,app.kubernetes.io/part-of=tekton-gitops}
// +kubebuilder:printcolumn:name="Repository",type=string,JSONPath=`.spec.git.url`
// +kubebuilder:printcolumn:name="Path",type=string,JSONPath=`.spec.update[0]['kustomize','helm','manifests','yaml']['file','path']`
// +kubebuilder:printcolumn:name="Wait",type=string,JSONPath=`.spec.wait`
// +kubebuilder:printcolumn:name="Base",type=string,JSONPath=`.spec.git.branch`,priority=1
// +kubebuilder:printcolumn:name="Provider",type=string,JSONPath=`.spec.pullRequest.provider`,priority=1
// +kubebuilder:printcolumn:name="Application",type=string,JSONPath=`.spec.argocd.applications[0].name`,priority=1
// +kubebuilder:printcolumn:name="Selector",type=string,JSONPath=`.spec.argocd.selector.matchLabels`,priority=1
// +kubebuilder:printcolumn:name="Lock",type=string,JSONPath=`.spec.lock.name`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type GitOpsPR struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	Spec GitOpsPRSpec `json:"spec"`
}

// GitOpsPRList is a list of GitOpsPR.
//
// +kubebuilder:object:root=true
type GitOpsPRList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []GitOpsPR `json:"items"`
}

// GitOpsPRSpec is the template of a run. A run whose spec.customSpec holds the same fields needs no GitOpsPR. What it
// has in common with a GitOpsDeploySpec has the same name and type, and means the same.
//
// +kubebuilder:validation:XValidation:rule="has(self.update) && size(self.update) > 0",message="nothing to propose: set update"
// +kubebuilder:validation:XValidation:rule="!has(self.update) || self.update.all(u, has(u.yaml)) || (has(self.images) && size(self.images) > 0)",message="update needs images: say which image to set"
// +kubebuilder:validation:XValidation:rule="!has(self.update) || size(self.update) == 0 || !has(self.images) || self.images.all(i, (has(i.newTag) && i.newTag.size() > 0) || (has(i.digest) && i.digest.size() > 0))",message="update needs newTag or digest in each of images"
// +kubebuilder:validation:XValidation:rule="!has(self.images) || self.images.all(i, self.images.exists_one(j, j.name == i.name))",message="images has a name twice"
// +kubebuilder:validation:XValidation:rule="!has(self.update) || !has(self.images) || size(self.images) < 2 || self.update.all(u, !has(u.helm) || (has(u.images) && size(u.images) == 1))",message="helm sets one image, and there are several: name it in the update's images"
// +kubebuilder:validation:XValidation:rule="!has(self.update) || self.update.all(u, !has(u.yaml) || (has(u.yaml.value) && u.yaml.value.size() > 0) || (has(self.images) && size(self.images) == 1))",message="yaml needs a value, unless there is exactly one of images: then it is that one's tag"
// +kubebuilder:validation:XValidation:rule="!has(self.wait) || self.wait != 'Deployed' || (has(self.argocd) && (has(self.argocd.selector) || (has(self.argocd.applications) && size(self.argocd.applications) > 0)))",message="wait Deployed needs argocd.applications: say where it is deployed"
// +kubebuilder:validation:XValidation:rule="!has(self.lock) || (has(self.lock.name) && self.lock.name.size() > 0) || ((!has(self.lock.queue) || self.lock.queue.size() == 0) && (!has(self.lock.timeout) || self.lock.timeout.size() == 0))",message="lock needs a name: without one a GitOpsPR takes no lock"
// +kubebuilder:validation:XValidation:rule="!has(self.pullRequest) || !has(self.pullRequest.branch) || self.pullRequest.branch.size() == 0 || !has(self.git) || !has(self.git.branch) || self.pullRequest.branch != self.git.branch",message="pullRequest.branch is git.branch, the one to merge into: name another"
// +kubebuilder:validation:XValidation:rule="!has(self.pullRequest) || !has(self.pullRequest.changes) || !has(self.pullRequest.changes.url) || self.pullRequest.changes.url.size() == 0 || (has(self.pullRequest.changes.from) && self.pullRequest.changes.from.size() > 0 && has(self.pullRequest.changes.to) && self.pullRequest.changes.to.size() > 0) || (has(self.images) && size(self.images) == 1 && has(self.images[0].newTag) && self.images[0].newTag.size() > 0)",message="pullRequest.changes needs from and to, unless there is exactly one of images, with newTag: then they are its tags"
type GitOpsPRSpec struct {
	// Params that a run may or must give. A run that gives any other fails.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Params []ParamSpec `json:"params,omitempty"`
	// Lock is taken only when it has a name: pull requests can wait for people, and whatever waits for the lock with them.
	// +optional
	Lock *Lock `json:"lock,omitempty"`
	// Git has the branch to merge into; the change is made to what that branch has now.
	// +optional
	Git *Git `json:"git,omitempty"`
	// Images to set, and to verify.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Images []Image `json:"images,omitempty"`
	// Update says where the images are set; all of it goes into one commit.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Update []Update `json:"update,omitempty"`
	// ArgoCD is used with wait Deployed only.
	// +optional
	ArgoCD *ArgoCD `json:"argocd,omitempty"`
	// Verify is used with wait Deployed only.
	// +optional
	Verify *Verify `json:"verify,omitempty"`
	// +optional
	PullRequest *PullRequest `json:"pullRequest,omitempty"`
	// Wait is None (default: the run ends when the pull request is there), Merged, or Deployed: merged, synced and
	// verified as a GitOpsDeploy does it.
	// +optional
	Wait Wait `json:"wait,omitempty"`
	// DryRun computes the change and reports it in the result diff (default false). Nothing is locked, pushed or opened.
	// +optional
	DryRun Bool `json:"dryRun,omitempty"`
}

// PullRequest is what the pull request looks like, and how long it lives.
//
// +kubebuilder:validation:XValidation:rule="!has(self.draft) || self.draft != 'true' || !has(self.autoMerge) || self.autoMerge.method.size() == 0",message="draft and autoMerge exclude each other: a draft is not merged"
type PullRequest struct {
	// Provider is the kind of git host, such as GitHub or Gitea; by default it is known from the host's name, or asked for.
	// +optional
	Provider Provider `json:"provider,omitempty"`
	// APIURL is the base of the host's API, where that is not what the provider makes of git.url. The token of git's
	// Secret goes to git's own host, and to api. in front of it, only: with any other, secretRef has to be set.
	// +optional
	APIURL APIURL `json:"apiURL,omitempty"`
	// SecretRef names a Secret of the run's namespace with the key token or password, or with appID, installationID and
	// privateKey of a GitHub App; by default that of git.
	// +optional
	SecretRef *SecretRef `json:"secretRef,omitempty"`
	// Branch of the change; by default derived from the images and from where they are set.
	// +optional
	Branch Branch `json:"branch,omitempty"`
	// Title has the variables of git.message (default: Update $(image.name) to $(image.tag)).
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Title string `json:"title,omitempty"`
	// Body in Markdown, with the variables of git.message.
	// +optional
	// +kubebuilder:validation:MaxLength=8192
	Body string `json:"body,omitempty"`
	// Changes adds a list of source commits to the body.
	// +optional
	Changes *Changes `json:"changes,omitempty"`
	// Labels to put on it.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	Labels []IssueLabel `json:"labels,omitempty"`
	// Reviewers are users who are asked for a review.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	Reviewers []User `json:"reviewers,omitempty"`
	// TeamReviewers are teams who are asked for a review.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	TeamReviewers []Team `json:"teamReviewers,omitempty"`
	// Assignees are users whom it is assigned to.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	Assignees []User `json:"assignees,omitempty"`
	// Draft opens it as a draft (default false).
	// +optional
	Draft Bool `json:"draft,omitempty"`
	// AutoMerge makes the host merge it when its rules are met.
	// +optional
	AutoMerge *AutoMerge `json:"autoMerge,omitempty"`
	// Supersede is what becomes of older open pull requests of this controller for the same target: Close (default) or
	// Keep. One that a person has pushed to is kept.
	// +optional
	Supersede ClosePolicy `json:"supersede,omitempty"`
	// OnCancel is what becomes of the pull request of a run that is cancelled: Close (default) or Keep.
	// +optional
	OnCancel ClosePolicy `json:"onCancel,omitempty"`
}

// Changes are the source commits between what is deployed and what is proposed.
//
// +kubebuilder:validation:XValidation:rule="(has(self.url) && self.url.size() > 0) || ((!has(self.from) || self.from.size() == 0) && (!has(self.to) || self.to.size() == 0))",message="from and to need url: say where the source is"
type Changes struct {
	// URL of the source repository. Without it nothing is listed.
	// +optional
	URL URL `json:"url,omitempty"`
	// From is the branch, tag or commit that is deployed; by default the commit that the previous tag begins with.
	// +optional
	From Revision `json:"from,omitempty"`
	// To is the branch, tag or commit that is proposed; by default the commit that the new tag begins with.
	// +optional
	To Revision `json:"to,omitempty"`
}

// AutoMerge says how the host merges.
type AutoMerge struct {
	// Method is merge, squash or rebase; empty: not at all.
	// +required
	Method MergeMethod `json:"method"`
}
