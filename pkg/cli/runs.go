package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/tekton-gitops/tekton-gitops/pkg/progress"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
)

// pageSize bounds one answer of the API server.
const pageSize = 500

// customRuns hands each CustomRun of our kinds to each, page by page, out of one namespace or, when it is empty, of all.
func (s *session) customRuns(
	ctx context.Context, namespace string, o metav1.ListOptions, each func(*v1beta1.CustomRun),
) error {
	client, err := s.tekton()
	if err != nil {
		return err
	}
	for o.Limit = pageSize; ; {
		call, cancel := context.WithTimeout(ctx, callTimeout)
		page, err := client.TektonV1beta1().CustomRuns(namespace).List(call, o)
		cancel()
		if err != nil {
			return ofTekton("list CustomRuns", err)
		}
		for i := range page.Items {
			if request.Ours(&page.Items[i]) {
				each(&page.Items[i])
			}
		}
		if o.Continue = page.Continue; o.Continue == "" {
			return nil
		}
	}
}

// runs are the runs of a namespace, or of all, or those of one PipelineRun: the newest first.
func (s *session) runs(ctx context.Context, namespace, pipelineRun string) ([]progress.Run, error) {
	var runs []progress.Run
	err := s.customRuns(ctx, namespace, ofPipelineRun(pipelineRun), func(cr *v1beta1.CustomRun) {
		runs = append(runs, progress.Of(cr))
	})
	slices.SortFunc(runs, newestFirst)
	return runs, err
}

// ofPipelineRun selects the runs of a PipelineRun by Tekton's label; of all when it is empty.
func ofPipelineRun(name string) metav1.ListOptions {
	if name == "" {
		return metav1.ListOptions{}
	}
	return metav1.ListOptions{LabelSelector: labels.Set{progress.LabelPipelineRun: name}.String()}
}

func newestFirst(a, b progress.Run) int {
	return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

// customRun is one run of a kind of ours.
func (s *session) customRun(ctx context.Context, namespace, name string) (*v1beta1.CustomRun, error) {
	client, err := s.tekton()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	cr, err := client.TektonV1beta1().CustomRuns(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, ofTekton("read CustomRun "+name, err)
	}
	if !request.Ours(cr) {
		return nil, &hintedError{
			what: fmt.Sprintf("CustomRun %s in namespace %s is not of this project", name, namespace),
			next: "tkn customrun list shows runs of all kinds, tkn gitops list those of GitOpsDeploy and GitOpsPR.",
		}
	}
	return cr, nil
}

func (s *session) pipelineRun(ctx context.Context, namespace, name string) (*pipelinev1.PipelineRun, error) {
	client, err := s.tekton()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	pr, err := client.TektonV1().PipelineRuns(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, ofTekton("read PipelineRun "+name, err)
	}
	return pr, nil
}

// newest is the run that --last means.
func (s *session) newest(ctx context.Context, namespace string) (string, error) {
	runs, err := s.runs(ctx, namespace, "")
	if err != nil {
		return "", err
	}
	if len(runs) == 0 {
		return "", noRuns(namespace)
	}
	return runs[0].Name, nil
}

// theRun is the run that a command is about: the one that was named, the newest, or the only one.
func (s *session) theRun(ctx context.Context, namespace string, args []string, last bool) (string, error) {
	switch {
	case len(args) == 1 && last:
		return "", errors.New("name a run or use --last, not both")
	case len(args) == 1:
		return args[0], nil
	case last:
		return s.newest(ctx, namespace)
	}
	runs, err := s.runs(ctx, namespace, "")
	if err != nil {
		return "", err
	}
	switch len(runs) {
	case 0:
		return "", noRuns(namespace)
	case 1:
		return runs[0].Name, nil
	}
	return "", &hintedError{
		what: fmt.Sprintf("namespace %s has %d runs: which one?", namespace, len(runs)),
		next: fmt.Sprintf("Name it, or use --last for %s. tkn gitops list shows all.", runs[0].Name),
	}
}

func noRuns(namespace string) error {
	return &hintedError{
		what: fmt.Sprintf("namespace %s has no runs of GitOpsDeploy or GitOpsPR", namespace),
		next: "Choose another namespace with -n; tkn gitops list -A shows the runs of all.",
	}
}

// unknownName is the error for a name that nothing has, with names that look like it. An error of another kind stays.
func (s *session) unknownName(ctx context.Context, namespace, name string, cause error) error {
	if !apierrors.IsNotFound(cause) || errors.As(cause, new(*hintedError)) {
		return cause
	}
	runs, err := s.runs(ctx, namespace, "")
	if err != nil {
		return cause
	}
	if len(runs) == 0 {
		return noRuns(namespace)
	}
	var names []string
	for _, run := range runs {
		names = append(names, run.Name)
		if run.PipelineRun != "" && !slices.Contains(names, run.PipelineRun) {
			names = append(names, run.PipelineRun)
		}
	}
	e := &hintedError{what: fmt.Sprintf("namespace %s has no run %q", namespace, name), err: cause}
	e.next = "tkn gitops list shows the runs that there are."
	if near := near(name, names); len(near) > 0 {
		e.next = "Did you mean " + oneOf(near) + "?"
	}
	return e
}
