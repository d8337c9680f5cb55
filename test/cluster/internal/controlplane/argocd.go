package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/alicebob/miniredis/v2"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/apply"
	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/gitserver"
	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/state"
	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/webproxy"
)

// installArgoCD creates Argo CD's kinds and settings as its own installation
// does, without the Deployments.
func (c *ControlPlane) installArgoCD(ctx context.Context) error {
	c.argocd = state.ArgoCD{
		Version: c.Cache.ArgoCDVersion(),
		Address: address(c.ports.argoServer), URL: "https://" + address(c.ports.argoServer), CAFile: c.path("ca.crt"),
		Namespace: argocdNamespace, AdminPassword: randomText(), Tokens: map[string]string{}, Passwords: passwords(),
	}
	objects, err := apply.Files(c.Cache.Manifests("argocd"), "crds/*-crd.yaml", "base/config/*-cm.yaml")
	if err != nil {
		return err
	}
	for _, o := range objects {
		for key, value := range argocdSettings(c.argocd.URL)[o.GetName()] {
			if err := unstructured.SetNestedField(o.Object, value, "data", key); err != nil {
				return err
			}
		}
	}
	if err := c.create(ctx, argocdNamespace, objects); err != nil {
		return err
	}
	return c.createArgoCDSecrets(ctx)
}

// createArgoCDSecrets creates the secrets that argocd-server would make at its
// first start, so that the other parts need not wait for it.
func (c *ControlPlane) createArgoCDSecrets(ctx context.Context) error {
	logins, err := c.logins()
	if err != nil {
		return err
	}
	serving, err := c.ca.Server(serverNames(), c.Now())
	if err != nil {
		return err
	}
	secrets := []*corev1.Secret{
		argocdSecret("argocd-secret", "", logins),
		argocdSecret("argocd-server-tls", "", map[string]string{"tls.crt": string(serving.Cert), "tls.key": string(serving.Key)}),
		argocdSecret("git-http", "repo-creds", gitCredentials(c.git.HTTPURL, c.git.Reader)),
		argocdSecret("git-https", "repo-creds", gitCredentials(c.git.HTTPSURL, c.git.Reader)),
		argocdSecret("gitea", "repo-creds", gitCredentials(c.gitea.URL, gitserver.User(c.gitea.Admin))),
	}
	for _, s := range secrets {
		if _, err := c.client.CoreV1().Secrets(argocdNamespace).Create(ctx, s, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("create Secret %s: %w", s.Name, err)
		}
	}
	for _, host := range gitserver.Hosts() {
		if err := c.write("argocd/tls/"+host, c.ca.Cert); err != nil {
			return err
		}
	}
	return nil
}

// gitCredentials sends the reader's password with the first request: without
// that, git runs the large argocd binary twice per fetch to ask for it.
func gitCredentials(url string, as gitserver.User) map[string]string {
	return map[string]string{
		"type": "git", "url": url, "forceHttpBasicAuth": "true", "username": as.Username, "password": as.Password,
	}
}

func argocdSecret(name, kind string, data map[string]string) *corev1.Secret {
	labels := map[string]string{"app.kubernetes.io/part-of": "argocd"}
	if kind != "" {
		labels["argocd.argoproj.io/secret-type"] = kind
	}
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}, StringData: data}
}

// startArgoCD starts Argo CD's parts; its redis and the proxy run until ctx ends.
func (c *ControlPlane) startArgoCD(ctx, startCtx context.Context) error {
	redis, err := startRedis(ctx)
	if err != nil {
		return err
	}
	if err := c.startWebProxy(ctx); err != nil {
		return err
	}
	c.prepareHydrator(ctx)
	g, startCtx := errgroup.WithContext(startCtx)
	for _, part := range c.argocdParts(redis) {
		child, err := c.run(part.name, "argocd", c.argocdEnv(part.name), part.args)
		if err != nil {
			return err
		}
		g.Go(func() error {
			if err := child.WaitReady(startCtx, readyTimeout, answers(part.health, c.clientTLS())); err != nil {
				return err
			}
			if part.name != argocdServer {
				return nil
			}
			return c.makeTokens(startCtx)
		})
	}
	return g.Wait()
}

const argocdServer = "argocd-server"

type argocdPart struct {
	name   string // also what the binary is asked to be
	args   []string
	health string // address that answers 200
}

