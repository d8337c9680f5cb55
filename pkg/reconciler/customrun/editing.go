package customrun

import (
	"context"
	"fmt"
	"strings"

	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"
	"github.com/tekton-gitops/tekton-gitops/pkg/update"
)

// edited is the outcome of the edits on one commit.
type edited struct {
	repository *gitrepo.Repository
	// secrets are those that were used, also when the edit failed.
	secrets []string

	snapshot *gitrepo.Snapshot
	// tip is the commit that was edited.
	tip string
	update.Change
}

// editTip opens the repository and edits on the tip of the branch.
func (r *Reconciler) editTip(ctx context.Context, run *run) (edited, error) {
	repository, err := r.openGit(ctx, run)
	if err != nil {
		return edited{secrets: run.secrets}, err
	}
	e, err := r.edit(ctx, run, repository, "")
	e.repository, e.secrets = repository, run.secrets
	if err != nil {
		repository.Close()
	}
	return e, err
}

// edit reads the manifests at a commit, the tip when commit is empty, and makes every update of the request in them. It
// changes nothing outside.
func (r *Reconciler) edit(ctx context.Context, run *run, repository *gitrepo.Repository, commit string) (edited, error) {
	if commit == "" {
		tip, err := repository.Tip(ctx)
		if err != nil {
			return edited{}, err
		}
		commit = tip
	}
	snapshot, err := repository.Snapshot(ctx, commit)
	if err != nil {
		return edited{}, err
	}
	e := edited{snapshot: snapshot, tip: snapshot.Commit()}
	if run.cp.Phase == Reverting {
		e.Change, err = r.undo(ctx, run, repository, snapshot)
	} else {
		e.Change, err = update.Make(ctx, snapshot, *run.data.Request, r.maxFileBytes())
	}
	return e, err
}

func (r *Reconciler) maxFileBytes() int { return int(r.settings.policy().MaxManifestBytes) }

// noteEdit keeps what the results and the verification need of an edit. The previous image is the one before the run's
// first commit, not the one that an earlier attempt of ours has set.
func (run *run) noteEdit(e edited) {
	run.data.Targets = e.Targets
	if o := &run.data.Outcome; !o.Changed {
		o.Previous = e.Previous
	}
}

// maxSubjectBytes bounds what a commit that reverts says of the one that it takes back.
const maxSubjectBytes = 200

// commitText is the message with the trailers that lead from a commit to the run that made it.
func commitText(run *run) string {
	text := update.Message(*run.data.Request, imageVariables(run))
	if run.cp.Phase == Reverting {
		subject, _, _ := strings.Cut(text, "\n")
		text = `Revert "` + bounded(subject, maxSubjectBytes) + `"` + // git escapes nothing here
			fmt.Sprintf("\n\nThis takes back commit %s, whose deployment failed: %s.", run.data.Outcome.Commit, run.cp.Verdict.Reason)
	}
	return text + "\n\n" + update.Trailers(*run.data.Request)
}
