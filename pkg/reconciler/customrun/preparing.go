package customrun

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
)

// preparing checks everything that can be checked without changing anything: what fails here has pushed nothing and
// locked nothing.
func (r *Reconciler) preparing(ctx context.Context, run *run) (move, error) {
	if run.data.Request == nil {
		return r.resolve(ctx, run)
	}
	if err := r.limited(run); err != nil {
		return move{}, err
	}
	found, done, err := call(r.background, run, callCheck, checkTimeout, func(ctx context.Context) (checked, error) {
		return r.check(ctx, run)
	})
	if !done {
		return stay(currentMessage(run), callBackstop), nil
	}
	run.secrets = append(run.secrets, found.secrets...)
	if err != nil {
		return move{}, err
	}
	if len(run.data.Apps) == 0 {
		// Later attempts would count what the first one broke as broken before, and choose other applications.
		run.data.Apps = found.apps
	}
	if run.data.Request.DryRun {
		return r.dryRun(run, found.edit), nil
	}
	run.data.PullRequest.Provider, run.data.PullRequest.API = found.provider, found.api
	if run.data.Request.Lock.Name == "" {
		return next(Publishing, "editing on branch "+run.data.Request.Git.Branch), nil
	}
	run.cp.Lock = run.data.Request.Lock.Name
	return next(Locking, enteringQueue(run.cp.Lock)), nil
}

// dryRun ends a run that only wants to know what would change. It has not queued for the lock.
func (r *Reconciler) dryRun(run *run, e edited) move {
	run.noteEdit(e)
	o := &run.data.Outcome
	o.Diff = e.Diff
	if !e.Changed() {
		o.Commit, o.CommitURL = e.tip, gitrepo.CommitURL(run.data.Request.Git.URL, e.tip)
		return succeed(fmt.Sprintf("dry run: branch %s has the wanted state already, nothing would be pushed", run.data.Request.Git.Branch))
	}
	return succeed(fmt.Sprintf("dry run: %s would be changed on branch %s, nothing was pushed or synced; the result diff has the change",
		list(slices.Sorted(maps.Keys(e.Files))), run.data.Request.Git.Branch))
}

// checked is what a check has found, and the secrets that it used, also when it failed.
type checked struct {
	secrets []string
	apps    []appState
	edit    edited
	// provider is the kind of git host of the pull request, and api where its API is.
	provider, api string
	// closed says that a sync window forbids to sync now.
	closed error
}

// checkTimeout bounds all checks of a run together.
const checkTimeout = 2 * time.Minute

// check looks at the repository, at the git host and at the applications side by side.
func (r *Reconciler) check(ctx context.Context, run *run) (checked, error) {
	if err := r.settings.policy().CheckAddresses(ctx, net.DefaultResolver, *run.data.Request); err != nil {
		return checked{}, err
	}
	var (
		git, pr, cd checked
		failed      [3]error
		all         sync.WaitGroup
	)
	all.Go(func() { git, failed[0] = r.checkGit(ctx, run.copy()) })
	all.Go(func() { pr, failed[1] = r.checkHost(ctx, run.copy()) })
	all.Go(func() { cd, failed[2] = r.checkArgoCD(ctx, run.copy()) })
	all.Wait()
	cd.secrets = slices.Concat(cd.secrets, pr.secrets, git.secrets)
	cd.edit, cd.provider, cd.api = git.edit, pr.provider, pr.api
	// Where several fail, the same fault always gives the same reason: git comes first, unless only another error is final.
	err := firstError(failed[:])
	if err == nil && cd.edit.Changed() {
		// Without a change there may be nothing to sync.
		err = cd.closed
	}
	return cd, err
}

// copy lets two checks collect secrets side by side.
func (run *run) copy() *run {
	c := *run
	c.secrets = nil
	return &c
}

