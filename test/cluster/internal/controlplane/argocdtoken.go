package controlplane

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// makeTokens logs in as the administrator and makes a token for each account
// that has no password, the way a person would. A token is retried: the server answers before it has
// read its accounts.
func (c *ControlPlane) makeTokens(ctx context.Context) error {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: c.clientTLS()}}
	defer client.CloseIdleConnections()
	var session struct{ Token string }
	err := poll(ctx, readyTimeout, func(ctx context.Context) error {
		return post(ctx, client, c.argocd.URL+"/api/v1/session", "", map[string]string{"username": "admin", "password": c.argocd.AdminPassword}, &session)
	})
	if err != nil {
		return fmt.Errorf("log in to Argo CD: %w", err)
	}
	for _, account := range argocdAccounts() {
		if account.password {
			continue
		}
		var made struct{ Token string }
		err := poll(ctx, readyTimeout, func(ctx context.Context) error {
			return post(ctx, client, c.argocd.URL+"/api/v1/account/"+account.name+"/token", session.Token, map[string]string{}, &made)
		})
		if err != nil {
			return fmt.Errorf("make a token for the Argo CD account %s: %w", account.name, err)
		}
		c.argocd.Tokens[account.name] = made.Token
	}
	return nil
}

func post(ctx context.Context, client *http.Client, url, token string, body, into any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(data))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s: %s", url, response.Status, answer)
	}
	return json.Unmarshal(answer, into)
}
