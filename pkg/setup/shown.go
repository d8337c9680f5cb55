package setup

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tekton-gitops/tekton-gitops/pkg/credentials"
)

// redacted stands for the value of a Secret.
const redacted = "(redacted)"

// plainKeys are the keys of a Secret whose values may be seen.
func plainKeys() []string {
	return []string{credentials.KeyUsername, credentials.KeyKnownHosts, credentials.KeyCA, credentials.KeyArgoCDServer}
}

// shownMeta is what a person writes of an object's metadata. Annotations are our own only: that of kubectl apply has the
// values of a Secret in it.
func shownMeta(o Object, annotations ...string) metav1.ObjectMeta {
	m := metav1.ObjectMeta{Namespace: o.GetNamespace(), Name: o.GetName(), Labels: o.GetLabels()}
	for _, key := range annotations {
		if v, ok := o.GetAnnotations()[key]; ok {
			metav1.SetMetaDataAnnotation(&m, key, v)
		}
	}
	return m
}

// shownSecret is a Secret without its values. keys are those that we write; others are left out.
func shownSecret(s *corev1.Secret, keys []string, annotations ...string) *corev1.Secret {
	shown := &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: shownMeta(s, annotations...), Type: s.Type, StringData: map[string]string{},
	}
	for _, key := range keys {
		value, ok := s.Data[key]
		switch {
		case !ok:
		case slices.Contains(plainKeys(), key):
			shown.StringData[key] = string(value)
		default:
			shown.StringData[key] = redacted
		}
	}
	return shown
}

// shownConfigMap has only our keys of a ConfigMap: others may hold what is not for every eye.
func shownConfigMap(cm *corev1.ConfigMap, keys []string) *corev1.ConfigMap {
	shown := &corev1.ConfigMap{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: shownMeta(cm), Data: map[string]string{}}
	for _, key := range keys {
		shown.Data[key] = cm.Data[key]
	}
	return shown
}

func shownRoleBinding(b *rbacv1.RoleBinding) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{
		TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "RoleBinding"},
		ObjectMeta: shownMeta(b), RoleRef: b.RoleRef, Subjects: b.Subjects,
	}
}

func shownServiceAccount(a *corev1.ServiceAccount) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"}, ObjectMeta: shownMeta(a), Secrets: a.Secrets}
}

// sortedKeys are the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
