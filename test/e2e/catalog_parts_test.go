package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// catalogFile is the path of a file of an entry of the catalog.
func catalogFile(t *testing.T, entry string, path ...string) string {
	t.Helper()
	root, err := testbed.Root()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(append([]string{root, "tekton", "catalog", "pipeline", entry, "0.1"}, path...)...)
}

// catalogSamples are the runs among an entry's samples.
func catalogSamples(t *testing.T, entry string) []string {
	t.Helper()
	files, err := filepath.Glob(catalogFile(t, entry, "samples", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var runs []string
	for _, file := range files {
		if filepath.Base(file) != "setup.yaml" {
			runs = append(runs, file)
		}
	}
	return runs
}

// gitLogin is the account that the controller has on the tenant's git server.
func (n *tenant) gitLogin() localcluster.GitUser {
	if n.Hosted != nil {
		return localcluster.GitUser{Username: n.Hosted.Bot.Name, Password: n.Hosted.Bot.Token}
	}
	return n.Git.Writer
}

// gitHost is the address of the tenant's git server.
func (n *tenant) gitHost() string {
	if n.Hosted != nil {
		return n.Gitea.URL
	}
	return n.Git.HTTPURL
}

// setUpByHand takes away what the tenant was given, and applies a file in its place, in which it fills in what the file says
// that a person has to fill in.
func (n *tenant) setUpByHand(file string) {
	n.t.Helper()
	for _, secret := range []string{testbed.GitSecret, testbed.ArgoCDSecret} {
		n.must(n.Client.CoreV1().Secrets(n.Namespace).Delete(n.t.Context(), secret, metav1.DeleteOptions{}))
	}
	n.must(n.Client.CoreV1().ConfigMaps(n.Namespace).Delete(n.t.Context(), "config-gitops-defaults", metav1.DeleteOptions{}))
	data, err := os.ReadFile(file)
	n.must(err)
	ca, err := os.ReadFile(n.ArgoCD.CAFile)
	n.must(err)
	login := n.gitLogin()
	own := map[string]map[string]string{
		testbed.GitSecret:    {"username": login.Username, "password": login.Password},
		testbed.ArgoCDSecret: {"ARGOCD_AUTH_TOKEN": n.ArgoCD.Tokens["pipeline"], "ARGOCD_SERVER": n.ArgoCD.Address, "ca.crt": string(ca)},
	}
	for document := range strings.SplitSeq(n.exampleAddresses().Replace(string(data)), "\n---\n") {
		var about metav1.TypeMeta
		if n.must(yaml.Unmarshal([]byte(document), &about)); about.Kind == "Secret" {
			var secret corev1.Secret
			n.must(yaml.UnmarshalStrict([]byte(document), &secret))
			for key := range secret.StringData {
				secret.StringData[key] = own[secret.Name][key]
			}
			if secret.Name == testbed.GitSecret {
				secret.Annotations["tekton.dev/git-0"] = n.gitHost()
			}
			filled, err := yaml.Marshal(secret)
			n.must(err)
			document = string(filled)
		}
		n.must(n.Apply(n.t.Context(), n.Namespace, []byte(document)))
	}
}

// runReadme runs the commands of a README, one after the other, with its addresses replaced, and returns what the last one
// prints.
func (n *tenant) runReadme(file string) string {
	n.t.Helper()
	data, err := os.ReadFile(file)
	n.must(err)
	root, err := testbed.Root()
	n.must(err)
	here := strings.NewReplacer(
		"https://raw.githubusercontent.com/tekton-gitops/tekton-gitops/main", root,
		"product-catalog-", n.App(""),
	)
	printed, blocks := "", strings.Split(string(data), "```sh\n")[1:]
	if len(blocks) < 3 {
		n.t.Fatalf("%s has %d blocks of commands", file, len(blocks))
	}
	for _, block := range blocks {
		script, _, _ := strings.Cut(block, "```")
		printed = n.shell("set -euo pipefail\n"+here.Replace(script), n.Namespace)
	}
	return printed
}

// shell runs a script with the commands of the control plane, as an administrator whose kubeconfig names the namespace, and
// returns what it prints.
func (n *tenant) shell(script, namespace string, env ...string) string {
	n.t.Helper()
	home := n.t.TempDir()
	config, err := os.ReadFile(n.Kubernetes.Kubeconfig)
	n.must(err)
	n.must(os.WriteFile(filepath.Join(home, "kubeconfig"), config, 0o600))
	if namespace != "" {
		script = "kubectl config set-context --current --namespace " + namespace + " >/dev/null\n" + script
	}
	//nolint:gosec // the script is the project's own
	cmd := exec.Command("bash", "-c", script)
	cmd.Env = append([]string{
		"PATH=" + n.BinDir + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + home, "KUBECONFIG=" + filepath.Join(home, "kubeconfig"),
	}, env...)
	var failure strings.Builder
	cmd.Stderr = &failure
	out, err := cmd.Output()
	if err != nil {
		n.t.Fatalf("%s: %v\n%s%s", script, err, out, failure.String())
	}
	return string(out)
}

// afterReadme is what the last command of an entry's README has to print. A pull request that is left open is closed, so that
// only those of the samples are there.
func (n *tenant) afterReadme() string {
	n.t.Helper()
	if n.Hosted == nil {
		return serverImage + ":1.0.1"
	}
	open := n.openPulls()
	if len(open) != 1 {
		n.t.Fatalf("%d open pull requests, want one", len(open))
	}
	n.must(n.Hosted.Close(n.t.Context(), open[0].Number))
	return open[0].URL
}

// showsTheDiff looks at what a run has computed and not done.
func (n *tenant) showsTheDiff(pipelineRun string) {
	n.t.Helper()
	for _, r := range n.pipelineRun(pipelineRun).Status.Results {
		if r.Name == "diff" && strings.Contains(r.Value.StringVal, "\n+  newTag: 1.0.3") {
			return
		}
	}
	n.t.Errorf("no result diff with the new tag: %v", n.pipelineRun(pipelineRun).Status.Results)
}

// showsTheLinks looks at the pull request that propose.yaml has left behind.
func (n *tenant) showsTheLinks(string) {
	n.t.Helper()
	open := n.openPulls()
	if len(open) != 1 {
		n.t.Fatalf("%d open pull requests, want one", len(open))
	}
	p := open[0]
	if p.Title != "Deploy "+serverImage+":1.0.1 to prod" || len(p.Labels) != 1 || p.Labels[0].Name != "production" ||
		!strings.Contains(p.Body, "Replaces `"+serverImage+":1.0.2`.") || !strings.Contains(p.Body, "(https://quay.io/repository/product-catalog/server?tab=tags)") {
		n.t.Errorf("got pull request %+v", p)
	}
}

// hasRestarted looks whether the server in dev was restarted.
func (n *tenant) hasRestarted(string) {
	n.t.Helper()
	if n.deployment("dev", "server").Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"] == "" {
		n.t.Error("the server was not restarted")
	}
}

// startWithTkn starts what a sample has with tkn, as somebody does who has no file: the Pipeline, the parameters, how long
// it may take.
func (n *tenant) startWithTkn(run pipelinev1.PipelineRun) string {
	n.t.Helper()
	rest := run.Spec
	rest.PipelineRef, rest.Params, rest.Timeouts = nil, nil, nil
	if diff := cmp.Diff(pipelinev1.PipelineRunSpec{}, rest); diff != "" {
		n.t.Fatalf("%s has what the test does not tell tkn:\n%s", run.GenerateName, diff)
	}
	command := "tkn pipeline start " + run.Spec.PipelineRef.Name + " --use-param-defaults --output name --prefix-name " +
		strings.TrimSuffix(run.GenerateName, "-")
	if run.Spec.Timeouts != nil {
		command += " --pipeline-timeout " + run.Spec.Timeouts.Pipeline.Duration.String()
	}
	for _, p := range run.Spec.Params {
		value := p.Value.StringVal
		if p.Value.Type == pipelinev1.ParamTypeArray {
			value = strings.Join(p.Value.ArrayVal, ",")
		}
		command += " --param '" + strings.ReplaceAll(p.Name+"="+value, "'", `'\''`) + "'"
	}
	return strings.TrimSpace(n.shell(command, n.Namespace))
}
