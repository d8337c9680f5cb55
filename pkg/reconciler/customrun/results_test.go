package customrun

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/image"
	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
)

var deployed = data{
	Request: &request.Request{Images: []image.Want{{Name: "server", NewTag: "2"}, {Name: "client", NewTag: "3"}}},
	Targets: []image.Ref{{Name: "quay.io/team/server", Tag: "2"}, {Name: "quay.io/team/client", Tag: "3"}},
	Apps:    []appState{{Revision: "c0ffee2", URL: "https://argocd/app", Health: "Healthy"}, {Revision: "c0ffee3", URL: "https://argocd/other", Health: "Healthy"}},
	Outcome: outcome{
		Changed: true, Commit: "c0ffee", CommitURL: "https://git/c0ffee", Previous: []string{"quay.io/team/server:1"}, Diff: "--- a\n+++ b\n",
		Live: []v1alpha1.LiveImage{
			{Container: "init", Image: "quay.io/team/server:2"}, {Container: "client", Image: "quay.io/team/client:3", Digest: "sha256:bb"}, {Container: "server", Image: "quay.io/team/server:2", Digest: "sha256:aa"},
		},
	},
}

// opened is a run whose pull request was merged.
var opened = data{
	Request:     &request.Request{Images: []image.Want{{Name: "server", NewTag: "2"}}, PullRequest: &request.PullRequest{Branch: "push-2", Wait: request.WaitMerged}},
	Targets:     []image.Ref{{Name: "quay.io/team/server", Tag: "2"}},
	Outcome:     outcome{Changed: true, Commit: "c0ffee2"},
	PullRequest: pullState{Head: "c0ffee", Number: 7, URL: "https://git/pull/7", State: pullrequest.Merged, MergeCommit: "c0ffee2"},
}

func TestResultsOfARun(t *testing.T) {
	for name, tc := range map[string]struct {
		data data
		want map[string]string // all others are empty
	}{
		"that has deployed": {deployed, map[string]string{
			"changed": "true", "commit": "c0ffee", "commit-url": "https://git/c0ffee", "previous-image": "quay.io/team/server:1", "image": "quay.io/team/server:2",
			"images":       `[{"name":"server","previous":"quay.io/team/server:1","image":"quay.io/team/server:2"},{"name":"client","previous":"","image":"quay.io/team/client:3"}]`,
			"image-digest": "sha256:aa", "revision": "c0ffee2", "application-url": "https://argocd/app", "health": "Healthy", "diff": "--- a\n+++ b\n",
		}},
		"that has opened a pull request": {opened, map[string]string{
			"changed": "true", "commit": "c0ffee2", "image": "quay.io/team/server:2", "images": `[{"name":"server","previous":"","image":"quay.io/team/server:2"}]`,
			"pr-number": "7", "pr-url": "https://git/pull/7", "pr-state": "merged", "pr-branch": "push-2", "merge-commit": "c0ffee2",
		}},
		"of a pull request, that was cut short": {data{PullRequest: opened.PullRequest}, map[string]string{
			"changed": "false", "pr-number": "7", "pr-url": "https://git/pull/7", "pr-state": "merged", "merge-commit": "c0ffee2",
		}},
		"that knows nothing yet": {data{}, map[string]string{
			"changed": "false",
		}},
		"that has verified whatever tag there is": {
			data{
				Request: &request.Request{Images: []image.Want{{Name: "quay.io/team/server"}}}, Targets: []image.Ref{{Name: "quay.io/team/server"}},
				Outcome: outcome{Live: deployed.Outcome.Live},
			}, map[string]string{
				"changed": "false", "image": "quay.io/team/server:2", "image-digest": "sha256:aa",
				"images": `[{"name":"quay.io/team/server","previous":"","image":"quay.io/team/server:2"}]`,
			},
		},
		"that was cut short": {data{Targets: deployed.Targets, Outcome: outcome{Changed: true}}, map[string]string{
			"changed": "true", "image": "quay.io/team/server:2",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			want := map[string]string{}
			for _, r := range v1alpha1.Results() {
				want[r.Name] = tc.want[r.Name]
			}
			got := map[string]string{}
			for i, r := range results(&run{data: &tc.data}) {
				if want := v1alpha1.Results()[i].Name; r.Name != want {
					t.Errorf("result %d is %s, want %s", i, r.Name, want)
				}
				if strings.Contains(r.Name, ".") {
					t.Errorf("the name %s has a dot, which Tekton takes for a part of it", r.Name)
				}
				got[r.Name] = r.Value
				// Tekton makes an array of a value that reads as one.
				var array []string
				if err := json.Unmarshal([]byte(r.Value), &array); err == nil && len(array) > 0 {
					t.Errorf("result %s would become an array: %s", r.Name, r.Value)
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}
