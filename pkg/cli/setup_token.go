package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"github.com/tekton-gitops/tekton-gitops/pkg/setup"
)

const (
	// settleTimeout is how long Argo CD may take to read its ConfigMaps anew. It watches them.
	settleTimeout = 30 * time.Second
	settlePoll    = time.Second
	// expirySoon is when a token that works is worth a word.
	expirySoon = 14 * 24 * time.Hour
)

// argocdConnection is the way from this machine to the server.
type argocdConnection struct {
	via       string
	web       bool
	plaintext bool
}

func (c *argocdConnection) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.via, "connect-to", "", "`host:port` to connect to instead, such as that of kubectl port-forward; the certificate has to be --server's all the same")
	cmd.Flags().BoolVar(&c.web, "grpc-web", false, "speak gRPC-web, for a proxy that carries no gRPC")
	cmd.Flags().BoolVar(&c.plaintext, "plaintext", false, "the server speaks no TLS")
}

// dial prepares a connection; nothing is sent yet.
func (r *argocdRun) dial(credential argocd.Credential, ca []byte) (*argocd.Conn, error) {
	c := r.flags.connection
	options := argocd.Options{UserAgent: "tkn-gitops/" + r.streams.Version, Clock: r.streams.Clock}
	if c.via != "" {
		options.Dial = func(ctx context.Context, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", c.via)
		}
	}
	return argocd.Dial(argocd.Server{Address: r.flags.Server, CA: ca, Web: c.web, Plaintext: c.plaintext}, credential, options)
}

// tryToken finds out whether the Secret that is there can stay: with the certificates that it has, else with those that are
// to be trusted.
func (r *argocdRun) tryToken(ctx context.Context) error {
	login := r.state.Login(r.flags.ArgoCD)
	if login.Token == "" {
		return nil
	}
	id, err := r.identity(ctx, login.Token, login.CA)
	r.state.CAWorks = err == nil
	if errors.Is(err, argocd.ErrCertificate) {
		ca, _ := r.state.TrustedCA(r.flags.ArgoCD)
		id, err = r.identity(ctx, login.Token, ca)
	}
	if err != nil {
		return r.unreached(err)
	}
	if works := id.Account == r.flags.Account; works && r.flags.renew {
		r.older = login.Token
	} else {
		r.state.TokenWorks = works
	}
	return nil
}

func (r *argocdRun) identity(ctx context.Context, token string, ca []byte) (argocd.Identity, error) {
	conn, err := r.dial(argocd.Credential{Token: token}, ca)
	if err != nil {
		return argocd.Identity{}, err
	}
	defer conn.Close()
	return conn.Identity(ctx)
}

// unreached adds what helps where the server is known inside of the cluster only.
func (r *argocdRun) unreached(err error) error {
	if errors.Is(err, argocd.ErrUnavailable) && r.flags.connection.via == "" {
		return &hintedError{
			what: err.Error(),
			next: "If " + r.flags.Server + " cannot be reached from here: kubectl port-forward -n " + r.flags.Installed +
				" svc/argocd-server 8080:443, and add --connect-to localhost:8080.",
			err: err,
		}
	}
	return err
}

// make applies the plan. The password is read before anything is written, and no token is made that could not be stored, as
// far as the cluster can say beforehand.
func (r *argocdRun) make(ctx context.Context, plan setup.Plan) error {
	if r.state.TokenWorks {
		return setup.Apply(ctx, r.kube, plan)
	}
	ca, _ := r.state.TrustedCA(r.flags.ArgoCD)
	password, err := r.password(ctx)
	if err != nil {
		return err
	}
	admin, err := r.dial(argocd.Credential{Username: r.flags.admin, Password: password}, ca)
	if err != nil {
		return err
	}
	defer admin.Close()
	id, err := admin.Identity(ctx)
	switch {
	case err != nil:
		return r.unreached(err)
	case id.Account == "":
		return fmt.Errorf("%s is not let in: Argo CD does not accept the password; give the right one with --admin-password-file", r.flags.admin)
	}
	if err := setup.Try(ctx, r.kube, plan); err != nil {
		return err
	}
	account, err := setup.PlanAccount(r.flags.ArgoCD, r.state)
	if err == nil {
		err = setup.Apply(ctx, r.kube, account)
	}
	if err != nil {
		return err
	}
	return r.newToken(ctx, admin)
}

