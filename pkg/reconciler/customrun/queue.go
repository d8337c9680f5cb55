package customrun

import (
	"github.com/tekton-gitops/tekton-gitops/pkg/lock"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"k8s.io/apimachinery/pkg/types"
)

// waitingIndex is the index of the cache of CustomRuns that holds the queue of each lock, under namespace/name. The cache
// reads the state of each version of a run once; without the index, each of a thousand waiting runs would read that of all
// others whenever it looks for its place.
const waitingIndex = "gitops.tekton.dev/waiting"

// waitingFor is the key of a run that waits for a lock.
func waitingFor(obj any) ([]string, error) {
	cr, ok := obj.(*v1beta1.CustomRun)
	if !ok || !isOurs(cr) {
		return nil, nil
	}
	if name := lockOf(cr); name != "" && waitsFor(cr, name) {
		return []string{cr.Namespace + "/" + name}, nil
	}
	return nil, nil
}

// waiters are the runs whose stored phase is Locking on this lock.
func (r *Reconciler) waiters(namespace, name string) []lock.Waiter {
	runs, err := r.cached.ByIndex(waitingIndex, namespace+"/"+name)
	if err != nil {
		return nil
	}
	waiters := make([]lock.Waiter, 0, len(runs))
	for _, obj := range runs {
		if cr, ok := obj.(*v1beta1.CustomRun); ok {
			waiters = append(waiters, lock.Waiter{UID: cr.UID, Name: cr.Name, Created: cr.CreationTimestamp})
		}
	}
	return waiters
}

// wakeQueue wakes the head of a lock's queue. It is called on every event of a run that may have left the lock.
func (r *Reconciler) wakeQueue(namespace, name string) {
	for _, w := range lock.Heads(nearHead, r.waiters(namespace, name)) {
		r.wakeAfter(types.NamespacedName{Namespace: namespace, Name: w.Name}, 0)
	}
}
