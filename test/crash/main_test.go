// Package crash tests that nothing is lost and nothing is done twice when the controller dies, is behind, or is not
// alone: killed with SIGKILL at every fail point, fed stale versions from its cache, run as two replicas that are killed
// in turn, and cut off from the API server.
//
// The tests run one after another: each starts and kills its own replicas.
package crash

import (
	"context"
	"os"
	"testing"

	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// bed is what all tests of this package share.
var bed *testbed.Bed

func TestMain(m *testing.M) {
	os.Exit(testbed.Run("crash", func(_ context.Context, b *testbed.Bed) (int, error) {
		bed = b
		return m.Run(), nil
	}))
}
