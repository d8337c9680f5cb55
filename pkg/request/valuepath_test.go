package request

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tekton-gitops/tekton-gitops/pkg/manifest"
)

// TestValuePathIsThatOfManifest: what a request takes has to lead somewhere, and what leads somewhere has to be taken.
func TestValuePathIsThatOfManifest(t *testing.T) {
	alphabet := []string{"a", "b-c", ".", "[", "]", "[0]", "[12345]", "7", `"`, `"d.e"`, `""`, " ", "\t", "\n", "\x7f", "\u0085", "\u00a0", "$", "(", ")", "{", "}", "/", "\\", "*", "&", "ü"}
	rapid.Check(t, func(t *rapid.T) {
		path := strings.Join(rapid.SliceOfN(rapid.SampledFrom(alphabet), 1, 8).Draw(t, "path"), "")
		_, err := manifest.ParsePath(path)
		if taken := valuePath.MatchString(path); taken != (err == nil) {
			t.Fatalf("%q: taken %v, ParsePath says %v", path, taken, err)
		}
	})
}
