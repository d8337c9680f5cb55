// Package v1alpha1 holds the API types of the group: GitOpsDeploy and GitOpsPR, reusable definitions that Tekton
// CustomRuns refer to, and GitOpsRecord, what the last successful run left behind. It also holds the names that are part
// of the contract with pipelines: condition reasons and results.
//
// In a definition every scalar is a string, booleans and durations too, because each may hold variables such as
// $(params.tag). The schema checks a value that holds none; after substitution package request applies the same rules
// again, because the API server never sees a substituted value, and never applies a schema to a spec that is embedded
// in a CustomRun.
//
// +kubebuilder:object:generate=true
// +groupName=gitops.tekton.dev
package v1alpha1
