package rollout

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The template of every workload in these tests, and what a verdict says of it.
const podTemplate = `"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"2026-11-22T09:00:00Z"}},"spec":{
	"initContainers":[{"name":"migrate","image":"a/migrate:1"}],"containers":[{"name":"server","image":"a/server:1"}]}}`

const restart = "2026-11-22T09:00:00Z"

func templateImages() []ContainerImage {
	return []ContainerImage{{Container: "migrate", Image: "a/migrate:1", Init: true}, {Container: "server", Image: "a/server:1"}}
}

// checkCase is generation 3 of a workload. want is what differs by case: Kind,
// Generation, Images and RestartedAt are those of every case.
type checkCase struct {
	name     string
	metadata string
	spec     string
	status   string
	want     Verdict
}

// runCheck puts the cases' parts into the document of a kind.
func runCheck(t *testing.T, apiVersion, kind string, cases []checkCase) {
	t.Helper()
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Check([]byte(`{"apiVersion":"` + apiVersion + `","kind":"` + kind + `",
				"metadata":{` + tt.metadata + `"name":"server","uid":"6b8cf6f7","generation":3},
				"spec":{` + tt.spec + podTemplate + `},"status":{` + tt.status + `}}`))
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Kind, tt.want.Generation, tt.want.Images = kind, 3, templateImages()
			if kind != kindRollout {
				tt.want.RestartedAt = restart
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, manifest string
		is             error
		message        string
	}{
		{"another kind", `{"apiVersion":"apps/v1","kind":"ReplicaSet"}`, ErrUnsupportedKind, "unsupported workload kind: apps/v1 ReplicaSet"},
		{"another version", `{"apiVersion":"apps/v1beta1","kind":"Deployment"}`, ErrUnsupportedKind, "unsupported workload kind: apps/v1beta1 Deployment"},
		{"another group", `{"apiVersion":"rollouts.kruise.io/v1alpha1","kind":"Rollout"}`, ErrUnsupportedKind, "unsupported workload kind: rollouts.kruise.io/v1alpha1 Rollout"},
		{"no kind", `{}`, ErrUnsupportedKind, "unsupported workload kind:  "},
		{"not JSON", `{`, ErrInvalid, "invalid manifest: unexpected end of JSON input"},
		{"Deployment", `{"apiVersion":"apps/v1","kind":"Deployment","spec":{"replicas":"many"}}`, ErrInvalid, "invalid manifest: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"},
		{"StatefulSet", `{"apiVersion":"apps/v1","kind":"StatefulSet","spec":1}`, ErrInvalid, "invalid manifest: json: cannot unmarshal number into Go struct field StatefulSet.spec of type v1.StatefulSetSpec"},
		{"DaemonSet", `{"apiVersion":"apps/v1","kind":"DaemonSet","spec":1}`, ErrInvalid, "invalid manifest: json: cannot unmarshal number into Go struct field DaemonSet.spec of type v1.DaemonSetSpec"},
		{"Rollout", `{"apiVersion":"argoproj.io/v1alpha1","kind":"Rollout","spec":1}`, ErrInvalid, "invalid manifest: json: cannot unmarshal number into Go struct field argoRollout.spec of type rollout.argoSpec"},
		{"CronJob", `{"apiVersion":"batch/v1","kind":"CronJob","spec":1}`, ErrInvalid, "invalid manifest: json: cannot unmarshal number into Go struct field CronJob.spec of type v1.CronJobSpec"},
		{"Job", `{"apiVersion":"batch/v1","kind":"Job","spec":1}`, ErrInvalid, "invalid manifest: json: cannot unmarshal number into Go struct field Job.spec of type v1.JobSpec"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Check([]byte(tt.manifest))
			if !errors.Is(err, tt.is) {
				t.Fatalf("got %v, want %v", err, tt.is)
			}
			if diff := cmp.Diff(tt.message, err.Error()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(Verdict{}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEveryKindIsChecked(t *testing.T) {
	want := []GroupKind{
		{"apps", "Deployment"}, {"apps", "StatefulSet"}, {"apps", "DaemonSet"},
		{"argoproj.io", "Rollout"}, {"batch", "CronJob"}, {"batch", "Job"},
	}
	if diff := cmp.Diff(want, Kinds()); diff != "" {
		t.Error(diff)
	}
}

func TestAWorkloadThatIsBeingDeletedIsNotReady(t *testing.T) {
	versions := map[string]string{"apps": "apps/v1", "argoproj.io": "argoproj.io/v1alpha1", "batch": "batch/v1"}
	for _, kind := range Kinds() {
		t.Run(kind.Kind, func(t *testing.T) {
			got, err := Check([]byte(`{"apiVersion":"` + versions[kind.Group] + `","kind":"` + kind.Kind + `",
				"metadata":{"name":"server","generation":1,"deletionTimestamp":"2026-11-22T10:00:00Z"},
				"status":{"conditions":[{"type":"Complete","status":"True"}]}}`))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{kind.Kind, "Waiting", "it is being deleted"}, []string{got.Kind, string(got.State), got.Why}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTextsOfTheClusterAreBounded(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"short", " a\n", "a"},
		{"cut at a rune", strings.Repeat("ä", 400), strings.Repeat("ä", 256) + "…"},
		{"cut before a rune that would not fit", "a" + strings.Repeat("ä", 400), "a" + strings.Repeat("ä", 255) + "…"},
		{"not UTF-8", "a\xffb", "a\uFFFDb"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, clip(tt.in)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
