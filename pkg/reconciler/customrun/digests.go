package customrun

import (
	"context"
	"errors"
	"fmt"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"github.com/tekton-gitops/tekton-gitops/pkg/rollout"
)

const (
	// digestPatience is how long after the rollout the digests may stay unknown: Argo CD's resource tree follows the
	// cluster with a delay, and may not have the new pods yet. A digest is a help, not a part of the proof.
	digestPatience = 5 * time.Second
	digestPoll     = 200 * time.Millisecond
)

// digests lists what runs, with the digest of the spec or else the one that a pod of the current revision reports. known
// tells whether every workload that has pods has its digests.
func (r *Reconciler) digests(ctx context.Context, run *run, a *argo, found workloads) (live []v1alpha1.LiveImage, known bool, err error) {
	known = true
	for _, w := range found.verified {
		pod, err := r.currentPod(ctx, a, found, w)
		if err != nil {
			return nil, false, err
		}
		for _, c := range w.verdict.Images {
			if !w.counts(c) || !runsTarget(run, c.Image) {
				continue
			}
			image := v1alpha1.LiveImage{Workload: w.Kind + "/" + w.Namespace + "/" + w.Name, Container: c.Container, Image: c.Image, Digest: digestOf(c.Image)}
			if image.Digest == "" && pod != nil {
				if image.Digest, err = rollout.Digest(pod, c.Container); err != nil {
					return nil, false, fmt.Errorf("digest of %s: %w", w.Name, err)
				}
			}
			known = known && (image.Digest != "" || w.verdict.Replicas == 0)
			live = append(live, image)
		}
	}
	return live, known, nil
}

// currentPod reads a live pod of the workload's current revision, nil when the tree has none yet. A pod of an older
// revision would tell the digest of an older image.
func (r *Reconciler) currentPod(ctx context.Context, a *argo, found workloads, w workload) ([]byte, error) {
	for _, p := range found.tree.Pods(w.uid) {
		if p.Revision != w.verdict.Revision {
			continue
		}
		manifest, err := a.Live(ctx, a.app, p.Resource)
		if errors.Is(err, argocd.ErrResourceNotFound) {
			continue // gone since the tree was read
		}
		return manifest, err
	}
	return nil, nil
}
