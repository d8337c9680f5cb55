package ko_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// The scripts of tekton/release are run one after the other on a copy of this tree, with a registry and an API of GitHub in
// this process: what they leave behind is a release. Tekton's part, which the end-to-end tests look at, is played here: what
// stands in $( ) is replaced, and what lies in /scratch is in a directory of its own for each task.
func TestReleaseScripts(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	github := startGitHub(t)
	p := newPlay(t, map[string]string{
		"version": "v0.1.0", "revision": "main", "repository": snapshot(t), "image-repository": host + "/tekton-gitops",
		"platforms": "linux/" + runtime.GOARCH, "checks": "help", "github-api": github.server.URL, "draft": "false",
	})
	p.lists["plugin-platforms"] = []string{runtime.GOOS + "/" + runtime.GOARCH}
	p.secret("dockerconfig", "config.json", "{}")
	p.secret("github", "token", token)
	p.env = append(p.env, "KO_DEFAULTBASEIMAGE="+pushBase(t, host))
	for _, task := range p.pipeline.Spec.Tasks {
		p.run(task)
	}

	reference := p.values["tasks.image.results.IMAGE_URL"] + "@" + p.values["tasks.image.results.IMAGE_DIGEST"]
	digest, err := name.NewDigest(reference)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Head(digest); err != nil {
		t.Errorf("the registry has no %s: %v", reference, err)
	}
	published, plugin := github.uploaded(), "tkn-gitops_v0.1.0_"+runtime.GOOS+"_"+runtime.GOARCH+".tar.gz"
	for _, file := range []string{"release.yaml", "checksums.txt", plugin} {
		if len(published[file]) == 0 {
			t.Errorf("%s is not published", file)
		}
	}
	if manifests := published["release.yaml"]; !strings.Contains(manifests, "image: "+reference+"\n") || !strings.Contains(manifests, "version: v0.1.0\n") {
		t.Errorf("release.yaml does not have %s and the version", reference)
	}
	if got := strings.Count(published["checksums.txt"], "\n"); got != len(published)-1 || !strings.Contains(published["checksums.txt"], ".spdx.json\n") {
		t.Errorf("checksums.txt:\n%swant the %d other files, and an SBOM among them", published["checksums.txt"], len(published)-1)
	}
	check := exec.Command("sha256sum", "--check", "--quiet", "checksums.txt")
	check.Dir = filepath.Join(p.work, "release")
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if got := p.values["tasks.files.results.release-ARTIFACT_OUTPUTS"]; !strings.Contains(got, `{"uri":"pkg:generic/tekton-gitops/release.yaml@v0.1.0","digest":"sha256:`) {
		t.Errorf("release-ARTIFACT_OUTPUTS is %s", got)
	}
	if diff := cmp.Diff([]string{"POST draft v0.1.0 of " + p.values["tasks.clone.results.CHAINS-GIT_COMMIT"], "PATCH published"}, github.seen()); diff != "" {
		t.Errorf("what GitHub was told (-want +got):\n%s", diff)
	}
	if got, want := p.values["tasks.publish.results.release-url"], github.server.URL+"/page"; got != want {
		t.Errorf("release-url is %s, want %s", got, want)
	}
}

// snapshot is a repository with this tree, as it is, in one commit of main.
func snapshot(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	script := `set -euo pipefail
git -C "$from" ls-files -z --cached --others --exclude-standard | (cd "$from" && xargs -0 ls -d 2>/dev/null || true) |
  tar --create --directory "$from" --files-from - | tar --extract --directory "$to"
git -C "$to" init --quiet --initial-branch main
git -C "$to" add --all
git -C "$to" -c user.name=Test -c user.email=test@example.com commit --quiet --message Release`
	cmd := exec.Command("bash", "-c", script)
	from, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), "from="+from, "to="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

// token is the only one that the API takes.
const token = "ghp_only-for-this-test"

// gitHub answers as its API for releases does (docs.github.com/rest/releases), as far as the release calls it.
type gitHub struct {
	server *httptest.Server

	mu    sync.Mutex
	files map[string]string
	calls []string
}

func startGitHub(t *testing.T) *gitHub {
	t.Helper()
	g := &gitHub{files: map[string]string{}}
	g.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			http.Error(w, `{"message":"Bad credentials"}`, http.StatusUnauthorized)
			return
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		g.answer(w, r)
	}))
	t.Cleanup(g.server.Close)
	return g
}

func (g *gitHub) answer(w http.ResponseWriter, r *http.Request) {
	const releases = "/repos/tekton-gitops/tekton-gitops/releases"
	body, _ := io.ReadAll(r.Body)
	var told struct {
		Tag    string `json:"tag_name"`
		Commit string `json:"target_commitish"`
		Draft  bool   `json:"draft"`
	}
	switch r.Method + " " + r.URL.Path {
	case "POST " + releases:
		if err := json.Unmarshal(body, &told); err != nil || !told.Draft {
			http.Error(w, "want a draft", http.StatusUnprocessableEntity)
			return
		}
		g.calls = append(g.calls, "POST draft "+told.Tag+" of "+told.Commit)
		w.WriteHeader(http.StatusCreated)
	case "POST /upload":
		g.files[r.URL.Query().Get("name")] = string(body)
		w.WriteHeader(http.StatusCreated)
	case "PATCH " + releases + "/7":
		if err := json.Unmarshal(body, &told); err == nil && !told.Draft {
			g.calls = append(g.calls, "PATCH published")
		}
	default:
		http.NotFound(w, r)
		return
	}
	fmt.Fprintf(w, `{"url":"%[1]s%[2]s/7","upload_url":"%[1]s/upload{?name,label}","html_url":"%[1]s/page","author":{"html_url":"%[1]s/person"}}`,
		g.server.URL, releases)
}

func (g *gitHub) uploaded() map[string]string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.files)
}

func (g *gitHub) seen() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string{}, g.calls...)
}
