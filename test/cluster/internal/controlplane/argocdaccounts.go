package controlplane

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// Argo CD's defaults of 2.14; nothing should depend on them.
const (
	reconciliation       = "180s"
	reconciliationJitter = "0s"
)

// argocdAccount is a local account of Argo CD besides admin.
type argocdAccount struct {
	name     string
	password bool     // logs in with one; otherwise it has a token
	rights   []string // on every Application
}

func argocdAccounts() []argocdAccount {
	sync := []string{"get", "sync"}
	pipeline := []string{
		"get", "sync",
		"action/apps/Deployment/restart", "action/apps/StatefulSet/restart", "action/apps/DaemonSet/restart", "action/argoproj.io/Rollout/restart",
	}
	return []argocdAccount{
		{name: "pipeline", rights: pipeline},
		{name: "synconly", rights: sync},
		{name: "restricted", rights: sync[:1]},
		{name: "person", rights: pipeline, password: true},
	}
}

// argocdSettings are Argo CD's settings by ConfigMap, besides those that its
// installation manifests have.
func argocdSettings(url string) map[string]map[string]string {
	settings := map[string]string{
		"url":                                url,
		"statusbadge.enabled":                "false",
		"users.anonymous.enabled":            "false",
		"timeout.reconciliation":             reconciliation,
		"timeout.reconciliation.jitter":      reconciliationJitter,
		"application.instanceLabelKey":       "",
		"application.resourceTrackingMethod": "annotation",
	}
	var policy strings.Builder
	for _, a := range argocdAccounts() {
		settings["accounts."+a.name] = "apiKey"
		if a.password {
			settings["accounts."+a.name] = "login"
		}
		for _, right := range a.rights {
			policy.WriteString("p, role:" + a.name + ", applications, " + right + ", */*, allow\n")
		}
		policy.WriteString("g, " + a.name + ", role:" + a.name + "\n")
	}
	return map[string]map[string]string{
		"argocd-cm":      settings,
		"argocd-rbac-cm": {"policy.default": "", "policy.csv": policy.String()},
	}
}

func passwords() map[string]string {
	made := map[string]string{}
	for _, a := range argocdAccounts() {
		if a.password {
			made[a.name] = randomText()
		}
	}
	return made
}

// logins is the content of argocd-secret: hashed passwords and the key that
// tokens are signed with.
func (c *ControlPlane) logins() (map[string]string, error) {
	data := map[string]string{"server.secretkey": randomText()}
	byPrefix := map[string]string{"admin": c.argocd.AdminPassword}
	for name, password := range c.argocd.Passwords {
		byPrefix["accounts."+name] = password
	}
	for prefix, password := range byPrefix {
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			return nil, err
		}
		data[prefix+".password"] = string(hash)
		data[prefix+".passwordMtime"] = c.Now().UTC().Format(time.RFC3339)
	}
	return data, nil
}

// randomText suits passwords and keys: 32 characters, as many as Argo CD takes.
func randomText() string {
	buf := make([]byte, 24)
	_, _ = rand.Read(buf) // never fails
	return base64.RawURLEncoding.EncodeToString(buf)
}
