package cli

import (
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/tekton-gitops/tekton-gitops/pkg/progress"
)

func TestPipelineRunThatHasBegun(t *testing.T) {
	const going, over = corev1.ConditionUnknown, corev1.ConditionTrue
	started := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	pipelineRunAt := func(status corev1.ConditionStatus, at time.Duration) *pipelinev1.PipelineRun {
		pr := pipelineRun(status, "")
		pr.CreationTimestamp = metav1.NewTime(started.Add(at))
		return pr
	}
	runAt := func(pipelineRun string, at time.Duration) *v1beta1.CustomRun {
		cr := theRun(t, succeeded)
		cr.CreationTimestamp, cr.Labels = metav1.NewTime(started.Add(at)), map[string]string{progress.LabelPipelineRun: pipelineRun}
		return cr
	}
	for name, tc := range map[string]struct {
		objects []runtime.Object
		want    string
	}{
		"no run yet":                  {[]runtime.Object{pipelineRunAt(going, 0)}, "release"},
		"an older run of another":     {[]runtime.Object{pipelineRunAt(going, 0), runAt("earlier", -time.Hour)}, "release"},
		"in the second of another":    {[]runtime.Object{pipelineRunAt(going, 0), runAt("earlier", 0)}, "release"},
		"its run is there":            {[]runtime.Object{pipelineRunAt(going, 0), runAt("release", 0)}, ""},
		"a newer run that is alone":   {[]runtime.Object{pipelineRunAt(going, 0), runAt("", time.Second)}, ""},
		"over, without any run":       {[]runtime.Object{pipelineRunAt(over, 0), runAt("earlier", -time.Hour)}, ""},
		"runs, and no PipelineRun":    {[]runtime.Object{runAt("", 0)}, ""},
		"neither run nor PipelineRun": {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, tc.objects...)
			got, err := b.begun(t.Context(), "team")
			if err != nil || got != tc.want {
				t.Errorf("got %q, %v, want %q", got, err, tc.want)
			}
		})
	}
}
