package e2e

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/google/go-cmp/cmp"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

var updateRights = flag.Bool("update", false, "rewrite config/testdata/rights with what the API server says")

// TestRights compares what the API server lets the controller do with what a reviewer has agreed to: the rows of
// `kubectl auth can-i --list` with the controller's own token, without those that every ServiceAccount has.
// config/rights_test.go says what may never stand there.
func TestRights(t *testing.T) {
	root, err := testbed.Root()
	if err != nil {
		t.Fatal(err)
	}
	namespaces := map[string]string{"own": testbed.Namespace, "enabled": "", "other": ""}
	for _, kind := range []string{"enabled", "other"} {
		if namespaces[kind], err = bed.CreateNamespace(t.Context(), "rights-"+kind, nil); err != nil {
			t.Fatal(err)
		}
	}
	enable, err := os.ReadFile(filepath.Join(root, "config", "tenant", "rolebinding.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := bed.Apply(t.Context(), namespaces["enabled"], enable); err != nil {
		t.Fatal(err)
	}
	waitEnabled(t, namespaces["enabled"])
	nobody := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "nobody"}}
	if _, err := bed.Client.CoreV1().ServiceAccounts(namespaces["other"]).Create(t.Context(), nobody, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	controller, anybody := account(t, testbed.Namespace, testbed.ServiceAccount), account(t, namespaces["other"], nobody.Name)
	for kind, namespace := range namespaces {
		t.Run(kind, func(t *testing.T) {
			golden := filepath.Join(root, "config", "testdata", "rights", kind+".txt")
			if *updateRights {
				if err := os.WriteFile(golden, []byte(more(t, controller, anybody, namespace)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), more(t, controller, anybody, namespace)); d != "" {
				t.Errorf("the controller's rights are not those of %s; if they are to be: "+
					"go test ./test/e2e -run TestRights -update\n%s", golden, d)
			}
		})
	}
}

// waitEnabled waits for the authorizer, which sees a RoleBinding a moment after it was made.
func waitEnabled(t *testing.T, namespace string) {
	t.Helper()
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User:               "system:serviceaccount:" + testbed.Namespace + ":" + testbed.ServiceAccount,
		ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: "get", Resource: "secrets", Name: "any"},
	}}
	allowed := func(ctx context.Context) (bool, error) {
		answer, err := bed.Client.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		return err == nil && answer.Status.Allowed, err
	}
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, 10*time.Second, true, allowed)
	if err != nil {
		t.Fatal(err)
	}
}

// account writes a kubeconfig for a ServiceAccount.
func account(t *testing.T, namespace, name string) string {
	t.Helper()
	kubeconfig := filepath.Join(t.TempDir(), name)
	if err := bed.ServiceAccountKubeconfig(t.Context(), namespace, name, kubeconfig); err != nil {
		t.Fatal(err)
	}
	return kubeconfig
}

// more are the rights that one account has in a namespace and another one has not, as a table.
func more(t *testing.T, one, other, namespace string) string {
	t.Helper()
	common := canI(t, other, namespace)[1:]
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 3, ' ', 0)
	for _, row := range canI(t, one, namespace) {
		if !slices.Contains(common, row) {
			_, _ = w.Write([]byte(row + "\n"))
		}
	}
	_ = w.Flush()
	return table.String()
}

// canI are the rows, heading first, with tabs between their columns.
func canI(t *testing.T, kubeconfig, namespace string) []string {
	t.Helper()
	list := exec.CommandContext(t.Context(), filepath.Join(bed.BinDir, "kubectl"),
		"--kubeconfig", kubeconfig, "--namespace", namespace, "auth", "can-i", "--list")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(regexp.MustCompile(` {2,}`).ReplaceAllString(string(out), "\t")), "\n")
}
