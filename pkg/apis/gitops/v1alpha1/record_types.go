package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// RecordHistory is how many deployments a GitOpsRecord remembers besides the current one.
const RecordHistory = 10

// GitOpsRecord tells what is deployed where, since when and by which run. There is one per lock, with the lock's name;
// the holder of the lock writes it when its run has succeeded, before it releases. Deleting one resets the result
// "changed" of runs that only verify.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=gitopsrecords,singular=gitopsrecord,shortName=grecord,categories={tekton,tekton-gitops}
// +kubebuilder:metadata:labels={app.kubernetes.io/instance=default,app.kubernetes.io/part-of=tekton-gitops}
// +kubebuilder:printcolumn:name="Application",type=string,JSONPath=`.application`
// +kubebuilder:printcolumn:name="Images",type=string,JSONPath=`.summary`
// +kubebuilder:printcolumn:name="Since",type=date,JSONPath=`.time`
// +kubebuilder:printcolumn:name="Run",type=string,JSONPath=`.run`
// +kubebuilder:printcolumn:name="PipelineRun",type=string,JSONPath=`.pipelineRun`,priority=1
// +kubebuilder:printcolumn:name="Commit",type=string,JSONPath=`.commit`,priority=1
// +kubebuilder:printcolumn:name="Revision",type=string,JSONPath=`.revision`,priority=1
// +kubebuilder:printcolumn:name="Lock",type=string,JSONPath=`.lock`,priority=1
type GitOpsRecord struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Lock is the name of the Lease that the run held.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Lock string `json:"lock"`

	// The current deployment.
	Deployed `json:",inline"`

	// History holds the deployments before the current one, newest first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	History []Deployed `json:"history,omitempty"`
}

// GitOpsRecordList is a list of GitOpsRecord.
//
// +kubebuilder:object:root=true
type GitOpsRecordList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []GitOpsRecord `json:"items"`
}

// Deployed is one successful run and what it left running.
type Deployed struct {
	// Time when the run had verified it.
	// +required
	Time metav1.Time `json:"time"`
	// Run is the CustomRun's name.
	// +required
	// +kubebuilder:validation:MaxLength=253
	Run string `json:"run"`
	// RunUID is the CustomRun's UID: a later run may bear the same name.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	RunUID string `json:"runUID,omitempty"`
	// PipelineRun that the run belonged to.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	PipelineRun string `json:"pipelineRun,omitempty"`
	// Application as namespace/name, or the bare name in Argo CD's own namespace.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Application string `json:"application,omitempty"`
	// Repository that was written, or whose state was verified.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Repository string `json:"repository,omitempty"`
	// Commit that carries the wanted state.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Commit string `json:"commit,omitempty"`
	// Revision that Argo CD had synced: the commit or a descendant of it.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Revision string `json:"revision,omitempty"`
	// Summary is the first image, and how many more there are, for tables.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Summary string `json:"summary,omitempty"`
	// Live is what ran.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Live []LiveImage `json:"live,omitempty"`
}

// LiveImage is one container of a workload and the image that it ran.
type LiveImage struct {
	// Workload as Kind/namespace/name.
	// +required
	// +kubebuilder:validation:MaxLength=512
	Workload string `json:"workload"`
	// +required
	// +kubebuilder:validation:MaxLength=63
	Container string `json:"container"`
	// Image reference of the workload's spec.
	// +required
	// +kubebuilder:validation:MaxLength=1024
	Image string `json:"image"`
	// Digest that the pods ran, where it is known.
	// +optional
	// +kubebuilder:validation:MaxLength=160
	Digest string `json:"digest,omitempty"`
}
