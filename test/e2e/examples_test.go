package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// example is what a file of examples/ has to lead to.
type example struct {
	// hosted examples need a git host with pull requests.
	hosted bool
	// runs are the PipelineRuns that are made of it, one after the other, and how each ends.
	runs []ends
	// commits are how many they put onto the branch.
	commits int
	// live are the tags that run in the end, by environment and Deployment.
	live map[string]string
	// start starts a run, where that is not the test's part.
	start func(*tenant) (pipelineRun string)
	// during plays a part while a run is under way, and after looks at what the last one has left.
	during, after func(n *tenant, pipelineRun string)
}

// ends are those of a PipelineRun's tasks. A task that is not there has not run.
type ends map[string]end

// end is how the CustomRun of a task has ended.
type end struct{ Reason, Changed, Reverted string }

// examples has every file.
func examples() map[string]example {
	done, same := end{Reason: "Succeeded", Changed: "true"}, end{Reason: "Succeeded", Changed: "false"}
	deployed := []ends{{"deploy": done}}
	return map[string]example{
		"deploy-by-name.yaml": {
			hosted: true,
			runs:   []ends{{"deploy-dev": done, "deploy-test": done, "promote-prod": done}}, commits: 3,
			live:   map[string]string{"dev/server": "1.0.1", "test/server": "1.0.1", "prod/server": "1.0.1"},
			during: (*tenant).mergesByHand,
		},
		"deploy-by-parameters.yaml":   {runs: deployed, commits: 1, live: map[string]string{"dev/server": "1.0.1"}},
		"deploy-embedded.yaml":        {runs: deployed, commits: 1, live: map[string]string{"dev/server": "1.0.1"}},
		"deploy-helm.yaml":            {runs: deployed, commits: 1, live: map[string]string{"helm/client": "1.0.1"}},
		"deploy-in-sync-window.yaml":  {runs: deployed, commits: 1, live: map[string]string{"nights/server": "1.0.1"}, during: (*tenant).openSyncWindow},
		"deploy-multi-source.yaml":    {runs: deployed, commits: 1, live: map[string]string{"multi-source/client": "1.0.1"}},
		"deploy-over-ssh.yaml":        {runs: deployed, commits: 1, live: map[string]string{"dev/server": "1.0.4"}},
		"deploy-plain-manifests.yaml": {runs: deployed, commits: 1, live: map[string]string{"plain/server": "1.0.1"}},
		"deploy-several-images.yaml": {
			runs: deployed, commits: 1,
			live: map[string]string{"dev/server": "1.0.2", "dev/client": "1.0.1", "test/server": "1.0.2", "test/client": "1.0.1"},
		},
		"deploy-signed.yaml": {runs: deployed, commits: 1, live: map[string]string{"dev/server": "1.0.3"}, after: (*tenant).isSigned},
		"deploy-with-revert.yaml": {
			runs:    []ends{{"deploy": {Reason: "RolloutFailed", Changed: "true", Reverted: "true"}}},
			commits: 2, live: map[string]string{"dev/server": "1.0.0"},
		},
		"promote-and-deploy.yaml": {
			hosted: true,
			runs:   []ends{{"promote": done}}, commits: 1,
			live:   map[string]string{"prod/server": "1.0.2"},
			during: (*tenant).mergesByHand, after: (*tenant).hasTestedTheMerge,
		},
		// Nobody has merged it yet, so there is no commit.
		"promote-by-pull-request.yaml": {hosted: true, runs: []ends{{"promote": done}}, after: (*tenant).showsTheGates},
		"verify-after-hook.yaml": {
			// The commit is the unrelated change.
			runs: []ends{{"verify": done}, {"verify": same}}, commits: 1,
			live:  map[string]string{"hooked/server": "1.0.0"},
			start: (*tenant).startByHook, after: (*tenant).hasTestedTheFirstSync,
		},
	}
}

// Every YAML file of examples/ is applied as it is, but for the addresses, and every PipelineRun in it ends as the table
// says. The files name the applications of a namespace product-catalog, so they are run one after the other in one of that
// name; those with pull requests in another one, whose repository is on Gitea. Each finds the sample's repository as it is.
func TestExamples(t *testing.T) {
	t.Parallel()
	plain := newTenant(t, testbed.TenantOptions{Name: "product-catalog", Environments: []string{"dev", "test"}})
	hosted := newTenant(t, testbed.TenantOptions{Hosted: true, Environments: []string{"dev", "test", "prod"}})
	bed.secrets.add(hosted.Hosted.Bot.Token, hosted.Hosted.Person.Token)
	for _, n := range []*tenant{plain, hosted} {
		for _, file := range exampleFiles(t, "product-catalog") {
			if runs := n.applyExample(file); len(runs) > 0 {
				t.Errorf("%s has a PipelineRun", file)
			}
		}
	}
	plain.makeExampleSecrets()
	files, table := exampleFiles(t, ""), examples()
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			want, known := table[name]
			if !known {
				t.Fatal("the table does not say how it ends")
			}
			on := plain
			if want.hosted {
				on = hosted
			}
			n := &tenant{Tenant: on.Tenant, t: t, tekton: on.tekton, signer: on.signer}
			n.resetSample()
			n.runExample(file, want)
		})
		delete(table, name)
	}
	for name := range table {
		t.Errorf("there is no %s", name)
	}
	plain.noLease()
	hosted.noLease()
}

// runExample makes the runs of a file, and compares what they lead to with what is wanted.
func (n *tenant) runExample(file string, want example) {
	n.t.Helper()
	commits, run := n.commitsOfExamples(), ""
	created := n.applyExample(file)
	start := want.start
	switch {
	case start == nil && len(created) == 1:
		start = func(n *tenant) string { return n.createRun(created[0]) }
	case start == nil || len(created) > 0:
		n.t.Fatalf("the test does not know what to do with %d PipelineRuns", len(created))
	}
	for _, tasks := range want.runs {
		run = start(n)
		if want.during != nil {
			want.during(n, run)
		}
		n.poll("the end of PipelineRun "+run, func() bool { return n.pipelineRun(run).IsDone() })
		if diff := cmp.Diff(tasks, n.endsOf(run)); diff != "" {
			n.t.Fatalf("PipelineRun %s (-want +got):\n%s%s", run, diff, n.outcomes(run))
		}
	}
	live := map[string]string{}
	for place := range want.live {
		environment, name, _ := strings.Cut(place, "/")
		_, live[place], _ = strings.Cut(n.deployment(environment, name).Spec.Template.Spec.Containers[0].Image, ":")
	}
	if diff := cmp.Diff(want.live, live, cmpopts.EquateEmpty()); diff != "" {
		n.t.Errorf("what runs (-want +got):\n%s", diff)
	}
	if got := n.commitsOfExamples() - commits; got != want.commits {
		n.t.Errorf("%d commits, want %d", got, want.commits)
	}
	if want.after != nil {
		want.after(n, run)
	}
}
