package v1alpha1

import (
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// GitOpsDeploy says how to bring an image to where it runs: which lock to take, what to change in which git
// repository, which Argo CD application to sync, and what must be true in the end. It is to a CustomRun what a Task is
// to a TaskRun, and does nothing by itself.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=gitopsdeploys,singular=gitopsdeploy,shortName=gdeploy,categories={tekton,tekton-gitops}
// +kubebuilder:metadata:labels={app.kubernetes.io/instance=default,app.kubernetes.io/part-of=tekton-gitops}
// +kubebuilder:printcolumn:name="Application",type=string,JSONPath=`.spec.argocd.applications[0].name`
// +kubebuilder:printcolumn:name="Repository",type=string,JSONPath=`.spec.git.url`
// +kubebuilder:printcolumn:name="Path",type=string,JSONPath=`.spec.update[0]['kustomize','helm','manifests','yaml']['file','path']`
// +kubebuilder:printcolumn:name="Branch",type=string,JSONPath=`.spec.git.branch`,priority=1
// +kubebuilder:printcolumn:name="Selector",type=string,JSONPath=`.spec.argocd.selector.matchLabels`,priority=1
// +kubebuilder:printcolumn:name="Argo CD",type=string,JSONPath=`.spec.argocd.server`,priority=1
// +kubebuilder:printcolumn:name="Lock",type=string,JSONPath=`.spec.lock.name`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type GitOpsDeploy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	Spec GitOpsDeploySpec `json:"spec"`
}

// GitOpsDeployList is a list of GitOpsDeploy.
//
// +kubebuilder:object:root=true
type GitOpsDeployList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []GitOpsDeploy `json:"items"`
}

// GitOpsDeploySpec is the template of a run. A run whose spec.customSpec holds the same fields needs no GitOpsDeploy.
//
// +kubebuilder:validation:XValidation:rule="(has(self.update) && size(self.update) > 0) || (has(self.argocd) && (has(self.argocd.selector) || (has(self.argocd.applications) && size(self.argocd.applications) > 0)))",message="nothing to do: set update, or argocd.applications, or both"
// +kubebuilder:validation:XValidation:rule="!has(self.update) || self.update.all(u, has(u.yaml)) || (has(self.images) && size(self.images) > 0)",message="update needs images: say which image to set"
// +kubebuilder:validation:XValidation:rule="!has(self.update) || size(self.update) == 0 || !has(self.images) || self.images.all(i, (has(i.newTag) && i.newTag.size() > 0) || (has(i.digest) && i.digest.size() > 0))",message="update needs newTag or digest in each of images"
// +kubebuilder:validation:XValidation:rule="!has(self.images) || self.images.all(i, self.images.exists_one(j, j.name == i.name))",message="images has a name twice"
// +kubebuilder:validation:XValidation:rule="!has(self.update) || !has(self.images) || size(self.images) < 2 || self.update.all(u, !has(u.helm) || (has(u.images) && size(u.images) == 1))",message="helm sets one image, and there are several: name it in the update's images"
// +kubebuilder:validation:XValidation:rule="!has(self.update) || self.update.all(u, !has(u.yaml) || (has(u.yaml.value) && u.yaml.value.size() > 0) || (has(self.images) && size(self.images) == 1))",message="yaml needs a value, unless there is exactly one of images: then it is that one's tag"
// +kubebuilder:validation:XValidation:rule="!has(self.verify) || !has(self.verify.workloads) || size(self.verify.workloads) == 0 || (has(self.argocd) && (has(self.argocd.selector) || (has(self.argocd.applications) && size(self.argocd.applications) > 0)))",message="verify.workloads needs argocd.applications: workloads are read through Argo CD"
// +kubebuilder:validation:XValidation:rule="!has(self.restart) || self.restart != 'true' || !has(self.update) || size(self.update) == 0",message="restart excludes update: a new image restarts the pods by itself"
// +kubebuilder:validation:XValidation:rule="!has(self.restart) || self.restart != 'true' || !has(self.verify) || !has(self.verify.workloads) || self.verify.workloads.all(w, !(w.kind in ['CronJob', 'Job']))",message="a CronJob or Job cannot be restarted: name Deployments, StatefulSets, DaemonSets or Rollouts in verify.workloads"
// +kubebuilder:validation:XValidation:rule="!has(self.onFailure) || self.onFailure != 'Revert' || (has(self.update) && size(self.update) > 0)",message="onFailure Revert needs update: without one there is nothing to put back"
// +kubebuilder:validation:XValidation:rule="!has(self.dryRun) || self.dryRun != 'true' || (has(self.update) && size(self.update) > 0)",message="dryRun needs update: without one there is no change to compute"
type GitOpsDeploySpec struct {
	// Params that a run may or must give. A run that gives any other fails.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Params []ParamSpec `json:"params,omitempty"`
	// +optional
	Lock *Lock `json:"lock,omitempty"`
	// +optional
	Git *Git `json:"git,omitempty"`
	// Images to set, and to verify.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Images []Image `json:"images,omitempty"`
	// Update says where the images are set; all of it goes into one commit. Without it nothing is written or synced:
	// the run verifies what is there.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Update []Update `json:"update,omitempty"`
	// +optional
	ArgoCD *ArgoCD `json:"argocd,omitempty"`
	// +optional
	Verify *Verify `json:"verify,omitempty"`
	// Restart restarts the workloads through Argo CD and verifies that every pod is newer than that (default false).
	// It is for tags that float, and needs no update.
	// +optional
	Restart Bool `json:"restart,omitempty"`
	// OnFailure is Keep (default: what was pushed stays) or Revert (what this run has pushed is taken back where it still
	// stands, and synced; the run fails all the same).
	// +optional
	OnFailure OnFailure `json:"onFailure,omitempty"`
	// DryRun computes the change and reports it in the result diff (default false). Nothing is locked, pushed or synced.
	// +optional
	DryRun Bool `json:"dryRun,omitempty"`
}

