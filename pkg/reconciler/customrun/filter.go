package customrun

import (
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
)

// isOurs tells whether a CustomRun names one of our kinds, by reference or embedded. The informer's handler and the
// promotion of a leader use it too: on promotion the framework enqueues every CustomRun of the cluster, and the runs of
// other controllers must not be written to.
func isOurs(obj any) bool {
	cr, ok := obj.(*v1beta1.CustomRun)
	return ok && request.Ours(cr)
}
