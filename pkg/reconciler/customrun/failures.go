package customrun

import (
	"math/rand/v2"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// failures counts the transient errors of each run in a row, for the back-off and for the message. The count lives in
// memory: another replica starts anew, which only means an earlier next try.
type failures struct {
	mu    sync.Mutex
	count map[types.UID]int
}

func newFailures() *failures { return &failures{count: map[types.UID]int{}} }

const (
	firstBackoff = 500 * time.Millisecond
	maxBackoff   = 30 * time.Second
	// silentFailures is how many failures in a row people are not told of: a server that restarts is no news.
	silentFailures = 2
)

// next notes one more failure, and says how many there are and how long to wait. The wait doubles up to maxBackoff and
// is jittered by a half, so that many runs do not come back together.
func (f *failures) next(uid types.UID) (count int, wait time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count[uid]++
	count = f.count[uid]
	wait = maxBackoff
	if count < 7 {
		wait = firstBackoff << (count - 1)
	}
	return count, wait/2 + rand.N(wait/2) //nolint:gosec // jitter, not a secret
}

func (f *failures) forget(uid types.UID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.count, uid)
}
