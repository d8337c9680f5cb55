package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/credentials"
	"github.com/tekton-gitops/tekton-gitops/pkg/render"
	"github.com/tekton-gitops/tekton-gitops/pkg/setup"
)

// renderFlags are those of `render`.
type renderFlags struct {
	files, params              []string
	run, directory, controller string
	noCluster                  bool
}

func renderCommand(s *session) *cobra.Command {
	f := &renderFlags{}
	cmd := &cobra.Command{
		Use:   "render -f FILE...",
		Short: "Show what a run would do: the resolved request and the change of the manifests",
		Long: `Show what a run would do: the resolved request and the change of the manifests. Nothing is written anywhere.

The files may have CustomRuns, PipelineRuns, Pipelines, definitions (GitOpsDeploy, GitOpsPR) and ConfigMaps
config-gitops-defaults. What they lack is read from the cluster, if there is a kubeconfig. The manifests are those of --repo, a
local clone as it is in its work tree, else of the branch of the remote repository: with the Secret that the run would use if
you may read it, else without credentials. The output says which.

--param sets a parameter of a Pipeline or of a CustomRun, and the result of another task as tasks.NAME.results.RESULT.

The exit status is 0 when every run could be shown, whether it would change anything or not, and 1 otherwise.`,
		Example: `  tkn gitops render -f pipelinerun.yaml --param tag=1.2.3
  tkn gitops render -f pipeline.yaml -f definition.yaml --run deploy-dev --param tasks.build.results.tag=1.2.3 --repo .`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.render(cmd, f) },
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.files, "filename", "f", nil, "`file` with objects, - for standard input; repeatable")
	_ = cmd.MarkFlagRequired("filename")
	_ = cmd.MarkFlagFilename("filename", "yaml", "yml", "json")
	flags.StringArrayVarP(&f.params, "param", "p", nil, "`name=value` of a parameter; an array as a,b or as JSON; repeatable")
	flags.StringVar(&f.run, "run", "", "`name` of the run or of the Pipeline's task to show (default: all)")
	flags.StringVar(&f.directory, "repo", "", "`directory` of a local clone of the manifests")
	_ = cmd.MarkFlagDirname("repo")
	flags.StringVar(&f.controller, "controller-namespace", setup.ControllerNamespace, "`namespace` of the controller")
	flags.BoolVar(&f.noCluster, "offline", false, "read nothing from the cluster")
	addOutputFlag(cmd)
	return cmd
}

func (s *session) render(cmd *cobra.Command, f *renderFlags) error {
	plan := &render.Plan{
		Files: &render.Files{}, ControllerNamespace: f.controller, Params: map[string]string{}, Run: f.run, Directory: f.directory,
	}
	for _, name := range f.files {
		if err := s.readObjects(plan.Files, name); err != nil {
			return err
		}
	}
	for _, p := range f.params {
		name, value, ok := strings.Cut(p, "=")
		if !ok || name == "" {
			return fmt.Errorf("--param is %q: write NAME=VALUE", p)
		}
		plan.Params[name] = value
	}
	var err error
	plan.Namespace, err = s.namespace()
	if noKubeconfig(err) {
		plan.Namespace, err = cmp.Or(s.overrides.Context.Namespace, "default"), nil
	}
	if err != nil {
		return err
	}
	if err := s.renderFrom(plan, f.noCluster); err != nil {
		return err
	}
	previews, err := plan.Previews(cmd.Context())
	if err != nil {
		return err
	}
	if done, err := s.print(cmd, renderedRuns{Runs: previews}); done {
		return err
	}
	for i, p := range previews {
		text, err := s.previewText(p)
		if err != nil {
			return err
		}
		if i > 0 {
			text = "\n" + text
		}
		if err := writeTo(s.streams.Out, text); err != nil {
			return err
		}
	}
	return nil
}

// renderedRuns is what render prints with -o.
type renderedRuns struct {
	Runs []render.Preview `json:"runs"`
}

