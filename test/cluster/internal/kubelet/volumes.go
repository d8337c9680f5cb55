package kubelet

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
)

// StorageClassName is the default class. A claim of it gets a volume once a pod
// that uses it has been given a node (WaitForFirstConsumer), so a claim that no
// pod uses stays pending. Nothing can be stored in such a volume.
const StorageClassName = "local"

const (
	provisioner        = "kubelet.local/volumes"
	defaultClass       = "storageclass.kubernetes.io/is-default-class"
	claimSelectedNode  = "volume.kubernetes.io/selected-node"
	claimProvisioner   = "volume.kubernetes.io/storage-provisioner"
	volumeProvisionBy  = "pv.kubernetes.io/provisioned-by"
	nothingIsMountedAt = "/nonexistent"
)

// createStorageClass makes the default class.
func (k *Kubelet) createStorageClass(ctx context.Context) error {
	class := &storagev1.StorageClass{
		ObjectMeta:        metav1.ObjectMeta{Name: StorageClassName, Annotations: map[string]string{defaultClass: "true"}},
		Provisioner:       provisioner,
		VolumeBindingMode: ptr(storagev1.VolumeBindingWaitForFirstConsumer),
	}
	_, err := k.client.StorageV1().StorageClasses().Create(ctx, class, metav1.CreateOptions{})
	return err
}

// provideVolumes plays the provisioner of the class until the informers end:
// it makes the volumes that the controller manager asks for, and deletes those
// whose claim is gone.
func (k *Kubelet) provideVolumes(ctx context.Context, factory informers.SharedInformerFactory) error {
	_, err := factory.Core().V1().PersistentVolumeClaims().Informer().AddEventHandler(onAnyChange(func(claim *corev1.PersistentVolumeClaim) {
		if volume := volumeFor(claim); volume != nil {
			k.callVolumes(ctx, "create volume "+volume.Name, func(ctx context.Context) error {
				_, err := k.client.CoreV1().PersistentVolumes().Create(ctx, volume, metav1.CreateOptions{})
				return err
			})
		}
	}))
	if err != nil {
		return err
	}
	_, err = factory.Core().V1().PersistentVolumes().Informer().AddEventHandler(onAnyChange(func(volume *corev1.PersistentVolume) {
		if volume.Annotations[volumeProvisionBy] == provisioner && volume.Status.Phase == corev1.VolumeReleased {
			k.callVolumes(ctx, "delete volume "+volume.Name, func(ctx context.Context) error {
				return k.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, metav1.DeleteOptions{})
			})
		}
	}))
	return err
}

// onAnyChange calls do with what was added or updated.
func onAnyChange[T any](do func(T)) cache.ResourceEventHandler {
	handle := func(o any) {
		if object, ok := o.(T); ok {
			do(object)
		}
	}
	return cache.ResourceEventHandlerFuncs{AddFunc: handle, UpdateFunc: func(_, o any) { handle(o) }}
}

// callVolumes makes a call; what fails is tried again when the object changes next,
// and the resync of the informers sees to it that this is soon.
func (k *Kubelet) callVolumes(ctx context.Context, what string, call func(context.Context) error) {
	within, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := call(within)
	if err != nil && !apierrors.IsAlreadyExists(err) && !apierrors.IsNotFound(err) && ctx.Err() == nil {
		k.log("%s: %v", what, err)
	}
}

// volumeFor is the volume that a claim waits for, or nil.
func volumeFor(claim *corev1.PersistentVolumeClaim) *corev1.PersistentVolume {
	if claim.Annotations[claimProvisioner] != provisioner || claim.Annotations[claimSelectedNode] == "" ||
		claim.Spec.VolumeName != "" || claim.DeletionTimestamp != nil {
		return nil
	}
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name:        fmt.Sprintf("pvc-%s", claim.UID),
			Annotations: map[string]string{volumeProvisionBy: provisioner},
		},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:                      claim.Spec.Resources.Requests,
			AccessModes:                   claim.Spec.AccessModes,
			StorageClassName:              StorageClassName,
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			PersistentVolumeSource:        corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: nothingIsMountedAt}},
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
		},
	}
}
