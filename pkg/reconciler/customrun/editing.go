package customrun

import (
	"context"
	"fmt"
	"strings"

	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"
	"github.com/tekton-gitops/tekton-gitops/pkg/image"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
)

// edited is the outcome of the edits on one commit.
type edited struct {
	repository *gitrepo.Repository
	// secrets are those that were used, also when the edit failed.
	secrets []string

	snapshot *gitrepo.Snapshot
	// tip is the commit that was edited.
	tip     string
	files   map[string][]byte
	changed bool
	diff    string
	// previous and targets are what the manifests had and have for each image, in the order of the request. Behind the
	// targets come those of further places that give an image another name.
	previous []string
	targets  []image.Ref
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
	if run.cp.Phase == Reverting {
		return r.undo(ctx, run, repository, snapshot)
	}
	w := r.workspace(snapshot)
	found, err := w.updates(ctx, *run.data.Request)
	if err != nil {
		return edited{}, err
	}
	e := w.edited()
	e.previous, e.targets = found.inOrder(run.data.Request.Images)
	return e, nil
}

func (r *Reconciler) workspace(snapshot *gitrepo.Snapshot) *workspace {
	return newWorkspace(snapshot, int(r.settings.policy().MaxManifestBytes))
}

// noteEdit keeps what the results and the verification need of an edit. The previous image is the one before the run's
// first commit, not the one that an earlier attempt of ours has set.
func (run *run) noteEdit(e edited) {
	run.data.Targets = e.targets
	if o := &run.data.Outcome; !o.Changed {
		o.Previous = e.previous
	}
}

// maxSubjectBytes bounds what a commit that reverts says of the one that it takes back.
const maxSubjectBytes = 200

// commitText is the message with the trailers that lead from a commit to the run that made it.
func commitText(run *run) string {
	text := strings.TrimSpace(request.RenderMessage(run.data.Request.Git.Message, imageVariables(run)))
	if run.cp.Phase == Reverting {
		subject, _, _ := strings.Cut(text, "\n")
		text = `Revert "` + bounded(subject, maxSubjectBytes) + `"` + // git escapes nothing here
			fmt.Sprintf("\n\nThis takes back commit %s, whose deployment failed: %s.", run.data.Outcome.Commit, run.cp.Verdict.Reason)
	}
	trailers := make([]string, 0, 3)
	if pr := run.data.Request.Run.PipelineRun; pr != "" {
		trailers = append(trailers, "Tekton-PipelineRun: "+run.Namespace+"/"+pr)
	}
	trailers = append(trailers, "Tekton-CustomRun: "+run.Namespace+"/"+run.Name, trailerUID+string(run.UID))
	return text + "\n\n" + strings.Join(trailers, "\n")
}
