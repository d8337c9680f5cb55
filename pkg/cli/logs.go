package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/tekton-gitops/tekton-gitops/pkg/progress"
)

type logFlags struct {
	follow      bool
	last        bool
	pipelineRun string
}

// target is what logs shows: one run, or all runs of a PipelineRun.
type target struct {
	namespace   string
	run         string
	pipelineRun string
}

func logsCommand(s *session) *cobra.Command {
	var f logFlags
	cmd := &cobra.Command{
		Use:   "logs [NAME]",
		Short: "Show the phases of a run, or of all runs of a PipelineRun, as they happen",
		Long: `Show the phases of a run, or of all runs of a PipelineRun.

With -o, each line is an object of its own: the time, the run and its task, the event (a phase, a reason, "commit",
"pull request" or "next"), whether it goes on, is done or has failed, and the message.

NAME is that of a CustomRun; when there is none, of a PipelineRun. With -f the command goes on until the run or the
PipelineRun has ended: it waits for runs that do not exist yet, and its exit status is 1 when what it has followed
fails. To stop following leaves the run alone.`,
		Example: `  tkn gitops logs -f --last
  tkn gitops logs -f --pipelinerun release-42`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: s.completeRun,
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := s.logTarget(cmd.Context(), f, args)
			if err != nil {
				return err
			}
			if f.follow {
				return newFollower(s, t, outputOf(cmd)).follow(cmd.Context())
			}
			return s.history(cmd.Context(), t, outputOf(cmd))
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&f.follow, "follow", "f", false, "go on until the end")
	flags.BoolVarP(&f.last, "last", "L", false, "show the newest run; with -f, the newest PipelineRun while that has none yet")
	flags.StringVar(&f.pipelineRun, "pipelinerun", "", "show the runs of the PipelineRun of this `name`")
	s.completePipelineRun(cmd)
	addOutputFlag(cmd)
	return cmd
}

// logTarget finds out what was meant, and that it exists.
func (s *session) logTarget(ctx context.Context, f logFlags, args []string) (target, error) {
	t := target{pipelineRun: f.pipelineRun}
	var err error
	if t.namespace, err = s.namespace(); err != nil {
		return t, err
	}
	if t.pipelineRun != "" {
		if len(args) > 0 || f.last {
			return t, errors.New("--pipelinerun names what to show: leave out NAME and --last")
		}
		_, err := s.pipelineRun(ctx, t.namespace, t.pipelineRun)
		return t, s.unknownName(ctx, t.namespace, t.pipelineRun, err)
	}
	if f.follow && f.last && len(args) == 0 {
		if t.pipelineRun, err = s.begun(ctx, t.namespace); err != nil || t.pipelineRun != "" {
			return t, err
		}
	}
	name, err := s.theRun(ctx, t.namespace, args, f.last)
	if err != nil {
		return t, err
	}
	_, err = s.customRun(ctx, t.namespace, name)
	switch {
	case err == nil:
		t.run = name
		return t, nil
	case !apierrors.IsNotFound(err):
		return t, err
	}
	if _, other := s.pipelineRun(ctx, t.namespace, name); other == nil {
		t.pipelineRun = name
		return t, nil
	}
	return t, s.unknownName(ctx, t.namespace, name, err)
}

// history prints what has happened until now.
func (s *session) history(ctx context.Context, t target, output string) error {
	var runs []progress.Run
	if t.run != "" {
		cr, err := s.customRun(ctx, t.namespace, t.run)
		if err != nil {
			return err
		}
		runs = append(runs, progress.Of(cr))
	} else {
		err := s.customRuns(ctx, t.namespace, ofPipelineRun(t.pipelineRun), func(cr *v1beta1.CustomRun) {
			runs = append(runs, progress.Of(cr))
		})
		if err != nil {
			return err
		}
	}
	if len(runs) == 0 {
		text := "PipelineRun " + t.pipelineRun + " has no runs of GitOpsDeploy or GitOpsPR yet; logs -f waits for them\n"
		return writeTo(s.streams.Err, text)
	}
	return s.writeLines(newTeller(t.run == "", false).tellAll(runs, s.streams.Clock.Now()), output)
}
