package e2e

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// authority is the certificate that Argo CD's is signed with.
func (n *tenant) authority() string {
	n.t.Helper()
	ca, err := os.ReadFile(n.ArgoCD.CAFile)
	if err != nil {
		n.t.Fatal(err)
	}
	return string(ca)
}

// token is one of the account pipeline, for so many seconds.
func (n *tenant) token(seconds int) string {
	n.t.Helper()
	var made struct{ Token string }
	n.byHand(http.MethodPost, "/api/v1/account/pipeline/token", object{"name": "pipeline", "expiresIn": seconds}, &made)
	return made.Token
}

// The proxy before Argo CD speaks HTTP/1.1 only.
func TestThroughAProxyWithoutHTTP2(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.create(n.deploy("run", "1.0.1", param("argocd-server", n.ArgoCD.WebAddress), param("argocd-transport", "grpc-web")))
	cr := n.finish("run")
	wantSucceeded(t, cr)
	wantResults(t, cr, map[string]string{"changed": "true", "commit": n.tip(), "revision": n.tip(), "health": "Healthy"})
	if got := n.liveImage("dev"); got != serverImage+":1.0.1" {
		t.Errorf("it runs %s", got)
	}
	n.noLease()
}

func TestLoginWithAPassword(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.secret("person", nil, map[string]string{"ARGOCD_USERNAME": "person", "ARGOCD_PASSWORD": n.ArgoCD.Passwords["person"], "ca.crt": n.authority()})
	for _, tag := range []string{"1.0.1", "1.0.2"} {
		n.create(n.deploy(tag, tag, param("argocd-secret", "person")))
		wantSucceeded(t, n.finish(tag))
	}
	n.create(n.deploy("web", "1.0.3", param("argocd-secret", "person"), param("argocd-server", n.ArgoCD.WebAddress), param("argocd-transport", "grpc-web")))
	wantSucceeded(t, n.finish("web"))
	n.noLease()
}

func TestCertificateOfAnotherAuthority(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	other := httptest.NewTLSServer(nil)
	defer other.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: other.Certificate().Raw})
	n.secret("other-ca", nil, map[string]string{"ARGOCD_AUTH_TOKEN": n.ArgoCD.Tokens["pipeline"], "ca.crt": string(ca)})
	n.secret("no-pem", nil, map[string]string{"ARGOCD_AUTH_TOKEN": n.ArgoCD.Tokens["pipeline"], "ca.crt": "not a certificate"})
	for name, address := range map[string][2]string{"grpc": {n.ArgoCD.Address, "grpc"}, "web": {n.ArgoCD.WebAddress, "grpc-web"}} {
		for secret, reason := range map[string]string{"other-ca": "CertificateInvalid", "no-pem": "CredentialsInvalid"} {
			run := name + "-" + secret
			n.create(n.deploy(run, "1.0.1", param("argocd-secret", secret), param("argocd-server", address[0]), param("argocd-transport", address[1])))
			n.wantFailed(n.finish(run), reason, "ca.crt")
		}
	}
	if got := n.commits(); got != 0 {
		t.Errorf("%d commits", got)
	}
	n.noLease()
}
