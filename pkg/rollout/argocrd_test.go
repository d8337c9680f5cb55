package rollout

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// argoRollout is a few fields out of many: each of them has to be one of the real
// CRD, with its type.
func TestArgoRolloutHasFieldsOfTheCRD(t *testing.T) {
	text, err := os.ReadFile("testdata/argo-rollouts-v1.8.3-fields.txt")
	if err != nil {
		t.Fatal(err)
	}
	crd := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if path, kind, found := strings.Cut(strings.TrimSpace(line), " "); found && path != "#" {
			crd[path] = strings.TrimSuffix(kind, " int32")
		}
	}
	ours := map[string]string{}
	fieldsOf(reflect.TypeFor[argoRollout](), "", ours)
	if len(ours) < 30 {
		t.Fatalf("found only %d fields", len(ours))
	}
	for path, kind := range ours {
		want := crd[path]
		if want == "string date-time" {
			want = "string"
		}
		if diff := cmp.Diff(want, kind); diff != "" {
			t.Errorf("%s (-CRD +ours):\n%s", path, diff)
		}
	}
}

func fieldsOf(s reflect.Type, path string, into map[string]string) {
	for i := range s.NumField() {
		f := s.Field(i)
		if f.Type == reflect.TypeFor[metav1.ObjectMeta]() {
			continue
		}
		at := strings.TrimPrefix(path+"."+f.Tag.Get("json"), ".")
		kind := f.Type
		if kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}
		switch kind.Kind() {
		case reflect.Struct:
			into[at] = "object"
			if kind != reflect.TypeFor[corev1.PodTemplateSpec]() {
				fieldsOf(kind, at, into)
			}
		case reflect.Slice:
			into[at] = "array"
			fieldsOf(kind.Elem(), at+"[]", into)
		case reflect.Int32:
			into[at] = "integer"
		case reflect.Bool:
			into[at] = "boolean"
		default:
			into[at] = kind.Kind().String()
		}
	}
}

// Argo CD judges Rollouts by a script, and has real ones of many versions to test
// it with. The verdict on each of them is compared with Argo CD's.
func TestArgoRolloutIsJudgedLikeArgoCDDoes(t *testing.T) {
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/argoproj/argo-cd/v2").Output()
	if err != nil {
		t.Fatalf("find Argo CD's sources: %v", err)
	}
	dir := filepath.Join(string(bytes.TrimSpace(module)), "resource_customizations/argoproj.io/Rollout")
	text, err := os.ReadFile(filepath.Join(dir, "health_test.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var cases struct {
		Tests []struct {
			HealthStatus struct{ Status string }
			InputPath    string
		}
	}
	if err := yaml.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	states := map[string]State{"Healthy": Ready, "Progressing": Waiting, "Suspended": Waiting, "Degraded": Failed}
	// Where the verdict is another one on purpose.
	const ancient = "status.observedGeneration is no generation of this object: Argo Rollouts 0.10 or later is needed to verify it"
	stricter := map[string]string{
		// Before 0.10 nothing says which spec a status is about.
		"testdata/healthy_legacy_v0.9_observedGeneration.yaml":         ancient,
		"testdata/healthy_legacy_v0.9_observedGeneration_numeric.yaml": ancient,
		"testdata/degraded_rolloutTimeout.yaml":                        ancient,
		"testdata/degraded_abortedRollout.yaml":                        ancient,
		"testdata/bluegreen/healthy_servingActiveService.yaml":         ancient,
		"testdata/canary/healthy_executedAllStepsPreV0.8.yaml":         ancient,
		"testdata/canary/healthy_executedAllSteps.yaml":                ancient,
		"testdata/canary/healthy_noSteps.yaml":                         ancient,
		"testdata/canary/healthy_emptyStepsList.yaml":                  ancient,
		// The controller itself looks at an invalid spec again.
		"testdata/degraded_invalidSpec.yaml": `InvalidSpec: The Rollout "basic" is invalid: spec.strategy.strategy: Required value: Rollout has missing field '.spec.strategy.canary or .spec.strategy.blueGreen'`,
	}
	if len(cases.Tests) < 20 {
		t.Fatalf("found only %d cases", len(cases.Tests))
	}
	for _, tt := range cases.Tests {
		if tt.InputPath == "testdata/degraded_statusPhaseMessage.yaml" {
			continue // its status.conditions is an object, which the CRD does not allow
		}
		t.Run(tt.InputPath, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(dir, tt.InputPath))
			if err != nil {
				t.Fatal(err)
			}
			manifest, err := yaml.YAMLToJSON(text)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Check(manifest)
			if err != nil {
				t.Fatal(err)
			}
			want := states[tt.HealthStatus.Status]
			if why, other := stricter[tt.InputPath]; other {
				want = Waiting
				if diff := cmp.Diff(why, got.Why); diff != "" {
					t.Error(diff)
				}
			}
			if diff := cmp.Diff(want, got.State); diff != "" {
				t.Errorf("%s: %s", diff, got.Why)
			}
		})
	}
}
