package localcluster

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// CallArgoCD sends a request to Argo CD's HTTP API, such as POST
// /api/v1/applications/NAME/sync, and decodes the answer. An answer other than
// 200 is an *ArgoCDError. body and into may be nil.
func (c *Cluster) CallArgoCD(ctx context.Context, token, method, path string, body, into any) error {
	var payload bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&payload).Encode(body); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, c.ArgoCD.URL+path, &payload)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	client, err := c.argocdClient()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("call Argo CD: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 32<<20))
	if err != nil {
		return fmt.Errorf("call Argo CD: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return &ArgoCDError{Status: response.StatusCode, Body: string(answer)}
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// ArgoCDError is a refusal by Argo CD.
type ArgoCDError struct {
	Status int
	Body   string
}

func (e *ArgoCDError) Error() string {
	return fmt.Sprintf("Argo CD answers %d: %s", e.Status, e.Body)
}

func (c *Cluster) argocdClient() (*http.Client, error) {
	ca, err := os.ReadFile(c.ArgoCD.CAFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, errors.New("the control plane's CA file has no certificate")
	}
	return &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}},
	}, nil
}
