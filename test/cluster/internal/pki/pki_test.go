package pki

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"
)

func TestCertificatesAreFromTheirCA(t *testing.T) {
	now := time.Now()
	ca, err := NewCA("test", now)
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewCA("test", now)
	if err != nil {
		t.Fatal(err)
	}
	server, err := ca.Server([]string{"localhost", "127.0.0.1"}, now)
	if err != nil {
		t.Fatal(err)
	}
	client, err := ca.Client("someone", []string{"group"}, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		ca    *CA
		pair  Pair
		host  string
		usage x509.ExtKeyUsage
		valid bool
	}{
		{"a server by name", ca, server, "localhost", x509.ExtKeyUsageServerAuth, true},
		{"a server by address", ca, server, "127.0.0.1", x509.ExtKeyUsageServerAuth, true},
		{"a server by a name it has not", ca, server, "example.com", x509.ExtKeyUsageServerAuth, false},
		{"a server of another CA", other, server, "localhost", x509.ExtKeyUsageServerAuth, false},
		{"a client", ca, client, "", x509.ExtKeyUsageClientAuth, true},
		{"a client as a server", ca, client, "", x509.ExtKeyUsageServerAuth, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			pair, err := tls.X509KeyPair(test.pair.Cert, test.pair.Key)
			if err != nil {
				t.Fatal(err)
			}
			roots := x509.NewCertPool()
			roots.AppendCertsFromPEM(test.ca.Cert)
			_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: test.host, KeyUsages: []x509.ExtKeyUsage{test.usage}})
			if (err == nil) != test.valid {
				t.Errorf("verify: %v", err)
			}
		})
	}
}
