package argocd

import (
	"strings"
	"testing"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	synccommon "github.com/argoproj/gitops-engine/pkg/sync/common"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func metaTime(seconds int) *metav1.Time {
	t := metav1.NewTime(at0(seconds))
	return &t
}

// fullApp has every field that is read.
func fullApp() *v1alpha1.Application {
	infos := []*v1alpha1.Info{nil, {Name: "other", Value: "x"}, {Name: infoRun, Value: "uid-1"}, {Name: infoAttempt, Value: "2"}}
	return &v1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: "team", ResourceVersion: "7", DeletionTimestamp: metaTime(0),
			Annotations: map[string]string{"argocd.argoproj.io/skip-reconcile": "true"}},
		Spec: v1alpha1.ApplicationSpec{
			Project: "apps",
			Sources: v1alpha1.ApplicationSources{
				{RepoURL: "https://charts.example.com", Chart: "redis", TargetRevision: "7.*",
					Helm: &v1alpha1.ApplicationSourceHelm{Parameters: []v1alpha1.HelmParameter{{Name: "image.tag", Value: "7"}}}},
				{RepoURL: "https://user:secret@git.example.com/shop", TargetRevision: "main", Path: "dev", Ref: "values",
					Kustomize: &v1alpha1.ApplicationSourceKustomize{Images: v1alpha1.KustomizeImages{"a=b:1"}}},
			},
			SyncPolicy: &v1alpha1.SyncPolicy{Automated: &v1alpha1.SyncPolicyAutomated{Prune: true, SelfHeal: true}},
		},
		Status: v1alpha1.ApplicationStatus{
			ControllerNamespace: "argocd",
			Sync:                v1alpha1.SyncStatus{Status: "OutOfSync", Revisions: []string{"7.1", commitX}},
			Health:              v1alpha1.HealthStatus{Status: "Degraded", Message: "hm"},
			Conditions:          []v1alpha1.ApplicationCondition{{Type: "SyncError", Message: "m", LastTransitionTime: metaTime(1)}},
			History: v1alpha1.RevisionHistories{{ID: 4, Revisions: []string{"7.1", commitO}, DeployStartedAt: metaTime(2), DeployedAt: *metaTime(3),
				InitiatedBy: v1alpha1.OperationInitiator{Automated: true}}},
			Resources: []v1alpha1.ResourceStatus{
				{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "dev", Name: "server", Status: "Synced", Health: &v1alpha1.HealthStatus{Status: "Degraded", Message: "no image"}},
				{Version: "v1", Kind: "ConfigMap", Namespace: "dev", Name: "old", Status: "OutOfSync", RequiresPruning: true},
				{Version: "v1", Kind: "Service", Namespace: "dev", Name: "server", Status: "Synced", Health: &v1alpha1.HealthStatus{Status: "Healthy"}},
				{Version: "v1", Kind: "Secret", Namespace: "dev", Name: "s", Status: "Synced"},
				{Kind: "Job", Name: "hook", Hook: true, Status: "OutOfSync"},
			},
			OperationState: &v1alpha1.OperationState{
				Operation: v1alpha1.Operation{Info: infos, InitiatedBy: v1alpha1.OperationInitiator{Username: "pipeline"}, Sync: &v1alpha1.SyncOperation{Revisions: []string{"7.0", commitO}}},
				Phase:     "Failed", Message: "one or more failed", StartedAt: *metaTime(4), FinishedAt: metaTime(5), RetryCount: 1,
				SyncResult: &v1alpha1.SyncOperationResult{
					Revisions: []string{"7.1", commitX},
					Resources: v1alpha1.ResourceResults{
						{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "dev", Name: "server", Status: "SyncFailed", Message: "immutable"},
						{Kind: "Job", Namespace: "dev", Name: "hook", HookType: "PostSync", HookPhase: "Failed", Message: "exit 1"},
						{Kind: "Service", Name: "server", Status: "Synced"},
					},
				},
			},
		},
	}
}

