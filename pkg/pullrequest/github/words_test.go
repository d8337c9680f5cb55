package github

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

func TestRedact(t *testing.T) {
	const old = "0123456789abcdef0123456789abcdef01234567" // tokens of before 2021 have no prefix
	for name, tt := range map[string]struct{ text, want string }{
		"this token":          {"no " + old + " here", "no [redacted] here"},
		"another token":       {"no " + testToken + ", please", "no [redacted], please"},
		"a fine-grained one":  {"github_pat_11ABCDEFG0123456789_abc", "[redacted]"},
		"an App's claim":      {"Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiI3NyJ9.c2ln-bmF0_dXJl", "Bearer [redacted]"},
		"nothing of the kind": {"commit " + head1 + " of ghs_x", "commit " + head1 + " of ghs_x"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, redact(pullrequest.Auth{Token: old}, tt.text)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWordsAreBounded(t *testing.T) {
	got := clean(strings.Repeat("ä", maxWords))
	if diff := cmp.Diff(strings.Repeat("ä", maxWords/2)+"…", got); diff != "" {
		t.Error(diff)
	}
}
