package controlplane

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"github.com/alicebob/miniredis/v2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/apply"
	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/gitserver"
	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/state"
)

// Argo CD's local accounts besides admin, and what they may do.
const (
	pipelineAccount   = "pipeline"   // get and sync every Application
	restrictedAccount = "restricted" // only get
)

func argocdSettings(url string) map[string]map[string]string {
	return map[string]map[string]string{
		"argocd-cm": {
			"url":                                url,
			"accounts." + pipelineAccount:        "apiKey",
			"accounts." + restrictedAccount:      "apiKey",
			"statusbadge.enabled":                "false",
			"users.anonymous.enabled":            "false",
			"timeout.reconciliation":             "180s", // Argo CD's default; nothing should depend on it
			"timeout.reconciliation.jitter":      "0s",
			"application.instanceLabelKey":       "",
			"application.resourceTrackingMethod": "annotation",
		},
		"argocd-rbac-cm": {
			"policy.default": "",
			"policy.csv": `p, role:pipeline, applications, get, */*, allow
p, role:pipeline, applications, sync, */*, allow
p, role:restricted, applications, get, */*, allow
g, ` + pipelineAccount + `, role:pipeline
g, ` + restrictedAccount + `, role:restricted
`,
		},
	}
}

// installArgoCD creates Argo CD's kinds and settings as its own installation
// does, without the Deployments.
func (c *ControlPlane) installArgoCD(ctx context.Context) error {
	c.argocd = state.ArgoCD{
		Address: address(c.ports.argoServer), URL: "https://" + address(c.ports.argoServer), CAFile: c.path("ca.crt"),
		Namespace: argocdNamespace, AdminPassword: randomText(), Tokens: map[string]string{},
	}
	objects, err := apply.Files(c.Cache.Manifests("argocd"), "crds/*-crd.yaml", "base/config/*-cm.yaml")
	if err != nil {
		return err
	}
	for _, o := range objects {
		if data, ok := argocdSettings(c.argocd.URL)[o.GetName()]; ok {
			content := map[string]any{}
			for k, v := range data {
				content[k] = v
			}
			o.Object["data"] = content
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
	hash, err := bcrypt.GenerateFromPassword([]byte(c.argocd.AdminPassword), bcrypt.MinCost)
	if err != nil {
		return err
	}
	serving, err := c.ca.Server(serverNames(), c.Now())
	if err != nil {
		return err
	}
	secrets := []*corev1.Secret{
		argocdSecret("argocd-secret", "", map[string]string{
			"admin.password":      string(hash),
			"admin.passwordMtime": c.Now().UTC().Format(time.RFC3339),
			"server.secretkey":    randomText(),
		}),
		argocdSecret("argocd-server-tls", "", map[string]string{"tls.crt": string(serving.Cert), "tls.key": string(serving.Key)}),
		argocdSecret("git-http", "repo-creds", c.gitCredentials(c.git.HTTPURL)),
		argocdSecret("git-https", "repo-creds", c.gitCredentials(c.git.HTTPSURL)),
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
func (c *ControlPlane) gitCredentials(url string) map[string]string {
	return map[string]string{
		"type": "git", "url": url, "forceHttpBasicAuth": "true",
		"username": c.git.Reader.Username, "password": c.git.Reader.Password,
	}
}

func argocdSecret(name, kind string, data map[string]string) *corev1.Secret {
	labels := map[string]string{"app.kubernetes.io/part-of": "argocd"}
	if kind != "" {
		labels["argocd.argoproj.io/secret-type"] = kind
	}
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}, StringData: data}
}

// startArgoCD starts Argo CD's parts; its redis runs until ctx ends.
func (c *ControlPlane) startArgoCD(ctx, startCtx context.Context) error {
	redis, err := startRedis(ctx)
	if err != nil {
		return err
	}
	repoServer := "--repo-server=" + address(c.ports.argoRepo)
	server, err := c.run("argocd-server", "argocd", c.argocdEnv("argocd-server"), []string{
		"--address", loopback, "--port", strconv.Itoa(c.ports.argoServer),
		"--metrics-address", loopback, "--metrics-port", strconv.Itoa(c.ports.argoServerMetrics),
		"--namespace", argocdNamespace, "--redis", redis, repoServer, "--dex-server", "http://" + address(1), "--staticassets", c.path("argocd/app"),
	})
	if err != nil {
		return err
	}
	repo, err := c.run("argocd-repo-server", "argocd", c.argocdEnv("argocd-repo-server"), []string{
		"--address", loopback, "--port", strconv.Itoa(c.ports.argoRepo),
		"--metrics-address", loopback, "--metrics-port", strconv.Itoa(c.ports.argoRepoHealth),
		"--redis", redis,
	})
	if err != nil {
		return err
	}
	controller, err := c.run("argocd-application-controller", "argocd", c.argocdEnv("argocd-application-controller"), []string{
		"--namespace", argocdNamespace, "--metrics-port", strconv.Itoa(c.ports.argoControllerMetrics), "--redis", redis, repoServer,
	})
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(startCtx)
	g.Go(func() error {
		return repo.WaitReady(ctx, readyTimeout, answers("http://"+address(c.ports.argoRepoHealth)+"/healthz?full=true", nil))
	})
	g.Go(func() error {
		return controller.WaitReady(ctx, readyTimeout, answers("http://"+address(c.ports.argoControllerMetrics)+"/healthz", nil))
	})
	g.Go(func() error {
		if err := server.WaitReady(ctx, readyTimeout, answers(c.argocd.URL+"/healthz", c.clientTLS())); err != nil {
			return err
		}
		return c.makeTokens(ctx)
	})
	return g.Wait()
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

// randomText suits passwords and keys: 32 characters, as many as Argo CD takes.
func randomText() string {
	buf := make([]byte, 24)
	_, _ = rand.Read(buf) // never fails
	return base64.RawURLEncoding.EncodeToString(buf)
}
