package update

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"
	"github.com/tekton-gitops/tekton-gitops/pkg/image"
	"github.com/tekton-gitops/tekton-gitops/pkg/manifest"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
)

const (
	kustomization = "images:\n- name: quay.io/team/server\n  newTag: 1.0.0 # moved by the pipeline\n"
	values        = "image:\n  repository: quay.io/team/server\n  tag: \"1.0.0\"\n"
	pod           = "kind: Pod\napiVersion: v1\nspec:\n  containers:\n  - {name: server, image: \"quay.io/team/server:1.0.0\"}\n"
	maxBytes      = 1 << 20
)

func server(tag string) image.Want { return image.Want{Name: "quay.io/team/server", NewTag: tag} }

// everywhere sets the image at each kind of place.
func everywhere(tag string) request.Request {
	return request.Request{
		Images: []image.Want{server(tag)},
		Updates: []request.Update{
			{Kustomize: &request.Kustomize{Path: "overlays/dev"}},
			{Helm: &request.Helm{File: "chart/values.yaml", Tag: "image.tag"}},
			{Manifests: &request.Manifests{Path: "plain"}},
			{YAML: &request.YAML{File: "version.yaml", Path: "version", Value: tag}},
		},
	}
}

func repository() map[string]string {
	return map[string]string{
		"overlays/dev/kustomization.yaml": kustomization, "chart/values.yaml": values, "plain/a/pod.yaml": pod, "plain/none.yml": "# nothing\n",
		"plain/README.md": "quay.io/team/server:1.0.0", "version.yaml": "version: 1.0.0\n",
	}
}

// outcome is a Change with its content as text.
type outcome struct {
	Files    map[string]string
	Previous []string
	Targets  []string
}

func outcomeOf(c Change) outcome {
	o := outcome{Files: map[string]string{}, Previous: c.Previous}
	for name, data := range c.Files {
		o.Files[name] = string(data)
	}
	for _, t := range c.Targets {
		o.Targets = append(o.Targets, t.String())
	}
	return o
}

