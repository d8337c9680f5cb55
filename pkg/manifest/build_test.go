package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// tree is what the overlays of the tests refer to.
var tree = map[string]string{
	"/app/base/kustomization.yaml": "resources: [workloads.yaml]\n",
	"/app/base/workloads.yaml": workload("server", "quay.io/gnunn/server:v0") + workload("client", "quay.io/gnunn/client:v0") +
		workload("web", "nginx") + workload("cache", "redis:6") + workload("hub-cache", "docker.io/library/redis:6") +
		workload("db", "reg:5000/db:1") + workload("placeholder", "SERVER_IMAGE") + workload("other", "reg:5001/other@sha256:"+strings.Repeat("0", 64)),
	"/app/overlay/deployment.yaml":      workload("extra", "busybox:1"),
	"/app/component/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncommonAnnotations: {component: used}\n",
}

func workload(name, image string) string {
	return fmt.Sprintf(`---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: %s
spec:
  template:
    spec:
      containers:
      - name: main
        image: %s
`, name, image)
}

// build runs kustomize build on an overlay. A component is built as part of
// one.
func build(kustomization []byte) ([]any, error) {
	fs := filesys.MakeFsInMemory()
	for path, text := range tree {
		if err := fs.WriteFile(path, []byte(text)); err != nil {
			return nil, err
		}
	}
	dir := "/app/overlay"
	if bytes.Contains(kustomization, []byte("kind: Component")) {
		dir = "/app/main"
		main := "resources: [../base]\ncomponents: [../overlay]\n"
		if err := fs.WriteFile(dir+"/kustomization.yaml", []byte(main)); err != nil {
			return nil, err
		}
	}
	if err := fs.WriteFile("/app/overlay/kustomization.yaml", kustomization); err != nil {
		return nil, err
	}
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(fs, dir)
	if err != nil {
		return nil, err
	}
	text, err := resources.AsYaml()
	if err != nil {
		return nil, err
	}
	var all []any
	for decoder := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var object any
		if err := decoder.Decode(&object); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, object)
	}
}

// imageChanges compares two builds and returns the images that differ, or an
// error when anything else does.
func imageChanges(key string, a, b any) ([][2]string, error) {
	switch a := a.(type) {
	case map[string]any:
		other, ok := b.(map[string]any)
		if !ok || len(a) != len(other) {
			return nil, fmt.Errorf("%s differs", key)
		}
		var all [][2]string
		for k, v := range a {
			c, err := imageChanges(k, v, other[k])
			if err != nil {
				return nil, err
			}
			all = append(all, c...)
		}
		return all, nil
	case []any:
		other, ok := b.([]any)
		if !ok || len(a) != len(other) {
			return nil, fmt.Errorf("%s differs", key)
		}
		var all [][2]string
		for i, v := range a {
			c, err := imageChanges(key, v, other[i])
			if err != nil {
				return nil, err
			}
			all = append(all, c...)
		}
		return all, nil
	}
	if a == b {
		return nil, nil
	}
	before, isString := a.(string)
	after, areStrings := b.(string)
	if key != "image" || !isString || !areStrings {
		return nil, fmt.Errorf("%s: %v became %v", key, a, b)
	}
	return [][2]string{{before, after}}, nil
}

func images(object any) []string {
	var all []string
	switch object := object.(type) {
	case map[string]any:
		for k, v := range object {
			if text, ok := v.(string); ok && k == "image" {
				all = append(all, text)
			}
			all = append(all, images(v)...)
		}
	case []any:
		for _, v := range object {
			all = append(all, images(v)...)
		}
	}
	return all
}

// unbuildable are cases whose file kustomize itself cannot build before the
// edit, because the tag is a number there.
var unbuildable = map[string]bool{"number-becomes-string": true, "crlf": true}

func TestBuildDiffersOnlyInTheImage(t *testing.T) {
	for _, tc := range goldenCases(t) {
		edit, err := SetKustomizeImage("kustomization.yaml", tc.in, tc.want)
		if err != nil {
			continue
		}
		t.Run(tc.name, func(t *testing.T) {
			after, err := build(edit.Data)
			if err != nil {
				t.Fatalf("after: %v", err)
			}
			sets := 0
			for _, live := range images(after) {
				if live == edit.Image.String() {
					sets++
				}
			}
			if sets == 0 {
				t.Errorf("no container has %s: %q", edit.Image, images(after))
			}
			before, err := build(tc.in)
			if failed := err != nil; failed != unbuildable[tc.name] {
				t.Fatalf("before: %v", err)
			}
			if err == nil {
				checkImages(t, before, after, edit.Image)
			}
		})
	}
}

func checkImages(t interface {
	Helper()
	Errorf(string, ...any)
}, before, after []any, want image.Ref) {
	t.Helper()
	changes, err := imageChanges("", before, after)
	if err != nil {
		t.Errorf("%v", err)
	}
	for _, c := range changes {
		if c[1] != want.String() {
			t.Errorf("%s became %s, want %s", c[0], c[1], want)
		}
	}
}
