package customrun

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tekton-gitops/tekton-gitops/pkg/image"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
)

func TestMarker(t *testing.T) {
	mine := marker{Run: "team/promote-->", UID: "uid-1", Target: "0123456789abcdef", Commit: "c0ffee"}
	for name, tc := range map[string]struct {
		body string
		want marker
		ok   bool
	}{
		"at the end":                    {body: "- [ ] a gate\n\n" + mine.String(), want: mine, ok: true},
		"a person has written below it": {body: mine.String() + "\nlooks good", want: mine, ok: true},
		"another one is quoted above":   {body: "> " + marker{UID: "uid-0"}.String() + "\n" + mine.String(), want: mine, ok: true},
		"none":                          {body: "a gate"},
		"cut off":                       {body: mine.String()[:40]},
		"not JSON":                      {body: markerStart + "{" + markerEnd},
		"of nobody":                     {body: markerStart + "{}" + markerEnd},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := markerOf(tc.body)
			if ok != tc.ok {
				t.Fatalf("found: %v", ok)
			}
			if ok {
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		})
	}
}

// Two pull requests for different versions of one thing replace each other; those for different things do not.
func TestTarget(t *testing.T) {
	of := func(base, name, tag, path string) string {
		return targetOf(request.Request{
			Git: &request.Git{Branch: base}, Images: []image.Want{{Name: name, NewTag: tag}},
			Updates: []request.Update{{Kustomize: &request.Kustomize{Path: path}}},
		})
	}
	one := of("main", "server", "1.0.0", "overlays/prod")
	if got := of("main", "server", "2.0.0", "overlays/prod"); got != one {
		t.Error("another version is another target")
	}
	for name, other := range map[string]string{
		"base":  of("release", "server", "1.0.0", "overlays/prod"),
		"image": of("main", "client", "1.0.0", "overlays/prod"),
		"place": of("main", "server", "1.0.0", "overlays/test"),
	} {
		if other == one {
			t.Errorf("another %s is the same target", name)
		}
	}
}

func TestMadeBy(t *testing.T) {
	for text, want := range map[string]string{
		"Update\n\nTekton-CustomRun: team/a\nTekton-CustomRun-UID: uid-1\n": "uid-1",
		"Update\n\nTekton-CustomRun-UID: uid-1\nSigned-off-by: A <a@b.c>\n": "uid-1",
		"Update\n\nTekton-CustomRun-UID: uid-1\n\nA person's words":         "",
		"Tekton-CustomRun-UID is what I look for":                           "",
		"": "",
	} {
		if got, ours := madeBy(text); got != want || ours != (want != "") {
			t.Errorf("%q is made by %q, %v", text, got, ours)
		}
	}
}

func TestLeadingID(t *testing.T) {
	for tag, want := range map[string]string{
		"1a2b3c4":          "1a2b3c4",
		"1a2b3c4-20261122": "1a2b3c4",
		"1a2b3c4.5":        "1a2b3c4",
		"0123456789abcdef0123456789abcdef01234567":  "0123456789abcdef0123456789abcdef01234567",
		"0123456789abcdef0123456789abcdef012345678": "",
		"1a2b3c":          "",
		"1.2.3":           "",
		"v1a2b3c4":        "",
		"1a2b3c4xyz":      "",
		"release-1a2b3c4": "",
		"":                "",
	} {
		if got := leadingID(tag); got != want {
			t.Errorf("tag %q begins with %q, want %q", tag, got, want)
		}
	}
}
