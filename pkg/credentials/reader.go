package credentials

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
)

// readTimeout bounds each read of an object.
const readTimeout = 10 * time.Second

// Live reads from the API server, each time anew. It is usually made of a
// clientset's CoreV1().
func Live(client interface {
	corev1client.SecretsGetter
	corev1client.ServiceAccountsGetter
}) Reader {
	return live{client, client}
}

type live struct {
	secrets  corev1client.SecretsGetter
	accounts corev1client.ServiceAccountsGetter
}

func (l live) Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	return l.secrets.Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
}

func (l live) ServiceAccount(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	return l.accounts.ServiceAccounts(namespace).Get(ctx, name, metav1.GetOptions{})
}
