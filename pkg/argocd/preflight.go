package argocd

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

// Preflight fails when the Application can never make a commit of the goal's
// branch live as the goal asks for: ErrDeleting, ErrSkipReconcile, ErrMismatch,
// and ErrAutoSyncRevision where a pinned commit meets auto-sync. It needs RepoURL,
// Branch, Paths, Pin and SameRepository of the goal only; without a RepoURL it
// looks at the Application alone. A comparison error or bad health is no failure
// here: the commit may be what repairs it.
func Preflight(o Observation, g Goal) error {
	if err := standing(o); err != nil || g.RepoURL == "" {
		return err
	}
	if _, err := trackedSource(o, g); err != nil {
		return err
	}
	if g.Pin && o.AutoSync.Enabled {
		// The server refuses it for one source. For several, 2.14 lets it through, and
		// auto-sync then goes on to what the branch has.
		return fmt.Errorf("application %s: %w: auto-sync (spec.syncPolicy.automated) syncs to what branch %s has: remove pinRevision, or automated",
			o.App, ErrAutoSyncRevision, g.Branch)
	}
	return nil
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
// sources may be of our repository: the one that is closest to one of our paths
// is preferred. With a source hydrator the dry source is what has to be ours.
func trackedSource(o Observation, g Goal) (int, error) {
	sources, role := o.Sources, "source"
	if o.Hydration != nil {
		sources, role = []Source{o.Hydration.Dry}, "dry source"
	}
	best, bestRank := -1, -1
	var refused []string
	for i, s := range sources {
		if s.Chart != "" || !g.sameRepository(s.RepoURL) {
			continue
		}
		if !reaches(s.TargetRevision, g.Branch) {
			refused = append(refused, describeTarget(s.TargetRevision))
			continue
		}
		if rank := pathRank(s, g.Paths); rank > bestRank {
			best, bestRank = i, rank
		}
	}
	switch {
	case best >= 0:
		return best, nil
	case len(refused) > 0:
		return -1, fmt.Errorf("application %s: %w: its %s %s follows %s, not branch %s: set targetRevision to %s, or deploy to the branch that it follows",
			o.App, ErrMismatch, role, g.RepoURL, list(refused, 3), g.Branch, g.Branch)
	}
	return -1, fmt.Errorf("application %s: %w: no %s of it is %s; it has %s", o.App, ErrMismatch, role, g.RepoURL, describeSources(sources))
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

// pathRank tells how close a source is to the nearest of the edited paths: the
// same path, then the longest path around it, then one below it, then any. A
// source with a ref and no path gives its files to the other sources: it is
// around every path, as the root is.
func pathRank(s Source, edited []string) int {
	const same, around, below = 1 << 20, 2, 1
	best, source := 0, directory(s.Path)
	for _, e := range edited {
		e = directory(e)
		switch {
		case source == e && s.Path != "":
			best = max(best, same)
		case strings.HasPrefix(e, source) && (s.Path != "" || s.Ref != ""):
			best = max(best, around+len(source))
		case strings.HasPrefix(source, e):
			best = max(best, below)
		}
	}
	return best
}

// directory writes a path so that one is a prefix of what is below it; "" is the root.
func directory(p string) string {
	p = strings.Trim(path.Clean(p), "/")
	if p == "." || p == "" {
		return ""
	}
	return p + "/"
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
