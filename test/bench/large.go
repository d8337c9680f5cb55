package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"

	"k8s.io/apimachinery/pkg/types"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
)

const (
	// sampleDir is where the sample goes in the large repository, next to the applications of the first team.
	sampleDir = "apps/team-00/product-catalog"
	// teams are the directories that share the generated applications.
	teams = 50
	// filesPerApp is how many files each generated application has.
	filesPerApp = 10
)

// grow moves the sample to sampleDir, makes the repository one of about that many files and commits
// around it, packs it as a server's housekeeping would, and points the application there.
func (s *subject) grow(ctx context.Context, files, commits int) error {
	cmd := exec.CommandContext(ctx, "git", "fast-import", "--quiet")
	cmd.Dir, cmd.Stderr = s.Repository.Dir, os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	w := bufio.NewWriterSize(stdin, 1<<20)
	writeHistory(w, max(files/filesPerApp, 1), commits)
	if err := w.Flush(); err != nil {
		return fmt.Errorf("git fast-import: %w", err)
	}
	if err := stdin.Close(); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("git fast-import: %w", err)
	}
	if _, err := s.Repository.Git(ctx, "gc", "--quiet"); err != nil {
		return err
	}
	s.overlay = sampleDir + "/overlays/" + environment
	patch := fmt.Sprintf(`{"spec":{"source":{"path":%q}}}`, s.overlay)
	_, err = s.Applications().Patch(ctx, s.App(environment), types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	return err
}

// writeHistory continues the branch for git fast-import. The first commit brings all files; the others change one each, in
// every application in turn.
func writeHistory(w io.Writer, apps, commits int) {
	for i := range max(commits, 1) {
		fmt.Fprintf(w, "commit refs/heads/%s\ncommitter Somebody <somebody@example.com> %d +0000\ndata 5\nwork\n", localcluster.Branch, 1600000000+60*i)
		if i > 0 {
			app := i * 7919 % apps
			writeFile(w, dirOf(app)+"overlays/prod/kustomization.yaml", overlayOf(app, 2, i))
			continue
		}
		fmt.Fprintf(w, "from refs/heads/%s^0\nR base %s/base\nR overlays %s/overlays\n", localcluster.Branch, sampleDir, sampleDir)
		for app := range apps {
			writeApp(w, app)
		}
	}
}

func writeApp(w io.Writer, app int) {
	dir := dirOf(app)
	writeFile(w, dir+"README.md", fmt.Sprintf("# Application %d\n\nOwned by team %d.\n", app, app%37))
	writeFile(w, dir+"base/deployment.yaml", fmt.Sprintf("apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-%d\nspec:\n  template:\n    spec:\n"+
		"      containers:\n      - name: app\n        image: registry.example.com/app-%d\n", app, app))
	writeFile(w, dir+"base/service.yaml", fmt.Sprintf("apiVersion: v1\nkind: Service\nmetadata:\n  name: app-%d\nspec:\n  ports:\n  - port: %d\n", app, 8000+app))
	writeFile(w, dir+"base/kustomization.yaml", "resources:\n- deployment.yaml\n- service.yaml\n")
	for n, name := range []string{"dev", "test", "prod"} {
		writeFile(w, dir+"overlays/"+name+"/kustomization.yaml", overlayOf(app, n, 0))
		writeFile(w, dir+"overlays/"+name+"/patch.yaml", fmt.Sprintf(
			"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-%d\nspec:\n  replicas: %d\n", app, n+app%3))
	}
}

func dirOf(app int) string { return fmt.Sprintf("apps/team-%02d/app-%04d/", app%teams, app) }

func overlayOf(app, environment, version int) string {
	return fmt.Sprintf("resources:\n- ../../base\nimages:\n- name: registry.example.com/app-%d\n  newTag: v1.%d.%d\n", app, environment, version)
}

func writeFile(w io.Writer, path, data string) {
	fmt.Fprintf(w, "M 100644 inline %s\ndata %d\n%s\n", path, len(data), data)
}
