package rollout

import (
	"encoding/json"
	"testing"

	"github.com/argoproj/gitops-engine/pkg/health"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"
)

// A proof needs Argo CD to say Healthy besides, so a verdict that is ready where
// Argo CD still waits would only be surprising; one that is ready too early would
// be wrong. Argo CD's health of these kinds follows kubectl rollout status.
func TestReadyIsNeverSaidBeforeArgoCDSaysHealthy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		manifest, err := json.Marshal(randomWorkload(t))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Check(manifest)
		if err != nil {
			t.Fatal(err)
		}
		var object unstructured.Unstructured
		if err := object.UnmarshalJSON(manifest); err != nil {
			t.Fatal(err)
		}
		argo, err := health.GetResourceHealth(&object, nil)
		if err != nil {
			t.Fatal(err)
		}
		// Argo CD calls a Deployment that has recovered after its deadline degraded
		// until the controller's next look, and a paused one suspended even at zero.
		late := got.Kind == "Deployment" && (argo.Status == health.HealthStatusDegraded || argo.Status == health.HealthStatusSuspended && got.Replicas == 0)
		if got.State == Ready && argo.Status != health.HealthStatusHealthy && !late {
			t.Errorf("%s %q, but Argo CD says %s %q of %s", got.State, got.Why, argo.Status, argo.Message, manifest)
		}
		if got.State == Failed && argo.Status == health.HealthStatusHealthy {
			t.Errorf("%s %q, but Argo CD says Healthy of %s", got.State, got.Why, manifest)
		}
	})
}

func randomWorkload(t *rapid.T) any {
	n := func(name string) int32 { return rapid.Int32Range(0, 3).Draw(t, name) }
	meta := metav1.ObjectMeta{Name: "server", Generation: rapid.Int64Range(1, 2).Draw(t, "generation")}
	seen := rapid.Int64Range(1, 2).Draw(t, "observedGeneration")
	replicas := n("replicas")
	kind := rapid.SampledFrom([]string{"Deployment", "StatefulSet", "DaemonSet", "Job"}).Draw(t, "kind")
	types := metav1.TypeMeta{APIVersion: "apps/v1", Kind: kind}
	switch kind {
	case "Deployment":
		return &appsv1.Deployment{TypeMeta: types, ObjectMeta: meta,
			Spec: appsv1.DeploymentSpec{Replicas: &replicas, Paused: rapid.Bool().Draw(t, "paused")},
			Status: appsv1.DeploymentStatus{ObservedGeneration: seen, Replicas: n("all"), UpdatedReplicas: n("updated"), ReadyReplicas: n("ready"), AvailableReplicas: n("available"),
				Conditions: rapid.SampledFrom([][]appsv1.DeploymentCondition{nil, {{Type: appsv1.DeploymentProgressing, Reason: timedOutReason}}}).Draw(t, "conditions")}}
	case "StatefulSet":
		partition := n("partition")
		status := appsv1.StatefulSetStatus{ObservedGeneration: seen, Replicas: n("all"), UpdatedReplicas: n("updated"), ReadyReplicas: n("ready"), CurrentRevision: "old", UpdateRevision: "new"}
		status.AvailableReplicas = rapid.Int32Range(0, status.ReadyReplicas).Draw(t, "available")
		return &appsv1.StatefulSet{TypeMeta: types, ObjectMeta: meta,
			Spec: appsv1.StatefulSetSpec{Replicas: &replicas, UpdateStrategy: rapid.SampledFrom([]appsv1.StatefulSetUpdateStrategy{
				{Type: appsv1.OnDeleteStatefulSetStrategyType},
				{Type: appsv1.RollingUpdateStatefulSetStrategyType, RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{Partition: &partition}},
			}).Draw(t, "strategy")},
			Status: status}
	case "DaemonSet":
		return &appsv1.DaemonSet{TypeMeta: types, ObjectMeta: meta,
			Spec: appsv1.DaemonSetSpec{UpdateStrategy: appsv1.DaemonSetUpdateStrategy{
				Type: rapid.SampledFrom([]appsv1.DaemonSetUpdateStrategyType{appsv1.OnDeleteDaemonSetStrategyType, appsv1.RollingUpdateDaemonSetStrategyType}).Draw(t, "strategy")}},
			Status: appsv1.DaemonSetStatus{ObservedGeneration: seen, DesiredNumberScheduled: replicas, UpdatedNumberScheduled: n("updated"), NumberAvailable: n("available")}}
	}
	types.APIVersion = "batch/v1"
	condition := rapid.SampledFrom([]batchv1.JobConditionType{batchv1.JobComplete, batchv1.JobFailed, batchv1.JobSuspended, batchv1.JobFailureTarget, batchv1.JobSuccessCriteriaMet})
	return &batchv1.Job{TypeMeta: types, ObjectMeta: meta,
		Status: batchv1.JobStatus{Active: n("active"), Conditions: []batchv1.JobCondition{{Type: condition.Draw(t, "condition"), Status: corev1.ConditionTrue}}}}
}