// until asks again while done is false and there is time. The last answer counts.
func (r *argocdRun) until(ctx context.Context, ask func() (done bool, err error)) error {
	for end := r.streams.Clock.Now().Add(settleTimeout); ; {
		done, err := ask()
		if done || r.streams.Clock.Now().After(end) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.streams.Clock.After(settlePoll):
		}
	}
}

// password is that of the account which makes the token: as the flags say, else the one that Argo CD made at its
// installation, or its operator keeps.
func (r *argocdRun) password(ctx context.Context) (string, error) {
	if r.flags.adminSecret.given() {
		given, err := r.flags.adminSecret.read(r.session)
		return string(bytes.TrimRight(given, "\r\n")), err
	}
	operators := r.state.Settings.Labels["app.kubernetes.io/managed-by"] + "-cluster"
	for _, from := range []struct{ secret, key string }{{"argocd-initial-admin-secret", "password"}, {operators, "admin.password"}} {
		if password := r.value(ctx, from.secret, from.key); password != "" {
			return password, nil
		}
	}
	return "", fmt.Errorf("namespace %s has no Secret argocd-initial-admin-secret that you may read: give the password of %s with --admin-password-file",
		r.flags.Installed, r.flags.admin)
}

// value is that of a Secret of Argo CD, empty where it cannot be read.
func (r *argocdRun) value(ctx context.Context, name, key string) string {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	secret, err := r.kube.CoreV1().Secrets(r.flags.Installed).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return ""
	}
	return string(secret.Data[key])
}

// verify logs in as runs will, with what the cluster has now, and asks for the rights.
func (r *argocdRun) verify(ctx context.Context) ([]string, error) {
	var err error
	if r.state, err = setup.ReadArgoCD(ctx, r.kube, r.flags.ArgoCD); err != nil {
		return nil, err
	}
	login := r.state.Login(r.flags.ArgoCD)
	conn, err := r.dial(argocd.Credential{Token: login.Token}, login.CA)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	id := argocd.Identity{}
	err = r.until(ctx, func() (bool, error) {
		if id, err = conn.Identity(ctx); err != nil || id.Account == r.flags.Account {
			return true, err
		}
		return false, fmt.Errorf("account %s is not let in with the token of Secret %s: run the command again with --renew", r.flags.Account, r.flags.Secret)
	})
	if err != nil {
		return nil, r.unreached(err)
	}
	said := []string{"Logged in to " + r.flags.Server + " as " + id.Account + "."}
	if left := id.Expires.Sub(r.streams.Clock.Now()); !id.Expires.IsZero() && left < expirySoon {
		said = append(said, "Its token ends at "+id.Expires.UTC().Format(time.RFC3339)+": make a new one with --renew.")
	}
	for _, project := range r.flags.Projects {
		if err := r.verifyRights(ctx, conn, project); err != nil {
			return nil, err
		}
		said = append(said, "It may get and sync "+project+"/*.")
	}
	return said, nil
}

func (r *argocdRun) verifyRights(ctx context.Context, conn *argocd.Conn, project string) error {
	return r.until(ctx, func() (bool, error) {
		var missing []string
		for _, verb := range []string{"get", "sync"} {
			can, err := conn.Can(ctx, "applications", verb, project+"/*")
			if err != nil {
				return true, err
			}
			if !can {
				missing = append(missing, verb)
			}
		}
		if len(missing) == 0 {
			return true, nil
		}
		return false, fmt.Errorf("account %s may not %s %s/* all the same: look for a line of policy.csv that denies it",
			r.flags.Account, strings.Join(missing, " and "), project)
	})
}
