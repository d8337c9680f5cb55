package argocd

import (
	"fmt"
	"hash/fnv"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Bounds of an Observation.
const (
	maxMessage    = 1024
	maxResources  = 50
	maxHistory    = 10
	maxConditions = 20
	maxSources    = 50
	maxImages     = 20
)

const (
	healthy   = "Healthy"
	missing   = "Missing"
	synced    = "Synced"
	outOfSync = "OutOfSync"
)

// observe copies what matters into plain, bounded values.
func observe(asked App, a *v1alpha1.Application, refreshed Refresh) Observation {
	project := a.Spec.GetProject()
	o := Observation{
		App:                 App{Name: a.Name, Namespace: a.Namespace, Project: project},
		ResourceVersion:     a.ResourceVersion,
		RBACName:            project + "/" + a.Name,
		ControllerNamespace: a.Status.ControllerNamespace,
		Refreshed:           refreshed,
		Sync:                string(a.Status.Sync.Status),
		Health:              string(a.Status.Health.Status),
		HealthMsg:           clip(a.Status.Health.Message, maxMessage),
		MultiSource:         a.Spec.HasMultipleSources(),
		Hydration:           hydration(a),
		Revisions:           revisions(a.Status.Sync.Revision, a.Status.Sync.Revisions),
		ResourceCount:       len(a.Status.Resources),
		Deleting:            a.DeletionTimestamp != nil,
		SkipReconcile:       a.Annotations["argocd.argoproj.io/skip-reconcile"] == "true", // common/common.go, AnnotationKeyAppSkipReconcile
	}
	if asked.Namespace != "" && a.Namespace != a.Status.ControllerNamespace {
		o.RBACName = project + "/" + a.Namespace + "/" + a.Name
	}
	if p := a.Spec.SyncPolicy; p != nil && p.Automated != nil {
		o.AutoSync = AutoSync{Enabled: true, Prune: p.Automated.Prune, SelfHeal: p.Automated.SelfHeal}
	}
	for _, s := range first(a.Spec.GetSources(), maxSources) {
		o.Sources = append(o.Sources, source(s))
	}
	for _, c := range first(a.Status.Conditions, maxConditions) {
		o.Conditions = append(o.Conditions, Condition{Type: c.Type, Message: clip(c.Message, maxMessage), Since: when(c.LastTransitionTime)})
	}
	history := a.Status.History
	for _, h := range history[max(0, len(history)-maxHistory):] {
		o.History = append(o.History, Deployment{
			ID:        h.ID,
			Revisions: revisions(h.Revision, h.Revisions),
			Started:   when(h.DeployStartedAt),
			Deployed:  when(&h.DeployedAt),
			By:        by(h.InitiatedBy),
		})
	}
	for _, r := range a.Status.Resources {
		if len(o.Resources) < maxResources && troubled(r) {
			o.Resources = append(o.Resources, resourceState(r))
		}
	}
	o.Operation, o.Running = operation(a)
	return o
}

// operation merges the requested operation with the state of the current or last
// one. Setting an operation clears the state, and completing it clears the
// operation (util/argo/argo.go, SetAppOperation; controller/appcontroller.go,
// setOperationState).
func operation(a *v1alpha1.Application) (op *Operation, running bool) {
	state := a.Status.OperationState
	switch {
	case a.Operation != nil && (state == nil || state.Phase.Completed()):
		op = requested(*a.Operation)
		return op, true
	case state == nil:
		return nil, false
	}
	op = requested(state.Operation)
	op.Phase = string(state.Phase)
	op.Message = clip(state.Message, maxMessage)
	op.Started = state.StartedAt.Time
	op.Finished = when(state.FinishedAt)
	op.Retries = state.RetryCount
	op.Progress = progress(state)
	if result := state.SyncResult; result != nil {
		if got := revisions(result.Revision, result.Revisions); len(got) > 0 {
			op.Revisions = got
		}
		for _, r := range result.Resources {
			failed := r.Status == "SyncFailed" || r.HookPhase == PhaseFailed || r.HookPhase == PhaseError
			if failed && len(op.Failed) < maxResources {
				op.Failed = append(op.Failed, ResourceState{
					Resource: Resource{Group: r.Group, Version: r.Version, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name},
					Sync:     string(r.Status),
					Message:  clip(r.Message, maxMessage),
					Hook:     r.HookType != "",
				})
			}
		}
	}
	return op, !op.Done()
}

// progress is a digest of all that Argo CD tells about an operation.
func progress(state *v1alpha1.OperationState) string {
	h := fnv.New64a()
	put := func(parts ...string) { _, _ = fmt.Fprintf(h, "%q\n", parts) }
	put(string(state.Phase), state.Message, strconv.FormatInt(state.RetryCount, 10), when(state.FinishedAt).UTC().Format(time.RFC3339))
	if state.SyncResult != nil {
		for _, r := range state.SyncResult.Resources {
			put(r.Group, r.Kind, r.Namespace, r.Name, string(r.Status), string(r.HookPhase), r.Message)
		}
	}
	return strconv.FormatUint(h.Sum64(), 16)
}

// hydration is nil without a source hydrator.
func hydration(a *v1alpha1.Application) *Hydration {
	spec := a.Spec.SourceHydrator
	if spec == nil {
		return nil
	}
	h := &Hydration{Dry: source(spec.GetDrySource()), Branch: spec.SyncSource.TargetBranch}
	if spec.HydrateTo != nil && spec.HydrateTo.TargetBranch != h.Branch {
		h.To = spec.HydrateTo.TargetBranch
	}
	if c := a.Status.SourceHydrator.CurrentOperation; c != nil {
		h.Phase, h.Message, h.Current, h.Finished = string(c.Phase), clip(c.Message, maxMessage), c.DrySHA, when(c.FinishedAt)
	}
	if last := a.Status.SourceHydrator.LastSuccessfulOperation; last != nil {
		h.DryRevision, h.Revision = last.DrySHA, last.HydratedSHA
	}
	return h
}

func requested(o v1alpha1.Operation) *Operation {
	op := &Operation{Automated: o.InitiatedBy.Automated, By: by(o.InitiatedBy)}
	for _, info := range o.Info {
		switch {
		case info == nil:
		case info.Name == infoRun:
			op.Run = clip(info.Value, maxMessage)
		case info.Name == infoAttempt:
			op.Attempt, _ = strconv.Atoi(info.Value)
		}
	}
	if o.Sync != nil {
		op.Revisions = revisions(o.Sync.Revision, o.Sync.Revisions)
	}
	return op
}

func by(i v1alpha1.OperationInitiator) string {
	if i.Automated {
		return "automated sync policy"
	}
	return i.Username
}

func source(s v1alpha1.ApplicationSource) Source {
	out := Source{RepoURL: withoutPassword(s.RepoURL), TargetRevision: s.TargetRevision, Path: s.Path, Chart: s.Chart, Ref: s.Ref}
	if s.Kustomize != nil {
		for _, image := range first(s.Kustomize.Images, maxImages) {
			out.Images = append(out.Images, string(image))
		}
	}
	if s.Helm != nil {
		for _, parameter := range first(s.Helm.Parameters, maxImages) {
			out.Parameters = append(out.Parameters, clip(parameter.Name, maxMessage))
		}
	}
	return out
}

// withoutPassword removes user and password from a URL: it is shown in messages.
func withoutPassword(repo string) string {
	u, err := url.Parse(repo)
	if err != nil || u.User == nil {
		return repo
	}
	if _, ok := u.User.Password(); !ok && u.Scheme == "ssh" {
		return repo
	}
	u.User = nil
	return u.String()
}

// revisions has one entry per source, also for a single one.
func revisions(one string, many []string) []string {
	switch {
	case len(many) > 0:
		return append([]string(nil), first(many, maxSources)...)
	case one != "":
		return []string{one}
	}
	return nil
}

func troubled(r v1alpha1.ResourceStatus) bool {
	return !r.Hook && (r.Status != v1alpha1.SyncStatusCodeSynced || r.RequiresPruning || (r.Health != nil && string(r.Health.Status) != healthy))
}

func resourceState(r v1alpha1.ResourceStatus) ResourceState {
	s := ResourceState{
		Resource:  Resource{Group: r.Group, Version: r.Version, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name},
		Sync:      string(r.Status),
		NeedPrune: r.RequiresPruning,
	}
	if r.Health != nil {
		s.Health, s.Message = string(r.Health.Status), clip(r.Health.Message, maxMessage)
	}
	return s
}

func when(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}

func first[T any](s []T, n int) []T { return s[:min(n, len(s))] }

// clip bounds a text at a rune's edge.
func clip(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// list joins at most n names.
func list(names []string, n int) string {
	if more := len(names) - n; more > 0 {
		return strings.Join(names[:n], ", ") + " and " + strconv.Itoa(more) + " more"
	}
	return strings.Join(names, ", ")
}
