// Package gitops holds what all versions of the API group share.
package gitops

// GroupName is the API group of every kind of this project. Nothing else spells it out.
const GroupName = "gitops.tekton.dev"
