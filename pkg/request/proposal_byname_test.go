package request

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
)

func TestPullRequestByName(t *testing.T) {
	api := stored{proposals: map[string]*v1alpha1.GitOpsPR{"team-a/server": {
		ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "server"},
		Spec: v1alpha1.GitOpsPRSpec{
			Git:         &v1alpha1.Git{URL: "https://github.com/org/catalog.git"},
			Images:      []v1alpha1.Image{{Name: "quay.io/org/server", NewTag: "1.10"}},
			Update:      []v1alpha1.Update{{Kustomize: &v1alpha1.Kustomize{Path: "overlays/dev"}}},
			PullRequest: &v1alpha1.PullRequest{Labels: []v1alpha1.IssueLabel{"release"}},
			Wait:        "Merged",
		},
	}}}
	want := standalone(proposal())
	want.Definition, want.PullRequest.Labels, want.PullRequest.Wait = "server", []string{"release"}, WaitMerged
	down := errors.New("connection refused")
	for name, tc := range map[string]struct {
		api     Definitions
		ref     string
		want    Request
		wantErr string
		kind    error
	}{
		"found":           {api: api, ref: "server", want: want},
		"absent":          {api: api, ref: "servr", kind: ErrDefinitionNotFound, wantErr: `definition not found: namespace team-a has no GitOpsPR "servr": list them with kubectl get gitopsprs -n team-a`},
		"API server away": {api: stored{err: down}, ref: "server", kind: down, wantErr: "read GitOpsPR team-a/server: connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			in := Input{Kind: v1alpha1.KindGitOpsPR, Namespace: "team-a", Name: "r41-deploy", UID: "u-1", RefName: tc.ref}
			got, err := Resolve(t.Context(), in, tc.api, Defaults{})
			if diff := cmp.Diff(tc.wantErr, text(err)); diff != "" || tc.kind != nil && !errors.Is(err, tc.kind) {
				t.Fatalf("error %v (-want +got):\n%s", err, diff)
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestKindOfTheRun(t *testing.T) {
	for name, tc := range map[string]struct {
		spec    pipelinev1beta1.CustomRunSpec
		want    string
		wantErr string
	}{
		"a reference":     {spec: pipelinev1beta1.CustomRunSpec{CustomRef: &pipelinev1beta1.TaskRef{Kind: "GitOpsPR", Name: "a"}}, want: "GitOpsPR"},
		"an embedded one": {spec: pipelinev1beta1.CustomRunSpec{CustomSpec: &pipelinev1beta1.EmbeddedCustomRunSpec{TypeMeta: runtime.TypeMeta{Kind: "GitOpsPR"}}}, want: "GitOpsPR"},
		"a deployment":    {spec: pipelinev1beta1.CustomRunSpec{CustomRef: &pipelinev1beta1.TaskRef{Kind: "GitOpsDeploy"}}, want: "GitOpsDeploy"},
		"by a resolver": {spec: pipelinev1beta1.CustomRunSpec{CustomRef: &pipelinev1beta1.TaskRef{Kind: "GitOpsPR", ResolverRef: pipelinev1beta1.ResolverRef{Resolver: "hub"}}},
			wantErr: "invalid spec: taskRef uses a resolver or a bundle: name a GitOpsPR of namespace team-a instead"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := FromCustomRun(&pipelinev1beta1.CustomRun{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a"}, Spec: tc.spec})
			if diff := cmp.Diff(tc.wantErr, text(err)); diff != "" || got.Kind != tc.want {
				t.Errorf("kind %q (-want +got):\n%s", got.Kind, diff)
			}
		})
	}
}
