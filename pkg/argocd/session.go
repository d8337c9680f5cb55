package argocd

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	sessionpkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/session"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/utils/clock"
)

const (
	// Argo CD locks an account after five failed logins in 300 s
	// (util/session/sessionmanager.go), so a refused password rests that long.
	refusedFor = 5 * time.Minute
	// sessionLife is assumed for a token that does not say when it expires; the
	// default of users.session.duration is 24 h.
	sessionLife = time.Hour
	renewBefore = 5 * time.Minute
)

// bearer sends the token as Argo CD's own client does: metadata "token"
// (pkg/apiclient/apiclient.go, jwtCredentials).
type bearer struct {
	token  string
	secure bool
}

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	if b.token == "" {
		return nil, nil
	}
	return map[string]string{"token": b.token}, nil
}

func (b bearer) RequireTransportSecurity() bool { return b.secure }

// session caches the token that a password was exchanged for. A refused
// password is remembered, so that runs with a wrong Secret do not lock the account.
type session struct {
	clock   clock.PassiveClock
	mu      sync.Mutex
	token   string
	expires time.Time
	refused error
	until   time.Time
}

// get returns the cached token, or logs in. Callers wait for one another, so
// that there is one login.
func (s *session) get(ctx context.Context, client sessionpkg.SessionServiceClient, cred Credential) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	if s.token != "" && now.Before(s.expires) {
		return s.token, nil
	}
	if s.refused != nil && now.Before(s.until) {
		return "", s.refused
	}
	s.refused = nil
	answer, err := client.Create(ctx, &sessionpkg.SessionCreateRequest{Username: cred.Username, Password: cred.Password})
	switch {
	case status.Code(err) == codes.Unauthenticated:
		s.refused, s.until = err, now.Add(refusedFor)
		return "", err
	case err != nil:
		return "", err
	case answer.Token == "":
		return "", fmt.Errorf("%w: the login returned no token", ErrUnavailable)
	}
	s.token, s.expires = answer.Token, expiry(answer.Token, now)
	return s.token, nil
}

// drop forgets the token that the server refused. It reports whether a new
// login may help.
func (s *session) drop(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if token == "" || s.token != token {
		return s.token != ""
	}
	s.token = ""
	return true
}

// expiry is when to log in again. The token's own claim is read unverified: a
// wrong one costs a login, no more.
func expiry(token string, now time.Time) time.Time {
	exp := claimsOf(token).Exp
	if exp == 0 {
		return now.Add(sessionLife)
	}
	return time.Unix(exp, 0).Add(-renewBefore)
}

// claims are what a token says of itself; nobody has verified it.
type claims struct {
	Exp int64  `json:"exp"` // Unix time of its end, 0 for none
	ID  string `json:"jti"`
}

func claimsOf(token string) (c claims) {
	parts := strings.Split(token, ".")
	if len(parts) == 3 {
		if payload, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil {
			_ = json.Unmarshal(payload, &c)
		}
	}
	return c
}
