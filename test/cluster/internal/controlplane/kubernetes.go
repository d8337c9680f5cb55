package controlplane

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/kubelet"
	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/pki"
)

// startAPIServer starts etcd and kube-apiserver and makes the clients for it.
func (c *ControlPlane) startAPIServer(ctx context.Context) error {
	task := c.Progress.Begin("starting etcd and kube-apiserver")
	return task.End(func() error {
		etcd, err := c.run("etcd", "etcd", c.env(), []string{
			"--data-dir", c.path("etcd"), "--unsafe-no-fsync", "--log-level", "warn",
			"--listen-client-urls", "http://" + address(c.ports.etcd), "--advertise-client-urls", "http://" + address(c.ports.etcd),
			"--listen-peer-urls", "http://" + address(c.ports.etcdPeer), "--initial-advertise-peer-urls", "http://" + address(c.ports.etcdPeer),
			"--initial-cluster", "default=http://" + address(c.ports.etcdPeer),
		})
		if err != nil {
			return err
		}
		if err := c.writeCredentials(); err != nil {
			return err
		}
		if err := etcd.WaitReady(ctx, readyTimeout, answers("http://"+address(c.ports.etcd)+"/health", nil)); err != nil {
			return err
		}
		api, err := c.run("kube-apiserver", "kube-apiserver", c.env(), c.apiServerArguments())
		if err != nil {
			return err
		}
		return api.WaitReady(ctx, readyTimeout, func(ctx context.Context) error {
			_, err := c.client.Discovery().RESTClient().Get().AbsPath("/readyz").Timeout(5 * time.Second).DoRaw(ctx)
			return err
		})
	}())
}

func (c *ControlPlane) apiServerArguments() []string {
	return []string{
		"--etcd-servers=http://" + address(c.ports.etcd),
		"--bind-address=" + loopback,
		"--secure-port=" + strconv.Itoa(c.ports.api),
		"--tls-cert-file=" + c.path("pki/server.crt"),
		"--tls-private-key-file=" + c.path("pki/server.key"),
		"--client-ca-file=" + c.path("ca.crt"),
		"--authorization-mode=RBAC",
		"--anonymous-auth=false",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + c.path("pki/service-account.key"),
		"--service-account-signing-key-file=" + c.path("pki/service-account.key"),
		"--service-cluster-ip-range=10.96.0.0/16",
		// The address that it would advertise is a loopback address, which the
		// endpoints of the kubernetes Service may not have.
		"--endpoint-reconciler-type=none",
		// Its not-ready taint is removed by a controller that would also want heartbeats.
		"--disable-admission-plugins=TaintNodesByCondition",
		"--profiling=false",
	}
}

// writeCredentials writes the keys of the API server and the administrator's
// kubeconfig, and makes the clients.
func (c *ControlPlane) writeCredentials() error {
	key, err := pki.Key()
	if err != nil {
		return err
	}
	if err := c.write("pki/service-account.key", key); err != nil {
		return err
	}
	admin, err := c.ca.Client("administrator", []string{"system:masters"}, c.Now())
	if err != nil {
		return err
	}
	const name = "local"
	url := "https://" + address(c.ports.api)
	config := clientcmdapi.Config{
		CurrentContext: name,
		Clusters:       map[string]*clientcmdapi.Cluster{name: {Server: url, CertificateAuthorityData: c.ca.Cert}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{name: {ClientCertificateData: admin.Cert, ClientKeyData: admin.Key}},
		Contexts:       map[string]*clientcmdapi.Context{name: {Cluster: name, AuthInfo: name}},
	}
	if err := clientcmd.WriteToFile(config, c.path("kubeconfig")); err != nil {
		return err
	}
	c.admin = &rest.Config{
		Host:            url,
		TLSClientConfig: rest.TLSClientConfig{CAData: c.ca.Cert, CertData: admin.Cert, KeyData: admin.Key},
		QPS:             -1, // no client-side limit
	}
	if c.client, err = kubernetes.NewForConfig(c.admin); err != nil {
		return err
	}
	c.dynamic, err = dynamic.NewForConfig(c.admin)
	return err
}

func (c *ControlPlane) startControllerManager(ctx context.Context) error {
	child, err := c.run("kube-controller-manager", "kube-controller-manager", c.env(), []string{
		"--kubeconfig=" + c.path("kubeconfig"),
		"--authentication-kubeconfig=" + c.path("kubeconfig"),
		"--authorization-kubeconfig=" + c.path("kubeconfig"),
		"--bind-address=" + loopback,
		"--secure-port=" + strconv.Itoa(c.ports.controllerManager),
		"--tls-cert-file=" + c.path("pki/server.crt"),
		"--tls-private-key-file=" + c.path("pki/server.key"),
		"--leader-elect=false",
		// The node is pretended: it has no heartbeats, volumes or addresses.
		"--controllers=*,-node-lifecycle-controller,-node-ipam-controller,-cloud-node-lifecycle-controller" +
			",-service-lb-controller,-node-route-controller,-persistentvolume-attach-detach-controller,-taint-eviction-controller",
		"--service-account-private-key-file=" + c.path("pki/service-account.key"),
		"--root-ca-file=" + c.path("ca.crt"),
		"--kube-api-qps=500", "--kube-api-burst=1000",
		"--profiling=false",
	})
	if err != nil {
		return err
	}
	if err := child.WaitReady(ctx, readyTimeout, c.answersTLS(c.ports.controllerManager)); err != nil {
		return err
	}
	return child.WaitReady(ctx, readyTimeout, c.hasDefaultServiceAccount)
}

func (c *ControlPlane) startScheduler(ctx context.Context) error {
	child, err := c.run("kube-scheduler", "kube-scheduler", c.env(), []string{
		"--kubeconfig=" + c.path("kubeconfig"),
		"--authentication-kubeconfig=" + c.path("kubeconfig"),
		"--authorization-kubeconfig=" + c.path("kubeconfig"),
		"--bind-address=" + loopback,
		"--secure-port=" + strconv.Itoa(c.ports.scheduler),
		"--tls-cert-file=" + c.path("pki/server.crt"),
		"--tls-private-key-file=" + c.path("pki/server.key"),
		"--leader-elect=false",
		"--kube-api-qps=500", "--kube-api-burst=1000",
		"--profiling=false",
	})
	if err != nil {
		return err
	}
	return child.WaitReady(ctx, readyTimeout, c.answersTLS(c.ports.scheduler))
}

// startKubelet runs the kubelet of this program until ctx ends.
func (c *ControlPlane) startKubelet(ctx, startCtx context.Context) error {
	k := kubelet.New(c.client, c.Now, func(format string, args ...any) {
		c.Progress.Print("node: " + fmt.Sprintf(format, args...))
	})
	registered := make(chan struct{})
	failed := make(chan error, 1)
	go func() { failed <- k.Run(ctx, registered) }()
	select {
	case <-registered:
		return nil
	case err := <-failed:
		return err
	case <-startCtx.Done():
		return startCtx.Err()
	}
}

// answers probes an HTTP address for status 200.
func answers(url string, config *tls.Config) func(context.Context) error {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20))
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s", url, response.Status)
		}
		return nil
	}
}

func (c *ControlPlane) answersTLS(port int) func(context.Context) error {
	return answers("https://"+address(port)+"/healthz", c.clientTLS())
}

func (c *ControlPlane) clientTLS() *tls.Config {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(c.ca.Cert)
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}
