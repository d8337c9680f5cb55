package gitrepo

import "sync"

// Memory keeps a few facts about remotes that never change or only cost time when they are outdated.
// Without it everything works the same, a little slower. It may be shared by any number of
// Repositories and goroutines.
type Memory struct {
	mu      sync.Mutex
	answers recent[ancestryKey, Answer]
	big     recent[string, bool]
}

type ancestryKey struct{ url, revision, commit string }

// NewMemory keeps at most size facts of each kind; the oldest make room.
func NewMemory(size int) *Memory {
	return &Memory{answers: newRecent[ancestryKey, Answer](size), big: newRecent[string, bool](size)}
}

func (m *Memory) answer(url, revision, commit string) (Answer, bool) {
	if m == nil {
		return Unknown, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.answers.values[ancestryKey{url, revision, commit}]
	return a, ok
}

// keepAnswer keeps Yes and No, which are facts about commits and cannot change.
func (m *Memory) keepAnswer(url, revision, commit string, a Answer) {
	if m == nil || a == Unknown {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answers.put(ancestryKey{url, revision, commit}, a)
}

// isBig says that the repository had too many trees to fetch at once.
func (m *Memory) isBig(url string) bool {
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.big.values[url]
}

func (m *Memory) keepBig(url string) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.big.put(url, true)
}

// recent is a map that forgets its oldest keys.
type recent[K comparable, V any] struct {
	values map[K]V
	order  []K
	size   int
}

func newRecent[K comparable, V any](size int) recent[K, V] {
	return recent[K, V]{values: map[K]V{}, size: max(size, 1)}
}

func (r *recent[K, V]) put(key K, value V) {
	if _, known := r.values[key]; !known {
		if len(r.order) >= r.size {
			delete(r.values, r.order[0])
			r.order = r.order[1:]
		}
		r.order = append(r.order, key)
	}
	r.values[key] = value
}
