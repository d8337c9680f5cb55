package render

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	gitops "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops"
	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/credentials"
	"github.com/tekton-gitops/tekton-gitops/pkg/policy"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
)

// Plan says what to show.
type Plan struct {
	Files *Files
	// Cluster has what the files lack; nil where there is none. Secrets reads those that a run names, if it may.
	Cluster Objects
	Secrets credentials.Reader
	// Namespace is for objects that name none, ControllerNamespace where the controller is.
	Namespace, ControllerNamespace string
	// Params are values for parameters, and for results of tasks as tasks.NAME.results.RESULT.
	Params map[string]string
	// Run is the name of a CustomRun or of a task; empty: all.
	Run string
	// Directory is a local work tree; empty: the remote repository.
	Directory string
}

// Previews shows what each run would do, in the order of the files.
func (p *Plan) Previews(ctx context.Context) ([]Preview, error) {
	all, err := p.candidates(ctx)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("the files have no run or task of %s", gitops.GroupName)
	}
	var names []string
	var previews []Preview
	for _, c := range all {
		name := c.run.Name
		if c.task != "" {
			name = c.task
		}
		names = append(names, name)
		if p.Run != "" && p.Run != name && p.Run != c.run.Name {
			continue
		}
		if c.problem != nil {
			return nil, c.problem
		}
		one, err := p.preview(ctx, c.run)
		if err != nil {
			return nil, fmt.Errorf("run %s: %w", name, err)
		}
		previews = append(previews, one)
	}
	if len(previews) == 0 {
		return nil, fmt.Errorf("the files have no run %s; they have %s", p.Run, strings.Join(names, ", "))
	}
	return previews, nil
}

// preview resolves a run and makes its change.
func (p *Plan) preview(ctx context.Context, cr *pipelinev1beta1.CustomRun) (Preview, error) {
	if len(cr.Spec.Workspaces) > 0 {
		return Preview{}, errors.New("workspaces are not supported: the controller reads the repository itself; remove workspaces from this task")
	}
	v := &Preview{Run: cr.Name, Namespace: cr.Namespace, Task: cr.Labels["tekton.dev/pipelineTask"]}
	defaults, err := p.defaults(ctx, cr.Namespace, v)
	if err != nil {
		return Preview{}, err
	}
	in, err := request.FromCustomRun(cr)
	if err != nil {
		return Preview{}, err
	}
	req, err := request.Resolve(ctx, in, definitions{p}, defaults)
	if err != nil {
		return Preview{}, p.withoutDefaults(err, cr.Namespace)
	}
	limits, err := p.policy(ctx, req, v)
	if err != nil {
		return Preview{}, err
	}
	v.Kind = v1alpha1.KindGitOpsDeploy
	if req.PullRequest != nil {
		v.Kind = v1alpha1.KindGitOpsPR
	}
	v.Lock = req.Lock.Name
	if err := p.change(ctx, req, limits, v); err != nil {
		return Preview{}, err
	}
	return *v, nil
}

// defaults are those of the controller and of the namespace, later ones win.
func (p *Plan) defaults(ctx context.Context, namespace string, v *Preview) (request.Defaults, error) {
	var sources []request.DefaultsSource
	for _, in := range slices.Compact([]string{p.ControllerNamespace, namespace}) {
		data, _, err := p.configMap(ctx, in, request.DefaultsName, v)
		if err != nil {
			return request.Defaults{}, err
		}
		sources = append(sources, request.DefaultsSource{Namespace: in, Name: request.DefaultsName, Data: data})
	}
	return request.ParseDefaults(sources...)
}

// withoutDefaults adds to an error what may be its cause.
func (p *Plan) withoutDefaults(err error, namespace string) error {
	if _, missing := p.Files.find("", kindConfigMap, namespace, request.DefaultsName, false); missing != nil && p.Cluster == nil {
		return fmt.Errorf("%w (without defaults: the files have no ConfigMap %s, and there is no cluster to read it from)", err, request.DefaultsName)
	}
	return err
}

// policy gives the limits, and refuses what the controller would refuse, as far as its settings can be read.
func (p *Plan) policy(ctx context.Context, req request.Request, v *Preview) (policy.Policy, error) {
	data, known, err := p.configMap(ctx, p.ControllerNamespace, policy.Name, v)
	if err != nil {
		return policy.Policy{}, err
	}
	if !known {
		v.note("The hosts were not checked: the platform's policy is not known here (ConfigMap %s of namespace %s).", policy.Name, p.ControllerNamespace)
		return policy.Default(), nil
	}
	limits, err := policy.Parse(data)
	if err != nil {
		return policy.Policy{}, fmt.Errorf("ConfigMap %s: %w", policy.Name, err)
	}
	if err = limits.Check(req); err != nil && data == nil {
		err = fmt.Errorf("%w (by the default policy: namespace %s has no settings in a ConfigMap %s; if the controller is in another namespace, name it with --controller-namespace)",
			err, p.ControllerNamespace, policy.Name)
	}
	return limits, err
}

// configMap reads one that need not be there: without it, and with an empty one, the data are nil. One that may not be read
// is told of. known is false where there may be data that are not seen here.
func (p *Plan) configMap(ctx context.Context, namespace, name string, v *Preview) (data map[string]string, known bool, err error) {
	cm := &corev1.ConfigMap{}
	d, err := p.Files.find("", kindConfigMap, namespace, name, namespace == p.ControllerNamespace)
	if err == nil {
		if err := d.decode(cm); err != nil {
			return nil, false, err
		}
		return cm.Data, true, nil
	}
	if p.Cluster == nil {
		return nil, false, nil
	}
	err = p.Cluster.Get(ctx, kindConfigMap, namespace, name, cm)
	switch {
	case apierrors.IsNotFound(err):
		return nil, true, nil
	case apierrors.IsForbidden(err):
		v.note("You may not read ConfigMap %s of namespace %s: what it says is left out here.", name, namespace)
		return nil, false, nil
	case err != nil:
		return nil, false, err
	}
	return cm.Data, true, nil
}

// definitions reads GitOpsDeploy and GitOpsPR objects, first from the files.
type definitions struct{ p *Plan }

// GitOpsDeploy implements request.Definitions.
func (d definitions) GitOpsDeploy(ctx context.Context, namespace, name string) (*v1alpha1.GitOpsDeploy, error) {
	deploy := &v1alpha1.GitOpsDeploy{}
	return deploy, d.read(ctx, v1alpha1.KindGitOpsDeploy, namespace, name, deploy)
}

// GitOpsPR implements request.Definitions.
func (d definitions) GitOpsPR(ctx context.Context, namespace, name string) (*v1alpha1.GitOpsPR, error) {
	pr := &v1alpha1.GitOpsPR{}
	return pr, d.read(ctx, v1alpha1.KindGitOpsPR, namespace, name, pr)
}

func (d definitions) read(ctx context.Context, kind, namespace, name string, into any) error {
	found, err := d.p.Files.find(gitops.GroupName, kind, namespace, name, false)
	if err == nil {
		// Not strictly: what the spec may have is for request to say, with its own words.
		return json.Unmarshal(found.raw, into)
	}
	return d.p.fromCluster(ctx, kind, namespace, name, into)
}
