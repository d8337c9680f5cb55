package install

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tekton "github.com/tektoncd/pipeline/pkg/client/clientset/versioned"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/yaml"

	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// The README is walked as its reader would: every block of commands runs, in its order and in one directory, and every
// block of YAML is applied in its place. The two commands that need no cluster (make demo, make test) stand in a table.
// In the end, every PipelineRun that was started has succeeded, and the image runs.
func TestReadme(t *testing.T) {
	tenant, err := testbed.NewTenant(t.Context(), cluster, testbed.TenantOptions{Hosted: true, NotEnabled: true})
	if err != nil {
		t.Fatal(err)
	}
	w := newWalk(t, tenant)
	// Argo CD makes this Secret when it is installed; the control plane sets the password itself.
	if err := cluster.Apply(t.Context(), cluster.ArgoCD.Namespace, fmt.Appendf(nil, `{"apiVersion":"v1","kind":"Secret",
		"metadata":{"name":"argocd-initial-admin-secret"},"stringData":{"password":%q}}`, cluster.ArgoCD.AdminPassword)); err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks(t, filepath.Join(root(t), readme)) {
		switch b.language {
		case "sh":
			w.run(b)
		case "yaml":
			w.apply(b)
		case "text":
			w.drawings++
		default:
			t.Errorf("%s:%d: a block of %q: sh is run, yaml is applied, text is looked at", readme, b.line, b.language)
		}
	}
	// Who adds a block counts it here, so that none is lost unnoticed.
	if got, want := [3]int{w.commands, w.manifests, w.drawings}, [3]int{8, 4, 2}; got != want {
		t.Errorf("blocks of commands, of YAML, and drawings: %d, want %d", got, want)
	}
	w.succeeds()
	server, err := cluster.Client.AppsV1().Deployments(tenant.Targets["dev"]).Get(t.Context(), "server", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := server.Spec.Template.Spec.Containers[0].Image; got != deployedImage {
		t.Errorf("dev runs %s, want %s", got, deployedImage)
	}
}

const (
	readme = "README.md"
	// What the README deploys, and into which namespace its reader puts pipelines.
	deployedImage   = "quay.io/product-catalog/server:1.0.1"
	readerNamespace = "product-catalog-cicd"
	releaseURL      = "https://github.com/tekton-gitops/tekton-gitops/releases/latest/download/release.yaml"
	// blockTimeout bounds one block of commands; one of them compiles the plugin.
	blockTimeout = 10 * time.Minute
	runTimeout   = 3 * time.Minute
)

// block is a fenced block of a Markdown file.
type block struct {
	language, text string
	line           int
}

func blocks(t *testing.T, file string) []block {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []block
	var open *block
	for i, line := range strings.Split(string(data), "\n") {
		fence, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && open == nil:
			open = &block{language: fence, line: i + 1}
		case isFence:
			all = append(all, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	if open != nil {
		t.Fatalf("%s:%d: the block has no end", file, open.line)
	}
	return all
}

// walk is a reader at work, with a home directory and a kubeconfig.
type walk struct {
	*testing.T
	tenant *testbed.Tenant
	home   string
	env    []string
	// own has the reader's names in the place of the README's.
	own                           *strings.Replacer
	commands, manifests, drawings int
}

func newWalk(t *testing.T, tenant *testbed.Tenant) *walk {
	t.Helper()
	w := &walk{T: t, tenant: tenant, home: t.TempDir()}
	kubeconfig, err := os.ReadFile(cluster.Kubernetes.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"kubeconfig":          string(kubeconfig),
		"git-token":           tenant.Hosted.Bot.Token + "\n",
		"app.private-key.pem": "no key: it is stored, and used nowhere\n",
		// This repository is cloned, whoever its files belong to.
		".gitconfig": "[safe]\n\tdirectory = *\n",
	} {
		w.write(name, text)
	}
	caches, err := exec.CommandContext(t.Context(), "go", "env", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	gocache, gomodcache, _ := strings.Cut(strings.TrimSpace(string(caches)), "\n")
	w.env = append(os.Environ(),
		"HOME="+w.home, "KUBECONFIG="+filepath.Join(w.home, "kubeconfig"), "NO_COLOR=1",
		"GOCACHE="+gocache, "GOMODCACHE="+gomodcache,
		"PATH="+strings.Join([]string{filepath.Join(w.home, ".local", "bin"), cluster.BinDir, os.Getenv("PATH")}, ":"))
	w.own = strings.NewReplacer(
		releaseURL, release(t, "v0.1.0", firstImage),
		"https://github.com/tekton-gitops/tekton-gitops", "file://"+w.remote(),
		"https://github.com/example/product-catalog", tenant.RepoURL(),
		"example-bot", tenant.Hosted.Bot.Name,
		"argocd.example.com", cluster.ArgoCD.Address,
		"product-catalog-dev", tenant.App("dev"),
	)
	return w
}

// remote is this repository where a clone of it gets the name that it has on GitHub.
func (w *walk) remote() string {
	w.Helper()
	link := filepath.Join(w.TempDir(), "tekton-gitops")
	if err := os.Symlink(root(w.T), link); err != nil {
		w.Fatal(err)
	}
	return link
}

func (w *walk) write(name, text string) {
	w.Helper()
	if err := os.WriteFile(filepath.Join(w.home, name), []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
}

// run runs a block in bash, which stops at the first command that fails.
func (w *walk) run(b block) {
	w.Helper()
	w.commands++
	w.bash(b, "set -e\n"+w.own.Replace(b.text), "")
	if strings.Contains(b.text, releaseURL) {
		w.startController()
	}
	if strings.Contains(b.text, "allowed-git-hosts") {
		w.allowed()
	}
}

// startController runs what the pretended node only pretends to, as it was installed a moment ago.
func (w *walk) startController() {
	w.Helper()
	if err := testbed.UseLocalSettings(w.Context(), cluster); err != nil {
		w.Fatal(err)
	}
	binary, err := testbed.Binary(w.Context(), w.home, false)
	if err != nil {
		w.Fatal(err)
	}
	controller, err := testbed.StartController(w.Context(), cluster, testbed.Options{Binary: binary, Dir: w.home, Name: "installed"})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(controller.Stop)
}

// allowed looks that the policy has what the reader has set, and sets what the local servers need: they are on loopback,
// which is allowed by address only, and git and Gitea speak http.
func (w *walk) allowed() {
	w.Helper()
	policy, err := cluster.Client.CoreV1().ConfigMaps(testbed.Namespace).Get(w.Context(), "config-gitops", metav1.GetOptions{})
	if err != nil {
		w.Fatal(err)
	}
	if got := policy.Data["allowed-git-hosts"]; got != "public, git.example.com" {
		w.Errorf("allowed-git-hosts is %q", got)
	}
	if err := testbed.UseLocalSettings(w.Context(), cluster); err != nil {
		w.Fatal(err)
	}
}

// apply puts a manifest into the namespace of the moment. What has a generated name is created.
func (w *walk) apply(b block) {
	w.Helper()
	w.manifests++
	text := w.own.Replace(b.text)
	var object struct {
		Kind     string            `json:"kind"`
		Metadata metav1.ObjectMeta `json:"metadata"`
	}
	if err := yaml.Unmarshal([]byte(text), &object); err != nil {
		w.Fatalf("%s:%d: %v", readme, b.line, err)
	}
	verb := "apply"
	if object.Metadata.GenerateName != "" {
		verb = "create"
	}
	w.bash(b, "kubectl "+verb+" -f -", text)
	if object.Kind == "Pipeline" {
		w.write("pipeline.yaml", text) // "Save it as pipeline.yaml"
	}
}

func (w *walk) bash(b block, script, input string) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), blockTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Dir, cmd.Env, cmd.Stdin = w.home, w.env, strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	w.Logf("%s:%d\n%s", readme, b.line, out)
	if bytes.Contains(out, []byte(w.tenant.Hosted.Bot.Token)) {
		w.Errorf("%s:%d: the token is in the output", readme, b.line)
	}
	if err != nil {
		w.Fatalf("%s:%d: %v\n%s", readme, b.line, err, script)
	}
}

// succeeds waits for the end of every PipelineRun in the reader's namespace.
func (w *walk) succeeds() {
	w.Helper()
	client, err := tekton.NewForConfig(cluster.Config)
	if err != nil {
		w.Fatal(err)
	}
	var runs *pipelinev1.PipelineRunList
	err = wait.PollUntilContextTimeout(w.Context(), 200*time.Millisecond, runTimeout, true, func(ctx context.Context) (bool, error) {
		if runs, err = client.TektonV1().PipelineRuns(readerNamespace).List(ctx, metav1.ListOptions{}); err != nil {
			return false, err
		}
		for i := range runs.Items {
			if !runs.Items[i].IsDone() {
				return false, nil
			}
		}
		return true, nil
	})
	if err != nil {
		w.Fatal(err)
	}
	if len(runs.Items) < 2 {
		w.Errorf("%d PipelineRuns were started", len(runs.Items))
	}
	for _, run := range runs.Items {
		if !run.IsSuccessful() {
			w.Errorf("PipelineRun %s: %+v", run.Name, run.Status.Conditions)
		}
	}
}
