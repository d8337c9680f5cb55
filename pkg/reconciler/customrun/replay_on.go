//go:build failpoints

package customrun

import (
	"context"
	"os"
	"sync"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"k8s.io/apimachinery/pkg/types"
)

// ReplayVariable names the environment variable that turns every cache lag on at once.
const ReplayVariable = "GITOPS_REPLAY_STALE"

// seen keeps the earlier versions of each run.
var seen = struct {
	sync.Mutex
	versions map[types.UID][]*v1beta1.CustomRun
}{versions: map[types.UID][]*v1beta1.CustomRun{}}

// replay reconciles the last three versions of the run before the current one, as a replica with a cache that lags would.
// None of them may have an effect.
func (r *Reconciler) replay(ctx context.Context, cr *v1beta1.CustomRun) {
	if os.Getenv(ReplayVariable) == "" {
		return
	}
	seen.Lock()
	versions := seen.versions[cr.UID]
	if n := len(versions); n == 0 || versions[n-1].ResourceVersion != cr.ResourceVersion {
		seen.versions[cr.UID] = append(versions, cr.DeepCopy())
	}
	stale := versions[max(0, len(versions)-3):]
	seen.Unlock()
	for _, old := range stale {
		if old.ResourceVersion != cr.ResourceVersion {
			_ = r.reconcile(ctx, old.DeepCopy())
		}
	}
}
