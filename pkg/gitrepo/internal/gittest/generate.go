package gittest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
)

// TargetPath is the file of a generated repository that is meant to be edited.
const TargetPath = "apps/app-0042/overlays/dev/kustomization.yaml"

// filesPerApp is how many files Generate puts below each apps/app-N.
const filesPerApp = 10

// Generate makes a repository of kustomize applications with about that many files and commits, in
// some seconds for 50,000 files and 20,000 commits. All applications are in one directory, whose tree
// is therefore large; commits after the first change one file each, one in fifty of an application.
func (s *Server) Generate(t testing.TB, name string, files, commits int) *Repo {
	t.Helper()
	r := s.New(t, name)
	cmd := exec.Command("git", "fast-import", "--quiet", "--depth=10")
	cmd.Dir, cmd.Env, cmd.Stderr = r.Dir, environment(), os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(stdin, 1<<20)
	writeHistory(w, max(files/filesPerApp, 43), commits)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("git fast-import: %v", err)
	}
	return r
}

func writeHistory(w io.Writer, apps, commits int) {
	for i := range max(commits, 1) {
		fmt.Fprintf(w, "commit refs/heads/main\ncommitter Somebody <somebody@example.com> %d +0000\ndata 5\nwork\n", 1600000000+60*i)
		if app := i * 7919 % apps; i > 0 && i%50 == 0 {
			writeFile(w, fmt.Sprintf("apps/app-%04d/base/deployment.yaml", app), deployment(app, i))
			continue
		}
		if i > 0 {
			writeFile(w, fmt.Sprintf("clusters/cluster-%02d/version.yaml", i%20), fmt.Sprintf("version: %d\n", i))
			continue
		}
		for app := range apps {
			dir := fmt.Sprintf("apps/app-%04d/", app)
			writeFile(w, dir+"README.md", fmt.Sprintf("# Application %d\n\nOwned by team %d.\n", app, app%37))
			writeFile(w, dir+"base/deployment.yaml", deployment(app, 0))
			writeFile(w, dir+"base/service.yaml", fmt.Sprintf("apiVersion: v1\nkind: Service\nmetadata:\n  name: app-%d\nspec:\n  ports:\n  - port: %d\n", app, 8000+app))
			writeFile(w, dir+"base/kustomization.yaml", "resources:\n- deployment.yaml\n- service.yaml\n")
			for n, env := range []string{"dev", "test", "prod"} {
				writeFile(w, dir+"overlays/"+env+"/kustomization.yaml", fmt.Sprintf(
					"resources:\n- ../../base\nimages:\n- name: registry.example.com/app-%d\n  newTag: v1.%d.%d\n", app, n, app))
				writeFile(w, dir+"overlays/"+env+"/patch.yaml", fmt.Sprintf(
					"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-%d\nspec:\n  replicas: %d\n", app, n+app%3))
			}
		}
	}
}

func deployment(app, version int) string {
	return fmt.Sprintf("apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-%d\nspec:\n  template:\n    spec:\n"+
		"      containers:\n      - name: app\n        image: registry.example.com/app-%d\n        env:\n        - name: REVISION\n          value: %q\n",
		app, app, fmt.Sprint(version))
}

func writeFile(w io.Writer, path, data string) {
	fmt.Fprintf(w, "M 100644 inline %s\ndata %d\n%s\n", path, len(data), data)
}
