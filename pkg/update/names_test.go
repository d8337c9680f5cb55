package update

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tekton-gitops/tekton-gitops/pkg/request"
)

// The images of a directory are looked for in all of its files, and named in all of them.
func TestNamesOfImagesAreBounded(t *testing.T) {
	var others []string
	for i := range 14 {
		others = append(others, fmt.Sprintf("quay.io/team/other-%02d:1", i))
	}
	got := notInFiles("server", request.Manifests{}, []string{"a", "b", "c", "d"}, others).Error()
	for _, want := range []string{"a, b, c and 1 more", "other-09:1, and 4 more"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}
	if strings.Contains(got, "other-10") {
		t.Errorf("%q has no bound", got)
	}
}
