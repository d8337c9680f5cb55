package main

import (
	"fmt"
	"strings"
)

// shows says at which levels the tests of a package can prove something: P needs nothing but the package, G a git
// server, S a scripted Argo CD, H a git host with pull requests, C the local control plane. The first entry that a test
// begins with counts.
var shows = []struct{ begins, levels string }{
	{"test/e2e ", "GHC"},
	{"test/crash ", "GHC"},
	{"test/conformance ", "H"},
	{"test/localcluster ", "C"},
	{"pkg/lock TestAgainst", "C"},
	{"pkg/argocd TestAgainst", "C"},
	{"pkg/argocd ", "PS"},
	{"pkg/gitrepo ", "PG"},
	{"pkg/reconciler/customrun ", "PGSH"},
	{"pkg/", "P"},
}

func (t test) levels() string {
	for _, s := range shows {
		if strings.HasPrefix(t.String(), s.begins) {
			return s.levels
		}
	}
	return ""
}

// unproven says what a row lacks, and which of its tests were skipped. Where a program is missing that tests need, being
// skipped is no problem.
func (r row) unproven(done results, missing []string) (problems, leftOut []string) {
	if len(r.tests) == 0 {
		return []string{fmt.Sprintf("%s (%s): has no test", r.id, r.text)}, nil
	}
	for _, t := range r.tests {
		switch done.of(t) {
		case absent:
			problems = append(problems, fmt.Sprintf("%s: %s did not run, or did not come to an end", r.id, t))
		case skipped:
			text := fmt.Sprintf("%s: %s was skipped", r.id, t)
			if len(missing) > 0 {
				leftOut = append(leftOut, text)
				continue
			}
			problems = append(problems, text)
		case failed:
			problems = append(problems, fmt.Sprintf("%s: %s failed", r.id, t))
		}
	}
	return append(problems, r.misplaced()...), leftOut
}

// misplaced finds levels of a row at which none of its tests can prove anything.
func (r row) misplaced() (problems []string) {
	for _, level := range r.levels {
		shown := false
		for _, t := range r.tests {
			shown = shown || strings.ContainsRune(t.levels(), level)
		}
		if !shown && len(r.tests) > 0 {
			problems = append(problems, fmt.Sprintf("%s: none of its tests is of level %c", r.id, level))
		}
	}
	return problems
}
