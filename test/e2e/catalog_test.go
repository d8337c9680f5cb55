package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// catalogRun is what a run of an entry of the catalog has to lead to.
type catalogRun struct {
	// results of the PipelineRun. Others are not looked at.
	results map[string]string
	// live are the tags that run in the end, by environment and Deployment.
	live map[string]string
	// during plays a part while the run is under way, and after looks at what it has left.
	during, after func(n *tenant, pipelineRun string)
}

// catalogEntries have every sample of every entry, and what the commands of its README print at last.
func catalogEntries() map[string]map[string]catalogRun {
	return map[string]map[string]catalogRun{
		"gitops-deploy": {
			"commit-only.yaml": {results: map[string]string{"changed": "true", "image": "quay.io/product-catalog/client:1.0.2", "revision": ""}},
			"deploy.yaml": {
				results: map[string]string{"changed": "true", "previous-image": "quay.io/product-catalog/server:1.0.0", "image": "quay.io/product-catalog/server:1.0.1", "health": "Healthy"},
				live:    map[string]string{"dev/server": "1.0.1"},
			},
			"look-first.yaml": {results: map[string]string{"changed": "false", "commit": ""}, after: (*tenant).showsTheDiff},
			"restart.yaml":    {results: map[string]string{"changed": "false", "commit": ""}, after: (*tenant).hasRestarted},
			"several-images.yaml": {
				results: map[string]string{"changed": "true", "image": "quay.io/product-catalog/server:1.0.2"},
				live:    map[string]string{"dev/server": "1.0.2", "dev/client": "1.0.1"},
			},
			"verify-only.yaml": {results: map[string]string{"image": "quay.io/product-catalog/server:1.0.2", "commit": "", "health": "Healthy"}},
		},
		"gitops-pr": {
			"merged-and-deployed.yaml": {
				results: map[string]string{"changed": "true", "image": "quay.io/product-catalog/server:1.0.2", "pr-state": "merged"},
				live:    map[string]string{"prod/server": "1.0.2"},
				during:  (*tenant).mergesByHand,
			},
			"propose.yaml": {
				results: map[string]string{"changed": "true", "image": "quay.io/product-catalog/server:1.0.1", "pr-state": "open", "commit-url": ""},
				after:   (*tenant).showsTheLinks,
			},
		},
	}
}

// newCatalogTenant is a namespace that the setup of an entry of the catalog has prepared.
func newCatalogTenant(t *testing.T, entry string) *tenant {
	t.Helper()
	hosted, environment := entry == "gitops-pr", "dev"
	if hosted {
		environment = "prod"
	}
	n := newTenant(t, testbed.TenantOptions{Hosted: hosted, Environments: []string{environment}, NotEnabled: true})
	n.setUpByHand(catalogFile(t, entry, "samples", "setup.yaml"))
	return n
}

// An entry of the catalog is installed and run as its README says, and each of its samples ends as the table says.
func TestCatalog(t *testing.T) {
	t.Parallel()
	for name, samples := range catalogEntries() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newCatalogTenant(t, name)
			printed := n.runReadme(catalogFile(t, name, "README.md"))
			if want := n.afterReadme(); printed != want {
				t.Errorf("the README's last command prints %q, want %q", printed, want)
			}
			n.runSamples(name, samples, (*tenant).createRun)
		})
	}
}

// The parameters of each sample lead to the same on tkn's command line.
func TestCatalogSamplesWithTkn(t *testing.T) {
	t.Parallel()
	for name, samples := range catalogEntries() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newCatalogTenant(t, name)
			n.shell("kubectl apply -f '"+catalogFile(t, name, name+".yaml")+"'", n.Namespace)
			n.runSamples(name, samples, (*tenant).startWithTkn)
		})
	}
}

// startRun starts what a file has, and gives the name of the PipelineRun.
type startRun func(n *tenant, run pipelinev1.PipelineRun) string

// runSamples runs the samples of an entry one after the other, and looks whether the table has them all.
func (n *tenant) runSamples(entry string, table map[string]catalogRun, start startRun) {
	n.t.Helper()
	n.resetSample() // once: what a sample leaves behind is where the next one begins
	for _, file := range catalogSamples(n.t, entry) {
		base := filepath.Base(file)
		want, known := table[base]
		if !known {
			n.t.Errorf("the table does not say what %s leads to", base)
		}
		n.runCatalog(file, want, start)
		delete(table, base)
	}
	for base := range table {
		n.t.Errorf("there is no sample %s", base)
	}
	n.noLease()
}

