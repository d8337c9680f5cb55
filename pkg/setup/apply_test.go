package setup

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	ktesting "k8s.io/client-go/testing"
)

// Try asks for every change and has none made; what the API server says against one is the answer.
func TestTry(t *testing.T) {
	secrets := corev1.Resource("secrets")
	for name, tc := range map[string]struct {
		answer error
		says   string
	}{
		"it would be made":               {nil, ""},
		"a webhook that cannot be tried": {apierrors.NewBadRequest(`admission webhook "x" does not support dry run`), ""},
		"no right":                       {apierrors.NewForbidden(secrets, "argocd-env-secret", nil), "create Secret team/argocd-env-secret: secrets"},
		"somebody else has made it":      {apierrors.NewAlreadyExists(secrets, "argocd-env-secret"), "run the command again"},
		"not an object for this server":  {apierrors.NewInvalid(corev1.SchemeGroupVersion.WithKind("Secret").GroupKind(), "argocd-env-secret", nil), "is invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := PlanToken(account(), ArgoCDState{TLS: tls(argocdTLS, "tls.crt", "leaf")}, "")
			if err != nil {
				t.Fatal(err)
			}
			kube := fake.NewSimpleClientset()
			var asked [][]string
			kube.PrependReactor("create", "secrets", func(a ktesting.Action) (bool, runtime.Object, error) {
				asked = append(asked, a.(ktesting.CreateActionImpl).CreateOptions.DryRun)
				return true, nil, tc.answer
			})
			err = Try(t.Context(), kube, p)
			if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v", err)
			}
			if diff := cmp.Diff([][]string{{metav1.DryRunAll}}, asked); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