func TestObserve(t *testing.T) {
	want := Observation{
		App: App{Name: "shop", Namespace: "team", Project: "apps"}, ResourceVersion: "7", RBACName: "apps/team/shop", ControllerNamespace: "argocd", Refreshed: RefreshNormal,
		Sources: []Source{
			{RepoURL: "https://charts.example.com", Chart: "redis", TargetRevision: "7.*", Parameters: []string{"image.tag"}},
			{RepoURL: "https://git.example.com/shop", TargetRevision: "main", Path: "dev", Ref: "values", Images: []string{"a=b:1"}},
		},
		MultiSource: true, Revisions: []string{"7.1", commitX}, Sync: "OutOfSync", Health: "Degraded", HealthMsg: "hm",
		Operation: &Operation{
			Phase: PhaseFailed, Message: "one or more failed", Started: at0(4), Finished: at0(5), Retries: 1, Run: "uid-1", Attempt: 2, By: "pipeline",
			Revisions: []string{"7.1", commitX},
			Failed: []ResourceState{
				{Resource: server, Sync: "SyncFailed", Message: "immutable"},
				{Resource: Resource{Kind: "Job", Namespace: "dev", Name: "hook"}, Message: "exit 1", Hook: true},
			},
		},
		Conditions: []Condition{{Type: ConditionSyncError, Message: "m", Since: at0(1)}},
		AutoSync:   AutoSync{Enabled: true, Prune: true, SelfHeal: true},
		History:    []Deployment{{ID: 4, Revisions: []string{"7.1", commitO}, Started: at0(2), Deployed: at0(3), By: "automated sync policy"}},
		Resources: []ResourceState{
			{Resource: server, Sync: "Synced", Health: "Degraded", Message: "no image"},
			{Resource: Resource{Version: "v1", Kind: "ConfigMap", Namespace: "dev", Name: "old"}, Sync: "OutOfSync", NeedPrune: true},
		},
		ResourceCount: 5, Deleting: true, SkipReconcile: true,
	}
	got := observe(App{Name: "shop", Namespace: "team"}, fullApp(), RefreshNormal)
	if got.Operation.Progress == "" {
		t.Error("no progress")
	}
	if diff := cmp.Diff(want, got, withoutProgress); diff != "" {
		t.Error(diff)
	}
}

// withoutProgress leaves the digest to TestProgress.
var withoutProgress = cmpopts.IgnoreFields(Operation{}, "Progress")

func TestProgress(t *testing.T) {
	resource := func(r v1alpha1.ResourceResult) *v1alpha1.OperationState {
		return &v1alpha1.OperationState{Phase: PhaseRunning, SyncResult: &v1alpha1.SyncOperationResult{Resources: v1alpha1.ResourceResults{&r}}}
	}
	states := map[string]*v1alpha1.OperationState{
		"begun":                   {Phase: PhaseRunning},
		"terminating":             {Phase: PhaseTerminating},
		"says more":               {Phase: PhaseRunning, Message: "waiting for a hook"},
		"first retry":             {Phase: PhaseRunning, RetryCount: 1},
		"waits for the retry":     {Phase: PhaseRunning, RetryCount: 1, FinishedAt: metaTime(1)},
		"a resource is applied":   resource(v1alpha1.ResourceResult{Kind: "Job", Name: "hook", Status: "Synced"}),
		"a hook runs":             resource(v1alpha1.ResourceResult{Kind: "Job", Name: "hook", Status: "Synced", HookPhase: "Running"}),
		"a hook says more":        resource(v1alpha1.ResourceResult{Kind: "Job", Name: "hook", Status: "Synced", HookPhase: "Running", Message: "1 of 2"}),
		"another resource's hook": resource(v1alpha1.ResourceResult{Kind: "Job", Name: "other", Status: "Synced", HookPhase: "Running"}),
	}
	seen := map[string]string{}
	for name, state := range states {
		digest := progress(state)
		if other, ok := seen[digest]; ok {
			t.Errorf("%q and %q are one", name, other)
		}
		seen[digest] = name
		if progress(state.DeepCopy()) != digest {
			t.Errorf("%q changes by itself", name)
		}
	}
}

