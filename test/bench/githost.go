package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/test/conformance/githubdouble"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

const (
	// repositories of the git host, which the runs take in turns.
	repositories = 20
	// atOnce is how many runs open their pull requests at a time. That is not measured, and all of it is on one machine.
	atOnce = 8
	// openLimit bounds the time in which one more run of all has to come to where it waits.
	openLimit = 5 * time.Minute
	// waitingPhase is the reason of a run that waits for its pull request to be merged.
	waitingPhase = "WaitingForMerge"
)

// gitHost is a git host in this process, with runs that wait until their pull requests there are merged.
type gitHost struct {
	*githubdouble.Server
	*testbed.Tenant
	place        *place
	repositories []*githubdouble.Repository
	runs         int
}

func (p *place) newGitHost(ctx context.Context, runs int) (*gitHost, error) {
	server, err := githubdouble.Start(githubdouble.Options{TLS: true})
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, func() { _ = server.Close() })
	h := &gitHost{Server: server, place: p, runs: runs}
	files, err := testbed.SampleFiles()
	if err != nil {
		return nil, err
	}
	for i := range repositories {
		r, err := h.AddRepository(fmt.Sprintf("catalog-%d", i))
		if err != nil {
			return nil, err
		}
		if _, err := r.Push("main", files); err != nil {
			return nil, err
		}
		h.repositories = append(h.repositories, r)
	}
	namespace, err := p.CreateNamespace(ctx, "cicd", nil)
	if err != nil {
		return nil, err
	}
	h.Tenant = &testbed.Tenant{Cluster: p.Cluster, Namespace: namespace}
	p.closers = append(p.closers, h.forget)
	if err := h.Enable(ctx); err != nil {
		return nil, err
	}
	_, err = p.Client.CoreV1().Secrets(namespace).Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: testbed.GitSecret, Annotations: map[string]string{"tekton.dev/git-0": server.URL()}},
		Type:       corev1.SecretTypeBasicAuth,
		StringData: map[string]string{"username": githubdouble.Bot, "password": githubdouble.Token, "ca.crt": string(server.CA())},
	}, metav1.CreateOptions{})
	return h, err
}

// forget deletes the runs: on a control plane that stays they would wait for ever.
func (h *gitHost) forget() {
	ctx, cancel := context.WithTimeout(context.Background(), runLimit)
	defer cancel()
	_ = h.place.tekton.TektonV1beta1().CustomRuns(h.Namespace).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{})
}

func runName(i int) string { return fmt.Sprintf("propose-%d", i) }

func (h *gitHost) repositoryOf(i int) *githubdouble.Repository {
	return h.repositories[i%len(h.repositories)]
}

// customRun proposes a tag of its own. Its name is that of the branch too.
func (h *gitHost) customRun(i int) *v1beta1.CustomRun {
	return &v1beta1.CustomRun{
		ObjectMeta: metav1.ObjectMeta{Name: runName(i), Namespace: h.Namespace},
		Spec: v1beta1.CustomRunSpec{
			CustomRef: &v1beta1.TaskRef{APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.KindGitOpsPR},
			Timeout:   &metav1.Duration{},
			Params: params([][2]string{
				{"repo-url", h.repositoryOf(i).URL()}, {"git-secret", testbed.GitSecret}, {"path", "overlays/" + environment},
				{"image", image}, {"tag", fmt.Sprintf("3.0.%d", i)}, {"pr-provider", "GitHub"}, {"pr-branch", runName(i)},
				{"supersede", "Keep"}, {"wait", "Merged"},
			}),
		},
	}
}

// open creates the runs, atOnce at a time, and returns when all of them wait for the merge.
func (h *gitHost) open(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	runs := h.place.tekton.TektonV1beta1().CustomRuns(h.Namespace)
	events, err := runs.Watch(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	defer events.Stop()
	stuck := time.AfterFunc(openLimit, cancel)
	defer stuck.Stop()
	waiting := map[string]bool{}
	for created := 0; len(waiting) < h.runs; {
		for ; created < min(h.runs, len(waiting)+atOnce); created++ {
			if _, err := runs.Create(ctx, h.customRun(created), metav1.CreateOptions{}); err != nil {
				return err
			}
		}
		cr, err := nextEvent(ctx, events)
		if err != nil {
			return fmt.Errorf("%d of %d runs wait for the merge: %w", len(waiting), h.runs, err)
		}
		c := cr.Status.GetCondition(apis.ConditionSucceeded)
		switch {
		case cr.IsDone():
			return fmt.Errorf("CustomRun %s ended: %s: %s", cr.Name, c.Reason, c.Message)
		case c == nil || c.Reason != waitingPhase || waiting[cr.Name]:
			continue
		}
		waiting[cr.Name] = true
		stuck.Reset(openLimit)
		if len(waiting)%100 == 0 {
			fmt.Fprintf(os.Stderr, "%d of %d runs wait for the merge of their pull requests\n", len(waiting), h.runs)
		}
	}
	return nil
}

// merge merges the pull request of the first run. It gives the time until that run has ended, and what the host was asked
// until nothing was new again.
func (h *gitHost) merge(ctx context.Context) (took time.Duration, asked []githubdouble.Request, err error) {
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	r := h.repositoryOf(0)
	all := r.PullRequests()
	i := slices.IndexFunc(all, func(p githubdouble.PullRequest) bool { return p.Branch == runName(0) })
	if i < 0 {
		return 0, nil, fmt.Errorf("no pull request of CustomRun %s", runName(0))
	}
	before := len(h.Requests())
	_, began, ended, err := h.place.finish(ctx, h.Namespace, runName(0), func() error { return r.Merge(all[i].Number, "squash") })
	if err != nil {
		return 0, nil, err
	}
	if err := h.settle(ctx); err != nil {
		return 0, nil, err
	}
	return ended.Sub(began), news(h.Requests()[before:]), nil
}
