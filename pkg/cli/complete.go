package cli

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tekton-gitops/tekton-gitops/pkg/progress"
)

// completeTimeout is how long somebody waits after a press of the tab key.
const completeTimeout = 3 * time.Second

type completion = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// completeFrom completes with what find gives. An error completes nothing: there is no place to show it.
func completeFrom(find func(ctx context.Context) ([]string, error)) completion {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), completeTimeout)
		defer cancel()
		found, err := find(ctx)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return found, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}

// completeRun completes the name of a run, the newest first, with its state.
func (s *session) completeRun(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return completeFrom(func(ctx context.Context) ([]string, error) {
		runs, err := s.runsHere(ctx)
		var out []string
		for _, run := range runs {
			state, _ := status(run)
			out = append(out, run.Name+"\t"+oneLine(state))
		}
		return out, err
	})(cmd, args, typed)
}

// completePipelineRun completes the flag --pipelinerun with those that have runs.
func (s *session) completePipelineRun(cmd *cobra.Command) {
	_ = cmd.RegisterFlagCompletionFunc("pipelinerun", completeFrom(func(ctx context.Context) ([]string, error) {
		runs, err := s.runsHere(ctx)
		var out []string
		for _, run := range runs {
			if run.PipelineRun != "" && !slices.Contains(out, run.PipelineRun) {
				out = append(out, run.PipelineRun)
			}
		}
		return out, err
	}))
}

func (s *session) runsHere(ctx context.Context) ([]progress.Run, error) {
	namespace, err := s.namespace()
	if err != nil {
		return nil, err
	}
	return s.runs(ctx, namespace, "")
}

// completeGlobal completes the values of the global flags.
func (s *session) completeGlobal(root *cobra.Command) {
	_ = root.RegisterFlagCompletionFunc("namespace", completeFrom(func(ctx context.Context) ([]string, error) {
		client, err := s.kube()
		if err != nil {
			return nil, err
		}
		list, err := client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{Limit: pageSize})
		if err != nil {
			return nil, err
		}
		var out []string
		for _, namespace := range list.Items {
			out = append(out, namespace.Name)
		}
		return out, nil
	}))
	_ = root.RegisterFlagCompletionFunc("context", completeFrom(func(context.Context) ([]string, error) {
		config, err := s.clientConfig().RawConfig()
		if err != nil {
			return nil, err
		}
		var out []string
		for name := range config.Contexts {
			out = append(out, name)
		}
		slices.Sort(out)
		return out, nil
	}))
}
