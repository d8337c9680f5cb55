package argocd

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	accountpkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/account"
	sessionpkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/session"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// CreateToken answers as server/account/account.go does.
func (s *accountService) CreateToken(ctx context.Context, r *accountpkg.CreateTokenRequest) (*accountpkg.CreateTokenResponse, error) {
	f := s.f
	if err := f.check(ctx, fmt.Sprintf("CreateToken %s %ds", r.Name, r.ExpiresIn)); err != nil {
		return nil, err
	}
	if f.accountErr != nil {
		return nil, fmt.Errorf("failed to update account with new token: %w", f.accountErr)
	}
	return &accountpkg.CreateTokenResponse{Token: f.newToken}, nil
}

// DeleteToken knows one token.
func (s *accountService) DeleteToken(ctx context.Context, r *accountpkg.DeleteTokenRequest) (*accountpkg.EmptyResponse, error) {
	if err := s.f.check(ctx, "DeleteToken "+r.Name+" "+r.Id); err != nil {
		return nil, err
	}
	if r.Id != "known" {
		return nil, fmt.Errorf("failed to delete account %s: %w", r.Name, status.Errorf(codes.NotFound, "token with id '%s' does not exist", r.Id))
	}
	return &accountpkg.EmptyResponse{}, s.f.accountErr
}

// GetUserInfo takes every token: one that is not good is nobody's (server/session/session.go, AuthFuncOverride).
func (s *sessionService) GetUserInfo(ctx context.Context, _ *sessionpkg.GetUserInfoRequest) (*sessionpkg.GetUserInfoResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	if got := md.Get("token"); len(got) != 1 || !s.f.tokens[got[0]] {
		return &sessionpkg.GetUserInfoResponse{}, nil
	}
	return &sessionpkg.GetUserInfoResponse{LoggedIn: true, Username: s.f.username, Iss: "argocd"}, nil
}

func tokenUntil(unix int64) string {
	return "h." + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"exp":%d}`, unix)) + ".s"
}

func TestIdentity(t *testing.T) {
	ends := tokenUntil(4000000000)
	for name, tc := range map[string]struct {
		token, username string
		want            Identity
	}{
		"a token of an account":  {testToken, "pipeline:apiKey", Identity{Account: "pipeline"}},
		"a session":              {testToken, "admin", Identity{Account: "admin"}},
		"a token that ends":      {ends, "pipeline:apiKey", Identity{Account: "pipeline", Expires: time.Unix(4000000000, 0)}},
		"a token of nobody":      {"h.wrong.s", "pipeline:apiKey", Identity{}},
		"a token that was ended": {tokenUntil(1000), "pipeline:apiKey", Identity{}},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeArgoCD{username: tc.username, tokens: map[string]bool{testToken: true, ends: true}}
			c := dial(t, Server{Address: f.start(t, nil), Plaintext: true}, Credential{Token: tc.token}, Options{})
			got, err := c.Identity(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A password that is refused is nobody's too; a server that does not answer is an error.
func TestIdentityOfPassword(t *testing.T) {
	f := &fakeArgoCD{}
	c := dial(t, Server{Address: f.start(t, nil), Plaintext: true}, Credential{Username: "admin", Password: "wrong"}, Options{})
	if got, err := c.Identity(context.Background()); err != nil || got != (Identity{}) {
		t.Errorf("got %+v, %v", got, err)
	}
	nowhere := dial(t, Server{Address: "127.0.0.1:1", Plaintext: true}, Credential{Token: testToken}, Options{Timeout: 200 * time.Millisecond})
	_, err := nowhere.Identity(context.Background())
	sameErr(t, err, ErrUnavailable)
}

func TestCreateToken(t *testing.T) {
	for name, tc := range map[string]struct {
		refusal error
		answer  string
		want    error
		says    string
	}{
		"made":                         {answer: "h.new.s"},
		"no such account":              {refusal: status.Error(codes.NotFound, "account 'pipeline' does not exist"), want: ErrNoAccount},
		"account without tokens":       {refusal: errors.New("account 'pipeline' does not have apiKey capability"), want: ErrNoAccount},
		"somebody else than admin":     {refusal: status.Error(codes.PermissionDenied, "permission denied: accounts, update, pipeline, sub: person"), want: ErrPermission, says: "person"},
		"a conflict inside of Argo CD": {refusal: errors.New("the object has been modified"), want: ErrUnavailable},
		"an answer without token":      {answer: "", want: ErrUnavailable, says: "no token"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeArgoCD{newToken: tc.answer, accountErr: tc.refusal}
			got, err := plain(t, f).CreateToken(context.Background(), "pipeline", 90*time.Minute)
			sameErr(t, err, tc.want, tc.says)
			if want := tc.answer; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if err != nil && strings.Contains(err.Error(), testToken) {
				t.Errorf("the error repeats the token: %v", err)
			}
			if diff := cmp.Diff([]string{"CreateToken pipeline 5400s"}, f.seen()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCan(t *testing.T) {
	f := &fakeArgoCD{allowed: map[string]bool{"applications sync team/*": true}}
	c := plain(t, f)
	for object, want := range map[string]bool{"team/*": true, "other/*": false} {
		if got, err := c.Can(context.Background(), "applications", "sync", object); got != want || err != nil {
			t.Errorf("%s: got %t, %v", object, got, err)
		}
	}
}

func TestDeleteToken(t *testing.T) {
	f := &fakeArgoCD{}
	c := plain(t, f)
	for _, id := range []string{"known", "ended"} {
		if err := c.DeleteToken(context.Background(), "pipeline", id); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	if diff := cmp.Diff([]string{"DeleteToken pipeline known", "DeleteToken pipeline ended"}, f.seen()); diff != "" {
		t.Error(diff)
	}
	f.accountErr = status.Error(codes.PermissionDenied, "permission denied: accounts, update, pipeline, sub: person")
	sameErr(t, c.DeleteToken(context.Background(), "pipeline", "known"), ErrPermission)
	for token, want := range map[string]string{
		"h." + base64.RawURLEncoding.EncodeToString([]byte(`{"jti":"an-id"}`)) + ".s": "an-id", tokenUntil(1): "", "opaque": "",
	} {
		if got := TokenID(token); got != want {
			t.Errorf("the id is %q, want %q", got, want)
		}
	}
}
