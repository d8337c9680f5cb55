package customrun

import (
	"context"
	"fmt"
	"path"
	"strings"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"
	"github.com/tekton-gitops/tekton-gitops/pkg/image"
	"github.com/tekton-gitops/tekton-gitops/pkg/manifest"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
)

// edited is the outcome of the edits on one commit.
type edited struct {
	repository *gitrepo.Repository
	// secrets are those that were used, also when the edit failed.
	secrets []string

	snapshot *gitrepo.Snapshot
	files    map[string][]byte
	changed  bool
	diff     string
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

// edit reads the manifest at a commit, the tip when commit is empty, and sets the images in it. It changes nothing
// outside.
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
	file, before, err := kustomization(ctx, snapshot, run.data.Request.Update.Kustomize.Path)
	if err != nil {
		return edited{}, err
	}
	e := edited{snapshot: snapshot}
	after := before
	for _, want := range run.data.Request.Images {
		one, err := manifest.SetKustomizeImage(file, after, want, manifest.MaxBytes(int(r.settings.policy().MaxManifestBytes)))
		if err != nil {
			return edited{}, err
		}
		after = one.Data
		e.changed = e.changed || one.Changed
		e.targets = append(e.targets, one.Image)
		e.previous = append(e.previous, one.Previous.String())
	}
	if e.changed {
		e.files = map[string][]byte{file: after}
		e.diff = manifest.Diff(file, before, after, v1alpha1.MaxDiffBytes)
	}
	return e, nil
}

// kustomization finds the one kustomization file of a directory.
func kustomization(ctx context.Context, snapshot *gitrepo.Snapshot, dir string) (file string, data []byte, err error) {
	entries, err := snapshot.List(ctx, dir)
	if err != nil {
		return "", nil, err
	}
	var found []string
	for _, name := range manifest.KustomizationNames() {
		for _, entry := range entries {
			if entry.Name == name {
				found = append(found, name)
			}
		}
	}
	switch len(found) {
	case 0:
		return "", nil, fmt.Errorf("%w: directory %s has no %s", manifest.ErrInvalid, dir, strings.Join(manifest.KustomizationNames(), ", "))
	case 1:
		file = path.Join(dir, found[0])
		data, err = snapshot.ReadFile(ctx, file)
		return file, data, err
	}
	return "", nil, fmt.Errorf("%w: directory %s has more than one kustomization file: %s", manifest.ErrInvalid, dir, strings.Join(found, ", "))
}

// noteEdit keeps what the results and the verification need of an edit. The previous image is that of the first edit
// of the run, not the one that an earlier attempt of ours has set.
func (run *run) noteEdit(e edited) {
	run.data.Targets = e.targets
	if len(run.data.Outcome.Previous) == 0 {
		run.data.Outcome.Previous = e.previous
	}
}

// commitText is the message with the trailers that lead from a commit to the run that made it.
func commitText(run *run, e edited) string {
	var vars request.ImageVariables
	if len(e.targets) == 1 {
		t := e.targets[0]
		vars = request.ImageVariables{Image: t.String(), Name: t.Name, Tag: t.Tag, Digest: t.Digest, Previous: e.previous[0]}
	}
	text := strings.TrimSpace(request.RenderMessage(run.data.Request.Git.Message, vars))
	trailers := make([]string, 0, 3)
	if pr := run.data.Request.Run.PipelineRun; pr != "" {
		trailers = append(trailers, "Tekton-PipelineRun: "+run.Namespace+"/"+pr)
	}
	trailers = append(trailers, "Tekton-CustomRun: "+run.Namespace+"/"+run.Name, "Tekton-CustomRun-UID: "+string(run.UID))
	return text + "\n\n" + strings.Join(trailers, "\n")
}