func (s *session) readObjects(files *render.Files, name string) error {
	if name == "-" {
		return files.Read("standard input", s.streams.In)
	}
	file, err := os.Open(name) //nolint:gosec // the file that the command line names
	if err != nil {
		return err
	}
	defer file.Close()
	return files.Read(name, file)
}

// noKubeconfig tells whether an error of the session says that there is none: render can do without.
func noKubeconfig(err error) bool { return err != nil && clientcmd.IsEmptyConfig(errors.Unwrap(err)) }

// renderFrom gives the plan the cluster, if there is one.
func (s *session) renderFrom(plan *render.Plan, none bool) error {
	if none {
		return nil
	}
	client, err := s.dynamic()
	if noKubeconfig(err) {
		return nil
	}
	if err != nil {
		return err
	}
	kube, err := s.kube()
	if err != nil {
		return err
	}
	plan.Cluster, plan.Secrets = clusterObjects{client}, credentials.Live(kube.CoreV1())
	return nil
}

// clusterObjects reads what the files of render lack.
type clusterObjects struct{ client dynamic.Interface }

// Get implements render.Objects.
func (c clusterObjects) Get(ctx context.Context, kind, namespace, name string, into any) error {
	resources := map[string]schema.GroupVersionResource{
		"ConfigMap":               {Version: "v1", Resource: "configmaps"},
		"Pipeline":                {Group: "tekton.dev", Version: "v1", Resource: "pipelines"},
		v1alpha1.KindGitOpsDeploy: v1alpha1.Resource("gitopsdeploys"),
		v1alpha1.KindGitOpsPR:     v1alpha1.Resource("gitopsprs"),
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	object, err := c.client.Resource(resources[kind]).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("read %s %s/%s: %w", kind, namespace, name, err)
	}
	return runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, into)
}

// previewText is a preview for people.
func (s *session) previewText(p render.Preview) (string, error) {
	var b strings.Builder
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-14s%s\n", name, clean(value))
		}
	}
	row("Run", fmt.Sprintf("%s (%s, namespace %s)", p.Run, p.Kind, p.Namespace))
	row("Manifests", p.Source)
	row("Lock", p.Lock)
	for _, i := range p.Images {
		if i.Previous == "" {
			row("Image", i.Target)
		} else {
			row("Image", i.Previous+" -> "+i.Target)
		}
	}
	if p.Commit != nil {
		row("Commit", "on branch "+p.Commit.Branch+", by "+p.Commit.Author)
		b.WriteString(indented(p.Commit.Message))
	}
	if pr := p.PullRequest; pr != nil {
		row("Pull request", "from "+pr.Branch+" into "+pr.Base+": "+pr.Title)
		b.WriteString(indented(pr.Body))
	}
	for _, note := range p.Notes {
		row("Note", note)
	}
	request, err := yaml.Marshal(p.Request)
	if err != nil {
		return "", err
	}
	b.WriteString("Request\n" + indented(string(request)) + "\n")
	switch {
	case p.Diff != "":
		b.WriteString(s.diffText(p.Diff))
	case p.Commit == nil && p.Source != "":
		b.WriteString("No change: the manifests have the wanted state already.\n")
	default:
		b.WriteString("No change: this run writes no manifests.\n")
	}
	return b.String(), nil
}

func indented(text string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(strings.TrimSpace(clean(text)), "\n") {
		if line != "" {
			b.WriteString("    " + line)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// diffText colours the lines of a unified diff.
func (s *session) diffText(diff string) string {
	p := s.paint()
	var b strings.Builder
	for line := range strings.Lines(clean(diff)) {
		text, end := strings.CutSuffix(line, "\n")
		switch {
		case strings.HasPrefix(text, "+"):
			text = p.text(text, green)
		case strings.HasPrefix(text, "-"):
			text = p.text(text, red)
		}
		b.WriteString(text)
		if end {
			b.WriteString("\n")
		}
	}
	return b.String()
}
