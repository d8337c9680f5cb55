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
// +kubebuilder:printcolumn:name="Application",type=string,JSONPath=`.spec.argocd.applications[0].name`
// +kubebuilder:printcolumn:name="Repository",type=string,JSONPath=`.spec.git.url`
// +kubebuilder:printcolumn:name="Path",type=string,JSONPath=`.spec.update[0].kustomize.path`
// +kubebuilder:printcolumn:name="Branch",type=string,JSONPath=`.spec.git.branch`,priority=1
// +kubebuilder:printcolumn:name="Argo CD",type=string,JSONPath=`.spec.argocd.server`,priority=1
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
// +kubebuilder:validation:XValidation:rule="(has(self.update) && size(self.update) > 0) || (has(self.argocd) && has(self.argocd.applications) && size(self.argocd.applications) > 0)",message="nothing to do: set update, or argocd.applications, or both"
// +kubebuilder:validation:XValidation:rule="!has(self.update) || size(self.update) == 0 || (has(self.images) && size(self.images) > 0)",message="update needs images: say which image to set"
// +kubebuilder:validation:XValidation:rule="!has(self.update) || size(self.update) == 0 || !has(self.images) || self.images.all(i, has(i.newTag) || has(i.digest))",message="update needs newTag or digest in each of images"
// +kubebuilder:validation:XValidation:rule="!has(self.verify) || !has(self.verify.workloads) || size(self.verify.workloads) == 0 || (has(self.argocd) && has(self.argocd.applications) && size(self.argocd.applications) > 0)",message="verify.workloads needs argocd.applications: workloads are read through Argo CD"
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
	// Update says where the images are set. Without it nothing is written or synced: the run verifies what is there.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1
	Update []Update `json:"update,omitempty"`
	// +optional
	ArgoCD *ArgoCD `json:"argocd,omitempty"`
	// +optional
	Verify *Verify `json:"verify,omitempty"`
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
	// Name of the Lease; by default derived from the application, else from the repository and branch.
	// +optional
	Name Name `json:"name,omitempty"`
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
	// SecretRef names a Secret of the run's namespace with username and password; by default the Secrets linked to
	// the run's ServiceAccount are used, as Tekton uses them for git.
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
}

// SecretRef names a Secret of the run's namespace.
type SecretRef struct {
	// +required
	// +kubebuilder:validation:XValidation:rule="self.size() > 0",message="must not be empty"
	Name Name `json:"name"`
}

// Author is an identity in git.
type Author struct {
	// +optional
	Name Line `json:"name,omitempty"`
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
	// +optional
	NewTag Tag `json:"newTag,omitempty"`
	// +optional
	Digest Digest `json:"digest,omitempty"`
}

// Update is one place where images are set.
type Update struct {
	// +required
	Kustomize *Kustomize `json:"kustomize"`
}

// Kustomize is a directory with a kustomization file.
type Kustomize struct {
	// Path of the directory, below the root of the repository; "." is the root itself.
	// +required
	// +kubebuilder:validation:XValidation:rule="self.size() > 0",message="must not be empty"
	Path Path `json:"path"`
}

// ArgoCD says which application to sync, on which server.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.plaintext) && self.plaintext == 'true' && has(self.insecure) && self.insecure == 'true')",message="plaintext and insecure exclude each other: without TLS there is no certificate to skip"
type ArgoCD struct {
	// Server is host or host:port; by default the Secret's ARGOCD_SERVER.
	// +optional
	Server Host `json:"server,omitempty"`
	// Plaintext speaks without TLS; only where policy allows it.
	// +optional
	Plaintext Bool `json:"plaintext,omitempty"`
	// Insecure does not verify the server's certificate; only where policy allows it.
	// +optional
	Insecure Bool `json:"insecure,omitempty"`
	// SecretRef names a Secret of the run's namespace with ARGOCD_AUTH_TOKEN, or ARGOCD_USERNAME and ARGOCD_PASSWORD,
	// and optionally ARGOCD_SERVER and ca.crt.
	// +optional
	SecretRef *SecretRef `json:"secretRef,omitempty"`
	// Applications to sync: one, or none when the commit is all.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1
	Applications []Application `json:"applications,omitempty"`
	// +optional
	Sync *Sync `json:"sync,omitempty"`
}

// Application names an Argo CD application.
type Application struct {
	// +required
	// +kubebuilder:validation:XValidation:rule="self.size() > 0",message="must not be empty"
	Name Name `json:"name"`
	// Namespace of the application; by default Argo CD's own.
	// +optional
	Namespace Label `json:"namespace,omitempty"`
	// Project of the application. Without it Argo CD does not tell an application that is absent from one that is not
	// permitted.
	// +optional
	Project Name `json:"project,omitempty"`
}

// Sync says how to sync.
type Sync struct {
	// Prune deletes resources that are no longer in git (default false).
	// +optional
	Prune Bool `json:"prune,omitempty"`
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Options []SyncOption `json:"options,omitempty"`
	// Timeout bounds the time until the application is synced to the commit (default 10m).
	// +optional
	Timeout Duration `json:"timeout,omitempty"`
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
	Timeout Duration `json:"timeout,omitempty"`
	// StableFor is how long it must stay true (default 0s).
	// +optional
	StableFor Duration `json:"stableFor,omitempty"`
	// FailureGrace is how long a failing pod is given before the run fails early (default 30s).
	// +optional
	FailureGrace Duration `json:"failureGrace,omitempty"`
}

// Workload names one object of the application.
type Workload struct {
	// +required
	// +kubebuilder:validation:XValidation:rule="self.size() > 0",message="must not be empty"
	Kind WorkloadKind `json:"kind"`
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