func TestObserveHydration(t *testing.T) {
	spec := v1alpha1.SourceHydrator{
		DrySource:  v1alpha1.DrySource{RepoURL: "https://token@git.example.com/shop.git", TargetRevision: "main", Path: "overlays/dev"},
		SyncSource: v1alpha1.SyncSource{TargetBranch: "env/dev", Path: "shop"},
	}
	staged := *spec.DeepCopy()
	staged.HydrateTo = &v1alpha1.HydrateTo{TargetBranch: "env/dev-next"}
	same := *spec.DeepCopy()
	same.HydrateTo = &v1alpha1.HydrateTo{TargetBranch: "env/dev"}
	dry := Source{RepoURL: shop, TargetRevision: "main", Path: "overlays/dev"}
	for _, tt := range []struct {
		name   string
		spec   *v1alpha1.SourceHydrator
		status v1alpha1.SourceHydratorStatus
		want   *Hydration
	}{
		{name: "no hydrator"},
		{name: "before the first hydration", spec: &spec, want: &Hydration{Dry: dry, Branch: "env/dev"}},
		{name: "to a branch that somebody merges", spec: &staged, want: &Hydration{Dry: dry, Branch: "env/dev", To: "env/dev-next"}},
		{name: "to the synced branch, said twice", spec: &same, want: &Hydration{Dry: dry, Branch: "env/dev"}},
		{name: "failed after one that succeeded", spec: &spec, status: v1alpha1.SourceHydratorStatus{
			CurrentOperation:        &v1alpha1.HydrateOperation{Phase: "Failed", Message: "push rejected", DrySHA: commitX, StartedAt: *metaTime(1), FinishedAt: metaTime(2)},
			LastSuccessfulOperation: &v1alpha1.SuccessfulHydrateOperation{DrySHA: commitO, HydratedSHA: commitH},
		}, want: &Hydration{Dry: dry, Branch: "env/dev", Phase: "Failed", Message: "push rejected", Current: commitX, Finished: at0(2), DryRevision: commitO, Revision: commitH}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := &v1alpha1.Application{Spec: v1alpha1.ApplicationSpec{SourceHydrator: tt.spec}, Status: v1alpha1.ApplicationStatus{SourceHydrator: tt.status}}
			if diff := cmp.Diff(tt.want, observe(App{}, a, RefreshNone).Hydration); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestObserveOperation(t *testing.T) {
	requested := &v1alpha1.Operation{Sync: &v1alpha1.SyncOperation{Revision: commitX}, InitiatedBy: v1alpha1.OperationInitiator{Automated: true}}
	for _, tt := range []struct {
		name      string
		operation *v1alpha1.Operation
		phase     string
		finished  *metav1.Time
		want      *Operation
		running   bool
	}{
		{name: "never any"},
		{name: "accepted, the state is cleared", operation: requested, running: true,
			want: &Operation{By: "automated sync policy", Automated: true, Revisions: []string{commitX}}},
		{name: "runs", operation: requested, phase: PhaseRunning, running: true,
			want: &Operation{Phase: PhaseRunning, By: "automated sync policy", Automated: true, Started: at0(1), Revisions: []string{commitX}, Message: PhaseRunning}},
		{name: "waits for its retry", operation: requested, phase: PhaseRunning, finished: metaTime(2), running: true,
			want: &Operation{Phase: PhaseRunning, By: "automated sync policy", Automated: true, Started: at0(1), Finished: at0(2), Revisions: []string{commitX}, Message: PhaseRunning}},
		{name: "done", phase: PhaseSucceeded, finished: metaTime(2),
			want: &Operation{Phase: PhaseSucceeded, By: "automated sync policy", Automated: true, Started: at0(1), Finished: at0(2), Revisions: []string{commitX}, Message: PhaseSucceeded}},
		{name: "a new one is requested while the old state stands", operation: requested, phase: PhaseSucceeded, finished: metaTime(2), running: true,
			want: &Operation{By: "automated sync policy", Automated: true, Revisions: []string{commitX}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := &v1alpha1.Application{Operation: tt.operation}
			if tt.phase != "" {
				a.Status.OperationState = &v1alpha1.OperationState{
					Operation: *requested, Phase: synccommon.OperationPhase(tt.phase), Message: tt.phase, StartedAt: *metaTime(1), FinishedAt: tt.finished,
				}
			}
			got := observe(App{}, a, RefreshNone)
			if diff := cmp.Diff(tt.want, got.Operation, withoutProgress); diff != "" || got.Running != tt.running {
				t.Errorf("running %t, %s", got.Running, diff)
			}
		})
	}
}

func TestObservationIsBounded(t *testing.T) {
	a := fullApp()
	long := strings.Repeat("ä", 5000)
	for range 500 {
		a.Status.Resources = append(a.Status.Resources, v1alpha1.ResourceStatus{Status: "OutOfSync"})
		a.Status.Conditions = append(a.Status.Conditions, v1alpha1.ApplicationCondition{Message: long})
		a.Status.History = append(a.Status.History, v1alpha1.RevisionHistory{Revision: commitX})
		a.Status.OperationState.SyncResult.Resources = append(a.Status.OperationState.SyncResult.Resources, &v1alpha1.ResourceResult{Status: "SyncFailed", Message: long})
	}
	a.Status.History[len(a.Status.History)-1].ID = 99
	o := observe(App{}, a, RefreshNone)
	got := []int{len(o.Resources), len(o.Conditions), len(o.History), len(o.Operation.Failed), o.ResourceCount}
	if diff := cmp.Diff([]int{maxResources, maxConditions, maxHistory, maxResources, 505}, got); diff != "" {
		t.Error(diff)
	}
	if o.History[maxHistory-1].ID != 99 {
		t.Error("the newest history entry is missing")
	}
	if m := o.Conditions[5].Message; len(m) > maxMessage+len("…") || !strings.HasPrefix(m, "ää") || !strings.HasSuffix(m, "ä…") {
		t.Errorf("message is cut badly: %q", m[len(m)-10:])
	}
}

func TestWithoutPassword(t *testing.T) {
	for in, want := range map[string]string{
		"https://git.example.com/a":             "https://git.example.com/a",
		"https://token@git.example.com/a":       "https://git.example.com/a",
		"https://user:secret@git.example.com/a": "https://git.example.com/a",
		"ssh://git@git.example.com/a":           "ssh://git@git.example.com/a",
		"git@git.example.com:a/b.git":           "git@git.example.com:a/b.git",
		"ssh://git:secret@git.example.com:22/a": "ssh://git.example.com:22/a",
	} {
		if got := withoutPassword(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestTexts(t *testing.T) {
	got := []string{
		list([]string{"a", "b", "c"}, 2), list(nil, 2), count(1, "sync"), count(2, "sync"), short("main"), short(commitX),
		App{Name: "a", Namespace: "n"}.String(), Resource{Kind: "Namespace", Name: "n"}.String(), at(nil, 0), at([]string{"a"}, -1),
	}
	want := []string{"a, b and 1 more", "", "1 sync", "2 syncs", "main", "aaaaaaaa", "n/a", "Namespace/n", "", ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPodsOfACyclicTree(t *testing.T) {
	tree := Tree{Nodes: []Node{
		{Resource: Resource{Kind: "A"}, UID: "a", Parents: []string{"b"}},
		{Resource: Resource{Kind: "B"}, UID: "b", Parents: []string{"a"}},
		{Resource: Resource{Kind: "Pod"}, UID: "p", Parents: []string{"a", "b"}},
	}}
	if got := tree.Pods("a"); len(got) != 1 {
		t.Errorf("got %v", got)
	}
}
