package cli

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
)

// What somebody types wrong, or lacks, is answered with what to do.
func TestErrorsSayWhatToDo(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"a name that is nearly right": {
			[]string{"describe", "hotfx"},
			"Error: namespace team has no run \"hotfx\"\nDid you mean hotfix?\n",
		},
		"a name that is nothing": {
			[]string{"logs", "something-else"},
			"Error: namespace team has no run \"something-else\"\ntkn gitops list shows the runs that there are.\n",
		},
		"a PipelineRun that is not there": {
			[]string{"logs", "--pipelinerun", "release-45"},
			"Error: namespace team has no run \"release-45\"\nDid you mean release-44, release-43 or release-42?\n",
		},
		"a run of somebody else": {
			[]string{"describe", "approval"},
			"Error: CustomRun approval in namespace team is not of this project\ntkn customrun list shows runs of all kinds, tkn gitops list those of GitOpsDeploy and GitOpsPR.\n",
		},
		"no name, and many runs": {
			[]string{"logs"},
			"Error: namespace team has 8 runs: which one?\nName it, or use --last for just-created. tkn gitops list shows all.\n",
		},
		"no runs at all": {
			[]string{"describe", "--last", "-n", "empty"},
			"Error: namespace empty has no runs of GitOpsDeploy or GitOpsPR\nChoose another namespace with -n; tkn gitops list -A shows the runs of all.\n",
		},
		"a name and --last":        {[]string{"describe", "hotfix", "--last"}, "Error: name a run or use --last, not both\n"},
		"a name and --pipelinerun": {[]string{"logs", "hotfix", "--pipelinerun", "a"}, "Error: --pipelinerun names what to show: leave out NAME and --last\n"},
		"a negative limit":         {[]string{"list", "--limit", "-1"}, "Error: --limit is a number of runs, and not negative\n"},
		"a format that is not there": {
			[]string{"describe", "hotfix", "-o", "name"}, "Error: invalid argument \"name\" for \"-o, --output\" flag: use json or yaml\n",
		},
		"a command that is nearly right": {[]string{"describ"}, "Error: there is no command \"describ\"\nDid you mean describe? tkn gitops --help shows all.\n"},
		"a context that is not there": {
			[]string{"list", "--context", "nowhere"},
			"Error: the kubeconfig has no context \"nowhere\"\nkubectl config get-contexts lists those that it has.\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, fixture(t)...)
			if code := b.run(t.Context(), tc.args...); code != 1 {
				t.Errorf("exit status %d", code)
			}
			if d := cmp.Diff(tc.want, b.err.String()); d != "" {
				t.Error(d)
			}
			if got := b.out.String(); got != "" {
				t.Errorf("the output is %q", got)
			}
		})
	}
}

