package customrun

import (
	"cmp"
	"context"

	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"
)

// ancestry is the answer to whether a revision contains the commit.
type ancestry struct {
	question string
	answer   argocd.Answer
}

// contains asks the repository in the background whether a revision contains our commit, and keeps the answer for the
// next decision. It gives the move that waits, or nil once the answer is there.
func (r *Reconciler) contains(ctx context.Context, run *run, d argocd.Decision) (*move, error) {
	var repository *gitrepo.Repository
	if !r.background.running(run, callContains) {
		var err error
		if repository, err = r.openGit(ctx, run); err != nil {
			return nil, err
		}
	}
	commit := cmp.Or(d.Ancestor, run.commit())
	found, done, err := call(r.background, run, callContains, containsTimeout, func(ctx context.Context) (ancestry, error) {
		defer repository.Close()
		answer, err := repository.Contains(ctx, d.Revision, commit)
		return ancestry{question: d.Question(), answer: answers[answer]}, err
	})
	if err != nil {
		return nil, err
	}
	if !done {
		waiting := stay("looking whether the synced revision contains commit "+short(commit), callBackstop)
		return &waiting, nil
	}
	r.memories.of(run.UID, r.clock.Now()).contains[found.question] = found.answer
	return nil, nil
}

// answers translates between the two packages, which do not know each other.
var answers = map[gitrepo.Answer]argocd.Answer{
	gitrepo.Yes: argocd.Yes, gitrepo.No: argocd.No, gitrepo.Unknown: argocd.Unknown,
}

// orAgain is the waiting move, or a look at once when there is nothing to wait for.
func orAgain(waiting *move) move {
	if waiting == nil {
		return again("")
	}
	return *waiting
}
