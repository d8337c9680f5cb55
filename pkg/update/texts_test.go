package update

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
)

func message(text, variable, rest string) request.Message {
	return request.Message{{Text: text}, {Variable: variable}, {Text: rest}}
}

func TestTexts(t *testing.T) {
	type texts struct{ Message, Trailers, Title, Body string }
	req := request.Request{
		Run: request.Run{Namespace: "team", Name: "run", UID: "u-1", PipelineRun: "release-1"}, Images: []image.Want{server("1.0.1")},
		Git:         &request.Git{Message: message("Deploy ", "image", "\n")},
		PullRequest: &request.PullRequest{Title: message("Deploy\n ", "image.tag", " "), Body: message("Replaces ", "previous-image", "\n\n")},
	}
	alone := req
	alone.Run.PipelineRun = ""
	alone.PullRequest = &request.PullRequest{Title: request.Message{{Text: strings.Repeat("é", 130)}}}
	two := req
	two.Images = []image.Want{server("1.0.1"), {Name: "quay.io/team/client", NewTag: "2"}}
	targets := []image.Ref{{Name: "quay.io/team/server", Tag: "1.0.1"}}
	for name, tc := range map[string]struct {
		req  request.Request
		more string
		want texts
	}{
		"of a PipelineRun": {req, "- a change", texts{
			"Deploy quay.io/team/server:1.0.1", "Tekton-PipelineRun: team/release-1\nTekton-CustomRun: team/run\nTekton-CustomRun-UID: u-1", "Deploy 1.0.1",
			"Replaces quay.io/team/server:1.0.0\n\n- a change\n\nOpened by CustomRun `team/run` of PipelineRun `release-1`.",
		}},
		"alone, with a long title": {alone, "", texts{
			"Deploy quay.io/team/server:1.0.1", "Tekton-CustomRun: team/run\nTekton-CustomRun-UID: u-1", strings.Repeat("é", 123) + "...", "Opened by CustomRun `team/run`.",
		}},
		"of two images": {two, "", texts{
			"Deploy", "Tekton-PipelineRun: team/release-1\nTekton-CustomRun: team/run\nTekton-CustomRun-UID: u-1", "Deploy",
			"Replaces\n\nOpened by CustomRun `team/run` of PipelineRun `release-1`.",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			v := Variables(tc.req, []string{"quay.io/team/server:1.0.0"}, targets)
			got := texts{Message(tc.req, v), Trailers(tc.req), Title(tc.req, v), Body(tc.req, v, tc.more)}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if got := Variables(req, nil, nil); got != (request.ImageVariables{}) {
		t.Errorf("before the targets are known: %+v", got)
	}
}
