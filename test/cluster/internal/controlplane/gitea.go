package controlplane

import (
	"context"
	"os"

	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/gitea"
	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/ports"
	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/state"
)

// StartGitea starts Gitea and nothing else.
func StartGitea(ctx context.Context, o Options) (state.State, error) {
	c := &ControlPlane{Options: o}
	for _, dir := range []string{"home", "tmp"} {
		if err := os.MkdirAll(c.path(dir), 0o700); err != nil {
			return state.State{}, err
		}
	}
	free, err := ports.Free(1)
	if err != nil {
		return state.State{}, err
	}
	c.ports.gitea = free[0]
	c.chooseGitea()
	task := o.Progress.Begin("starting Gitea")
	if err := task.End(c.startGitea(ctx)); err != nil {
		return state.State{}, err
	}
	return state.State{Version: state.Version, PID: os.Getpid(), Gitea: c.gitea, LogDir: c.LogDir, DataDir: c.DataDir}, nil
}

// chooseGitea decides what is known before Gitea runs: Argo CD is told.
func (c *ControlPlane) chooseGitea() {
	c.gitea = state.Gitea{
		URL:   gitea.URL(c.ports.gitea),
		Admin: state.User{Username: gitea.Administrator, Password: randomText()},
	}
}

func (c *ControlPlane) startGitea(ctx context.Context) error {
	server, err := gitea.Start(ctx, gitea.Options{
		Binary: c.Gitea.Bin("gitea"), Static: c.Gitea.Static(), Supervisor: c.Supervisor,
		Dir: c.path("gitea"), Env: c.env(), Port: c.ports.gitea, Password: c.gitea.Admin.Password, Timeout: readyTimeout,
	})
	c.gitea.AdminToken = server.Token
	return err
}
