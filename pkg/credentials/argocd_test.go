package credentials_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/tekton-gitops/tekton-gitops/pkg/credentials"
)

// login to Argo CD in the open, since an ArgoCDAuth prints without its secrets.
type argo struct{ Token, Username, Password, Server, CA string }

func TestArgoCD(t *testing.T) {
	for name, tc := range map[string]struct {
		data       map[string]string
		want       argo
		wantErr    error
		wantErrHas string
	}{
		"token": {
			data: map[string]string{"ARGOCD_AUTH_TOKEN": "eyJh.b.c\n"},
			want: argo{Token: "eyJh.b.c"},
		},
		"user name and password": {
			data: map[string]string{"ARGOCD_USERNAME": "pipeline\n", "ARGOCD_PASSWORD": "s3cr3t\n"},
			want: argo{Username: "pipeline", Password: "s3cr3t"},
		},
		"the token wins": {
			data: map[string]string{"ARGOCD_AUTH_TOKEN": "eyJh.b.c", "ARGOCD_USERNAME": "pipeline", "ARGOCD_PASSWORD": "s3cr3t"},
			want: argo{Token: "eyJh.b.c"},
		},
		"server and certificate authority": {
			data: map[string]string{"ARGOCD_AUTH_TOKEN": "eyJh.b.c", "ARGOCD_SERVER": "https://argocd.example.com/\n", "ca.crt": certificate},
			want: argo{Token: "eyJh.b.c", Server: "argocd.example.com", CA: certificate},
		},
		"nothing": {
			data:    map[string]string{"token": "eyJh.b.c", "ARGOCD_AUTH_TOKEN": "\n"},
			wantErr: credentials.ErrInvalid, wantErrHas: "it needs the key ARGOCD_AUTH_TOKEN, or ARGOCD_USERNAME and ARGOCD_PASSWORD",
		},
		"user name alone": {
			data:    map[string]string{"ARGOCD_USERNAME": "pipeline"},
			wantErr: credentials.ErrInvalid, wantErrHas: "it has ARGOCD_USERNAME but no ARGOCD_PASSWORD",
		},
		"password alone": {
			data:    map[string]string{"ARGOCD_PASSWORD": "s3cr3t"},
			wantErr: credentials.ErrInvalid, wantErrHas: "it has ARGOCD_PASSWORD but no ARGOCD_USERNAME",
		},
		"server with a path": {
			data:    map[string]string{"ARGOCD_AUTH_TOKEN": "eyJh.b.c", "ARGOCD_SERVER": "example.com/argocd"},
			wantErr: credentials.ErrInvalid, wantErrHas: "ARGOCD_SERVER must be host or host:port",
		},
		"certificate authority that is none": {
			data:    map[string]string{"ARGOCD_AUTH_TOKEN": "eyJh.b.c", "ca.crt": "hello"},
			wantErr: credentials.ErrInvalid, wantErrHas: "key ca.crt holds no PEM certificate",
		},
		"token with a line break inside": {
			data:    map[string]string{"ARGOCD_AUTH_TOKEN": "eyJh.b.c\r\nX-Header: 1"},
			wantErr: credentials.ErrInvalid, wantErrHas: "key ARGOCD_AUTH_TOKEN holds a line break",
		},
	} {
		t.Run(name, func(t *testing.T) {
			reader := credentials.Live(fake.NewClientset(secret("argo", corev1.SecretTypeOpaque, tc.data)).CoreV1())
			a, err := credentials.ArgoCD(t.Context(), reader, ns, "argo")
			checkError(t, err, tc.wantErr, tc.wantErrHas)
			if d := cmp.Diff(tc.want, argo{a.Token, a.Username, a.Password, a.Server, string(a.CA)}); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestArgoCDWithoutSecret(t *testing.T) {
	reader := credentials.Live(fake.NewClientset().CoreV1())
	_, err := credentials.ArgoCD(t.Context(), reader, ns, "")
	checkError(t, err, credentials.ErrInvalid, "set argocd.secretRef")
	_, err = credentials.ArgoCD(t.Context(), reader, ns, "argo")
	checkError(t, err, credentials.ErrNotFound, "Secret argo: not found in namespace team")
}

func TestArgoCDAddress(t *testing.T) {
	for name, tc := range map[string]struct {
		bound, requested string
		want             string
		wantErr          error
	}{
		"not bound":                     {requested: "argocd.example.com:8443", want: "argocd.example.com:8443"},
		"the Secret's own":              {bound: "argocd.example.com", want: "argocd.example.com"},
		"the same":                      {bound: "argocd.example.com", requested: "argocd.example.com", want: "argocd.example.com"},
		"the same in other words":       {bound: "argocd.example.com", requested: "https://ArgoCD.example.com:443/", want: "https://ArgoCD.example.com:443/"},
		"another host":                  {bound: "argocd.example.com", requested: "evil.example.com", wantErr: credentials.ErrHostBound},
		"another port":                  {bound: "argocd.example.com", requested: "argocd.example.com:8443", wantErr: credentials.ErrHostBound},
		"user info does not make it so": {bound: "argocd.example.com", requested: "argocd.example.com@evil.example.com", wantErr: credentials.ErrHostBound},
		"none":                          {wantErr: credentials.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := credentials.ArgoCDAuth{Token: "t", Server: tc.bound}.Address(tc.requested)
			checkError(t, err, tc.wantErr, "")
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// refusing is a Reader of a namespace where reads end with a certain error.
type refusing struct {
	secret, account error
	linked          *corev1.ServiceAccount
}

func (r refusing) Secret(context.Context, string, string) (*corev1.Secret, error) {
	return nil, r.secret
}

func (r refusing) ServiceAccount(context.Context, string, string) (*corev1.ServiceAccount, error) {
	return r.linked, r.account
}

func TestReadFailures(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "x", errors.New(`User "controller" cannot get resource`))
	away := errors.New("connection refused")
	for name, tc := range map[string]struct {
		reader     refusing
		secret     string
		want       error
		wantErrHas string
	}{
		"named, not enabled":         {reader: refusing{secret: forbidden}, secret: "x", want: credentials.ErrForbidden, wantErrHas: `User "controller" cannot get resource`},
		"linked, not enabled":        {reader: refusing{secret: forbidden, linked: account("default", "x")}, want: credentials.ErrForbidden, wantErrHas: "Secret x in namespace team: not allowed to read it"},
		"ServiceAccount not enabled": {reader: refusing{account: forbidden}, want: credentials.ErrForbidden, wantErrHas: "ServiceAccount default in namespace team"},
		"API server away":            {reader: refusing{secret: away}, secret: "x", want: away, wantErrHas: "read Secret x in namespace team: connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := credentials.Git(t.Context(), tc.reader, ns, "", tc.secret, "https://github.com/org/repo")
			checkError(t, err, tc.want, tc.wantErrHas)
			if tc.secret != "" {
				_, err = credentials.ArgoCD(t.Context(), tc.reader, ns, tc.secret)
				checkError(t, err, tc.want, tc.wantErrHas)
			}
		})
	}
}
