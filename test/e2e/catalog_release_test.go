package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tekton "github.com/tektoncd/pipeline/pkg/client/clientset/versioned"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

const (
	releaseNamespace = "tekton-gitops-release"
	// releaseResults are what its steps would give; the node only pretends to run them.
	releaseResults = `{
  "CHAINS-GIT_URL": "https://github.com/tekton-gitops/tekton-gitops", "CHAINS-GIT_COMMIT": "5f1d", "time": "1700000000",
  "IMAGE_URL": "ghcr.io/tekton-gitops/tekton-gitops/controller", "IMAGE_DIGEST": "sha256:12ab",
  "release-ARTIFACT_OUTPUTS": {"uri": "pkg:generic/tekton-gitops/release.yaml@v0.1.0", "digest": "sha256:34cd"},
  "release-url": "https://github.com/tekton-gitops/tekton-gitops/releases/v0.1.0"
}`
)

// The release of this project is set up as its README says, is admitted by Tekton, and its pods by pod security "restricted".
// All of its tasks run, and the results are those that Chains looks for. What its steps do is tested in test/ko.
func TestReleasePipeline(t *testing.T) {
	t.Parallel()
	root, err := testbed.Root()
	if err != nil {
		t.Fatal(err)
	}
	client, err := tekton.NewForConfig(bed.Config)
	if err != nil {
		t.Fatal(err)
	}
	n := &tenant{Tenant: &testbed.Tenant{Cluster: bed.Cluster, Namespace: releaseNamespace}, t: t, tekton: client}
	t.Cleanup(func() { n.shell("kubectl delete namespace --ignore-not-found "+releaseNamespace, "") })

	readme, err := os.ReadFile(filepath.Join(root, "tekton", "release", "README.md"))
	n.must(err)
	var script strings.Builder
	for _, block := range strings.Split(string(readme), "```sh\n")[1:] {
		commands, _, _ := strings.Cut(block, "```")
		script.WriteString(commands)
	}
	// What the steps would do, told to the node before the run starts.
	pretend := "kubectl annotate --local -f tekton/release/run.yaml kubelet.local/results=\"$results\" -o yaml | kubectl create -o name -f -"
	commands := strings.Replace(script.String(), "kubectl create -f tekton/release/run.yaml", pretend, 1)
	if !strings.Contains(commands, pretend) {
		t.Fatalf("the README does not start a release:\n%s", commands)
	}
	printed := strings.Fields(n.shell("set -euo pipefail\ncd '"+root+"'\n"+commands, "", "results="+releaseResults))
	_, run, _ := strings.Cut(printed[len(printed)-1], "/")
	n.succeeds(run)

	var tasks []string
	list, err := client.TektonV1().TaskRuns(releaseNamespace).List(t.Context(), metav1.ListOptions{})
	n.must(err)
	for _, task := range list.Items {
		tasks = append(tasks, task.Labels["tekton.dev/pipelineTask"])
	}
	slices.Sort(tasks)
	if diff := cmp.Diff([]string{"checks", "clone", "files", "image", "publish"}, tasks); diff != "" {
		t.Errorf("tasks (-want +got):\n%s", diff)
	}
	want := []pipelinev1.PipelineRunResult{
		{Name: "CHAINS-GIT_URL", Value: *pipelinev1.NewStructuredValues("https://github.com/tekton-gitops/tekton-gitops")},
		{Name: "CHAINS-GIT_COMMIT", Value: *pipelinev1.NewStructuredValues("5f1d")},
		{Name: "IMAGE_URL", Value: *pipelinev1.NewStructuredValues("ghcr.io/tekton-gitops/tekton-gitops/controller")},
		{Name: "IMAGE_DIGEST", Value: *pipelinev1.NewStructuredValues("sha256:12ab")},
		{Name: "release-ARTIFACT_OUTPUTS", Value: *pipelinev1.NewObject(map[string]string{
			"uri": "pkg:generic/tekton-gitops/release.yaml@v0.1.0", "digest": "sha256:34cd",
		})},
	}
	if diff := cmp.Diff(want, n.pipelineRun(run).Status.Results); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}