// ParamType is the type of a parameter.
// +kubebuilder:validation:Enum=string;array;object
type ParamType string

// Types of parameters. The values of an object are strings.
const (
	ParamTypeString ParamType = "string"
	ParamTypeArray  ParamType = "array"
	ParamTypeObject ParamType = "object"
)

// ParamSpec declares a parameter.
type ParamSpec struct {
	// Name of the parameter, without dots.
	// +required
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[a-zA-Z_][a-zA-Z0-9_-]*$`
	Name string `json:"name"`
	// Type of the parameter; by default that of the default value, else string.
	// +optional
	Type ParamType `json:"type,omitempty"`
	// Description for people.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Description string `json:"description,omitempty"`
	// Default is a string, a list of strings, or an object of strings. A parameter without one must be given. The keys
	// of an object default fill in those that the run leaves out.
	// +optional
	Default *apiextensionsv1.JSON `json:"default,omitempty"`
}

// Lock is the Lease that a run holds while it writes, syncs and verifies. Runs of one namespace on one lock go one
// after the other, in the order of their creation.
type Lock struct {
	// Name of the Lease; by default derived from the Argo CD server and the applications or their selector, else from
	// the repository and branch.
	// +optional
	Name Name `json:"name,omitempty"`
	// Queue is FIFO (default: every waiting run gets its turn) or Latest: a waiting run gives way to a newer one of the
	// same lock, and ends with Superseded. The run that holds the lock is never interrupted.
	// +optional
	Queue Queue `json:"queue,omitempty"`
	// Timeout bounds the waiting for the lock (default 30m). "0" means: do not wait.
	// +optional
	Timeout Duration `json:"timeout,omitempty"`
}

// Git is the branch to write to.
type Git struct {
	// +optional
	URL URL `json:"url,omitempty"`
	// Branch to commit to (default main).
	// +optional
	Branch Branch `json:"branch,omitempty"`
	// SecretRef names a Secret of the run's namespace with username and password, or with ssh-privatekey and
	// known_hosts for ssh; by default the Secrets linked to the run's ServiceAccount are used, as Tekton uses them for
	// git.
	// +optional
	SecretRef *SecretRef `json:"secretRef,omitempty"`
	// Author and committer of the commit.
	// +optional
	Author *Author `json:"author,omitempty"`
	// Message of the commit. $(image), $(image.name), $(image.tag), $(image.digest) and $(previous-image) may be used
	// when exactly one image is set.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Message string `json:"message,omitempty"`
	// Signing signs the commit.
	// +optional
	Signing *Signing `json:"signing,omitempty"`
}

// Signing says which key signs the commit. The key says how: an OpenPGP private key, or one of OpenSSH.
type Signing struct {
	// SecretRef names a Secret of the run's namespace with the key signing-key (ASCII-armoured OpenPGP, or OpenSSH's
	// own format) and, where the key is encrypted, passphrase.
	// +required
	SecretRef *SecretRef `json:"secretRef"`
}

// SecretRef names a Secret of the run's namespace.
type SecretRef struct {
	// +required
	// +kubebuilder:validation:XValidation:rule="self.size() > 0",message="must not be empty"
	Name Name `json:"name"`
}

// Author is an identity in git.
type Author struct {
	// Name of the person (default tekton-gitops).
	// +optional
	Name Line `json:"name,omitempty"`
	// Email address of the person (default tekton-gitops@users.noreply.local).
	// +optional
	Email Line `json:"email,omitempty"`
}

// Image is what to set, in kustomize's terms.
type Image struct {
	// Name as the manifests have it.
	// +required
	// +kubebuilder:validation:XValidation:rule="self.size() > 0",message="must not be empty"
	Name ImageName `json:"name"`
	// NewName replaces the name.
	// +optional
	NewName ImageName `json:"newName,omitempty"`
	// NewTag is the tag to set.
	// +optional
	NewTag Tag `json:"newTag,omitempty"`
	// Digest to set; beside a tag where the place can hold both.
	// +optional
	Digest Digest `json:"digest,omitempty"`
}

// Verify says what must be true in the end.
type Verify struct {
	// Workloads to verify; by default every workload of the application that runs one of the images.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Workloads []Workload `json:"workloads,omitempty"`
	// Health is Application (default: the whole application must be Healthy) or Workloads (only the verified ones).
	// +optional
	Health HealthScope `json:"health,omitempty"`
	// Timeout bounds the time until the image runs (default 10m).
	// +optional
	Timeout Timeout `json:"timeout,omitempty"`
	// StableFor is how long it must stay true (default 0s).
	// +optional
	StableFor Duration `json:"stableFor,omitempty"`
	// FailureGrace is how long a failing pod is given before the run fails early (default 30s).
	// +optional
	FailureGrace Duration `json:"failureGrace,omitempty"`
}

// Workload names one object of the application.
type Workload struct {
	// Kind is Deployment, StatefulSet, DaemonSet, Rollout (of Argo Rollouts), CronJob or Job.
	// +required
	// +kubebuilder:validation:XValidation:rule="self.size() > 0",message="must not be empty"
	Kind WorkloadKind `json:"kind"`
	// Name of the workload.
	// +required
	// +kubebuilder:validation:XValidation:rule="self.size() > 0",message="must not be empty"
	Name Name `json:"name"`
	// Namespace of the object; by default any of the application.
	// +optional
	Namespace Label `json:"namespace,omitempty"`
	// Container to verify; by default every one that runs one of the images.
	// +optional
	Container Label `json:"container,omitempty"`
}
