package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops"
)

// Version of the API that this package holds.
const Version = "v1alpha1"

// Kinds of this version.
const (
	KindGitOpsDeploy = "GitOpsDeploy"
	KindGitOpsPR     = "GitOpsPR"
	KindGitOpsRecord = "GitOpsRecord"
)

// APIVersion is the apiVersion of every object of this package, as a CustomRun's reference spells it.
const APIVersion = gitops.GroupName + "/" + Version

// SchemeGroupVersion is the same as a value.
var SchemeGroupVersion = schema.GroupVersion{Group: gitops.GroupName, Version: Version}

// Resource names a resource of this group, such as "gitopsrecords".
func Resource(plural string) schema.GroupVersionResource {
	return SchemeGroupVersion.WithResource(plural)
}

// AddToScheme registers the kinds.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(SchemeGroupVersion,
		&GitOpsDeploy{}, &GitOpsDeployList{},
		&GitOpsPR{}, &GitOpsPRList{},
		&GitOpsRecord{}, &GitOpsRecordList{},
	)
	metav1.AddToGroupVersion(scheme, SchemeGroupVersion)
	return nil
}