func TestMake(t *testing.T) {
	newer := func(text string) string { return strings.ReplaceAll(text, "1.0.0", "1.0.1") }
	for name, tc := range map[string]struct {
		req  request.Request
		want outcome
		diff []string
	}{
		"every kind of place": {everywhere("1.0.1"), outcome{
			Files: map[string]string{
				"overlays/dev/kustomization.yaml": newer(kustomization), "chart/values.yaml": newer(values), "plain/a/pod.yaml": newer(pod), "version.yaml": "version: 1.0.1\n",
			},
			Previous: []string{"quay.io/team/server:1.0.0"}, Targets: []string{"quay.io/team/server:1.0.1"},
		}, []string{"--- a/chart/values.yaml", "--- a/overlays/dev/kustomization.yaml", "--- a/plain/a/pod.yaml", "--- a/version.yaml"}},
		"what is there already": {everywhere("1.0.0"), outcome{
			Files: map[string]string{}, Previous: []string{"quay.io/team/server:1.0.0"}, Targets: []string{"quay.io/team/server:1.0.0"},
		}, nil},
		"an image that nothing sets is verified": {request.Request{Images: []image.Want{server("7")}, Updates: []request.Update{
			{YAML: &request.YAML{File: "version.yaml", Path: "version", Value: "7"}},
		}}, outcome{
			Files: map[string]string{"version.yaml": "version: \"7\"\n"}, Previous: []string{""}, Targets: []string{"quay.io/team/server:7"},
		}, []string{"--- a/version.yaml"}},
		"an update sees those before it": {request.Request{Updates: []request.Update{
			{YAML: &request.YAML{File: "version.yaml", Path: "version", Value: "2.0.0"}},
			{YAML: &request.YAML{File: "version.yaml", Path: "version", Value: "1.0.0"}},
		}}, outcome{Files: map[string]string{}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			files := openTree(t, repository(), maxBytes)
			var diffs []string
			for range 2 { // Nothing is written, so twice gives the same.
				c, err := Make(context.Background(), files, tc.req, maxBytes)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tc.want, outcomeOf(c)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if c.Changed() != (len(tc.want.Files) > 0) {
					t.Errorf("Changed is %t", c.Changed())
				}
				diffs = append(diffs, c.Diff)
			}
			if diffs[0] != diffs[1] {
				t.Errorf("two diffs:\n%s\n%s", diffs[0], diffs[1])
			}
			var heads []string
			for line := range strings.Lines(diffs[0]) {
				if strings.HasPrefix(line, "--- ") {
					heads = append(heads, strings.TrimSpace(line))
				}
			}
			if diff := cmp.Diff(tc.diff, heads); diff != "" {
				t.Errorf("files of the diff (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMakeRefuses(t *testing.T) {
	deep, many := map[string]string{}, map[string]string{}
	deep["plain/"+strings.Repeat("a/", maxManifestDepth+1)+"pod.yaml"] = pod
	for i := range maxManifestFiles + 1 {
		many[fmt.Sprintf("plain/%d.yaml", i)] = ""
	}
	one := func(u request.Update) request.Request {
		return request.Request{Images: []image.Want{server("2")}, Updates: []request.Update{u}}
	}
	plain := one(request.Update{Manifests: &request.Manifests{Path: "plain"}})
	for name, tc := range map[string]struct {
		files map[string]string
		req   request.Request
		limit int
		want  error
		says  string
	}{
		"no kustomization":       {map[string]string{"overlays/dev/a.yaml": ""}, everywhere("2"), maxBytes, manifest.ErrInvalid, "overlays/dev"},
		"two kustomizations":     {map[string]string{"overlays/dev/kustomization.yaml": "", "overlays/dev/Kustomization": ""}, everywhere("2"), maxBytes, manifest.ErrInvalid, "more than one"},
		"no file":                {map[string]string{}, one(request.Update{Helm: &request.Helm{File: "values.yaml", Tag: "tag"}}), maxBytes, gitrepo.ErrFileNotFound, "values.yaml"},
		"another image":          {map[string]string{"plain/a.yaml": strings.ReplaceAll(pod, "server", "client")}, plain, maxBytes, manifest.ErrImageNotFound, "quay.io/team/client:1.0.0"},
		"too many files":         {many, plain, maxBytes, manifest.ErrTooLarge, "more than 500"},
		"too deep":               {deep, plain, maxBytes, manifest.ErrTooLarge, "more than 16"},
		"a file above the limit": {map[string]string{"plain/a.yaml": pod}, plain, 20, manifest.ErrTooLarge, "plain/a.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Make(context.Background(), openTree(t, tc.files, maxBytes), tc.req, tc.limit)
			if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.says) || c.Changed() {
				t.Errorf("got %v, %v", outcomeOf(c), err)
			}
		})
	}
}

func TestUndo(t *testing.T) {
	req := request.Request{Images: []image.Want{server("1.0.1")}, Updates: []request.Update{
		{Kustomize: &request.Kustomize{Path: "overlays/dev"}}, {Helm: &request.Helm{File: "chart/values.yaml", Tag: "image.tag"}},
	}}
	newer := func(text, tag string) string { return strings.ReplaceAll(text, "1.0.0", tag) }
	for name, tc := range map[string]struct {
		now  map[string]string
		want outcome
	}{
		"all of it stands": {
			map[string]string{"overlays/dev/kustomization.yaml": newer(kustomization, "1.0.1"), "chart/values.yaml": newer(values, "1.0.1")},
			outcome{Files: map[string]string{"overlays/dev/kustomization.yaml": kustomization, "chart/values.yaml": values}, Targets: []string{"quay.io/team/server:1.0.0"}},
		},
		"a later commit has set one of them": {
			map[string]string{"overlays/dev/kustomization.yaml": newer(kustomization, "1.0.1"), "chart/values.yaml": newer(values, "1.0.2")},
			outcome{Files: map[string]string{"overlays/dev/kustomization.yaml": kustomization}, Targets: []string{"quay.io/team/server:1.0.0", "quay.io/team/server:1.0.2"}},
		},
		"a file is gone": {
			map[string]string{"overlays/dev/kustomization.yaml": newer(kustomization, "1.0.1")},
			outcome{Files: map[string]string{"overlays/dev/kustomization.yaml": kustomization}, Targets: []string{"quay.io/team/server:1.0.0"}},
		},
		"nothing of it stands": {
			map[string]string{"overlays/dev/kustomization.yaml": kustomization, "chart": "-> elsewhere"},
			outcome{Files: map[string]string{}, Targets: []string{"quay.io/team/server:1.0.0"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Undo(context.Background(), openTree(t, repository(), maxBytes), openTree(t, tc.now, maxBytes), req, maxBytes)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, outcomeOf(c)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// errDown is what a server that does not answer gives.
var errDown = errors.New("connection refused")

// downFiles answer the first reads only.
type downFiles struct {
	Files
	left int
}

func (d *downFiles) ReadFile(ctx context.Context, name string) ([]byte, error) {
	if d.left--; d.left < 0 {
		return nil, errDown
	}
	return d.Files.ReadFile(ctx, name)
}

// What could not be read is not taken for something that is gone.
func TestUndoWithoutAnswer(t *testing.T) {
	now := repository()
	for left := range 4 {
		files := &downFiles{Files: openTree(t, now, maxBytes), left: left}
		if _, err := Undo(context.Background(), openTree(t, repository(), maxBytes), files, everywhere("1.0.1"), maxBytes); !errors.Is(err, errDown) {
			t.Errorf("after %d reads: got %v", left, err)
		}
	}
}