func TestErrorsOfTheClusterSayWhatToDo(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"forbidden": {
			apierrors.NewForbidden(customRuns, "", errors.New(`User "jane" cannot list resource "customruns"`)),
			"Error: list CustomRuns: customruns.tekton.dev is forbidden: User \"jane\" cannot list resource \"customruns\"\n" +
				"Ask for the right that the message names; the ClusterRoles view and edit have it for this project's kinds and Tekton's.\n",
		},
		"no Tekton": {
			&apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: 404, Reason: metav1.StatusReasonNotFound, Message: "the server could not find the requested resource"}},
			"Error: list CustomRuns: the cluster has no CustomRuns of Tekton\nInstall Tekton Pipelines, or choose another cluster with --context.\n",
		},
		"no longer logged in": {
			apierrors.NewUnauthorized("Unauthorized"),
			"Error: list CustomRuns: Unauthorized\nThe cluster does not accept the credentials of the kubeconfig: log in again.\n",
		},
		"no answer": {context.DeadlineExceeded, "Error: list CustomRuns: context deadline exceeded\nThe cluster did not answer in time: try again.\n"},
		"no connection": {
			&net.OpError{Op: "dial", Err: errors.New("connection refused \x1b[2J")},
			"Error: list CustomRuns: dial: connection refused [2J\nThe cluster cannot be reached: check the network, and the context of the kubeconfig.\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.tekton.PrependReactor("list", "customruns", func(clienttesting.Action) (bool, runtime.Object, error) {
				return true, &v1beta1.CustomRunList{}, tc.err
			})
			if code := b.run(t.Context(), "list"); code != 1 {
				t.Errorf("exit status %d", code)
			}
			if d := cmp.Diff(tc.want, b.err.String()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestNoKubeconfig(t *testing.T) {
	b := newBench(t)
	b.made = clients{}
	b.rules.Precedence = []string{"testdata/nothing"}
	if code := run(t.Context(), newRoot(b.session), b.streams, []string{"list"}); code != 1 {
		t.Errorf("exit status %d", code)
	}
	want := "Error: there is no kubeconfig\nName one with --kubeconfig or $KUBECONFIG, or log in to the cluster first.\n"
	if d := cmp.Diff(want, b.err.String()); d != "" {
		t.Error(d)
	}
	if code := run(t.Context(), newRoot(b.session), b.streams, []string{"version"}); code != 0 {
		t.Errorf("version needs a cluster: %s", b.err)
	}
}

// An empty list is no error, and tools get an empty list.
func TestNothingToList(t *testing.T) {
	b := newBench(t, fixture(t)...)
	if code := b.run(t.Context(), "list", "--pipelinerun", "other"); code != 0 || b.out.String() != "" {
		t.Errorf("exit status %d, output %q", code, b.out)
	}
	if d := cmp.Diff("No runs of GitOpsDeploy or GitOpsPR that belong to PipelineRun other in namespace team\n", b.err.String()); d != "" {
		t.Error(d)
	}
	b = newBench(t)
	if code := b.run(t.Context(), "list", "-A", "-o", "json"); code != 0 || b.out.String() != "{\n  \"items\": []\n}\n" {
		t.Errorf("exit status %d, output %q", code, b.out)
	}
}

// Whoever may not see Leases still sees the queue, and who should have the lock.
func TestDescribeWithoutTheRightToSeeLeases(t *testing.T) {
	b := newBench(t, fixture(t)...)
	b.kube.PrependReactor("get", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(customRuns, "", errors.New("no"))
	})
	if code := b.run(t.Context(), "describe", "release-44-deploy-dev"); code != 0 {
		t.Errorf("exit status %d: %s", code, b.err)
	}
	for _, want := range []string{"Held by:   hotfix (you may not get Leases in this namespace)", "2. release-44-deploy-dev (this run)"} {
		if !strings.Contains(b.out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, b.out)
		}
	}
}

// A run that nobody begins is the first thing that a new installation shows.
func TestDescribeARunThatNobodyHasTaken(t *testing.T) {
	b := newBench(t, theRun(t, "{}"))
	if code := b.run(t.Context(), "describe", "deploy"); code != 0 {
		t.Errorf("exit status %d: %s", code, b.err)
	}
	if want := "Next\n  No controller has taken the run yet: see whether it is there with kubectl get pods -n\n  tekton-gitops.\n"; !strings.HasSuffix(b.out.String(), want) {
		t.Errorf("%q is missing in\n%s", want, b.out)
	}
}

func TestCompletion(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want []string
	}{
		"runs, the newest first": {[]string{"describe", ""}, []string{
			"just-created\tPending", "release-44-deploy-dev\tLocking", "release-43-deploy-dev\tLocking", "hotfix\tSyncing",
			"release-42-promote\tWaitingForMerge", "release-42-deploy-dev\tSucceeded", "broken\tRolloutFailed", "from-the-future\tVerifying",
		}},
		"one run is enough":    {[]string{"logs", "hotfix", ""}, nil},
		"PipelineRuns":         {[]string{"logs", "--pipelinerun", ""}, []string{"release-44", "release-43", "release-42"}},
		"formats":              {[]string{"list", "-o", ""}, []string{"json", "yaml", "name"}},
		"namespaces":           {[]string{"list", "-n", ""}, []string{"shop", "team"}},
		"contexts":             {[]string{"list", "--context", ""}, []string{"production", "test"}},
		"in another namespace": {[]string{"describe", "-n", "shop", ""}, []string{"shop-dev\tCustomRunCancelled"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, fixture(t)...)
			root := newRoot(b.session)
			args := append([]string{"__complete", "--kubeconfig", "testdata/kubeconfig.yaml"}, tc.args...)
			if code := run(t.Context(), root, b.streams, args); code != 0 {
				t.Fatalf("exit status %d: %s", code, b.err)
			}
			var got []string
			for line := range strings.Lines(b.out.String()) {
				if !strings.HasPrefix(line, ":") {
					got = append(got, strings.TrimSuffix(line, "\n"))
				}
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		b := newBench(t)
		if code := b.run(t.Context(), "completion", shell); code != 0 || !strings.Contains(b.out.String(), "tkn-gitops") {
			t.Errorf("%s: exit status %d: %s", shell, code, b.err)
		}
	}
}
