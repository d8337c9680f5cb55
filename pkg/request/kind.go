package request

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
)

// The two kinds of runs differ here, in the table of parameters (Parameter.Kind), and in what is made of a
// pull request (proposal.go). All else is one path.

// spec has the fields of both kinds. What a run may have of it is the type of its kind: checkShape sees to that.
type spec struct {
	v1alpha1.GitOpsDeploySpec `json:",inline"`
	PullRequest               *v1alpha1.PullRequest `json:"pullRequest,omitempty"`
	Wait                      v1alpha1.Wait         `json:"wait,omitempty"`
}

// specType is the API's type for the spec of a kind.
func specType(kind string) reflect.Type {
	if kind == v1alpha1.KindGitOpsPR {
		return reflect.TypeFor[v1alpha1.GitOpsPRSpec]()
	}
	return reflect.TypeFor[v1alpha1.GitOpsDeploySpec]()
}

// read gets the definition that a run names, and gives its name and its spec as JSON.
func read(ctx context.Context, in Input, definitions Definitions) (name string, data []byte, err error) {
	var found any
	plural := "gitopsdeploys"
	if in.kind() == v1alpha1.KindGitOpsPR {
		plural = "gitopsprs"
		var pr *v1alpha1.GitOpsPR
		if pr, err = definitions.GitOpsPR(ctx, in.Namespace, in.RefName); err == nil {
			name, found = pr.Name, pr.Spec
		}
	} else {
		var deploy *v1alpha1.GitOpsDeploy
		if deploy, err = definitions.GitOpsDeploy(ctx, in.Namespace, in.RefName); err == nil {
			name, found = deploy.Name, deploy.Spec
		}
	}
	if apierrors.IsNotFound(err) {
		return "", nil, fmt.Errorf("%w: namespace %s has no %s %q: list them with kubectl get %s -n %s",
			ErrDefinitionNotFound, in.Namespace, in.kind(), clip(in.RefName), plural, in.Namespace)
	}
	if err != nil {
		return "", nil, fmt.Errorf("read %s %s/%s: %w", in.kind(), in.Namespace, in.RefName, err)
	}
	data, err = json.Marshal(found)
	if err != nil {
		return "", nil, fmt.Errorf("encode %s %s/%s: %w", in.kind(), in.Namespace, in.RefName, err)
	}
	return name, data, nil
}

// For tells whether the parameter is one for this kind of run.
func (p Parameter) For(kind string) bool { return p.Kind == "" || p.Kind == kind }

// deploys tells whether the parameter is about what comes after a merge, so that it says nothing for a pull request that
// is not followed that far.
func (p Parameter) deploys() bool {
	return strings.HasPrefix(p.Field, "argocd.") || strings.HasPrefix(p.Field, "verify.")
}

// proposing takes out of the values what says nothing for a pull request. What the run itself gives is a mistake then,
// and a default is not: defaults serve both kinds.
func proposing(values map[string]value, p *problems) {
	wait := values[paramWait].text
	follows := slices.Contains([]string{"", string(WaitNone), string(WaitMerged)}, wait)
	if update, ok := values[paramUpdate]; ok && update.text == updateNone {
		if update.given {
			p.add(update.origin, "is %s: a pull request needs a change to propose", updateNone)
		}
		delete(values, paramUpdate)
	}
	if !values[paramLock].given {
		delete(values, paramLock)
	}
	for _, parameter := range Parameters() {
		v, ok := values[parameter.Name]
		if !ok {
			continue
		}
		_, locked := values[paramLock]
		switch {
		case parameter.Name == paramContainer && values[paramUpdate].text == updateManifests:
			continue // The container to set.
		case parameter.deploys() && follows:
			if v.given {
				p.add(v.origin, "says nothing without parameter %q: %s", paramWait, WaitDeployed)
			}
		case parameter.Name == paramLockTimeout && !locked:
			if v.given {
				p.add(v.origin, "says nothing without parameter %q: a pull request takes a lock only by its name", paramLock)
			}
		default:
			continue
		}
		delete(values, parameter.Name)
	}
	draft, auto := values[paramDraft], values[paramAutoMerge]
	switch { // They exclude each other, and what the run says goes before a default.
	case draft.given && draft.text == "true" && !auto.given:
		delete(values, paramAutoMerge)
	case auto.given && !draft.given:
		delete(values, paramDraft)
	}
}

// completes tells whether a default of this parameter fills in what a definition of the run's kind leaves open.
func (p Parameter) completes(kind string, t *tree) bool {
	switch {
	case p.RunOnly || !p.For(kind):
		return false
	case kind != v1alpha1.KindGitOpsPR:
		return true
	case p.Name == paramLock:
		return false // One lock for all pull requests, because one for all deployments was meant.
	case p.Name == paramLockTimeout:
		lock, _ := t.root["lock"].(map[string]any)
		name, _ := lock["name"].(string)
		return name != ""
	}
	return true
}
