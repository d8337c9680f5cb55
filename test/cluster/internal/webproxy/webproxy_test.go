package webproxy

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/pki"
)

func TestCarriesHTTP1WithoutHoldingBack(t *testing.T) {
	proceed := make(chan struct{})
	behind := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Method+" "+r.URL.Path+" "+r.Proto+"\n")
		w.(http.Flusher).Flush()
		<-proceed
		_, _ = io.WriteString(w, "more\n")
	}))
	defer behind.Close()
	ca, err := pki.NewCA("test", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ca.Server([]string{"127.0.0.1"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	o := Options{
		Target: behind.URL, TargetTLS: behind.Client().Transport.(*http.Transport).TLSClientConfig,
		CertFile: filepath.Join(dir, "tls.crt"), KeyFile: filepath.Join(dir, "tls.key"), Log: t.Output(),
	}
	for path, data := range map[string][]byte{o.CertFile: pair.Cert, o.KeyFile: pair.Key} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()

	trusted := x509.NewCertPool()
	trusted.AddCert(mustParse(t, ca))
	// A client that prefers HTTP/2 does not get it.
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Post("https://"+p.Address+"/a.Service/Call", "text/plain", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.Proto != "HTTP/1.1" {
		t.Errorf("the proxy speaks %s", response.Proto)
	}
	lines := bufio.NewReader(response.Body)
	for _, want := range []string{"POST /a.Service/Call HTTP/1.1\n", "more\n"} {
		if got, err := lines.ReadString('\n'); got != want || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
		if want != "more\n" {
			close(proceed)
		}
	}
}

func mustParse(t *testing.T, ca *pki.CA) *x509.Certificate {
	t.Helper()
	pair, err := tls.X509KeyPair(ca.Cert, ca.Key)
	if err != nil {
		t.Fatal(err)
	}
	return pair.Leaf
}
