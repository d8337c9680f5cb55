package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const someImage = "registry.example.com/tekton-gitops/controller@sha256:" +
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestRender(t *testing.T) {
	const source = `# Stays, even the word devel.
metadata:
  labels:
    app.kubernetes.io/version: devel
data:
  version: devel
  loglevel: devel
spec:
  containers:
  - image: ko://example.com/x/cmd/controller
`
	want := strings.NewReplacer("version: devel", "version: v0.1.0", "ko://example.com/x/cmd/controller", someImage).Replace(source)
	for what, manifests := range map[string]string{
		"config":         source,
		"resolved by ko": strings.ReplaceAll(source, "ko://example.com/x/cmd/controller", someImage),
	} {
		t.Run(what, func(t *testing.T) {
			got, err := release{version: "v0.1.0", image: someImage}.render([]byte(manifests))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, string(got)); d != "" {
				t.Error(d)
			}
		})
	}
}

// The manifests of config/ have all that a release fills in.
func TestConfig(t *testing.T) {
	manifests, err := read("../../config")
	if err != nil {
		t.Fatal(err)
	}
	got, err := release{version: "v0.1.0-rc.1", image: someImage}.render(manifests)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(got); strings.Contains(text, "devel\n") || strings.Contains(text, "ko://") {
		t.Error("something of the development version is left")
	}
	if lines, want := strings.Count(string(got), "\n"), strings.Count(string(manifests), "\n"); lines != want {
		t.Errorf("%d lines have become %d", want, lines)
	}
}

func TestRefused(t *testing.T) {
	const source = "labels:\n  app.kubernetes.io/version: devel\n  image: ko://example.com/x\n"
	for _, c := range []struct {
		manifests string
		release   release
		want      string
	}{
		{source, release{"", someImage}, "is no version"},
		{source, release{"0.1.0", someImage}, "is no version"},
		{source, release{"v1", someImage}, "is no version"},
		{source, release{"v0.1.0\ninjected: x", someImage}, "is no version"},
		{source, release{"v0.1.0", ""}, "is not by digest"},
		{source, release{"v0.1.0", "registry.example.com/x:v0.1.0"}, "is not by digest"},
		{source, release{"v0.1.0", someImage[:len(someImage)-1]}, "is not by digest"},
		{strings.ReplaceAll(source, "ko://example.com/x", "registry.example.com/x:latest"), release{"v0.1.0", someImage}, "is not by digest"},
		{strings.ReplaceAll(source, "devel", "v0.0.9"), release{"v0.1.0", someImage}, "no version devel"},
		{"labels:\n  app.kubernetes.io/version: devel\n", release{"v0.1.0", someImage}, "no image"},
	} {
		t.Run(fmt.Sprint(c.release), func(t *testing.T) {
			got, err := c.release.render([]byte(c.manifests))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q; rendered:\n%s", err, c.want, got)
			}
		})
	}
}
