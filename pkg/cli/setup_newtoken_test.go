package cli

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	accountpkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/account"
	sessionpkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/session"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	grpcstatus "google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	ktesting "k8s.io/client-go/testing"
)

// argocdServer is as much of Argo CD as setup asks for: logins, the account's tokens, its rights.
type argocdServer struct {
	accountpkg.UnimplementedAccountServiceServer
	sessionpkg.UnimplementedSessionServiceServer
	undeletable bool

	mu     sync.Mutex
	tokens map[string]string // to the account that each is of
	calls  []string
}

// tokenWith is what Argo CD would make with this id.
func tokenWith(id string) string {
	return "hunter2." + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"jti":%q}`, id)) + ".s"
}

// Create logs in.
func (a *argocdServer) Create(_ context.Context, r *sessionpkg.SessionCreateRequest) (*sessionpkg.SessionResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tokens["session"] = r.Username
	return &sessionpkg.SessionResponse{Token: "session"}, nil
}

func (a *argocdServer) GetUserInfo(ctx context.Context, _ *sessionpkg.GetUserInfoRequest) (*sessionpkg.GetUserInfoResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	md, _ := metadata.FromIncomingContext(ctx)
	account := a.tokens[strings.Join(md.Get("token"), "")]
	return &sessionpkg.GetUserInfoResponse{LoggedIn: account != "", Username: account, Iss: "argocd"}, nil
}

func (a *argocdServer) CanI(context.Context, *accountpkg.CanIRequest) (*accountpkg.CanIResponse, error) {
	return &accountpkg.CanIResponse{Value: "yes"}, nil
}

func (a *argocdServer) CreateToken(_ context.Context, r *accountpkg.CreateTokenRequest) (*accountpkg.CreateTokenResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, "CreateToken "+r.Name)
	a.tokens[tokenWith("new-id")] = r.Name
	return &accountpkg.CreateTokenResponse{Token: tokenWith("new-id")}, nil
}

func (a *argocdServer) DeleteToken(_ context.Context, r *accountpkg.DeleteTokenRequest) (*accountpkg.EmptyResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, "DeleteToken "+r.Name+" "+r.Id)
	if a.undeletable {
		return nil, grpcstatus.Error(codes.PermissionDenied, "permission denied: accounts, update, pipeline")
	}
	delete(a.tokens, tokenWith(r.Id))
	return &accountpkg.EmptyResponse{}, nil
}

// startArgoCD gives the address of a server that knows one token of the account.
func startArgoCD(t *testing.T, a *argocdServer) string {
	t.Helper()
	a.tokens = map[string]string{tokenWith("older-id"): "pipeline"}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	accountpkg.RegisterAccountServiceServer(server, a)
	sessionpkg.RegisterSessionServiceServer(server, a)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return listener.Addr().String()
}

// storing is how the cluster answers to a write of the team's Secret.
type storing struct {
	tried, stored error
	// interrupted: the command is, when the Secret is to be written.
	interrupted bool
}

// on has the cluster of a bench answer so. The fake one does not know of dry runs.
func (s storing) on(b *bench, interrupt func()) {
	answer := func(dryRun []string, a ktesting.Action) (bool, runtime.Object, error) {
		switch {
		case len(dryRun) > 0:
			return true, nil, s.tried
		case a.GetNamespace() != "team":
			return false, nil, nil
		case s.interrupted:
			interrupt()
			return true, nil, context.Canceled
		}
		return s.stored != nil, nil, s.stored
	}
	b.kube.PrependReactor("create", "*", func(a ktesting.Action) (bool, runtime.Object, error) {
		return answer(a.(ktesting.CreateActionImpl).CreateOptions.DryRun, a)
	})
	b.kube.PrependReactor("update", "*", func(a ktesting.Action) (bool, runtime.Object, error) {
		return answer(a.(ktesting.UpdateActionImpl).UpdateOptions.DryRun, a)
	})
}

// A token that is made is stored, or ended again, or the error says how to end it.
func TestTokensThatAreMade(t *testing.T) {
	forbidden := apierrors.NewForbidden(corev1.Resource("secrets"), "argocd-env-secret", nil)
	made := []string{"CreateToken pipeline"}
	const byHand = "still works: end it with `argocd account delete-token --account pipeline "
	for name, tc := range map[string]struct {
		storing     storing
		renew       bool
		undeletable bool
		code        int
		calls       []string
		says        string
	}{
		"stored":                              {storing{}, false, false, 0, made, "Logged in to argocd.example.com as pipeline."},
		"stored, and the older one ended":     {storing{}, true, false, 0, append(made, "DeleteToken pipeline older-id"), "Logged in"},
		"stored, and the older one is left":   {storing{}, true, true, 1, append(made, "DeleteToken pipeline older-id"), "the new token is stored, and the older one " + byHand + "older-id`"},
		"not made, as it could not be stored": {storing{tried: forbidden}, false, false, 1, nil, "secrets \"argocd-env-secret\" is forbidden"},
		"not stored": {
			storing{stored: forbidden}, false, false, 1, append(made, "DeleteToken pipeline new-id"),
			"the new token of account pipeline could not be stored, and was ended again: run the command again: create Secret team/argocd-env-secret",
		},
		"not stored, and the older one stays": {
			storing{stored: forbidden}, true, false, 1, append(made, "DeleteToken pipeline new-id"), "and was ended again",
		},
		"not stored, and left": {
			storing{stored: forbidden}, false, true, 1, append(made, "DeleteToken pipeline new-id"), "could not be stored, and it " + byHand + "new-id`",
		},
		"interrupted": {
			storing{interrupted: true}, false, false, exitInterrupted, append(made, "DeleteToken pipeline new-id"), "could not be stored, and was ended again",
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := &argocdServer{undeletable: tc.undeletable}
			args := []string{"setup", "argocd", "--server", "argocd.example.com", "--plaintext", "--connect-to", startArgoCD(t, server), "--yes"}
			password := filepath.Join(t.TempDir(), "password")
			if err := os.WriteFile(password, []byte("hunter2\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			objects := emptyNamespace()[:4] // without the certificate, which is none
			if tc.renew {
				args = append(args, "--renew")
				objects = append(objects, &corev1.Secret{
					ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "argocd-env-secret"}, Type: corev1.SecretTypeOpaque,
					Data: map[string][]byte{"ARGOCD_AUTH_TOKEN": []byte(tokenWith("older-id")), "ARGOCD_SERVER": []byte("argocd.example.com")},
				})
			}
			b := newBench(t, objects...)
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			tc.storing.on(b, interrupt)
			if code := b.run(ctx, append(args, "--admin-password-file", password)...); code != tc.code {
				t.Errorf("exit status %d, want %d: %s", code, tc.code, b.err)
			}
			if diff := cmp.Diff(tc.calls, server.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if all := b.out.String() + b.err.String(); !strings.Contains(all, tc.says) {
				t.Errorf("it does not say %q:\n%s", tc.says, all)
			}
			if tc.storing.tried != nil && slices.ContainsFunc(b.kube.Actions(), persists) {
				t.Errorf("it writes %v", b.kube.Actions())
			}
			b.withoutSecrets()
		})
	}
}

// persists tells whether a call changes something: a dry run does not.
func persists(a ktesting.Action) bool {
	switch a := a.(type) {
	case ktesting.CreateActionImpl:
		return len(a.CreateOptions.DryRun) == 0
	case ktesting.UpdateActionImpl:
		return len(a.UpdateOptions.DryRun) == 0
	}
	return false
}