// checkGit reads the branch and computes the edit: the credentials, the branch, the files and the images in them are
// good, and so is the key that signs. Where there is something to push, the server lets this user push. A dry run needs
// neither the key nor that right.
func (r *Reconciler) checkGit(ctx context.Context, run *run) (c checked, err error) {
	defer func() { c.secrets = run.secrets }()
	if len(run.data.Request.Updates) == 0 {
		return c, nil
	}
	repository, err := r.openGit(ctx, run)
	if err != nil {
		return c, err
	}
	defer repository.Close()
	e, err := r.edit(ctx, run, repository, "")
	c.edit = e
	if err != nil || run.data.Request.DryRun {
		return c, err
	}
	if _, err := r.signer(ctx, run); err != nil || !e.Changed() {
		return c, err
	}
	return c, repository.CheckPush(ctx)
}

// resolve turns the run and its definition into the request that all later phases work from, and keeps it: edits of the
// run, the definition or the defaults do not reach a run that has started.
func (r *Reconciler) resolve(ctx context.Context, run *run) (move, error) {
	if len(run.Spec.Workspaces) > 0 {
		return fail(v1alpha1.ReasonWorkspaceNotSupported, "workspaces are not supported: the controller reads the repository itself; remove workspaces from this task"), nil
	}
	defaults, err := r.defaults(ctx, run)
	if err != nil {
		return move{}, err
	}
	in, err := request.FromCustomRun(run.CustomRun)
	if err != nil {
		return move{}, err
	}
	resolved, err := request.Resolve(ctx, in, definitions{r}, defaults)
	if err != nil {
		return move{}, err
	}
	if err := r.settings.policy().Check(resolved); err != nil {
		return move{}, err
	}
	if len(resolved.Updates) == 0 {
		for _, want := range resolved.Images {
			run.data.Targets = append(run.data.Targets, want.Target())
		}
	}
	run.data.Request = &resolved
	return stay("checking the repository and the application", time.Millisecond), nil
}

// defaults merges the controller's defaults with those of the run's namespace.
func (r *Reconciler) defaults(ctx context.Context, run *run) (request.Defaults, error) {
	sources := []request.DefaultsSource{r.settings.defaults()}
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	cm, err := r.kube.CoreV1().ConfigMaps(run.Namespace).Get(ctx, request.DefaultsName, getOptions)
	switch {
	case apierrors.IsForbidden(err):
		return request.Defaults{}, errNamespaceNotEnabled{err}
	case err == nil && run.Namespace != r.settings.namespace:
		sources = append(sources, request.DefaultsSource{Namespace: cm.Namespace, Name: cm.Name, Data: cm.Data})
	case err != nil && !apierrors.IsNotFound(err):
		return request.Defaults{}, fmt.Errorf("read ConfigMap %s: %w", request.DefaultsName, err)
	}
	return request.ParseDefaults(sources...)
}

// apiTimeout bounds one call to the API server.
const apiTimeout = 15 * time.Second

// definitions reads GitOpsDeploy and GitOpsPR objects live; one read per run needs no informer.
type definitions struct{ r *Reconciler }

func (d definitions) GitOpsDeploy(ctx context.Context, namespace, name string) (*v1alpha1.GitOpsDeploy, error) {
	deploy := &v1alpha1.GitOpsDeploy{}
	return deploy, d.read(ctx, "gitopsdeploys", namespace, name, deploy)
}

func (d definitions) GitOpsPR(ctx context.Context, namespace, name string) (*v1alpha1.GitOpsPR, error) {
	pr := &v1alpha1.GitOpsPR{}
	return pr, d.read(ctx, "gitopsprs", namespace, name, pr)
}

func (d definitions) read(ctx context.Context, resource, namespace, name string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	object, err := d.r.dynamic.Resource(v1alpha1.Resource(resource)).Namespace(namespace).Get(ctx, name, getOptions)
	if err != nil {
		return err
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, into); err != nil {
		return fmt.Errorf("%s %s: %w", object.GetKind(), name, err)
	}
	return nil
}

// errNamespaceNotEnabled says that the controller has no rights in a namespace.
type errNamespaceNotEnabled struct{ cause error }

func (e errNamespaceNotEnabled) Error() string        { return e.cause.Error() }
func (e errNamespaceNotEnabled) Unwrap() error        { return e.cause }
func (e errNamespaceNotEnabled) Is(target error) bool { return target == errNotEnabled }
