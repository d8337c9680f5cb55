package main

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// chain measures the script from its start to its end. Its work tree is new each time, as a task's workspace is; its
// HOME stays, so that kubectl finds its discovery cache, which a task's pod would not.
func (s *subject) chain(ctx context.Context, tag string) (measurement, error) {
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	root, err := testbed.Root()
	if err != nil {
		return measurement{}, err
	}
	home, err := s.home()
	if err != nil {
		return measurement{}, err
	}
	dir, err := os.MkdirTemp(s.place.work, "workspace-")
	if err != nil {
		return measurement{}, err
	}
	defer os.RemoveAll(dir)
	steps, err := os.Create(filepath.Join(s.place.work, "steps"))
	if err != nil {
		return measurement{}, err
	}
	defer steps.Close()
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, "bash", filepath.Join(root, "test", "bench", "chain.sh"))
	cmd.Dir, cmd.Env = dir, s.environment(home, tag)
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.ExtraFiles = []*os.File{steps}
	began := time.Now()
	err = cmd.Run()
	ended := time.Now()
	if err != nil {
		return measurement{}, fmt.Errorf("chain.sh: %w\n%s", err, output.Bytes())
	}
	marks, err := os.ReadFile(steps.Name())
	if err != nil {
		return measurement{}, err
	}
	starts, err := parseSteps(string(marks))
	return newMeasurement(began, ended, starts), err
}

// home makes the script's HOME with the git credentials in the form that Tekton gives them to a task.
func (s *subject) home() (string, error) {
	home := filepath.Join(s.place.work, "home")
	if _, err := os.Stat(home); err == nil {
		return home, nil
	}
	if err := os.Mkdir(home, 0o700); err != nil {
		return "", err
	}
	server, err := url.Parse(s.Git.HTTPURL)
	if err != nil {
		return "", err
	}
	server.User = url.UserPassword(s.Git.Writer.Username, s.Git.Writer.Password)
	for name, data := range map[string]string{
		".git-credentials": server.String() + "\n",
		".gitconfig":       "[credential]\n\thelper = store\n",
	} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(data), 0o600); err != nil {
			return "", err
		}
	}
	return home, nil
}

// environment is all that the script gets: nothing of the caller's but the way to bash and git.
func (s *subject) environment(home, tag string) []string {
	return []string{
		"HOME=" + home, "PATH=" + s.BinDir + string(os.PathListSeparator) + os.Getenv("PATH"), "GIT_CONFIG_NOSYSTEM=1",
		"KUBECONFIG=" + s.Kubernetes.Kubeconfig,
		"ARGOCD_SERVER=" + s.ArgoCD.Address, "ARGOCD_AUTH_TOKEN=" + s.ArgoCD.Tokens["pipeline"], "ARGOCD_OPTS=--server-crt " + s.ArgoCD.CAFile,
		"NAMESPACE=" + s.Namespace, "TARGET_NAMESPACE=" + s.Targets[environment],
		"REPO_URL=" + s.Repository.HTTPURL, "BRANCH=" + localcluster.Branch, "OVERLAY=" + s.overlay,
		"IMAGE=" + image, "TAG=" + tag, "DEPLOYMENT=" + deployment, "APPLICATION=" + s.App(environment),
	}
}

// parseSteps reads lines of a time in seconds since 1970, as bash prints it, and the name of the step that began then.
func parseSteps(text string) ([]start, error) {
	var starts []start
	for line := range strings.Lines(text) {
		seconds, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		whole, fraction, ok := strings.Cut(seconds, ".")
		sec, err1 := strconv.ParseInt(whole, 10, 64)
		micros, err2 := strconv.ParseInt(fraction, 10, 64)
		if !ok || err1 != nil || err2 != nil || len(fraction) != 6 || name == "" {
			return nil, fmt.Errorf("chain.sh wrote an unreadable step: %q", line)
		}
		starts = append(starts, start{name, time.Unix(sec, micros*1000)})
	}
	return starts, nil
}
