package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tekton-gitops/tekton-gitops/pkg/progress"
)

// runList is what `list -o json` prints.
type runList struct {
	Items []progress.Run `json:"items"`
}

type listFlags struct {
	all         bool
	pipelineRun string
	limit       int
}

func listCommand(s *session) *cobra.Command {
	var f listFlags
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List deployments and promotions, the newest first",
		Example: `  tkn gitops list
  tkn gitops list -A --limit 10
  tkn gitops list --pipelinerun release-42 -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.list(cmd, f) },
	}
	flags := cmd.Flags()
	flags.BoolVarP(&f.all, "all-namespaces", "A", false, "list the runs of all namespaces")
	flags.StringVar(&f.pipelineRun, "pipelinerun", "", "list the runs of the PipelineRun of this `name`")
	flags.IntVar(&f.limit, "limit", 0, "list the newest `n` only (0: all)")
	addOutputFlag(cmd, outputName)
	s.completePipelineRun(cmd)
	return cmd
}

func (s *session) list(cmd *cobra.Command, f listFlags) error {
	if f.limit < 0 {
		return errors.New("--limit is a number of runs, and not negative")
	}
	namespace, err := s.namespace()
	if err != nil {
		return err
	}
	if f.all {
		namespace = ""
	}
	runs, err := s.runs(cmd.Context(), namespace, f.pipelineRun)
	if err != nil {
		return err
	}
	if f.limit > 0 && len(runs) > f.limit {
		runs = runs[:f.limit]
	}
	if outputOf(cmd) == outputName {
		return writeTo(s.streams.Out, names(runs))
	}
	list := runList{Items: runs}
	if list.Items == nil {
		list.Items = []progress.Run{}
	}
	if done, err := s.print(cmd, list); done {
		return err
	}
	if len(runs) == 0 {
		return writeTo(s.streams.Err, nothingFound(namespace, f.pipelineRun)+"\n")
	}
	return writeTo(s.streams.Out, s.runTable(runs, f.all))
}

func names(runs []progress.Run) string {
	var out strings.Builder
	for _, run := range runs {
		out.WriteString("customrun.tekton.dev/" + run.Name + "\n")
	}
	return out.String()
}

func nothingFound(namespace, pipelineRun string) string {
	where := "No runs of GitOpsDeploy or GitOpsPR"
	if pipelineRun != "" {
		where += " that belong to PipelineRun " + pipelineRun
	}
	if namespace == "" {
		return where + " in any namespace"
	}
	return where + " in namespace " + namespace
}

func (s *session) runTable(runs []progress.Run, namespaces bool) string {
	now := s.streams.Clock.Now()
	head := heading("NAME", "KIND", "STATUS", "IMAGE", "APPLICATION", "STARTED", "DURATION")
	if namespaces {
		head = append(heading("NAMESPACE"), head...)
	}
	rows := [][]cell{head}
	for _, run := range runs {
		state, c := status(run)
		row := []cell{
			{text: run.Name}, {text: run.Kind}, {text: state, colour: c}, {text: firstImage(run)}, {text: firstApplication(run)},
			{text: started(run, now)}, {text: lasted(run, now)},
		}
		if namespaces {
			row = append(cells(run.Namespace), row...)
		}
		rows = append(rows, row)
	}
	return s.paint().table("", rows...)
}

const none = "---"

func firstImage(run progress.Run) string {
	image, more := run.Results["image"], 0
	if len(run.Images) > 0 {
		image, more = run.Images[0].Wanted, len(run.Images)-1
	}
	return andMore(image, more)
}

func firstApplication(run progress.Run) string {
	if len(run.Applications) == 0 {
		return none
	}
	return andMore(run.Applications[0].Name, len(run.Applications)-1)
}

func andMore(text string, more int) string {
	switch {
	case text == "":
		return none
	case more > 0:
		return fmt.Sprintf("%s +%d", text, more)
	}
	return text
}

func started(run progress.Run, now time.Time) string {
	if run.Started == nil {
		return none
	}
	return ago(*run.Started, now)
}

func lasted(run progress.Run, now time.Time) string {
	if run.Started == nil {
		return none
	}
	return roughly(run.Duration(now))
}
