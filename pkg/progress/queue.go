package progress

import (
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/lock"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
)

// Queue are the runs that wait for a lock, in the order of their turns, out of the CustomRuns of the lock's namespace. It
// goes by the same rule as the controller. Who holds the lock is not among them; the Lease of its name says so.
func Queue(runs []v1beta1.CustomRun, name string) []lock.Waiter {
	var waiters []lock.Waiter
	for i := range runs {
		if waitsFor(&runs[i], name) {
			waiters = append(waiters, lock.Waiter{UID: runs[i].UID, Name: runs[i].Name, Created: runs[i].CreationTimestamp})
		}
	}
	return lock.Heads(len(waiters), waiters)
}

func waitsFor(cr *v1beta1.CustomRun, name string) bool {
	if name == "" || !request.Ours(cr) || cr.IsDone() || cr.IsCancelled() || cr.DeletionTimestamp != nil {
		return false
	}
	kept, _ := readStored(cr)
	return kept != nil && kept.Phase == string(v1alpha1.ReasonLocking) && kept.Lock == name
}
