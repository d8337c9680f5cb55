package kubelet

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestVolumeFor(t *testing.T) {
	asked := map[string]string{claimProvisioner: provisioner, claimSelectedNode: NodeName}
	tests := []struct {
		name        string
		annotations map[string]string
		volume      string
		deleted     bool
		want        string
	}{
		{"a claim of a pod that has a node", asked, "", false, "pvc-uid"},
		{"a claim that no pod uses", map[string]string{claimProvisioner: provisioner}, "", false, ""},
		{"a claim of another class", map[string]string{claimProvisioner: "other", claimSelectedNode: NodeName}, "", false, ""},
		{"a claim that has a volume", asked, "pvc-uid", false, ""},
		{"a claim that is deleted", asked, "", true, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			size := corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}
			claim := &corev1.PersistentVolumeClaim{
				ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "source", UID: "uid", Annotations: test.annotations},
				Spec: corev1.PersistentVolumeClaimSpec{
					VolumeName: test.volume, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
					Resources: corev1.VolumeResourceRequirements{Requests: size},
				},
			}
			if test.deleted {
				claim.DeletionTimestamp = &metav1.Time{}
			}
			volume := volumeFor(claim)
			if volume == nil {
				if test.want != "" {
					t.Error("there is no volume")
				}
				return
			}
			if volume.Name != test.want || volume.Spec.ClaimRef.UID != "uid" || volume.Spec.ClaimRef.Name != "source" || volume.Spec.ClaimRef.Namespace != "ns" {
				t.Errorf("got volume %s for %+v", volume.Name, volume.Spec.ClaimRef)
			}
			if diff := cmp.Diff(size, volume.Spec.Capacity); diff != "" {
				t.Errorf("capacity (-want +got):\n%s", diff)
			}
		})
	}
}
