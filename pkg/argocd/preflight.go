package argocd

import (
	"fmt"
	"regexp"
	"strings"
)

// Preflight fails when the Application can never make a commit of the goal's
// branch live: ErrDeleting, ErrSkipReconcile, ErrMismatch. It needs RepoURL,
// Branch, Path and SameRepository of the goal only; without a RepoURL it looks at
// the Application alone. A comparison error or bad health is no failure here: the
// commit may be what repairs it.
func Preflight(o Observation, g Goal) error {
	if err := standing(o); err != nil || g.RepoURL == "" {
		return err
	}
	_, err := trackedSource(o, g)
	return err
}

// standing fails when Argo CD does not look after the Application at all.
func standing(o Observation) error {
	switch {
	case o.Deleting:
		return fmt.Errorf("application %s: %w", o.App, ErrDeleting)
	case o.SkipReconcile:
		return fmt.Errorf("application %s: %w: remove its annotation argocd.argoproj.io/skip-reconcile", o.App, ErrSkipReconcile)
	}
	return nil
}

// trackedSource is the index of the source that follows our branch. Several
// sources may be of our repository: the one of our path is preferred, then one
// that holds or is held by it, then any.
func trackedSource(o Observation, g Goal) (int, error) {
	best, bestRank := -1, -1
	var refused []string
	for i, s := range o.Sources {
		if s.Chart != "" || !g.sameRepository(s.RepoURL) {
			continue
		}
		if !reaches(s.TargetRevision, g.Branch) {
			refused = append(refused, describeTarget(s.TargetRevision))
			continue
		}
		if rank := pathRank(s.Path, g.Path); rank > bestRank {
			best, bestRank = i, rank
		}
	}
	switch {
	case best >= 0:
		return best, nil
	case len(refused) > 0:
		return -1, fmt.Errorf("application %s: %w: its source %s follows %s, not branch %s: set targetRevision to %s, or deploy to the branch that it follows",
			o.App, ErrMismatch, g.RepoURL, list(refused, 3), g.Branch, g.Branch)
	}
	return -1, fmt.Errorf("application %s: %w: no source of it is %s; it has %s", o.App, ErrMismatch, g.RepoURL, describeSources(o.Sources))
}

func (g Goal) sameRepository(url string) bool {
	if g.SameRepository == nil {
		return url == g.RepoURL
	}
	return g.SameRepository(url, g.RepoURL)
}

// reaches reports whether a targetRevision can resolve to commits of the branch.
// HEAD is the default branch, which is not known here: it may be ours.
func reaches(target, branch string) bool {
	switch target {
	case "", "HEAD", branch, "refs/heads/" + branch:
		return true
	}
	return false
}

// A commit as Argo CD recognises it: util/git/git.go, IsCommitSHA and IsTruncatedCommitSHA.
var commitSHA = regexp.MustCompile("^[0-9A-Fa-f]{7,40}$")

func describeTarget(target string) string {
	switch {
	case commitSHA.MatchString(target):
		return "the fixed commit " + target
	case strings.HasPrefix(target, "refs/tags/"):
		return "the tag " + strings.TrimPrefix(target, "refs/tags/")
	}
	return "the branch or tag " + strings.TrimPrefix(target, "refs/heads/")
}

func pathRank(source, edited string) int {
	source, edited = strings.Trim(source, "/")+"/", strings.Trim(edited, "/")+"/"
	switch {
	case source == edited:
		return 2
	case strings.HasPrefix(edited, source), strings.HasPrefix(source, edited):
		return 1
	}
	return 0
}

func describeSources(sources []Source) string {
	if len(sources) == 0 {
		return "none"
	}
	var all []string
	for _, s := range sources {
		text := s.RepoURL
		if s.Chart != "" {
			text += " (chart " + s.Chart + ")"
		}
		all = append(all, text)
	}
	return list(all, 5)
}
