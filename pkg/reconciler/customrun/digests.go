package customrun

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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

// maxLive and maxLiveBytes bound what is kept of what runs: the record has room for so many, and the run's status for so
// much besides the rest.
const (
	maxLive      = 64
	maxLiveBytes = 10 << 10
)

// allDigests lists what runs in all applications, in an order of its own, so that what is left out is always the same.
func (r *Reconciler) allDigests(ctx context.Context, run *run, apps []*application) (live []v1alpha1.LiveImage, known bool, err error) {
	known = true
	for _, app := range apps {
		one, oneKnown, err := r.digests(ctx, run, app)
		if err != nil {
			return nil, false, err
		}
		live, known = append(live, one...), known && oneKnown
	}
	slices.SortFunc(live, func(a, b v1alpha1.LiveImage) int {
		return cmp.Or(cmp.Compare(a.Workload, b.Workload), cmp.Compare(a.Container, b.Container), cmp.Compare(a.Image, b.Image))
	})
	return boundedLive(live), known, nil
}

func boundedLive(live []v1alpha1.LiveImage) []v1alpha1.LiveImage {
	size := 0
	for i, l := range live {
		raw, err := json.Marshal(l)
		size += len(raw) + 1
		if err != nil || size > maxLiveBytes || i == maxLive {
			return live[:i]
		}
	}
	return live
}

// digests lists what runs, with the digest of the spec or else the one that a pod of the current revision reports. known
// tells whether every workload that has pods has its digests.
func (r *Reconciler) digests(ctx context.Context, run *run, a *application) (live []v1alpha1.LiveImage, known bool, err error) {
	known = true
	for _, w := range a.found.verified {
		pod, err := r.currentPod(ctx, a, w)
		if err != nil {
			return nil, false, err
		}
		for _, c := range w.verdict.Images {
			if !w.counts(c) || !runsTarget(run.targets(), c.Image) {
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

// maxPodsRead bounds the pods of a workload that are read until one of the current revision is found.
const maxPodsRead = 5

// currentPod reads a live pod of the workload's current revision, nil when the tree has none yet. A pod of an older
// revision would tell the digest of an older image.
func (r *Reconciler) currentPod(ctx context.Context, a *application, w workload) ([]byte, error) {
	read := 0
	for _, p := range a.found.tree.Pods(w.uid) {
		if w.verdict.Revision > 0 && p.Revision != w.verdict.Revision || read == maxPodsRead {
			continue
		}
		read++
		pod, err := a.Live(ctx, a.app, p.Resource)
		if errors.Is(err, argocd.ErrResourceNotFound) {
			continue // gone since the tree was read
		}
		if err != nil {
			return nil, err
		}
		// The revision of the ReplicaSet between the two says it already.
		if p.Revision > 0 {
			return pod, nil
		}
		current, err := rollout.Current(pod, w.verdict)
		if err != nil || current {
			return pod, err
		}
	}
	return nil, nil
}