func (c *ControlPlane) argocdParts(redis string) []argocdPart {
	repoServer, hydrate := "--repo-server="+address(c.ports.argoRepo), "--hydrator-enabled"
	// Applications may live in every namespace; their project has to allow it.
	anywhere := "--application-namespaces=*"
	parts := []argocdPart{
		{argocdServer, []string{
			"--address", loopback, "--port", strconv.Itoa(c.ports.argoServer),
			"--metrics-address", loopback, "--metrics-port", strconv.Itoa(c.ports.argoServerMetrics),
			"--namespace", argocdNamespace, "--redis", redis, repoServer, anywhere, hydrate,
			"--dex-server", "http://" + address(1), "--staticassets", c.path("argocd/app"),
		}, c.argocd.URL + "/healthz"},
		{"argocd-repo-server", []string{
			"--address", loopback, "--port", strconv.Itoa(c.ports.argoRepo),
			"--metrics-address", loopback, "--metrics-port", strconv.Itoa(c.ports.argoRepoHealth), "--redis", redis,
		}, "http://" + address(c.ports.argoRepoHealth) + "/healthz?full=true"},
		{"argocd-application-controller", []string{
			"--namespace", argocdNamespace, "--metrics-port", strconv.Itoa(c.ports.argoControllerMetrics), "--redis", redis,
			repoServer, anywhere, hydrate, "--commit-server", address(c.ports.argoCommit),
		}, "http://" + address(c.ports.argoControllerMetrics) + "/healthz"},
	}
	if c.argocd.Hydrator {
		parts = append(parts, argocdPart{"argocd-commit-server", []string{
			"--address", loopback, "--port", strconv.Itoa(c.ports.argoCommit),
			"--metrics-address", loopback, "--metrics-port", strconv.Itoa(c.ports.argoCommitHealth),
		}, "http://" + address(c.ports.argoCommitHealth) + "/healthz?full=true"})
	}
	return parts
}

// commitServerSocket is made by argocd-commit-server, always there (util/askpass/common.go).
// With the credentials that gitCredentials makes it is of no use.
const commitServerSocket = "/tmp/commit-server-ask-pass.sock"

// prepareHydrator decides whether the hydrator runs. It cannot where the socket
// of another user's control plane is in the way.
func (c *ControlPlane) prepareHydrator(ctx context.Context) {
	if err := os.Remove(commitServerSocket); err != nil && !errors.Is(err, os.ErrNotExist) {
		c.Progress.Print("Argo CD's hydrator does not run: " + err.Error())
		return
	}
	c.argocd.Hydrator = true
	context.AfterFunc(ctx, func() { _ = os.Remove(commitServerSocket) })
}

// startWebProxy runs, until ctx ends, a proxy before argocd-server that carries
// gRPC-web but not gRPC.
func (c *ControlPlane) startWebProxy(ctx context.Context) error {
	log, err := os.OpenFile(filepath.Join(c.LogDir, "argocd-proxy.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	proxy, err := webproxy.Start(webproxy.Options{
		Target: c.argocd.URL, TargetTLS: c.clientTLS(), Log: log,
		CertFile: c.path("pki/server.crt"), KeyFile: c.path("pki/server.key"),
	})
	if err != nil {
		return fmt.Errorf("start the proxy before Argo CD: %w", err)
	}
	context.AfterFunc(ctx, func() { _ = proxy.Close() })
	c.argocd.WebAddress = proxy.Address
	return nil
}

func (c *ControlPlane) argocdEnv(binary string) []string {
	return c.env(
		"ARGOCD_BINARY_NAME="+binary,
		"ARGOCD_FAKE_IN_CLUSTER=true",
		"ARGOCD_GPG_ENABLED=false",
		"ARGOCD_TLS_DATA_PATH="+c.path("argocd/tls"),
		"ARGOCD_SSH_DATA_PATH="+c.path("argocd/ssh"),
		"ARGOCD_GPG_DATA_PATH="+c.path("argocd/gpg"),
		"ARGOCD_GNUPGHOME="+c.path("argocd/gpg"),
		"ARGOCD_PLUGINSOCKFILEPATH="+c.path("argocd/plugins"),
		"ARGOCD_APP_CONF_PATH="+c.path("argocd/app"),
		"ARGOCD_ASK_PASS_SOCK="+c.path("ask.sock"),
		"ARGOCD_RECONCILIATION_TIMEOUT="+reconciliation, "ARGOCD_RECONCILIATION_JITTER="+reconciliationJitter,
		"ARGOCD_K8S_CLIENT_QPS=500", "ARGOCD_K8S_CLIENT_BURST=1000",
	)
}

// startRedis runs Argo CD's cache in this process until ctx ends. miniredis
// lets no time pass by itself, and a cache that never expires is not Argo CD's.
func startRedis(ctx context.Context) (string, error) {
	redis := miniredis.NewMiniRedis()
	if err := redis.StartAddr(loopback + ":0"); err != nil {
		return "", fmt.Errorf("start redis: %w", err)
	}
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				redis.Close()
				return
			case <-tick.C:
				redis.FastForward(time.Second)
			}
		}
	}()
	return redis.Addr(), nil
}
