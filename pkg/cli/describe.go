package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/lock"
	"github.com/tekton-gitops/tekton-gitops/pkg/progress"
)

// description is what `describe -o json` prints: the run, and what the cluster says about its lock now.
type description struct {
	progress.Run
	// Meaning and NextAction are those of the reason of a run that has failed.
	Meaning    string    `json:"meaning,omitempty"`
	NextAction string    `json:"nextAction,omitempty"`
	LockState  *lockView `json:"lockState,omitempty"`
}

// lockView is who holds a lock and who waits for it.
type lockView struct {
	// Holder is the name of the CustomRun that holds it or, of a Lease that others made, the identity on it; empty when
	// it is free.
	Holder string     `json:"holder,omitempty"`
	Since  *time.Time `json:"since,omitempty"`
	// Place of this run in the queue, from 1; 0 when it does not wait.
	Place int `json:"place,omitempty"`
	// Waiting are the names of the CustomRuns in the order of their turns.
	Waiting []string `json:"waiting,omitempty"`
	// Unknown says why the Lease could not be read. Holder is then the run that should have the lock by its phase.
	Unknown string `json:"unknown,omitempty"`
}

func describeCommand(s *session) *cobra.Command {
	var last bool
	cmd := &cobra.Command{
		Use:     "describe [NAME]",
		Aliases: []string{"desc"},
		Short:   "Describe a run: phases, lock, commit, applications, workloads, pull request, results",
		Example: `  tkn gitops describe release-42-deploy-dev
  tkn gitops describe --last -o yaml`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: s.completeRun,
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := s.describe(cmd.Context(), args, last)
			if err != nil {
				return err
			}
			if done, err := s.print(cmd, d); done {
				return err
			}
			page := page{paint: s.paint(), now: s.streams.Clock.Now(), width: s.width()}
			return writeTo(s.streams.Out, page.describe(d))
		},
	}
	cmd.Flags().BoolVarP(&last, "last", "L", false, "describe the newest run")
	addOutputFlag(cmd)
	return cmd
}

func (s *session) describe(ctx context.Context, args []string, last bool) (description, error) {
	namespace, err := s.namespace()
	if err != nil {
		return description{}, err
	}
	name, err := s.theRun(ctx, namespace, args, last)
	if err != nil {
		return description{}, err
	}
	cr, err := s.customRun(ctx, namespace, name)
	if err != nil {
		return description{}, s.unknownName(ctx, namespace, name, err)
	}
	d := description{Run: progress.Of(cr)}
	if d.State == progress.Failed {
		info, _ := v1alpha1.Reason(d.Reason).Info()
		d.Meaning, d.NextAction = info.Meaning, info.NextAction
	}
	if d.Lock != "" && !d.Done() {
		view, err := s.lockOf(ctx, cr, d.Lock)
		if err != nil {
			return description{}, err
		}
		d.LockState = view
	}
	return d, nil
}

// lockOf asks for the Lease and for the queue. Without the right to see Leases the queue still tells most.
func (s *session) lockOf(ctx context.Context, cr *v1beta1.CustomRun, name string) (*lockView, error) {
	view := &lockView{}
	client, err := s.kube()
	if err != nil {
		return nil, err
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	lease, err := client.CoordinationV1().Leases(cr.Namespace).Get(call, name, metav1.GetOptions{})
	switch {
	case err == nil:
		since := lease.CreationTimestamp.UTC()
		view.Holder, view.Since = holderName(lease.Spec.HolderIdentity), &since
	case apierrors.IsForbidden(err):
		view.Unknown = "you may not get Leases in this namespace"
	case !apierrors.IsNotFound(err):
		return nil, err
	}
	var runs []v1beta1.CustomRun
	err = s.customRuns(ctx, cr.Namespace, metav1.ListOptions{}, func(cr *v1beta1.CustomRun) {
		runs = append(runs, *cr)
		if run := progress.Of(cr); view.Unknown != "" && run.Lock == name && pastLocking(run) {
			view.Holder = run.Name
		}
	})
	if err != nil {
		return nil, err
	}
	queue := progress.Queue(runs, name)
	view.Place, _, _ = lock.Place(cr.UID, queue)
	for _, waiter := range queue {
		view.Waiting = append(view.Waiting, waiter.Name)
	}
	return view, nil
}

// pastLocking tells whether a run works with its lock held, as far as its phase tells.
func pastLocking(run progress.Run) bool {
	waits := run.Phase == string(v1alpha1.ReasonPreparing) || run.Phase == string(v1alpha1.ReasonLocking)
	return run.State == progress.Running && !waits
}

// holderName is the name of the run that a Lease names, or what stands there instead.
func holderName(identity *string) string {
	switch {
	case identity == nil || *identity == "":
		return "somebody who left no name"
	default:
		if h, ok := lock.ParseHolder(*identity); ok {
			return h.Name
		}
		return *identity
	}
}