// runCatalog starts the one PipelineRun of a file as it is, but for the applications' names, and compares what it leads to.
func (n *tenant) runCatalog(file string, want catalogRun, start startRun) {
	n.t.Helper()
	created := n.applyExample(file)
	if len(created) != 1 {
		n.t.Fatalf("%s has %d PipelineRuns, want one", file, len(created))
	}
	run := start(n, created[0])
	if want.during != nil {
		want.during(n, run)
	}
	n.succeeds(run)
	results := map[string]string{}
	for _, result := range n.pipelineRun(run).Status.Results {
		if _, wanted := want.results[result.Name]; wanted {
			results[result.Name] = result.Value.StringVal
		}
	}
	if diff := cmp.Diff(want.results, results); diff != "" {
		n.t.Errorf("%s: results (-want +got):\n%s", filepath.Base(file), diff)
	}
	live := map[string]string{}
	for place := range want.live {
		environment, name, _ := strings.Cut(place, "/")
		_, live[place], _ = strings.Cut(n.deployment(environment, name).Spec.Template.Spec.Containers[0].Image, ":")
	}
	if diff := cmp.Diff(want.live, live, cmpopts.EquateEmpty()); diff != "" {
		n.t.Errorf("%s: what runs (-want +got):\n%s", filepath.Base(file), diff)
	}
	if want.after != nil {
		want.after(n, run)
	}
}

// succeeds waits for the end of a PipelineRun, which has to be a good one.
func (n *tenant) succeeds(run string) {
	n.t.Helper()
	n.poll("the end of PipelineRun "+run, func() bool { return n.pipelineRun(run).IsDone() })
	if p := n.pipelineRun(run); !p.IsSuccessful() {
		n.t.Fatalf("PipelineRun %s: %s", run, n.outcomes(run))
	}
}

// The test of an entry runs as the catalog's own runner runs it: a namespace of the entry's name and version, the Pipeline,
// the hook, the run, and then all PipelineRuns there have to succeed.
func TestCatalogTests(t *testing.T) {
	t.Parallel()
	for name := range catalogEntries() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			environments := []string{"dev"}
			n := newTenant(t, testbed.TenantOptions{Hosted: name == "gitops-pr", Environments: environments})
			namespace := name + "-0-1"
			t.Cleanup(func() { n.shell("kubectl delete namespace --ignore-not-found "+namespace, "") })
			n.shell(`set -euo pipefail
kubectl create namespace "${tns}"
kubectl -n "${tns}" create -f "${entry}/${name}.yaml"
for yaml in "${entry}"/tests/*.yaml; do
  cp "${yaml}" "${TMPF}"
  source "${entry}/tests/pre-apply-taskrun-hook.sh"
  kubectl -n "${tns}" create -f "${TMPF}"
done`, "",
				"tns="+namespace, "name="+name, "entry="+catalogFile(t, name), "TMPF="+filepath.Join(t.TempDir(), "run.yaml"),
				"GITOPS_TEST_REPO_URL="+n.RepoURL(), "GITOPS_TEST_GIT_HOST="+n.gitHost(),
				"GITOPS_TEST_GIT_USERNAME="+n.gitLogin().Username, "GITOPS_TEST_GIT_PASSWORD="+n.gitLogin().Password,
				"GITOPS_TEST_ARGOCD_SERVER="+n.ArgoCD.Address, "GITOPS_TEST_ARGOCD_TOKEN="+n.ArgoCD.Tokens["pipeline"],
				"GITOPS_TEST_ARGOCD_CA="+n.ArgoCD.CAFile, "GITOPS_TEST_APPLICATION="+n.App("dev"))
			var runs []pipelinev1.PipelineRun
			n.poll("the end of the test", func() bool {
				list, err := n.tekton.TektonV1().PipelineRuns(namespace).List(t.Context(), metav1.ListOptions{})
				n.must(err)
				runs = list.Items
				return len(runs) == 1 && runs[0].IsDone()
			})
			if !runs[0].IsSuccessful() {
				t.Errorf("got %s", fmt.Sprint(runs[0].Status.Conditions))
			}
		})
	}
}
